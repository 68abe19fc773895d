"""What commands print: lines and tables, on a terminal and into a pipe."""

import sys

import typer
from rich.console import Console
from rich.table import Table


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    typer.echo(line)
    sys.stdout.flush()


def print_table(table: Table) -> None:
    """Print a table; into a pipe its lines are as long as they need to be."""
    Console(soft_wrap=not sys.stdout.isatty(), highlight=False).print(table)
    sys.stdout.flush()
