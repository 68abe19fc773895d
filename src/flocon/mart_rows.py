"""Gold's rows on their way into the mart: copied beside a table and compared with it; only what differs is written.

All of it happens in the caller's transaction.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TypeAlias

from psycopg import sql

from flocon import ledger
from flocon.checks import run_checks
from flocon.engine import Engine
from flocon.postgres import Connection, first_rows, scalar
from flocon.shelf import Shelf
from flocon.tables import Table, domain_tables

log = logging.getLogger(__name__)

# How many rows were inserted, updated and deleted, by these words.
Changes: TypeAlias = dict[str, int]

_CHUNK_BYTES = 1 << 18


def mart_tables(domain: str) -> list[Table]:
    """The tables of a domain's schema in the mart, each after those that it refers to."""
    return [table for table in domain_tables(domain) if table.server == "mart"]


def count_rows(mart: Connection, table: Table, month: date | None = None) -> int:
    """The rows of a mart table: all, or those of one month."""
    counted = sql.SQL("select count(*) from {} where {}").format(_name(table), _of(month))
    return int(mart.execute(counted).fetchall()[0][0])


def still_shows(mart: Connection, domain: str, entry: ledger.Entry | None) -> bool:
    """Whether no table that a publication filled lost all its rows, as one that was dropped and created again has.

    Of a publication of one month, the rows of that month. The entry's fact `rows` says how many each table got.
    """
    if entry is None:
        return False
    filled = [table for table in mart_tables(domain) if entry.facts["rows"].get(table.name)]
    exists = sql.SQL("select exists (select from {} where {})")
    found = [mart.execute(exists.format(_name(table), _of(entry.file_month))).fetchone() for table in filled]
    return all(row == (True,) for row in found)


def arrive(
    mart: Connection, engine: Engine, shelf: Shelf, table: Table, gold: str, month: date | None = None
) -> str:
    """Copy a gold table into a temporary table of the mart, which it returns: the columns of `table`, by name.

    With a `month`, the column `file_month` of `table` is that month; gold does not have it.
    """
    path = shelf.folder / f"{table.name}.csv"
    columns = ", ".join(_value(name, month) for name in table.metadata.columns)
    engine.register(gold, shelf.paths(gold))
    engine.write_csv(f"select {columns} from {gold}", path)  # noqa: S608 (a table of sql/)
    arriving: str = scalar(mart, "select flocon.new_arrival(%s)", table.qualified_name)
    copied = _copy_csv(mart, arriving, list(table.metadata.columns), path)
    path.unlink()
    log.info("%s: %s rows came from %s", table.qualified_name, f"{copied:,}", gold)
    return arriving


def replace(mart: Connection, table: Table, arrived: str, month: date | None = None) -> Changes:
    """Make the rows of a mart table, or those of one month, what arrived; rows that are the same are not touched."""
    if month is None:
        query = "select inserted, updated, deleted from flocon.replace_rows(%s, %s)"
        done = mart.execute(query, [table.qualified_name, arrived]).fetchone()
    else:
        query = "select inserted, updated, deleted from flocon.replace_month(%s, %s, %s)"
        done = mart.execute(query, [table.qualified_name, arrived, month]).fetchone()
    return dict(zip(("inserted", "updated", "deleted"), done or (), strict=True))


def check(mart: Connection, domain: str, about: str) -> None:
    """Run the checks of all tables of a domain's schema.

    Raises:
        CheckFailed: a check of severity `fail` found rows; `about` names what is not published.
    """
    paths = [table.checks for table in mart_tables(domain) if table.checks is not None]
    run_checks(first_rows(mart), paths, about)


@contextmanager
def timed(about: str, part: str, seconds: dict[str, float]) -> Iterator[None]:
    """Note in `seconds` and in the log how long a part of a publication took."""
    started = time.monotonic()
    yield
    seconds[part] = round(time.monotonic() - started, 3)
    log.info("%s: %s took %.2f s", about, part, seconds[part])


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema_name, table.name)


def _of(month: date | None) -> sql.Composable:
    return sql.SQL("true") if month is None else sql.SQL("file_month = {}").format(sql.Literal(month))


def _value(column: str, month: date | None) -> str:
    is_month = month is not None and column == "file_month"
    return f"date '{month}' as file_month" if is_month else f'"{column}"'


def _copy_csv(connection: Connection, table: str, columns: list[str], path: Path) -> int:
    """COPY a CSV file, whose header must name the columns in this order, into a table; return the rows stored."""
    statement = sql.SQL("copy {} ({}) from stdin (format csv, header match)").format(
        sql.SQL(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy, path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                copy.write(chunk)
        return cursor.rowcount
