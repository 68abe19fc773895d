"""A whole pipeline on fresh databases and an empty lake, and what its mart shows."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from tests.conftest import Databases, Servers
from tests.integration.publisher import Publisher

from flocon.flow import Flow
from flocon.lake import Lake
from flocon.migrate import migrate
from flocon.postgres import Connection
from flocon.settings import Settings
from flocon.tables import Table
from flocon.taxi import pipeline
from flocon.taxi.sample import month_chunks

YELLOW = "yellow_tripdata_2024-01.parquet"
JANUARY = date(2024, 1, 1)


@pytest.fixture
def databases(servers: Servers) -> Iterator[Databases]:
    """Migrated databases for one test."""
    with servers.databases(servers.migrated) as made:
        yield made


@pytest.fixture
def flow(databases: Databases, lake: Lake, lake_settings: Settings) -> Flow:
    """Migrated databases and an empty lake, as a run is given them."""
    return flow_to(databases, lake, lake_settings)


def flow_to(databases: Databases, lake: Lake, settings: Settings, run_id: str = "test") -> Flow:
    quick = settings.model_copy(update={"lock_patience_s": 30.0, "http_timeout_s": 5.0, "http_attempts": 2})
    flow = Flow(
        lambda: psycopg.connect(databases.warehouse_dsn),
        lambda: psycopg.connect(databases.mart_dsn),
        lake,
        run_id,
        quick,
    )
    with flow.warehouse() as warehouse, flow.mart() as mart:
        migrate(warehouse, mart)
    return flow


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """An HTTP server that publishes months."""
    with Publisher() as running:
        yield running


def month_bytes(service: str = "yellow", month: date = JANUARY, rows: int = 20_000, seed: int = 1) -> bytes:
    """The file of a generated month."""
    return b"".join(month_chunks(service, month, rows, seed))


def run_month(flow: Flow, source: str, service: str = "yellow", month: date = JANUARY) -> list[bool]:
    """All steps of a month; which of them changed something."""
    steps: list[Callable[[], pipeline.Outcome]] = [
        lambda: pipeline.land(flow, service, month, source),
        lambda: pipeline.load(flow, service, month),
        lambda: pipeline.publish(flow, service, month),
    ]
    return [step().changed for step in steps]


def mart_digest(mart: Connection) -> str:
    """A hash of every row that a reader of the mart can see, but for when and by which run it was written."""
    digest = hashlib.sha256()
    tables = mart.execute(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname = 'taxi' and tablename !~ '_[0-9]{4}_[0-9]{2}(_new)?$' order by 1"
    ).fetchall()
    for (table,) in [*tables, ("ledger.reconciliation",), ("ledger.rule_share",)]:
        query = f"select count(*), sum(hashtextextended(r::text, 0)) from {table} as r"
        row = mart.execute(query).fetchone()
        digest.update(f"{table} {row}\n".encode())
    mart.rollback()
    return digest.hexdigest()


def assert_reads_only(databases: Databases, tables: list[Table]) -> None:
    """The mart's reader can read all rows of these tables and views, which have some, and write none."""
    with psycopg.connect(databases.mart_reader_dsn, autocommit=True) as reader:
        reader.execute("set default_transaction_read_only = off")  # which anybody may; rights must hold alone
        for table in tables:
            name, column = table.qualified_name, next(iter(table.metadata.columns))
            assert reader.execute(f"select * from {name}").fetchall(), name
            if table.metadata.kind == "view":  # of two tables: nobody writes through it
                continue
            for statement in (
                f"insert into {name} ({column}) values (null)",
                f"update {name} set {column} = null",
                f"delete from {name}",
                f"truncate {name}",
            ):
                with pytest.raises(InsufficientPrivilege):
                    reader.execute(statement)
