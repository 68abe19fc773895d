"""Lake SELECTs are written for DuckDB and carried over to Spark, where they give the same rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlglot import exp, parse_one
from tests.sql import lake_cases
from tests.sql.lake_cases import QUERY_CASES, SELECTS, name_of, table_of
from tests.sql.spark import (
    HOW_TO_ENABLE,
    has_spark,
    rows_on_spark,
    share,
    spark_session,
    to_spark,
    types_on_spark,
)

from flocon.tables import Table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

on_spark = pytest.mark.skipif(not has_spark(), reason=HOW_TO_ENABLE)


# Seen to run on both engines and to give other rows there, or to be refused only when it runs.
TRAPS = {
    "select ['a', 'b'][x] from t": "an index is carried over as it is where it is a column, and Spark counts from 0",
    "select date_diff('month', a, b) from t": "Spark counts whole months, DuckDB turns of the month; days are days",
    "select extract(isodow from a) from t": "Spark has no such part of a date",
    r"select regexp_replace(a, '(.)', '\1', 'g') from t": "Spark calls a group $1, and leaves \\1 as it is",
}


def traps_in(query: str) -> list[str]:
    """What a query uses of the above."""
    found: list[exp.Expression] = []
    for node in parse_one(query, read="duckdb").walk():
        match node:
            case exp.Bracket():
                found.append(node)
            case exp.DateDiff() if node.unit is None or node.unit.name.upper() != "DAY":
                found.append(node)
            case exp.Extract() if node.name.upper() not in ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY"):
                found.append(node)
            case exp.RegexpReplace(args={"replacement": exp.Literal(this=to)}) if "\\" in to or "$" in to:
                found.append(node)
    return [node.sql("duckdb") for node in found]


def by_name(table: Table) -> str:
    return f"{table.domain}/{table.qualified_name}"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    with spark_session(tmp_path_factory.mktemp("spark")) as started:
        yield started


@pytest.mark.parametrize("table", SELECTS, ids=by_name)
def test_query_has_an_equivalent_on_spark(table: Table) -> None:
    translated = to_spark(lake_cases.query_text(table))
    assert parse_one(translated, read="spark").find(exp.Anonymous) is None, translated


@pytest.mark.parametrize("table", SELECTS, ids=by_name)
def test_query_uses_nothing_that_means_something_else_on_spark(table: Table) -> None:
    assert traps_in(lake_cases.query_text(table)) == []


@pytest.mark.parametrize(("query", "why"), TRAPS.items())
def test_a_trap_is_seen(query: str, why: str) -> None:
    assert len(traps_in(query)) == 1, why


@on_spark
@pytest.mark.parametrize("case", QUERY_CASES, ids=name_of)
def test_case_on_spark(session: "SparkSession", case: Path, tmp_path: Path) -> None:
    table = table_of(case)
    query = lake_cases.query_text(table)
    with lake_cases.lake_of(table.domain) as lake:
        lake_cases.fill(lake, case)
        share(lake, session, lake_cases.relations_of(query), tmp_path)
        assert rows_on_spark(session, query) == lake_cases.expected_rows(lake, case)


@on_spark
@pytest.mark.parametrize("table", SELECTS, ids=by_name)
def test_types_on_spark(session: "SparkSession", table: Table, tmp_path: Path) -> None:
    with lake_cases.lake_of(table.domain) as lake:
        share(lake, session, lake_cases.relations_of(lake_cases.query_text(table)), tmp_path)
        given, wanted = types_on_spark(session, table)
    assert given == wanted
