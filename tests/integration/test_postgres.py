"""COPY streams and the partition, lock and merge functions, on real servers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
import pytest
from tests.conftest import Servers

from flocon.errors import FloconError, TransientError
from flocon.migrate import core_sql
from flocon.postgres import Connection, copy_across, copy_in, explained, run_file

MONTH = date(2024, 1, 1)


@pytest.fixture
def core(warehouse: Connection, mart: Connection) -> tuple[Connection, Connection]:
    """Both servers with the functions of sql/core."""
    for server, connection in (("warehouse", warehouse), ("mart", mart)):
        for path in core_sql(server):
            run_file(connection, path)
        connection.execute("create schema scratch")
        connection.execute("set search_path to scratch")
        connection.commit()
    return warehouse, mart


@contextmanager
def another(connection: Connection) -> Iterator[Connection]:
    """A second session on the same database."""
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as session:
        session.execute("set search_path to scratch")
        session.commit()
        yield session


@pytest.fixture
def parent(core: tuple[Connection, Connection]) -> Connection:
    """The mart with a dimension and a partitioned table that points at it."""
    mart = core[1]
    mart.execute("create table kind (id int primary key)")
    mart.execute("insert into kind values (1), (2)")
    mart.execute(
        "create table trip (file_month date not null, day date not null, kind int not null references kind,"
        " is_two boolean generated always as (kind = 2) virtual) partition by list (file_month)"
    )
    mart.commit()
    return mart


def fill(mart: Connection, month: date, rows: str) -> None:
    """Load `rows`, a VALUES list of (day, kind), as one month, the way a step does."""
    leaf = scalar(
        mart, "select flocon.new_partition('trip', %s, 'day', %s, %s)", month, month, month.replace(day=28)
    )
    mart.execute(f"insert into {leaf} (day, kind) values {rows}")
    mart.execute("select flocon.constrain_partition('trip', %s)", [month])
    mart.execute("select flocon.attach_partition('trip', %s)", [month])


def scalar(connection: Connection, query: str, *arguments: object) -> Any:
    row = connection.execute(query, arguments).fetchone()
    return row[0] if row else None


def test_attach_replaces_the_month_and_no_other(parent: Connection) -> None:
    fill(parent, date(2024, 2, 1), "('2024-02-01', 1)")
    fill(parent, MONTH, "('2024-01-01', 1), ('2024-01-02', 1)")
    parent.commit()
    fill(parent, MONTH, "('2024-01-03', 2)")
    parent.commit()
    rows = parent.execute("select * from trip order by day").fetchall()
    assert rows == [(MONTH, date(2024, 1, 3), 2, True), (date(2024, 2, 1), date(2024, 2, 1), 1, False)]


def test_rollback_leaves_the_old_month(parent: Connection) -> None:
    fill(parent, MONTH, "('2024-01-01', 1)")
    parent.commit()
    fill(parent, MONTH, "('2024-01-02', 2)")
    parent.rollback()
    assert parent.execute("select day from trip").fetchall() == [(date(2024, 1, 1),)]


def test_foreign_key_is_enforced_and_not_validated_twice(parent: Connection) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        fill(parent, MONTH, "('2024-01-01', 9)")
    parent.rollback()
    fill(parent, MONTH, "('2024-01-01', 1)")
    keys = scalar(
        parent,
        "select count(*) from pg_constraint where conrelid = 'trip_2024_01'::regclass and contype = 'f'",
    )
    assert keys == 1


def test_planner_skips_partitions_of_other_days(parent: Connection) -> None:
    for month in (MONTH, date(2024, 2, 1)):
        fill(parent, month, f"('{month}', 1)")
    parent.commit()
    plan = "\n".join(
        line for (line,) in parent.execute("explain select * from trip where day = '2024-02-01'")
    )
    assert "trip_2024_02" in plan
    assert "trip_2024_01" not in plan


def test_attach_waits_for_a_reader_of_the_old_month(parent: Connection, mart: Connection) -> None:
    fill(parent, MONTH, "('2024-01-01', 1)")
    parent.commit()
    with another(parent) as reader:
        assert scalar(reader, "select count(*) from trip") == 1  # holds its lock until the transaction ends
        threading.Timer(1.0, reader.rollback).start()
        fill(parent, MONTH, "('2024-01-02', 1)")
    parent.commit()
    assert scalar(parent, "select day from trip") == date(2024, 1, 2)


def test_attach_gives_up_when_a_reader_stays(parent: Connection) -> None:
    fill(parent, MONTH, "('2024-01-01', 1)")
    parent.commit()
    with another(parent) as reader:
        reader.execute("select count(*) from trip")
        parent.execute("select flocon.new_partition('trip', %s)", [MONTH])
        with pytest.raises(psycopg.errors.LockNotAvailable, match="readers of trip held it"):
            parent.execute("select flocon.attach_partition('trip', %s, '1 second')", [MONTH])
        parent.rollback()


def test_merge_inserts_updates_and_keeps(core: tuple[Connection, Connection]) -> None:
    mart = core[1]
    mart.execute("create table d (id int primary key, a text, b text)")
    mart.execute("insert into d values (1, 'kept', 'x'), (2, 'old', null), (3, 'same', 'same')")
    arriving = scalar(mart, "select flocon.new_arrival('d')")
    mart.execute(f"insert into {arriving} values (2, 'new', null), (3, 'same', 'same'), (4, 'added', 'y')")
    assert scalar(mart, "select flocon.merge('d', %s)", arriving) == 2
    rows = mart.execute("select * from d order by id").fetchall()
    assert rows == [(1, "kept", "x"), (2, "new", None), (3, "same", "same"), (4, "added", "y")]


def test_replaced_rows_are_those_of_the_source(core: tuple[Connection, Connection]) -> None:
    mart = core[1]
    mart.execute("create table d (id int, part text, a text, primary key (id, part))")
    mart.execute(
        "insert into d values (1, 'x', 'gone'), (2, 'x', 'old'), (2, 'y', null), (3, 'x', 'same'), (4, 'x', null)"
    )
    arriving = scalar(mart, "select flocon.new_arrival('d')")
    mart.execute(
        f"insert into {arriving} values (2, 'x', 'new'), (2, 'y', 'b'), (3, 'x', 'same'), (4, 'x', null), (5, 'x', 'c')"
    )
    assert changes(mart, "d", arriving) == (1, 2, 1)
    rows = mart.execute("select * from d order by id, part").fetchall()
    assert rows == mart.execute(f"select * from {arriving} order by id, part").fetchall()
    assert changes(mart, "d", arriving) == (0, 0, 0)


def test_rows_of_a_key_alone_are_replaced(core: tuple[Connection, Connection]) -> None:
    mart = core[1]
    mart.execute("create table d (id int primary key)")
    mart.execute("insert into d values (1), (2)")
    arriving = scalar(mart, "select flocon.new_arrival('d')")
    mart.execute(f"insert into {arriving} values (2), (3)")
    assert changes(mart, "d", arriving) == (1, 0, 1)
    assert mart.execute("select id from d order by id").fetchall() == [(2,), (3,)]


FEBRUARY = date(2024, 2, 1)


@pytest.fixture
def months(core: tuple[Connection, Connection]) -> Connection:
    """The mart with a table of two months, in which a label is there once a month."""
    mart = core[1]
    mart.execute(
        "create table d (file_month date, id int, a text, primary key (file_month, id), unique (file_month, a))"
    )
    rows = [(MONTH, 1, "gone"), (MONTH, 2, "old"), (MONTH, 3, "same"), (FEBRUARY, 1, "x"), (FEBRUARY, 9, "y")]
    mart.cursor().executemany("insert into d values (%s, %s, %s)", rows)
    mart.commit()
    return mart


def replace_month(mart: Connection, rows: list[tuple[date, int, str]]) -> tuple[int, ...]:
    """Make January's rows these; how many were inserted, updated and deleted."""
    arriving = scalar(mart, "select flocon.new_arrival('d')")
    mart.cursor().executemany(f"insert into {arriving} values (%s, %s, %s)", rows)
    query = "select inserted, updated, deleted from flocon.replace_month('d', %s, %s)"
    return tuple(mart.execute(query, [arriving, MONTH]).fetchall()[0])


def test_a_replaced_month_is_that_of_the_source_and_no_other_is_touched(months: Connection) -> None:
    untouched = "select ctid, xmin, xmax, d.* from d where file_month = '2024-02-01' or id = 3 order by 4, 5"
    before = months.execute(untouched).fetchall()
    # A row that is new bears the label of one that is gone.
    arriving = [(MONTH, 2, "new"), (MONTH, 3, "same"), (MONTH, 4, "gone")]
    assert replace_month(months, arriving) == (1, 1, 1)
    months.commit()
    assert months.execute("select * from d where file_month = %s order by id", [MONTH]).fetchall() == arriving
    assert len(before) == 3
    assert months.execute(untouched).fetchall() == before
    assert replace_month(months, arriving) == (0, 0, 0)


def test_a_month_without_rows_is_emptied(months: Connection) -> None:
    assert replace_month(months, []) == (0, 0, 3)
    assert months.execute("select distinct file_month from d").fetchall() == [(FEBRUARY,)]


def test_rows_of_another_month_are_refused(months: Connection) -> None:
    with pytest.raises(
        psycopg.errors.RaiseException, match="1 rows on their way into d of 2024-01-01 are of"
    ):
        replace_month(months, [(MONTH, 2, "new"), (FEBRUARY, 2, "z")])


@pytest.mark.parametrize("how", ["merge", "replace_rows"])
def test_a_row_that_stays_the_same_is_neither_written_nor_locked(
    core: tuple[Connection, Connection], how: str
) -> None:
    mart = core[1]
    mart.execute("create table d (id int primary key, a text)")
    mart.execute("insert into d values (1, 'same'), (2, 'old')")
    mart.commit()
    before = mart.execute("select ctid, xmin, xmax from d where id = 1").fetchall()
    arriving = scalar(mart, "select flocon.new_arrival('d')")
    mart.execute(f"insert into {arriving} values (1, 'same'), (2, 'new')")
    mart.execute(f"select flocon.{how}('d', %s)", [arriving])
    assert mart.execute("select ctid, xmin, xmax from d where id = 1").fetchall() == before
    assert scalar(mart, "select a from d where id = 2") == "new"


def test_without_a_primary_key_nothing_is_merged(core: tuple[Connection, Connection]) -> None:
    mart = core[1]
    mart.execute("create table d (id int)")
    with pytest.raises(psycopg.errors.RaiseException, match="d has no primary key to merge by"):
        mart.execute("select flocon.replace_rows('d', 'd')")


def changes(connection: Connection, target: str, source: str) -> tuple[int, ...]:
    """Replace a table's rows; how many were inserted, updated and deleted."""
    query = "select inserted, updated, deleted from flocon.replace_rows(%s, %s)"
    return tuple(connection.execute(query, [target, source]).fetchall()[0])


def test_lock_names_its_holder(core: tuple[Connection, Connection]) -> None:
    one = core[0]
    one.execute("set application_name = 'flocon run-17'")
    assert scalar(one, "select flocon.try_lock('yellow 2024-01')") is None
    one.commit()
    with another(one) as other:
        assert scalar(other, "select flocon.try_lock('yellow 2024-01')") == "flocon run-17"
        assert scalar(other, "select flocon.try_lock('yellow 2024-02')") is None
        scalar(one, "select flocon.unlock('yellow 2024-01')")
        assert scalar(other, "select flocon.try_lock('yellow 2024-01')") is None


def test_copy_across_carries_every_row(core: tuple[Connection, Connection]) -> None:
    source, target = core
    target.execute("create table t (n int, label text, day date)")
    query = """
        select n, nullif('row ' || n, 'row 7') as label, date '2024-01-01' + n % 31 as day
        from generate_series(1, 200000) as n
    """
    assert copy_across(source, query, target, "t") == 200_000
    stored = target.execute("select sum(n), count(label), count(distinct day) from t").fetchone()
    assert stored == (20000100000, 199999, 31)


def test_copy_across_refuses_another_type(core: tuple[Connection, Connection]) -> None:
    source, target = core
    target.execute("create table t (n int)")
    with pytest.raises(FloconError, match=r"\['n'\]"):
        copy_across(source, "select 1::bigint as n", target, "t")


def test_failing_query_is_not_taken_for_the_end(core: tuple[Connection, Connection]) -> None:
    source, target = core
    target.execute("create table t (n int)")
    with pytest.raises(psycopg.errors.DivisionByZero):
        copy_across(source, "select 1 / (100000 - n) as n from generate_series(1, 200000) as n", target, "t")


def test_failing_target_stops_the_query(core: tuple[Connection, Connection]) -> None:
    source, target = core
    target.execute("create table t (n int check (n < 1000))")
    with pytest.raises(psycopg.errors.CheckViolation):
        copy_across(source, "select n from generate_series(1, 5000000) as n", target, "t")
    source.rollback()
    assert scalar(source, "select 1") == 1


def test_failing_chunks_store_nothing(core: tuple[Connection, Connection]) -> None:
    mart = core[1]
    mart.execute("create table t (n int)")

    def chunks() -> Iterator[bytes]:
        yield b"PGCOPY\n\xff\r\n\x00" + bytes(8)
        raise FloconError("the file is damaged")

    with pytest.raises(FloconError, match="damaged"):
        copy_in(mart, "t", ["n"], chunks())
    mart.rollback()
    assert scalar(mart, "select to_regclass('t')") is None


def test_lost_server_is_named_and_transient_and_a_refusal_is_not(
    core: tuple[Connection, Connection], servers: Servers
) -> None:
    warehouse, mart = core
    with pytest.raises(FloconError, match="refused it") as refused, explained("yellow 2024-01"):
        warehouse.execute("select nothing_there")
    assert not isinstance(refused.value, TransientError)
    warehouse.rollback()
    with psycopg.connect(servers.warehouse.admin_dsn) as admin:
        admin.execute("select pg_terminate_backend(%s)", [warehouse.info.backend_pid])
    with (
        pytest.raises(TransientError, match="the warehouse server failed"),
        explained("yellow 2024-01") as sessions,
        sessions.open("mart", lambda: mart),
        sessions.open("warehouse", lambda: warehouse),
    ):
        warehouse.execute("select 1")
