"""`flocon backup`, `restore`, `verify` and `rebuild`: what an operator does with the servers as a whole."""

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.table import Table

from flocon import agreement
from flocon.backup.restore import restore as restore_backup
from flocon.backup.take import take_backup
from flocon.console import print_table, say
from flocon.errors import SettingsError
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.months import parse_months
from flocon.rebuild import Builder, Order
from flocon.rebuild import rebuild as rebuild_pieces
from flocon.settings import Settings, get_settings

ALL = "all"


def backup(
    to: Annotated[
        Path, typer.Option(help="Folder that backups are kept in; a new one is made for this")
    ] = Path("backups"),
) -> None:
    """Back up the warehouse and the mart, as they are at one moment, while runs go on."""
    settings = get_settings()
    take_backup(_servers(settings), to, say, patience_s=settings.lock_patience_s)


def restore(
    folder: Annotated[Path, typer.Option("--from", help="A backup, as in backups/20240501T060000Z")],
    force: Annotated[bool, typer.Option("--force", help="Also when work done since is lost")] = False,
) -> None:
    """Make the warehouse and the mart what they were, whole or not at all; then verify."""
    settings = get_settings()
    restore_backup(_servers(settings), folder, say, force=force)
    _tell(agreement.verify(_flow(settings, "verify")))


def verify(
    deep: Annotated[bool, typer.Option("--deep", help="Read every object, and compare its SHA-256")] = False,
) -> None:
    """Hold the ledger against the lake, and the mart against the warehouse; exit 1 where they do not agree."""
    _tell(agreement.verify(_flow(get_settings(), "verify"), deep=deep))


def rebuild(
    builders: Mapping[str, Builder], domain: str, months: str | None, as_of: datetime | None, force: bool
) -> None:
    """Make the warehouse and the mart again from the lake's bronze; exit 1 when something could not be made."""
    if domain not in (ALL, *builders):
        raise SettingsError(f"{domain!r} is not a domain: choose {', '.join(builders)} or {ALL}")
    started = time.monotonic()
    logging.getLogger("flocon").setLevel(logging.WARNING)  # what a step has done is said once, by us
    chosen = builders if domain == ALL else {domain: builders[domain]}
    order = Order(parse_months(months) if months else None, as_of.date() if as_of else None, force)
    done = rebuild_pieces(_flow(get_settings(), "rebuild"), chosen, order, say)
    seconds = time.monotonic() - started
    say(f"looked at: {done.pieces}; steps that had work to do: {done.changed}; {seconds:.1f} s")
    if done.failures:
        say(f"could not be made: {len(done.failures)}")
        for failure in done.failures:
            say(f"  {failure}")
        raise typer.Exit(1)


def _servers(settings: Settings) -> dict[str, str]:
    return {"warehouse": settings.warehouse_dsn, "mart": settings.mart_dsn}


def _flow(settings: Settings, run_id: str) -> Flow:
    return Flow(
        lambda: psycopg.connect(settings.warehouse_dsn),
        lambda: psycopg.connect(settings.mart_dsn),
        Lake.of(settings),
        run_id,
        settings,
    )


def _tell(verdict: agreement.Verdict) -> None:
    for line in agreement.lines(verdict):
        say(line)
    if not verdict.disagreements:
        say("they agree")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("what", "found", "do"):
        table.add_column(title)
    for each in verdict.disagreements:
        table.add_row(each.thing, each.found, each.remedy)
    say(f"\ndisagreements: {len(verdict.disagreements):,}")
    print_table(table)
    raise typer.Exit(1)
