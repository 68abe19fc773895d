"""`flocon taxi`: run, backfill, recheck and sample, and what `demo` does once the servers run."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from flocon.console import print_table, say
from flocon.months import Month, month_label, parse_months
from flocon.runs import Followed, Say, leaving_runs, tell_end
from flocon.settings import Settings, get_settings
from flocon.stack.airflow import ADMIN, airflow_url
from flocon.taxi import runs
from flocon.taxi.sample import sample_file
from flocon.taxi.source import resolve

app = typer.Typer(help="Months of New York City's taxi trips.", no_args_is_help=True)

DEMO_MONTHS = "2024-01..2024-03"
PLACES = ("source", "warehouse", "fact", "rejected")

Months = Annotated[str, typer.Option(help="2024-01, 2024-01..2024-03 or a comma list of these")]
Service = Annotated[str, typer.Option(help="yellow, green or both")]
Source = Annotated[
    str | None, typer.Option(help="tlc, sample, a folder or an http(s) address (default: FLOCON_TAXI_SOURCE)")
]
Force = Annotated[
    bool, typer.Option("--force", help="Do also what has not changed; let other data be replaced")
]


@app.command()
def run(months: Months, service: Service = "yellow", source: Source = None, force: Force = False) -> None:
    """Load months: trigger a run of the DAG for each, follow them, show that they balance."""
    _load(runs.run, months, service, source, force)


@app.command()
def backfill(
    months: Months, service: Service = "yellow", source: Source = None, force: Force = False
) -> None:
    """Load a range of months through Airflow's own backfill, follow it, show that they balance."""
    _load(runs.backfill, months, service, source, force)


@app.command()
def recheck() -> None:
    """Ask the source of every loaded month, and load again what was published anew."""
    settings = get_settings()
    with leaving_runs(say, f"{airflow_url(settings)}/dags/{runs.DAG}/runs"):
        followed = runs.recheck(settings, say)
    tell_end(say, followed)
    if followed.failed:
        raise typer.Exit(1)


@app.command()
def sample(
    months: Annotated[str, typer.Option(help="2024-01, 2024-01..2024-03 or a comma list of these")],
    service: Annotated[str, typer.Option(help="yellow or green")] = "yellow",
    rows: Annotated[int | None, typer.Option(help="Trips a month (default: FLOCON_SAMPLE_ROWS)")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Same seed, same bytes (default: FLOCON_SAMPLE_SEED)")
    ] = None,
    to: Annotated[Path, typer.Option(help="Folder to write them into")] = Path("data/sample"),
) -> None:
    """Generate synthetic months: files in the publisher's shape that hold no real trip, and say so inside."""
    rows = get_settings().sample_rows if rows is None else rows
    seed = get_settings().sample_seed if seed is None else seed
    for month in parse_months(months):
        started = time.monotonic()
        path = sample_file(to, service, month, rows, seed)
        seconds = time.monotonic() - started
        size = path.stat().st_size / 1e6
        say(
            f"{path}: {rows:,} SYNTHETIC trips, {size:.1f} MB in {seconds:.1f} s, {rows / seconds:,.0f} rows/s"
        )
    say(f"These months are generated, not published by TLC. Load them with SOURCE={to}")


def demo(source: str, force: bool) -> None:
    """Load three yellow months, show that they balance and where to look."""
    settings = get_settings()
    if resolve(source, settings).is_synthetic:
        say("\nThe demo's months are SYNTHETIC: generated on this machine. No real trip is in them.")
    _load(runs.run, DEMO_MONTHS, "yellow", source, force)
    for line in _where(settings):
        say(line)


def _load(
    how: Callable[[Settings, Say, runs.Order], Followed],
    months: str,
    service: str,
    source: str | None,
    force: bool,
) -> None:
    settings = get_settings()
    order = runs.Order.of(settings, parse_months(months), service, source, force=force)
    with leaving_runs(say, f"{airflow_url(settings)}/dags/{runs.DAG}/runs"):
        followed = how(settings, say, order)
    tell_end(say, followed)
    _print_reconciliation(runs.reconciliation(settings, order.months, order.services), order.months)
    if followed.failed:
        raise typer.Exit(1)


def _print_reconciliation(rows: list[dict[str, Any]], months: list[Month]) -> None:
    if not rows:
        say(
            f"\nThe mart has none of these months yet ({month_label(months[0])} to {month_label(months[-1])})."
        )
        return
    say(
        "\nsource = warehouse = fact + rejected, in rows and in US dollars (the mart's ledger.reconciliation)"
    )
    table = Table(box=None, pad_edge=False)
    for name in ("service", "month", ""):
        table.add_column(name)
    for name in PLACES:
        table.add_column(name, justify="right")
    for name in ("balanced", "data"):
        table.add_column(name)
    for row in rows:
        balanced = "yes" if row["is_balanced"] else "NO"
        kind = "synthetic" if row["is_synthetic"] else "published"
        counted, summed = ([f"{row[f'{of}_{place}']:,}" for place in PLACES] for of in ("rows", "amount"))
        table.add_row(row["service"], month_label(row["file_month"]), "rows", *counted, balanced, kind)
        table.add_row("", "", "total_amount", *summed)
    print_table(table)


def _where(settings: Settings) -> list[str]:
    password = settings.secret("airflow_admin_password")
    return [
        "",
        f"Airflow   {airflow_url(settings)}/dags/taxi_monthly   user {ADMIN}, password {password}",
        f"mart      postgresql://mart_reader@{settings.mart_host}:{settings.mart_port}/mart   "
        "(password: FLOCON_MART_READER_PASSWORD in .env)",
        'or        make sql Q="select * from taxi.fact_trip limit 10"',
        "Everything keeps running; `make down` stops it, and the data stays.",
    ]
