"""Both servers with the whole model of sql/ and its dimensions, for tests that leave nothing behind."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from tests.conftest import Databases

from flocon.migrate import migrate
from flocon.postgres import Connection, copy_across, query_of, scalar
from flocon.tables import domain_tables


@dataclass(frozen=True)
class Model:
    """The warehouse and the mart, in a transaction each that is rolled back after the test."""

    warehouse: Connection
    mart: Connection

    def server(self, name: str) -> Connection:
        return {"warehouse": self.warehouse, "mart": self.mart}[name]


@pytest.fixture(scope="module")
def migrated(module_databases: Databases) -> Databases:
    """Databases with all tables, the reference data and the dimensions of the taxi trips."""
    with (
        psycopg.connect(module_databases.warehouse_dsn) as warehouse,
        psycopg.connect(module_databases.mart_dsn) as mart,
    ):
        migrate(warehouse, mart)
        for table in domain_tables("taxi"):
            if table.name.startswith("dim_"):
                arriving = scalar(mart, "select flocon.new_arrival(%s)", table.qualified_name)
                copy_across(warehouse, query_of(table.path / "insertion.sql"), mart, arriving)
                scalar(mart, "select flocon.merge(%s, %s)", table.qualified_name, arriving)
    return module_databases


@pytest.fixture
def model(migrated: Databases) -> Iterator[Model]:
    """The migrated servers; what a test writes is gone after it."""
    with (
        psycopg.connect(migrated.warehouse_dsn) as warehouse,
        psycopg.connect(migrated.mart_dsn) as mart,
    ):
        yield Model(warehouse, mart)
        warehouse.rollback()
        mart.rollback()
