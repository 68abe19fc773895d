"""`flocon wine`: run and reports."""

from pathlib import Path
from typing import Annotated

import psycopg
import typer

from flocon.console import say
from flocon.errors import FloconError
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.months import Month, parse_month, parse_months
from flocon.runs import leaving_runs, tell_end
from flocon.settings import Settings, get_settings
from flocon.stack.airflow import airflow_url
from flocon.wine import runs
from flocon.wine.quality import OK, lines, results_of
from flocon.wine.reports import fetch_reports

app = typer.Typer(
    help="The wine merchant's ERP, web shop and link file, reconciled every month.", no_args_is_help=True
)


@app.command()
def run(
    months: Annotated[str, typer.Option(help="2024-01, 2024-01..2024-03 or a comma list of these")],
    source: Annotated[
        str | None, typer.Option(help="lake (its bucket `sources`) or a folder (default: FLOCON_WINE_SOURCE)")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Do also what has not changed")] = False,
) -> None:
    """Reconcile months: trigger a run of the DAG for each, follow them."""
    settings = get_settings()
    order = runs.Order.of(settings, parse_months(months), source, force=force)
    with leaving_runs(say, f"{airflow_url(settings)}/dags/{runs.DAG}/runs"):
        followed = runs.run(settings, say, order)
    tell_end(say, followed)
    for month in order.months:
        _print_tests(settings, month)
    if followed.failed:
        raise typer.Exit(1)


def _print_tests(settings: Settings, month: Month) -> None:
    """How many of the month's quality tests are ok, and those that are not, where gold came that far."""
    flow = Flow(
        lambda: psycopg.connect(settings.warehouse_dsn),
        lambda: psycopg.connect(settings.mart_dsn),
        Lake.of(settings),
        "command line",
        settings,
    )
    try:
        found = results_of(flow, month)
    except FloconError as error:
        say(f"\n{month:%Y-%m}: no quality tests ({error})")
        return
    others = [result for result in found if result.resultat != OK]
    say(f"\n{month:%Y-%m}: {len(found) - len(others)} of {len(found)} quality tests are ok")
    for line in lines(others):
        say(f"  {line}")


@app.command()
def reports(
    months: Annotated[str, typer.Option(help="The month, as in 2024-05")],
    to: Annotated[Path, typer.Option(help="Folder to write them into")] = Path("reports/wine"),
) -> None:
    """Fetch a month's published reports."""
    for path in fetch_reports(Lake.of(get_settings()), parse_month(months), to):
        say(str(path))
