"""Every folder `<domain>/<layer>/<table>/<case>/` here is a test of `sql/<domain>/<layer>/<table>/`: rows in, rows out.

In:  `input.<schema>.<table>.csv` are rows to put into that table; columns left out are NULL or have their default.
     `settings.yaml` names the service and month of the session (default: yellow 2024-01).
Out: `expected.csv` is what the table or view then holds, `expected.checks.csv` the checks that fail, and
     `expected.<query>.csv` what `<query>.sql` of the table's folder returns. Only the columns named are compared.
A table with an insertion.sql is filled by it first, unless the case is about its checks only.
Those of the lake's tables are run by test_lake_cases.py.
"""

import csv
from datetime import date
from pathlib import Path

import pytest
import yaml
from psycopg import sql
from tests.sql.conftest import Model

from flocon.checks import read_checks
from flocon.postgres import Connection, query_of, run_file, scalar, set_parameters
from flocon.tables import Table, find_table, load_tables

HERE = Path(__file__).parent
SERVERS = ("warehouse", "mart")
CASES = sorted(
    case
    for case in {path.parent for path in HERE.glob("*/*/*/*/expected*.csv")}
    if find_table(*case.relative_to(HERE).parts[:3]).server in SERVERS
)
Rows = list[tuple[str | None, ...]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.relative_to(HERE).as_posix())
def test_case(model: Model, case: Path) -> None:
    table = find_table(*case.relative_to(HERE).parts[:3])
    settings = {"service": "yellow", "month": "2024-01-01"}
    if (case / "settings.yaml").is_file():
        settings |= yaml.safe_load((case / "settings.yaml").read_text())
    for connection in (model.warehouse, model.mart):
        set_parameters(connection, run_id="test", **settings)
    for path in sorted(case.glob("input.*.csv"), key=in_order_of_creation):
        put_rows(model, path)
    wanted = sorted(case.glob("expected*.csv"))
    only_checks = [path.name for path in wanted] == ["expected.checks.csv"]
    if table.insertion is not None and not is_piped(table) and not only_checks:
        run_file(model.server(table.server), table.insertion)
    for path in wanted:
        what = path.name.removeprefix("expected.").removesuffix("csv").removesuffix(".")
        expected, columns = read_csv(path)
        assert rows_of(model, table, what, columns) == expected, path.name


def test_every_kind_of_table_has_cases() -> None:
    tested = {case.relative_to(HERE).parts[:3] for case in CASES}
    tables = [t for t in load_tables() if t.server in SERVERS]
    ruled = {t.name for t in tables if t.layer in ("staging", "rejected") and t.metadata.kind != "function"}
    filled = {t.name for t in tables if t.name.startswith(("agg_", "fact_trip_")) or t.checks}
    assert (ruled | filled) - {name for _, _, name in tested} == set()


def is_piped(table: Table) -> bool:
    """Whether its insertion.sql is a query for the warehouse, whose rows are piped to the mart."""
    return table.domain == "taxi" and table.server == "mart" and not table.name.startswith("agg_")


def read_csv(path: Path) -> tuple[Rows, list[str]]:
    """Sorted rows and the columns; an empty field is NULL."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return sorted((tuple(value or None for value in row) for row in rows), key=str), header


def rows_of(model: Model, table: Table, what: str, columns: list[str]) -> Rows:
    """Sorted rows, as text, of the table itself (`what` is empty), of its failing checks, or of one of its queries."""
    if what == "checks":
        assert table.checks is not None
        broken = [
            (check.name, check.severity, str(len(model.server(table.server).execute(check.query).fetchall())))
            for check in read_checks(table.checks)
        ]
        return sorted(row for row in broken if row[2] != "0")
    if what:
        return fetch(model.server(table.server), query_of(table.path / f"{what}.sql"), columns)
    if table.insertion is not None and is_piped(table):
        return fetch(model.warehouse, query_of(table.insertion), columns)
    return fetch(model.server(table.server), f"select * from {table.qualified_name}", columns)


def fetch(connection: Connection, query: str, columns: list[str]) -> Rows:
    texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
    rows = connection.execute(sql.SQL("select {} from ({}) as rows").format(texts, sql.SQL(query))).fetchall()
    return sorted(rows, key=str)


def in_order_of_creation(path: Path) -> int:
    """A table's rows come after those that they refer to."""
    return [table.qualified_name for table in load_tables()].index(filled_by(path))


def filled_by(path: Path) -> str:
    """The table that an input file is for."""
    return path.name.removeprefix("input.").removesuffix(".csv")


def put_rows(model: Model, path: Path) -> None:
    """COPY a CSV file into the table that its name tells, creating the partitions it needs."""
    name = filled_by(path)
    connection = model.server("mart" if name.startswith(("taxi.", "sales.", "wine.")) else "warehouse")
    rows, columns = read_csv(path)
    if name.startswith(("raw.", "taxi.fact_trip_")):
        for month in sorted({row[columns.index("file_month")] for row in rows}):
            add_partition(connection, name, date.fromisoformat(month))
    copied = sql.SQL("copy {} ({}) from stdin (format csv, header true)").format(
        sql.Identifier(*name.split(".")), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor().copy(copied) as copy:
        copy.write(path.read_bytes())


def add_partition(connection: Connection, parent: str, month: date) -> None:
    scalar(connection, "select flocon.new_partition(%s, %s)", parent, month)
    scalar(connection, "select flocon.constrain_partition(%s, %s)", parent, month)
    scalar(connection, "select flocon.attach_partition(%s, %s)", parent, month)
