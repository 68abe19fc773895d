"""Servers that a test may kill: a warehouse, a mart and an S3 server of its own."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from tests.conftest import Servers

from flocon.lake import Lake
from flocon.postgres import Connection
from flocon.settings import Settings
from flocon.stack.account import Account, run_as
from flocon.stack.health import check_postgres, check_s3, wait_until
from flocon.stack.places import find_places
from flocon.stack.postgres import PostgresServer, postgres_servers
from flocon.stack.program import Program, base_env, halt, launch
from flocon.stack.s3 import prepare_lake, s3_program
from flocon.stack.tuning import Tuning


class Cluster:
    """Starts and kills its servers by name: warehouse, mart, s3."""

    def __init__(self, settings: Settings) -> None:
        places = find_places(settings)
        self.settings = settings
        self._account = places.account
        self._logs = places.logs
        warehouse, mart, _ = postgres_servers(
            settings, places, Tuning(shared_buffers_mb=64, is_durable=False)
        )
        for server in (warehouse, mart):
            server.prepare()
        prepare_lake(places.lake)
        self.servers = Servers(settings, warehouse, mart)
        self._programs: dict[str, Program] = {
            "warehouse": warehouse.program,
            "mart": mart.program,
            "s3": s3_program(settings, places.lake),
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Start servers and wait until they answer."""
        for name in names:
            self._running[name] = launch(self._programs[name], self._logs / f"{name}.log")
        for name in names:
            wait_until(self._check(name), 60)

    def stop(self) -> None:
        for name, process in self._running.items():
            halt(self._programs[name], process)

    def kill(self, name: str) -> None:
        """SIGKILL to a server and all of its children, as the kernel does when memory runs out."""
        root = psutil.Process(self._running[name].pid)
        for process in [root, *root.children(recursive=True)]:
            process.kill()
        self._running[name].wait()

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """A time in which a server is down."""
        self.kill(name)
        try:
            yield
        finally:
            self.start(name)

    @contextmanager
    def full_disk(self, megabytes: int) -> Iterator[None]:
        """A time in which the S3 server cannot write files beyond a size."""
        pid = self._running["s3"].pid
        self._limit_files(None, pid, str(megabytes << 20))
        try:
            yield
        finally:
            self._limit_files(None, pid, "unlimited")

    def with_full_disk(self, connection: Connection, megabytes: int = 24) -> Connection:
        """A connection whose server process cannot write files beyond a size (a WAL segment has 16 MB)."""
        self._limit_files(self._account, connection.info.backend_pid, str(megabytes << 20))
        return connection

    @staticmethod
    def _limit_files(account: Account | None, pid: int, limit: str) -> None:
        """Set the soft limit of a running process, which only its own OS account may do."""
        run_as(account, ["prlimit", f"--fsize={limit}:", "--pid", str(pid)], base_env(), Path("/"))

    def lake(self) -> Lake:
        return Lake.of(self.settings)

    def wait_for_copy(self, name: str, rows: int) -> None:
        """Return as soon as a running COPY of a server has stored some rows, but not yet `rows`."""
        server: PostgresServer = getattr(self.servers, name)
        with psycopg.connect(server.admin_dsn, autocommit=True) as admin:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                progress = admin.execute(
                    "select tuples_processed from pg_stat_progress_copy where command = 'COPY FROM'"
                ).fetchone()
                if progress and 0 < progress[0] < rows:
                    return
                time.sleep(0.002)
        raise AssertionError(f"no COPY into the {name} was seen")

    def _check(self, name: str) -> Callable[[], None]:
        if name == "s3":
            return lambda: check_s3(self.settings)
        server: PostgresServer = getattr(self.servers, name)
        return lambda: check_postgres(server.admin_dsn, "the test's cluster")


def make_cluster(settings: Settings, home: Path) -> Cluster:
    """A running cluster in a folder that PostgreSQL's account can enter."""
    cluster = Cluster(settings.model_copy(update={"home": home}))
    cluster.start("warehouse", "mart", "s3")
    return cluster
