"""What commands print: lines and tables, on a terminal and into a pipe."""

import sys

import typer
from rich.console import Console
from rich.table import Table

_WIDE = 400


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    typer.echo(line)
    sys.stdout.flush()


def print_table(table: Table) -> None:
    """Print a table as wide as it is: a narrow terminal may wrap its lines, but no number is cut."""
    Console(width=_WIDE, soft_wrap=True, highlight=False).print(table)
    sys.stdout.flush()
