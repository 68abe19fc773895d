"""The command line, which the make targets call: it parses, calls, and prints."""

import logging
import sys
import time
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from flocon import upkeep
from flocon.console import print_table, say
from flocon.deployment import HEALTH, become_airflow, check_service
from flocon.deployment import prepare as prepare_servers
from flocon.dotenv import ensure_env
from flocon.errors import FloconError
from flocon.sales import commands as sales
from flocon.sales import rebuild as sales_rebuild
from flocon.settings import env_file, get_settings
from flocon.sql_shell import print_csv
from flocon.stack.airflow import ADMIN, airflow_url
from flocon.stack.clean import clean_up
from flocon.stack.lifecycle import down as stack_down
from flocon.stack.lifecycle import up as stack_up
from flocon.stack.logs import follow
from flocon.stack.places import find_places
from flocon.stack.status import Line
from flocon.stack.status import status as stack_status
from flocon.taxi import commands as taxi
from flocon.taxi import rebuild as taxi_rebuild
from flocon.wine import commands as wine
from flocon.wine import rebuild as wine_rebuild

app = typer.Typer(
    help="Flocon: from dropped and published files to a lake, a warehouse and a mart.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def env() -> None:
    """Write the missing secrets into .env, which only you can read; what is there stays."""
    added = ensure_env()
    say(f"{env_file()}: " + (f"added {', '.join(added)}" if added else "nothing to add"))


@app.command()
def up() -> None:
    """Start the servers and wait until they are healthy."""
    started = time.monotonic()
    added = ensure_env()
    if added:
        say(f"wrote {len(added)} random secrets into {env_file()}")
    settings = get_settings()
    if stack_up(settings, say):
        say(f"all servers are healthy after {time.monotonic() - started:.0f} s")
    else:
        say("already running")
        _print_status(stack_status(settings))
    say(
        f"Airflow: {airflow_url(settings)}  user {ADMIN}, password: FLOCON_AIRFLOW_ADMIN_PASSWORD in {env_file()}"
    )


@app.command()
def down() -> None:
    """Stop the servers; the data stays."""
    say("stopped; the data stays" if stack_down(get_settings(), say) else "not running")


@app.command()
def status() -> None:
    """Show each server's state, health and address; exit 1 unless all are healthy."""
    settings = get_settings()
    lines = stack_status(settings)
    _print_status(lines)
    places = find_places(settings)
    say(
        f"home {places.home}"
        + (f", PostgreSQL {places.postgres}" if places.postgres.parent != places.home else "")
    )
    if not all(line.is_healthy for line in lines):
        raise typer.Exit(1)


def _print_status(lines: list[Line]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("server", "state", "address", "pid", "up", "health"):
        table.add_column(
            title, justify="right" if title in ("pid", "up") else "left", no_wrap=title != "health"
        )
    for line in lines:
        pid, uptime = (str(line.pid), _duration(line.uptime_s)) if line.pid else ("", "")
        table.add_row(line.name, line.state.lower(), line.address, pid, uptime, line.health)
    print_table(table)


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"


@app.command()
def logs(
    name: Annotated[
        str | None, typer.Argument(help="A server's name, as in `status`; all when left out")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many lines of each")] = 50,
    is_followed: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing what is added")] = False,
) -> None:
    """Show the servers' logs."""
    follow(find_places(get_settings()), name, lines, is_followed)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT")],
    server: Annotated[str, typer.Option(help="mart or warehouse")] = "mart",
) -> None:
    """Print a query's result as CSV: on the mart as its reader, on the warehouse in a read-only transaction."""
    print_csv(get_settings(), server, query, sys.stdout.buffer)


@app.command()
def clean(
    data: Annotated[bool, typer.Option(help="Remove the servers' data and logs for good")] = False,
) -> None:
    """Refuse while the servers run; with --data remove all that they stored."""
    removed = clean_up(get_settings(), is_data_wanted=data)
    for folder in removed:
        say(f"removed {folder}")


@app.command()
def prepare() -> None:
    """Make running servers ready, as the deployment's first service: roles, schemas, buckets, Airflow's tables."""
    prepare_servers(get_settings(), say)


@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
def airflow(arguments: Annotated[list[str], typer.Argument(help="As in `airflow dags list`")]) -> None:
    """Run Airflow's own command line, configured as the settings say: `flocon airflow dags list`."""
    become_airflow(get_settings(), arguments)


@app.command()
def health(service: Annotated[str, typer.Argument(help=", ".join(HEALTH))]) -> None:
    """Say whether a process of Airflow is well; exit 1 when it is not."""
    check_service(get_settings(), service)
    say(f"{service} is healthy")


@app.command()
def demo(
    source: Annotated[
        str, typer.Option(help="sample (generated, synthetic) or tlc (as published)")
    ] = "sample",
    force: taxi.Force = False,
) -> None:
    """Start everything, load three yellow months, show that they balance."""
    up()
    taxi.demo(source, force)


@app.command()
def rebuild(
    domain: Annotated[str, typer.Option(help="taxi, sales, wine or all")] = upkeep.ALL,
    months: Annotated[str | None, typer.Option(help="Only these: 2024-01, 2024-01..2024-03")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="sales: the day (default: the ledger's last)"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Make also what is as bronze has it")] = False,
) -> None:
    """Make the warehouse and the mart again from the lake's bronze; no source is asked."""
    builders = {"taxi": taxi_rebuild.pieces, "sales": sales_rebuild.pieces, "wine": wine_rebuild.pieces}
    upkeep.rebuild(builders, domain, months, as_of, force)


for _command in (upkeep.backup, upkeep.restore, upkeep.verify):
    app.command()(_command)

for _name, _domain in (("taxi", taxi.app), ("sales", sales.app), ("wine", wine.app)):
    app.add_typer(_domain, name=_name)


def main() -> None:
    """Run the command line; an expected failure is a message on stderr and exit code 1, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("botocore", "urllib3", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        app()
    except FloconError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
