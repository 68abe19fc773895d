"""Creating and updating the schemas, on real servers."""

from collections.abc import Iterator

import pytest
from tests.conftest import Databases, Servers

from flocon.errors import FloconError
from flocon.migrate import migrate
from flocon.postgres import Connection, scalar


@pytest.fixture
def databases(servers: Servers) -> Iterator[Databases]:
    """Databases without any schema."""
    with servers.databases() as made:
        yield made


def test_migrating_twice_does_nothing(warehouse: Connection, mart: Connection) -> None:
    for _ in range(2):
        migrate(warehouse, mart)
    for connection in (warehouse, mart):
        assert scalar(connection, "select count(*) from ledger.step_run where dataset = 'schema'") == 1


def test_a_table_of_an_earlier_version_is_named(warehouse: Connection, mart: Connection) -> None:
    with mart.transaction():
        mart.execute("create schema taxi")
        mart.execute("create table taxi.dim_service (service_id smallint primary key)")
    with pytest.raises(
        FloconError, match=r"taxi.dim_service on the mart lacks the columns service, .*drop table"
    ):
        migrate(warehouse, mart)
    assert scalar(mart, "select count(*) from pg_tables where schemaname = 'taxi'") == 1


def test_ledger_numbers_do_not_repeat_after_a_crash(warehouse: Connection, mart: Connection) -> None:
    """A sequence that is used in the transaction that creates it is not logged when wal_level = minimal."""
    migrate(warehouse, mart)
    created = "select xmin::text from pg_class where oid = 'ledger.step_run_step_run_id_seq'::regclass"
    entered = "select xmin::text from ledger.step_run"
    assert scalar(mart, created) != scalar(mart, entered)
