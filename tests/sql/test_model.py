"""The metadata is true of the databases, the dimensions hold together, and partitions are skipped."""

import csv
import re
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.sql.conftest import Model

from flocon.postgres import Connection, query_of, run_file, scalar, set_parameters
from flocon.tables import Table, find_table, load_tables

TABLES = [table for table in load_tables() if table.server != "lake" and table.metadata.kind != "function"]
DIMENSIONS = [table for table in TABLES if table.domain == "taxi" and table.name.startswith("dim_")]
SHORT_TYPES = {"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz"}
FACT = [
    *("vendor_id", "rate_code_id", "payment_type_id", "trip_type_id", "pickup_hour", "pickup_zone_id"),
    *("dropoff_zone_id", "pickup_date", "pickup_at", "dropoff_at", "duration_s", "total_cents"),
]


def by_name(table: Table) -> str:
    return table.qualified_name


@pytest.mark.parametrize("table", TABLES, ids=by_name)
def test_metadata_is_what_the_database_has(model: Model, table: Table) -> None:
    rows = model.server(table.server).execute(
        """
        select attname, format_type(atttypid, atttypmod), not attnotnull, attgenerated <> ''
        from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum
        """,
        [table.qualified_name],
    )
    real = {name: (SHORT_TYPES.get(kind, kind), null, generated) for name, kind, null, generated in rows}
    columns = table.metadata.columns
    if table.metadata.partition_of:
        assert not columns
        return
    assert list(columns) == list(real)
    for name, column in columns.items():
        kind, nullable, is_generated = real[name]
        assert column.type == kind, name
        if table.metadata.kind != "view" and not is_generated:
            assert column.nullable == nullable, name


@pytest.mark.parametrize("table", [t for t in TABLES if t.metadata.kind == "table"], ids=by_name)
def test_primary_and_foreign_keys_are_those_of_the_metadata(model: Model, table: Table) -> None:
    keys = constraints(model.server(table.server), table)
    assert tuple(keys["p"][0][0] if keys["p"] else ()) == table.metadata.primary_key
    stated = {(name, c.references) for name, c in table.metadata.columns.items() if c.references}
    real = {
        (column, f"{of}.{to}")
        for columns, of, tos in keys["f"]
        for column, to in zip(columns, tos, strict=True)
    }
    assert stated == real


def test_fact_has_all_foreign_keys(model: Model) -> None:
    fact = find_table("taxi", "mart", "fact_trip")
    keys = constraints(model.mart, fact)["f"]
    stated = {(name, c.references) for name, c in fact.metadata.columns.items() if c.references}
    assert stated == {
        (a, f"{of}.{b}") for columns, of, tos in keys for a, b in zip(columns, tos, strict=True)
    }
    assert sorted(of for _, of, _ in keys) == [
        *("taxi.dim_date", "taxi.dim_hour", "taxi.dim_trip_profile", "taxi.dim_zone", "taxi.dim_zone")
    ]


def constraints(connection: Connection, table: Table) -> dict[str, list[Any]]:
    """Keys by kind ('p', 'f'): their columns, the table they refer to and the columns there."""
    rows = connection.execute(
        """
        select
            contype, nullif(confrelid, 0)::regclass::text,
            array(select attname::text from unnest(conkey) with ordinality as k (num, pos)
                join pg_attribute on attrelid = conrelid and attnum = num order by pos),
            array(select attname::text from unnest(confkey) with ordinality as k (num, pos)
                join pg_attribute on attrelid = confrelid and attnum = num order by pos)
        from pg_constraint where conrelid = %s::regclass and contype in ('p', 'f')
        """,
        [table.qualified_name],
    ).fetchall()
    found: dict[str, list[Any]] = {"p": [], "f": []}
    for kind, of, columns, of_columns in rows:
        found[kind].append((columns, of, of_columns))
    return found


@pytest.mark.parametrize("table", DIMENSIONS, ids=by_name)
def test_every_dimension_has_its_unknown_member(model: Model, table: Table) -> None:
    unknown = {"dim_date": "1900-01-01", "dim_month": 190001, "dim_quarter": 19001, "dim_year": 1900}
    for key in table.metadata.primary_key:
        wanted = unknown.get(table.name, -1)
        query = f"select count(*) from {table.qualified_name} where {key} = %s"
        assert scalar(model.mart, query, wanted) >= 1, key


def test_dates_are_without_gap_until_2040(model: Model) -> None:
    query = """
        select count(*), max(date_id) - date '2009-01-01' + 1, max(date_id)
        from taxi.dim_date where date_id > date '1900-01-01'
    """
    days, span, last = model.mart.execute(query).fetchone() or (0, 0, None)
    assert (days, last) == (span, date(2040, 12, 31))


def test_zones_are_the_official_ones(model: Model, shared_data: Path) -> None:
    with (shared_data / "tlc" / "taxi_zone_lookup.csv").open(newline="") as file:
        official = [(int(row[0]), *row[1:]) for row in list(csv.reader(file))[1:]]
    query = (
        "select zone_id, borough, zone, service_zone from reference.zone where zone_id > 0 order by zone_id"
    )
    assert model.warehouse.execute(query).fetchall() == official


def test_a_new_zone_changes_what_is_known(model: Model) -> None:
    known = query_of(find_table("taxi", "reference", "zone").path / "known.sql")
    before = scalar(model.warehouse, known)
    model.warehouse.execute("insert into reference.zone values (266, 'Queens', 'New', 'Boro Zone')")
    assert scalar(model.warehouse, known) != before


@pytest.mark.parametrize("layer", ["reference"])
def test_reference_data_can_be_inserted_again(model: Model, layer: str) -> None:
    tables = [table for table in TABLES if table.layer == layer]
    model.warehouse.execute("update reference.vendor set vendor = 'Old Name' where vendor_id = 1")
    model.warehouse.execute("update reference.zone set zone = 'As Published' where zone_id = 1")
    for table in tables:
        assert table.insertion is not None
        run_file(model.warehouse, table.insertion)
    vendor = scalar(model.warehouse, "select vendor from reference.vendor where vendor_id = 1")
    zone = scalar(model.warehouse, "select zone from reference.zone where zone_id = 1")
    assert (vendor, zone) == ("Creative Mobile Technologies", "As Published")


def published(mart: Connection, services: tuple[str, ...], months: list[date]) -> None:
    """An empty partition a service and month, as publishing makes it."""
    bounds = query_of(find_table("taxi", "mart", "fact_trip").path / "bounds.sql")
    for service in services:
        for month in months:
            set_parameters(mart, service=service, month=month)
            first, last = mart.execute(bounds).fetchone() or (None, None)
            parent = f"taxi.fact_trip_{service}"
            scalar(
                mart, "select flocon.new_partition(%s, %s, 'pickup_date', %s, %s)", parent, month, first, last
            )
            scalar(mart, "select flocon.constrain_partition(%s, %s)", parent, month)
            scalar(mart, "select flocon.attach_partition(%s, %s)", parent, month)


def scanned(connection: Connection, query: str) -> list[str]:
    """Partitions that the plan of a query names."""
    plan = "\n".join(row[0] for row in connection.execute(f"explain (costs off) {query}"))
    return sorted(set(re.findall(r"fact_trip_\w+_\d{4}_\d{2}", plan)))


@pytest.mark.parametrize("relation", ["taxi.fact_trip", "taxi.trip"])
def test_a_days_query_touches_only_that_months_partitions(model: Model, relation: str) -> None:
    published(model.mart, ("yellow", "green"), [date(2024, month, 1) for month in range(1, 6)])
    day = f"select sum(duration_s) from {relation} where pickup_date = date '2024-03-10'"
    assert scanned(model.mart, day) == ["fact_trip_green_2024_03", "fact_trip_yellow_2024_03"]
    at_the_end = f"select sum(duration_s) from {relation} where pickup_date = date '2024-03-31'"
    assert scanned(model.mart, at_the_end) == [
        f"fact_trip_{service}_2024_{month}" for service in ("green", "yellow") for month in ("03", "04")
    ]
    one_service = (
        "select count(*) from taxi.fact_trip where pickup_date = date '2024-03-10' and service_id = 1"
    )
    assert scanned(model.mart, one_service) == ["fact_trip_yellow_2024_03"]


@pytest.mark.parametrize("column", ["vendor_id", "payment_type_id", "pickup_zone_id", "pickup_date"])
def test_a_trip_with_an_unknown_key_is_refused(model: Model, column: str) -> None:
    published(model.mart, ("yellow",), [date(2024, 1, 1)])
    trip = dict(
        zip(
            FACT,
            (2, 1, 1, -1, 8, 100, 101, "2024-01-15", "2024-01-15 08:00", "2024-01-15 08:10", 600, 1250),
            strict=True,
        )
    )
    query = f"insert into taxi.fact_trip_yellow_2024_01 ({', '.join(FACT)}) values ({', '.join(['%s'] * len(FACT))})"
    model.mart.execute(query, list(trip.values()))
    trip[column] = "2024-02-02" if column == "pickup_date" else 300
    wanted = psycopg.errors.CheckViolation if column == "pickup_date" else psycopg.errors.ForeignKeyViolation
    with pytest.raises(wanted):
        model.mart.execute(query, list(trip.values()))


def test_publishing_reads_one_raw_partition(model: Model) -> None:
    for month in (date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)):
        scalar(model.warehouse, "select flocon.new_partition('raw.yellow_trip', %s)", month)
        scalar(model.warehouse, "select flocon.attach_partition('raw.yellow_trip', %s)", month)
    set_parameters(model.warehouse, service="yellow", month=date(2024, 2, 1))
    insertion = query_of(find_table("taxi", "mart", "fact_trip_yellow").path / "insertion.sql")
    plan = [
        row[0] for row in model.warehouse.execute(f"explain (analyze, costs off, timing off) {insertion}")
    ]
    read = [
        line for line in plan if re.search(r"Scan on yellow_trip_\d", line) and "never executed" not in line
    ]
    assert len(read) == 1, plan
    assert "yellow_trip_2024_02" in read[0]


def test_code_map_says_minus_one_in_the_gaps(model: Model) -> None:
    assert (
        scalar(model.warehouse, "select staging.code_map(array[-1, 1, 4]::smallint[])::text")
        == "-1 1 -1 -1 4"
    )
    assert scalar(model.warehouse, "select staging.code_map(array[]::smallint[])") is None
