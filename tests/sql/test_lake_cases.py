"""What the queries and checks of lake tables do, on DuckDB, and that their metadata is true of them."""

import re
from pathlib import Path

import pytest
from sqlglot import exp, parse_one
from tests.sql import lake_cases
from tests.sql.lake_cases import CHECK_CASES, JUDGED, QUERY_CASES, SELECTS, name_of, table_of

from flocon.checks import read_checks
from flocon.tables import Table

JUDGING = [table for table in SELECTS if table.layer == "silver"]
WITH_CHECKS = [table for table in SELECTS if table.checks]


def by_name(table: Table) -> str:
    return f"{table.domain}/{table.qualified_name}"


@pytest.mark.parametrize("backwards", [False, True], ids=["in_order", "backwards"])
@pytest.mark.parametrize("case", QUERY_CASES, ids=name_of)
def test_query_case(case: Path, backwards: bool) -> None:
    """The same rows in the same order, in whatever order those of the inputs come; and the checks find nothing."""
    table = table_of(case)
    with lake_cases.lake_of(table.domain) as lake:
        lake_cases.fill(lake, case, backwards=backwards)
        rows = lake.execute(lake_cases.query_text(table)).fetchall()
        assert rows == lake_cases.expected_rows(lake, case)
        if table.checks is None or table.metadata.rejects:
            return
        lake.execute(f"insert into {table.qualified_name} {lake_cases.query_text(table)}")
        known = {*lake_cases.given(case), table.qualified_name}
        for check in read_checks(table.checks):
            if lake_cases.relations_of(check.query) <= known:
                assert lake.execute(check.query).fetchall() == [], check.name


@pytest.mark.parametrize("case", QUERY_CASES, ids=name_of)
def test_a_case_gives_what_its_query_reads_and_nothing_else(case: Path) -> None:
    assert set(lake_cases.given(case)) == lake_cases.relations_of(lake_cases.query_text(table_of(case)))


@pytest.mark.parametrize("case", CHECK_CASES, ids=name_of)
def test_check_case(case: Path) -> None:
    table = table_of(case)
    assert table.checks is not None
    with lake_cases.lake_of(table.domain) as lake:
        lake_cases.fill(lake, case)
        found = {
            (check.name, check.severity, str(len(lake.execute(check.query).fetchall())))
            for check in read_checks(table.checks)
        }
        texts = lake_cases.texts(lake, case / "expected.checks.csv")
        expected = set(lake.execute(f"select * from {texts}").fetchall())
    assert {row for row in found if row[2] != "0"} == expected


@pytest.mark.parametrize("table", SELECTS, ids=by_name)
def test_every_query_has_a_case(table: Table) -> None:
    assert table.qualified_name in {table_of(case).qualified_name for case in QUERY_CASES}


@pytest.mark.parametrize("table", WITH_CHECKS, ids=by_name)
def test_every_check_is_seen_to_fail(table: Table) -> None:
    assert table.checks is not None
    files = [case / "expected.checks.csv" for case in CHECK_CASES if table_of(case) == table]
    failing = {line.split(",")[0] for file in files for line in file.read_text().splitlines()[1:]}
    assert {check.name for check in read_checks(table.checks)} == failing


@pytest.mark.parametrize("table", WITH_CHECKS, ids=by_name)
def test_checks_read_what_is_there_when_they_run(table: Table) -> None:
    """A layer's checks run over its tables and those that they depend on."""
    layer = [t for t in SELECTS if (t.domain, t.layer) == (table.domain, table.layer)]
    there = {t.qualified_name for t in layer} | {name for t in layer for name in t.metadata.depends_on}
    assert table.checks is not None
    for check in read_checks(table.checks):
        assert lake_cases.relations_of(check.query) <= there | {"run"}, check.name


@pytest.mark.parametrize("table", SELECTS, ids=by_name)
def test_columns_are_those_of_the_metadata(table: Table) -> None:
    with lake_cases.lake_of(table.domain) as lake:
        described = lake.execute(f"describe {lake_cases.query_text(table)}").fetchall()
        typed = ", ".join(
            f'cast(null as {kind}) as "{name}"' for name, kind in lake_cases.output_of(table).items()
        )
        stated = lake.execute(f"describe select {typed}").fetchall()
    assert [row[:2] for row in described] == [row[:2] for row in stated]


@pytest.mark.parametrize("table", SELECTS, ids=by_name)
def test_depends_on_is_what_the_query_reads(table: Table) -> None:
    relations = lake_cases.relations_of(lake_cases.query_text(table))
    assert len(set(table.metadata.depends_on)) == len(table.metadata.depends_on)
    assert relations - {"run", "expected"} == set(table.metadata.depends_on)
    assert ("expected" in relations) == bool(table.metadata.tests)


@pytest.mark.parametrize("table", SELECTS, ids=by_name)
def test_rows_are_put_in_order(table: Table) -> None:
    order = parse_one(lake_cases.query_text(table), read="duckdb").args.get("order")
    assert order is not None, "the same rows must give the same bytes"
    if table in JUDGING:
        assert {"_file", "_line"} <= {column.name for column in order.find_all(exp.Column)}, "an id has ties"


@pytest.mark.parametrize("table", JUDGING, ids=by_name)
def test_reasons_are_those_of_the_metadata_and_each_is_seen(table: Table) -> None:
    tree = parse_one(lake_cases.query_text(table), read="duckdb")
    outcomes = {branch.args["true"] for branch in tree.find_all(exp.If)}
    codes = {each.this for each in outcomes if isinstance(each, exp.Literal) and each.is_string}
    assert codes == set(table.metadata.rejects)
    seen = set()
    for case in QUERY_CASES:
        if table_of(case) == table:
            with lake_cases.lake_of(table.domain) as lake:
                texts = lake_cases.texts(lake, case / "expected.csv")
                seen |= {
                    reason for (reason,) in lake.execute(f"select distinct reason from {texts}").fetchall()
                }
    assert seen - {None} == codes


@pytest.mark.parametrize("table", [table for table in SELECTS if table.metadata.tests], ids=by_name)
def test_quality_tests_are_those_of_the_metadata_and_each_is_seen_both_ways(table: Table) -> None:
    """A test without its number would find nothing; one that cannot fail, or does nothing else, tells nothing."""
    seen: dict[str, set[bool]] = {}
    for case in QUERY_CASES:
        if table_of(case) == table:
            with lake_cases.lake_of(table.domain) as lake:
                texts = lake_cases.texts(lake, case / "expected.csv")
                for name, result in lake.execute(f"select nom, resultat from {texts}").fetchall():
                    seen.setdefault(name, set()).add(result == "ok")
    assert seen == {name: {True, False} for name in table.metadata.tests}
    assert measured_in(lake_cases.query_text(table)) == set(table.metadata.tests)


def measured_in(query: str) -> set[str]:
    """The names for which a query has a number."""
    cases = [case for case in parse_one(query, read="duckdb").find_all(exp.Case) if case.this is not None]
    numbers = [case for case in cases if case.this.sql() == "expected.name"]
    return {branch.this.this for case in numbers for branch in case.args["ifs"]}


def test_only_queries_that_judge_have_the_columns_of_a_judgement() -> None:
    for table in SELECTS:
        assert not JUDGED.keys() & table.metadata.columns.keys()
        assert bool(table.metadata.rejects) == (table in JUDGING), table.qualified_name


@pytest.mark.parametrize("table", SELECTS, ids=by_name)
def test_nothing_is_read_from_a_clock_or_a_file(table: Table) -> None:
    """The engine says what a name means, and the run which day it is."""
    found = re.search(
        r"\b(now|today|current_\w+|random|uuid|read_\w+|getvariable)\b", lake_cases.query_text(table)
    )
    assert found is None, found
