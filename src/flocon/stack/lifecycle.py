"""Up and down. Waiting is for health, never for a number of seconds; every wait has an end and says what it saw."""

import fcntl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import psycopg

from flocon.errors import StackError
from flocon.migrate import migrate
from flocon.settings import Settings
from flocon.stack.airflow import migrate_airflow, prepare_airflow
from flocon.stack.health import wait_until
from flocon.stack.logs import log_file, tail
from flocon.stack.orphans import stop_orphans
from flocon.stack.places import Places, find_places
from flocon.stack.ports import require_free_ports
from flocon.stack.postgres import PostgresServer
from flocon.stack.s3 import prepare_lake
from flocon.stack.servers import Server, Stack, compose
from flocon.stack.status import status_of
from flocon.stack.supervisor import DOWN, Supervisor

Report = Callable[[str], None]


def up(settings: Settings, report: Report) -> bool:
    """Start what does not run and wait until all of it is healthy; False when all of it ran already.

    Raises:
        StackError: a port is taken, or a server did not become healthy; the others are left running.
    """
    places = find_places(settings)
    supervisor = Supervisor(places)
    with _alone(places):
        if all(line.is_healthy for line in status_of(compose(settings, places), supervisor)):
            return False
        report("starting the servers")
        # Airflow's heartbeats of an earlier life must not pass for new ones.
        stack = compose(settings, places, since=datetime.now(UTC))
        states = supervisor.states()
        if orphans := stop_orphans(places, supervisor.pid()):
            report(f"stopped {orphans} processes that had lost their supervisor or scheduler")
        if not states:
            _fresh_supervisor(stack, supervisor)
        else:
            require_free_ports([server for server in stack.servers if states[server.name].state in DOWN])
        _start_all(stack, supervisor, report)
    return True


def down(settings: Settings, report: Report) -> bool:
    """Stop everything of this home, and nothing else; False when nothing ran."""
    places = find_places(settings)
    supervisor = Supervisor(places)
    with _alone(places):
        was_running = supervisor.is_running()
        if was_running:
            stack = compose(settings, places)
            for what, servers in (("Airflow", stack.airflow), ("PostgreSQL and S3", stack.stores)):
                report(f"stopping {what}")
                supervisor.stop_programs([server.name for server in servers])
            supervisor.shutdown()
        return stop_orphans(places) > 0 or was_running


@contextmanager
def _alone(places: Places) -> Iterator[None]:
    """Keep a second `up` or `down` of the same home out meanwhile."""
    with (places.run / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError("another `up` or `down` of this stack is at work; wait for it to end") from None
        yield


def _fresh_supervisor(stack: Stack, supervisor: Supervisor) -> None:
    require_free_ports(stack.servers)
    prepare_lake(stack.places.lake)
    prepare_airflow(stack.settings, stack.places)
    with ThreadPoolExecutor(len(stack.postgres)) as pool:
        list(pool.map(PostgresServer.prepare, stack.postgres))
    supervisor.start([server.program for server in stack.servers])


def _start_all(stack: Stack, supervisor: Supervisor, report: Report) -> None:
    """Airflow is the slow one: its database comes first, and the rest is made ready meanwhile."""
    started = time.monotonic()
    start = partial(_start, stack, supervisor, started, report)
    databases = {server.name: server for server in stack.postgres}
    stores = {server.name: server for server in stack.stores}

    def airflow() -> None:
        start([stores["airflow_db"]])
        databases["airflow_db"].ensure_database()
        stamp = databases["airflow_db"].stamp
        if migrate_airflow(stack.settings, stack.places, stamp):
            report(f"  {'airflow_db':<22} tables created or upgraded ({time.monotonic() - started:.1f} s)")
        start(stack.airflow)

    def data() -> None:
        start([stores["warehouse"], stores["mart"], stores["s3"]])
        for name in ("warehouse", "mart"):
            databases[name].ensure_database()
        _migrate(stack.settings)
        report(f"  {'warehouse, mart':<22} schemas up to date ({time.monotonic() - started:.1f} s)")

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(airflow), pool.submit(data)]:
            done.result()


def _migrate(settings: Settings) -> None:
    with psycopg.connect(settings.warehouse_dsn) as warehouse, psycopg.connect(settings.mart_dsn) as mart:
        migrate(warehouse, mart)


def _start(stack: Stack, supervisor: Supervisor, since: float, report: Report, servers: list[Server]) -> None:
    """Start what does not run of `servers` and wait for each."""
    states = supervisor.states()
    for server in servers:
        if states[server.name].state in DOWN:
            supervisor.start_program(server.name)
    for server in servers:
        _wait(stack, supervisor, server)
        report(f"  {server.name:<22} {server.address:<21} ready ({time.monotonic() - since:.1f} s)")


def _wait(stack: Stack, supervisor: Supervisor, server: Server) -> None:
    def is_alive() -> bool:
        return supervisor.states()[server.name].state not in DOWN

    try:
        wait_until(server.check, server.starts_within_s, is_alive)
    except StackError as problem:
        file = log_file(stack.places, server.name)
        raise StackError(
            f"{server.name} is not healthy: {problem}\nlast lines of {file}:\n{tail(file, 15)}\n"
            "What did start is left running: `make status` shows it, `make down` stops it."
        ) from problem
