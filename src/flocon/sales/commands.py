"""`flocon sales`: run and sample."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.table import Table

from flocon.console import print_table, say
from flocon.inbox import BUCKET, IN_LAKE
from flocon.lake import Lake
from flocon.runs import leaving_runs, tell_end
from flocon.sales import runs
from flocon.sales.pipeline import DOMAIN, Quality, quality
from flocon.sales.sample import DEFAULT_AS_OF, sample_files
from flocon.settings import Settings, get_settings
from flocon.stack.airflow import airflow_url

app = typer.Typer(
    help="Shop files: clients and purchases, from the drop to key figures.", no_args_is_help=True
)


class Layer(StrEnum):
    """What can be run alone."""

    ALL = "all"
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    MART = "mart"
    PUBLISH = "publish"


@app.command()
def run(
    layer: Annotated[Layer, typer.Option(help="One layer alone")] = Layer.ALL,
    source: Annotated[
        str | None,
        typer.Option(help="lake (its bucket `sources`) or a folder (default: FLOCON_SALES_SOURCE)"),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="The date the data are looked at from, 2024-12-31 (default: today in Paris)"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Do also what has not changed")] = False,
) -> None:
    """Run the layers: trigger the DAG, follow it, show what was kept and what was refused."""
    settings = get_settings()
    order = runs.Order.of(settings, layer, source, as_of, force=force)
    with leaving_runs(say, f"{airflow_url(settings)}/dags/{runs.DAG}/runs"):
        followed = runs.run(settings, say, order)
    tell_end(say, followed)
    with psycopg.connect(settings.warehouse_dsn) as warehouse:
        _print_quality(quality(warehouse))
    if followed.failed:
        raise typer.Exit(1)


def _print_quality(report: list[Quality]) -> None:
    """rows in = kept + refused, by reason."""
    if not report:
        return
    say("\nrows in = kept + refused, with the reasons (refused rows: quarantine/sales/silver/ in the lake)")
    table = Table(box=None, pad_edge=False)
    for name in ("table", "", "rows", "meaning"):
        table.add_column(name, justify="right" if name == "rows" else "left")
    for each in report:
        table.add_row(each.table, "in", f"{each.rows_in:,}", "")
        table.add_row("", "kept", f"{each.kept:,}", "")
        for reason, rows in sorted(each.rejected.items(), key=lambda item: -item[1]):
            table.add_row("", reason, f"{rows:,}", each.reasons[reason])
    print_table(table)


@app.command()
def sample(
    clients: Annotated[int, typer.Option(min=1, help="Clients")] = 1_500,
    purchases: Annotated[float, typer.Option(min=0, help="Purchases a client, on average")] = 5.0,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes")] = 2024,
    as_of: Annotated[str, typer.Option(help="The day the files are of")] = DEFAULT_AS_OF.isoformat(),
    to: Annotated[
        str, typer.Option(help="Folder to write them into, or lake: drop them into its bucket `sources`")
    ] = "data/sample/sales",
) -> None:
    """Generate clients.csv and achats.csv, synthetic and realistically dirty: nobody in them exists."""
    day = runs.parse_date(as_of)
    folder = Path("data/sample/sales" if to == IN_LAKE else to)
    started = time.monotonic()
    paths = sample_files(folder, clients, purchases, seed, day)
    seconds = time.monotonic() - started
    for path in paths:
        say(f"{path}: SYNTHETIC, {path.stat().st_size / 1e6:,.1f} MB")
    say(f"written in {seconds:.1f} s")
    if to == IN_LAKE:
        _drop(get_settings(), paths)
        say(f"Run them with: make run DOMAIN=sales AS_OF={day}")
    else:
        say(f"Run them with: make run DOMAIN=sales SOURCE={folder} AS_OF={day}")


def _drop(settings: Settings, paths: list[Path]) -> None:
    lake = Lake.of(settings)
    for path in paths:
        stored = lake.put_file(BUCKET, f"{DOMAIN}/{path.name}", path)
        say(f"dropped {BUCKET}/{DOMAIN}/{path.name}, {stored.bytes:,} bytes")
