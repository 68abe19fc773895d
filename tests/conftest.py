"""Real servers for tests: PostgreSQL and S3 in a temporary folder, on free ports, with random passwords.

Nothing here touches a stack that `make up` runs: neither its ports nor its home nor its `.env`.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from tests.integration.minio_server import MinioServer, minio_server
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from flocon.lake import Lake
from flocon.migrate import migrate
from flocon.settings import Settings, project_dir
from flocon.stack.account import can_enter, server_account
from flocon.stack.health import check_postgres, check_s3, wait_until
from flocon.stack.places import find_places
from flocon.stack.postgres import PostgresServer, postgres_servers
from flocon.stack.program import running
from flocon.stack.s3 import prepare_lake, s3_program
from flocon.stack.scratch import free_ports, scratch_settings
from flocon.stack.tuning import Tuning

Connection = psycopg.Connection[Any]


def settings_for(home: Path, **given: object) -> Settings:
    """Settings of a stack of its own: free ports, random passwords, its home in `home`; sizes for a small machine."""
    return scratch_settings(home, **{"shared_buffers_mb": 64, "airflow_parallelism": 4, **given})


class Scheduling(LoadFileScheduling):
    """Which tests go to the same process: those of a file, and those of whole stacks, so that no two run at a time."""

    def _split_scope(self, nodeid: str) -> str:
        is_stack = nodeid.startswith(("tests/e2e/", "tests/integration/test_stack.py"))
        return "stacks" if is_stack else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


@dataclass(frozen=True)
class Databases:
    """A warehouse and a mart that are empty but for their roles."""

    warehouse_dsn: str
    mart_dsn: str
    mart_reader_dsn: str
    warehouse_admin_dsn: str
    mart_admin_dsn: str

    @property
    def warehouse_name(self) -> str:
        """The warehouse's name, which is the mart's too unless they are a stack's own."""
        return str(conninfo_to_dict(self.warehouse_dsn)["dbname"])


@dataclass(frozen=True)
class Servers:
    """Running servers. `settings` points at them; `new_databases` makes some for one test."""

    settings: Settings
    warehouse: PostgresServer
    mart: PostgresServer
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_databases(self, template: str = "template1") -> Databases:
        """A new warehouse database and a new mart database, both copied from the one of that name on their server."""
        name = f"test_{next(self._numbers)}"
        for server in (self.warehouse, self.mart):
            server.create_database(name, template)
            server.grant_roles(name)
        s = self.settings
        return Databases(
            s.dsn("warehouse", "warehouse_loader", name),
            s.dsn("mart", "mart_loader", name),
            s.dsn("mart", "mart_reader", name),
            self.warehouse.admin_dsn_of(name),
            self.mart.admin_dsn_of(name),
        )

    @cached_property
    def migrated(self) -> str:
        """The name of databases that have all schemas and no data: copying them is quicker than migrating anew."""
        made = self.new_databases()
        with psycopg.connect(made.warehouse_dsn) as warehouse, psycopg.connect(made.mart_dsn) as mart:
            migrate(warehouse, mart)
        return made.warehouse_name

    @contextmanager
    def databases(self, template: str = "template1") -> Iterator[Databases]:
        """New databases, and none once they are done with: a thousand of them are gigabytes."""
        made = self.new_databases(template)
        yield made
        for server in (self.warehouse, self.mart):
            with psycopg.connect(server.admin_dsn, autocommit=True) as admin:
                admin.execute(
                    sql.SQL("drop database {} with (force)").format(sql.Identifier(made.warehouse_name))
                )


@dataclass(frozen=True)
class RunningStack:
    """A complete stack that runs, Airflow included; `flocon` runs a command of the command line against it."""

    settings: Settings
    env: dict[str, str]

    def flocon(self, *arguments: str, timeout: float = 180, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run `flocon <arguments>`, with more environment variables where given; its output is text."""
        command = [sys.executable, "-m", "flocon.cli", *arguments]
        return subprocess.run(
            command, env={**self.env, **env}, capture_output=True, text=True, timeout=timeout, check=False
        )


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's OS account can enter (pytest's own are closed to it)."""
    account = server_account("")
    where = next(
        folder for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp") if can_enter(account, Path(folder))
    )
    home = Path(tempfile.mkdtemp(prefix="flocon-test-", dir=where))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(server_home: Path) -> Iterator[Servers]:
    """A warehouse and a mart server for the whole session."""
    settings = settings_for(server_home / "servers")
    places = find_places(settings)
    # Tests kill servers, never the machine, so nothing is lost without fsync.
    warehouse, mart, _ = postgres_servers(settings, places, Tuning(shared_buffers_mb=64, is_durable=False))
    with ExitStack() as stack:
        for server in (warehouse, mart):
            server.prepare()
            # No farewell checkpoint: the data is thrown away.
            program = replace(server.program, stop_signal=signal.SIGQUIT)
            stack.enter_context(running(program, places.logs / f"{server.name}.log"))
        for server in (warehouse, mart):
            wait_until(lambda dsn=server.admin_dsn: check_postgres(dsn, "the test's server"), 30)
        yield Servers(settings, warehouse, mart)


def stack_at(home: Path, **given: object) -> RunningStack:
    """A stack with a home, ports and secrets of its own; nothing of it runs yet."""
    settings = settings_for(home / "stack", **given)
    env = {**os.environ, **settings.as_env(), "FLOCON_ENV_FILE": str(home / ".env")}
    return RunningStack(settings, env)


@pytest.fixture(scope="session")
def stack(server_home: Path) -> Iterator[RunningStack]:
    """The complete stack, started once, by the first test that needs it."""
    home = server_home / "complete"
    home.mkdir()
    made = stack_at(home)
    try:
        started = made.flocon("up")
        assert started.returncode == 0, started.stdout + started.stderr
        yield made
    finally:
        made.flocon("down")


@pytest.fixture
def databases(servers: Servers) -> Iterator[Databases]:
    """Fresh databases for one test."""
    with servers.databases() as made:
        yield made


@pytest.fixture(scope="module")
def module_databases(servers: Servers) -> Iterator[Databases]:
    """Fresh databases for one test module."""
    with servers.databases() as made:
        yield made


@pytest.fixture
def warehouse(databases: Databases) -> Iterator[Connection]:
    """The fresh warehouse, connected as its loader."""
    with psycopg.connect(databases.warehouse_dsn) as connection:
        yield connection


@pytest.fixture
def mart(databases: Databases) -> Iterator[Connection]:
    """The fresh mart, connected as its loader."""
    with psycopg.connect(databases.mart_dsn) as connection:
        yield connection


@pytest.fixture
def mart_reader(databases: Databases) -> Iterator[Connection]:
    """The fresh mart, connected as its reader."""
    with psycopg.connect(databases.mart_reader_dsn) as connection:
        yield connection


# Marks tests whose lake is on the embedded S3 server and, a second time, on a real MinIO as its least privileged user.
# Building that, once, takes longer than a test may.
ON_BOTH_LAKES = pytest.mark.parametrize(
    "lake_server", ["embedded", pytest.param("minio", marks=pytest.mark.timeout(900))], indirect=True
)


@pytest.fixture
def lake_server(request: pytest.FixtureRequest) -> str:
    """The kind of S3 server that a test's lake is on."""
    return getattr(request, "param", "embedded")


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A MinIO for the whole session, as the deployment has it."""
    with minio_server(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def lake_settings(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path, lake_server: str
) -> Iterator[Settings]:
    """Settings whose S3 server runs, with empty buckets, for one test; if embedded, over `home_dir / "lake"`."""
    if lake_server == "minio":
        minio: MinioServer = request.getfixturevalue("minio")
        minio.empty()
        yield minio.lake_settings(servers.settings, tmp_path)
        return
    folder = tmp_path / "lake"
    settings = servers.settings.model_copy(update={"home": tmp_path, "s3_port": free_ports(1)[0]})
    prepare_lake(folder)
    with running(s3_program(settings, folder), tmp_path / "s3.log"):
        wait_until(lambda: check_s3(settings), 15)
        yield settings


@pytest.fixture
def lake(lake_settings: Settings) -> Lake:
    """A lake with empty buckets, for one test."""
    return Lake.of(lake_settings)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The official files beside the project, or in FLOCON_SHARED_DATA; without them a test is skipped."""
    folder = Path(os.environ.get("FLOCON_SHARED_DATA", project_dir() / "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no official files in {folder}: set FLOCON_SHARED_DATA to the folder that holds tlc/")
    return folder
