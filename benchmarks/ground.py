"""Where it is measured: servers of their own, set up as `make up` sets them up, and one generated month."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from flocon.flow import Flow
from flocon.lake import Lake
from flocon.migrate import migrate
from flocon.postgres import Connection
from flocon.settings import Settings
from flocon.stack.health import check_postgres, check_s3, wait_until
from flocon.stack.places import find_places
from flocon.stack.postgres import PostgresServer, postgres_servers
from flocon.stack.program import running
from flocon.stack.s3 import prepare_lake, s3_program
from flocon.stack.scratch import scratch_settings
from flocon.stack.tuning import Tuning
from flocon.taxi import pipeline
from flocon.taxi.sample import sample_file

SERVICE, MONTH = "yellow", date(2024, 1, 1)


@dataclass(frozen=True)
class Ground:
    """Running servers, a folder with a month of `rows` trips, and that month landed, loaded and published."""

    flow: Flow
    source: Path
    rows: int
    servers: tuple[PostgresServer, ...]

    def settle(self) -> None:
        """Write everything out, so that one measurement does not pay for the one before it."""
        for server in self.servers:
            with psycopg.connect(server.admin_dsn, autocommit=True) as admin:
                admin.execute("checkpoint")

    def land(self) -> None:
        """Bring the month of the source folder to the lake."""
        pipeline.land(self.flow, SERVICE, MONTH, str(self.source), force=True)


@contextmanager
def ground(rows: int) -> Iterator[Ground]:
    """Start the servers with the stack's own tuning and generate a month; all of it is removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="flocon-bench-"))
    home.chmod(0o755)
    try:
        with ExitStack() as stack:
            yield _start(stack, home, rows)
    finally:
        shutil.rmtree(home)


def _start(stack: ExitStack, home: Path, rows: int) -> Ground:
    settings = scratch_settings(home)
    places = find_places(settings)
    servers = tuple(postgres_servers(settings, places, Tuning(settings.shared_buffers_mb))[:2])
    for server in servers:
        server.prepare()
        stack.enter_context(running(server.program, home / f"{server.name}.log"))
        wait_until(lambda dsn=server.admin_dsn: check_postgres(dsn, "the benchmark"), 60)
        server.ensure_database()
    prepare_lake(home / "lake")
    stack.enter_context(running(s3_program(settings, home / "lake"), home / "s3.log"))
    wait_until(lambda: check_s3(settings), 30)
    flow = flow_of(settings)
    with flow.warehouse() as warehouse, flow.mart() as mart:
        migrate(warehouse, mart)
    sample_file(home / "source", SERVICE, MONTH, rows, seed=1)
    return Ground(flow, home / "source", rows, servers)


def flow_of(settings: Settings) -> Flow:
    """A flow to the servers of these settings."""
    lake = Lake.of(settings)
    return Flow(
        lambda: _connect(settings.warehouse_dsn), lambda: _connect(settings.mart_dsn), lake, "bench", settings
    )


def _connect(dsn: str) -> Connection:
    return psycopg.connect(dsn)
