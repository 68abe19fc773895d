"""`flocon wine`: run and reports."""

from pathlib import Path
from typing import Annotated

import typer

from flocon.console import say
from flocon.lake import Lake
from flocon.months import parse_month, parse_months
from flocon.runs import leaving_runs, tell_end
from flocon.settings import get_settings
from flocon.stack.airflow import airflow_url
from flocon.wine import runs
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
    if followed.failed:
        raise typer.Exit(1)


@app.command()
def reports(
    months: Annotated[str, typer.Option(help="The month, as in 2024-05")],
    to: Annotated[Path, typer.Option(help="Folder to write them into")] = Path("reports/wine"),
) -> None:
    """Fetch a month's published reports."""
    for path in fetch_reports(Lake.of(get_settings()), parse_month(months), to):
        say(str(path))
