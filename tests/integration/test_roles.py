"""Roles: the loaders own what they make and nothing else, and the reader can only SELECT."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import make_conninfo
from tests.conftest import Connection, Databases, Servers, settings_for

from flocon.stack.health import check_postgres, wait_until
from flocon.stack.places import find_places
from flocon.stack.postgres import postgres_servers
from flocon.stack.program import running
from flocon.stack.tuning import Tuning


@pytest.fixture(scope="module")
def taxi(module_databases: Databases) -> Iterator[Connection]:
    """A mart with a table of the loader in it."""
    with psycopg.connect(module_databases.mart_dsn) as loader:
        loader.execute("create schema taxi")
        loader.execute("create table taxi.fact (fare int)")
        loader.execute("insert into taxi.fact values (7)")
        loader.commit()
        yield loader


@pytest.fixture
def reader(taxi: Connection, module_databases: Databases) -> Iterator[Connection]:
    with psycopg.connect(module_databases.mart_reader_dsn, autocommit=True) as connection:
        connection.execute(
            "set default_transaction_read_only = off"
        )  # which anybody may; rights must hold alone
        yield connection


def test_reader_sees_what_the_loader_makes_without_a_grant(reader: Connection, taxi: Connection) -> None:
    taxi.execute("create table taxi.later as select 8 as fare")
    taxi.commit()
    query = "select * from taxi.fact union all select * from taxi.later"
    assert reader.execute(query).fetchall() == [(7,), (8,)]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into taxi.fact values (1)",
        "update taxi.fact set fare = 0",
        "delete from taxi.fact",
        "truncate taxi.fact",
        "drop table taxi.fact",
        "alter table taxi.fact add column x int",
        "create table taxi.mine (x int)",
        "create table public.mine (x int)",
        "create temporary table mine (x int)",
        "create schema mine",
        "create function public.mine() returns int language sql return 1",
        "begin; lock table taxi.fact in row exclusive mode",
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_xact_lock(1)",
        "select lo_create(0)",
        "select lo_from_bytea(0, 'x')",
        "copy taxi.fact to program 'true'",
        "copy (select 1) to '/tmp/x'",
        "select pg_read_file('postgresql.conf')",
        "set role mart_loader",
    ],
)
def test_reader_cannot(reader: Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        reader.execute(statement)


def test_reader_cannot_hold_up_loading(module_databases: Databases) -> None:
    with psycopg.connect(module_databases.mart_reader_dsn) as reader:
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"):
            assert reader.execute("select current_setting(%s)", [setting]).fetchone() != ("0",)
        assert reader.execute("show default_transaction_read_only").fetchone() == ("on",)


OWNERS = ("warehouse_loader", "mart_loader", "airflow")


@pytest.fixture(scope="module")
def owners(servers: Servers, server_home: Path, module_databases: Databases) -> Iterator[dict[str, str]]:
    """Connection strings of the roles that own what they make, each on its own kind of server."""
    settings = settings_for(server_home / "roles")
    places = find_places(settings)
    airflow_db = postgres_servers(settings, places, Tuning(shared_buffers_mb=16, is_durable=False))[2]
    airflow_db.prepare()
    with running(airflow_db.program, places.logs / "airflow_db.log"):
        wait_until(lambda: check_postgres(airflow_db.admin_dsn, "the test's server"), 30)
        airflow_db.ensure_database()
        password = settings.secret("airflow_db_password")
        yield {
            "warehouse_loader": module_databases.warehouse_dsn,
            "mart_loader": module_databases.mart_dsn,
            "airflow": make_conninfo(
                airflow_db.admin_dsn, user="airflow", password=password, dbname="airflow"
            ),
        }


@pytest.fixture(params=OWNERS)
def owner(request: pytest.FixtureRequest, owners: dict[str, str]) -> Iterator[Connection]:
    with psycopg.connect(owners[request.param], autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "create role mine",
        "create database mine",
        "alter role current_user superuser",
        "alter role postgres password 'mine'",
        "set role postgres",
        "set session authorization postgres",
        "select rolpassword from pg_authid",
        "select pg_read_file('postgresql.conf')",
        "select pg_ls_dir('.')",
        "copy (select 1) to program 'true'",
        "copy (select 1) to '/tmp/x'",
        "alter system set fsync = off",
        "select pg_reload_conf()",
        "checkpoint",
        "grant pg_read_all_data to current_user",
    ],
)
def test_owner_of_data_administers_nothing(owner: Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        owner.execute(statement)


def test_owner_of_data_is_nobody_special(owner: Connection) -> None:
    row = owner.execute(
        "select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls "
        "from pg_roles where rolname = current_user"
    ).fetchone()
    assert row == (False, False, False, False, False)
    member = owner.execute(
        "select roleid from pg_auth_members where member = current_user::regrole"
    ).fetchall()
    assert member == []


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("warehouse_loader", "create table public.mine (x int)"),
        ("mart_loader", "create table public.mine (x int)"),
        ("mart_loader", "alter role mart_reader password 'mine'"),
        ("mart_loader", "set role mart_reader"),
        ("airflow", "create schema mine"),
    ],
)
def test_owner_keeps_to_its_own(owners: dict[str, str], role: str, statement: str) -> None:
    with psycopg.connect(owners[role]) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize("role", OWNERS)
@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_owner_gets_into_no_other_database(owners: dict[str, str], role: str, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(owners[role], dbname=database)


def test_passwords_are_needed_and_stored_as_scram_verifiers(module_databases: Databases) -> None:
    wrong = psycopg.conninfo.make_conninfo(module_databases.mart_reader_dsn, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    with psycopg.connect(module_databases.mart_admin_dsn) as admin:
        stored = admin.execute("select rolpassword from pg_authid where rolcanlogin").fetchall()
    assert len(stored) == 3
    assert all(verifier.startswith("SCRAM-SHA-256$") for (verifier,) in stored)


def test_roles_can_be_granted_again_and_again(servers: Servers, module_databases: Databases) -> None:
    servers.mart.grant_roles(module_databases.warehouse_name)
    with psycopg.connect(module_databases.mart_reader_dsn) as reader:
        reader.execute("select 1")


def test_other_databases_of_the_server_are_closed(module_databases: Databases) -> None:
    """The reader of one database gets nowhere else, not even into the empty ones that every server has."""
    elsewhere = psycopg.conninfo.make_conninfo(module_databases.mart_reader_dsn, dbname="postgres")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(elsewhere)
