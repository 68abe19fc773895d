"""Test cases of lake tables: a folder `<domain>/<layer>/<table>/<case>/` here, relations in, rows out.

In:  `<relation>.csv`, as in `bronze.achats.csv` or `run.csv`, holds the rows of that relation; columns left out are
     NULL, and so is an empty field, while `""` is an empty text. `input.<relation>.csv` is the same: that is how the
     relation `expected` is written.
Out: `expected.csv` is what the table's query returns, all columns, row for row in this order; `expected.checks.csv` is
     which checks of the table then find how many rows, the table itself being an input.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp, parse_one

from flocon.postgres import query_of
from flocon.tables import REJECTED, Table, find_table, load_tables

HERE = Path(__file__).parent
SELECTS = [table for table in load_tables() if table.metadata.kind == "select"]
QUERY_CASES = sorted(
    path.parent
    for path in HERE.glob("*/*/*/*/expected.csv")
    if find_table(*path.relative_to(HERE).parts[:3]).server == "lake"
)
CHECK_CASES = sorted(
    path.parent
    for path in HERE.glob("*/*/*/*/expected.checks.csv")
    if find_table(*path.relative_to(HERE).parts[:3]).server == "lake"
)
AS_RECEIVED = {"_file": "text", "_line": "bigint"}
EXPECTED = {"name": "text", "severity": "text", "expected": "numeric(18,4)", "why": "text"}
JUDGED = {"_file": "text", "_line": "bigint", "reason": "text", "_judged_again_on": "date"}
Rows = list[tuple[Any, ...]]


def name_of(case: Path) -> str:
    return case.relative_to(HERE).as_posix()


def table_of(case: Path) -> Table:
    return find_table(*case.relative_to(HERE).parts[:3])


def columns_of(table: Table) -> dict[str, str]:
    """The columns of a relation as queries read it, and their types; bronze is text, as received."""
    if table.metadata.kind == "file":
        return dict.fromkeys(table.metadata.columns, "text") | AS_RECEIVED
    return {name: column.type for name, column in table.metadata.columns.items()}


def rejected_of(table: Table) -> dict[str, str]:
    """The columns of the rows that a table refuses: what it received, and the reason."""
    (received,) = [name for name in table.metadata.depends_on if name.startswith("bronze.")]
    return columns_of(find_table(table.domain, *received.split("."))) | {"reason": "text"}


def output_of(table: Table) -> dict[str, str]:
    """The columns that a table's query returns, and their types."""
    return columns_of(table) | (JUDGED if table.metadata.rejects else {})


def relations_of(query: str) -> set[str]:
    """The relations that a query reads, as in `bronze.achats` or `run`."""
    tree = parse_one(query, read="duckdb")
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    names = {f"{table.db}.{table.name}" if table.db else table.name for table in tree.find_all(exp.Table)}
    return names - ctes


@contextmanager
def lake_of(domain: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB with all relations of a domain, empty."""
    with duckdb.connect(":memory:") as connection:
        for table in load_tables():
            if table.server == "lake" and table.domain == domain:
                connection.execute(f"create schema if not exists {table.layer}")
                create(connection, table.qualified_name, columns_of(table))
                if table.metadata.rejects:
                    connection.execute(f"create schema if not exists {REJECTED}")
                    create(connection, f"{REJECTED}.{table.name}", rejected_of(table))
        create(connection, "run", {"as_of": "date"})
        create(connection, "expected", EXPECTED)
        yield connection


def create(connection: duckdb.DuckDBPyConnection, relation: str, columns: dict[str, str]) -> None:
    listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"create table {relation} ({listed})")


def given(case: Path) -> dict[str, Path]:
    """The relations of a case, and their files."""
    files = [path for path in sorted(case.glob("*.csv")) if not path.name.startswith("expected")]
    return {path.stem.removeprefix("input."): path for path in files}


def fill(connection: duckdb.DuckDBPyConnection, case: Path, *, backwards: bool = False) -> None:
    """Put the rows of a case's files into its relations, in their order or the other way round."""
    for relation, path in given(case).items():
        rows = texts(connection, path)
        order = "order by rowid desc" if backwards else "order by rowid"
        connection.execute(f"insert into {relation} by name select * from {rows} {order}")


def expected_rows(connection: duckdb.DuckDBPyConnection, case: Path) -> Rows:
    """The rows of `expected.csv`, of the types that the metadata states."""
    path, columns = case / "expected.csv", output_of(table_of(case))
    assert header_of(path) == list(columns), path
    typed = ", ".join(f'cast("{name}" as {kind})' for name, kind in columns.items())
    return connection.execute(f"select {typed} from {texts(connection, path)} order by rowid").fetchall()


def texts(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Read a CSV file into a temporary table, as text; returns the table's name."""
    connection.execute(
        "create or replace temp table texts as select * from read_csv(?, all_varchar => true, header => true, "
        "delim => ',', quote => '\"', escape => '\"', allow_quoted_nulls => false, null_padding => false, "
        "auto_detect => false, columns => ?)",
        [str(path), dict.fromkeys(header_of(path), "VARCHAR")],
    )
    return "texts"


def header_of(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def query_text(table: Table) -> str:
    return query_of(table.query)
