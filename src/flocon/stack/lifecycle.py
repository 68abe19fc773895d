"""Up and down. Waiting is for health, never for a number of seconds; every wait has an end and says what it saw."""

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

from flocon.errors import StackError
from flocon.settings import Settings
from flocon.stack.airflow import prepare_airflow
from flocon.stack.orphans import stop_orphans
from flocon.stack.places import Places, find_places
from flocon.stack.ports import require_free_ports
from flocon.stack.postgres import PostgresServer
from flocon.stack.s3 import prepare_lake
from flocon.stack.servers import Stack, compose
from flocon.stack.startup import Report, Startup
from flocon.stack.status import status_of
from flocon.stack.supervisor import DOWN, Supervisor


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
        Startup(stack, supervisor, report).run()
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
    prepare_lake(stack.places.lake, stack.settings.s3_bucket_prefix)
    prepare_airflow(stack.settings, stack.places.airflow)
    with ThreadPoolExecutor(len(stack.postgres)) as pool:
        list(pool.map(PostgresServer.prepare, stack.postgres))
    supervisor.start([server.program for server in stack.servers])
