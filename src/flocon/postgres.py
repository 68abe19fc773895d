"""PostgreSQL: run a SQL file with its parameters, and COPY a stream in or across servers.

Parameters of a SQL file are session settings (`current_setting('flocon.month')`), so that the file stays plain SQL.
"""

import fcntl
import os
import select
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, LiteralString, NamedTuple, TypeAlias

import psycopg
from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.rows import dict_row

from flocon.checks import FirstRows
from flocon.errors import FloconError, TransientError

Connection: TypeAlias = psycopg.Connection[Any]

_PIPE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 18


class Column(NamedTuple):
    """A column of a query or table: its name and its type's OID."""

    name: str
    type_oid: int


@contextmanager
def explained(doing: str) -> Iterator["Sessions"]:
    """Turn a lost server into a `TransientError` that names it, and any other database error into a `FloconError`.

    Inside, connections are opened with the `Sessions` that this yields.
    """
    sessions = Sessions()
    try:
        yield sessions
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        server = " and the ".join(sessions.lost) or "PostgreSQL"
        raise TransientError(
            f"{doing}: the {server} server failed or went away ({_first_line(error)}). Nothing was committed; "
            f"run it again once `make status` shows it healthy."
        ) from error
    except psycopg.Error as error:
        raise FloconError(
            f"{doing}: PostgreSQL refused it ({_first_line(error)}). Nothing was committed."
        ) from error


class Sessions:
    """The servers that a piece of work is connected to, by name, so that a failure can say which one was lost."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection | None] = {}

    @contextmanager
    def open(self, server: str, connect: Callable[[], Connection]) -> Iterator[Connection]:
        """Connect; committed and closed when the block ends well, rolled back and closed otherwise."""
        self._connections[server] = None
        with connect() as connection:
            self._connections[server] = connection
            yield connection

    @property
    def lost(self) -> list[str]:
        """The servers that could not be reached, or whose connection broke."""
        return [name for name, connection in self._connections.items() if not connection or connection.broken]


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def set_parameters(connection: Connection, **parameters: object) -> None:
    """Set `flocon.<name>` for the current transaction."""
    for name, value in parameters.items():
        connection.execute("select set_config(%s, %s, true)", [f"flocon.{name}", str(value)])


def run_file(connection: Connection, path: Path) -> int:
    """Run all statements of a file; return the number of rows that the last one touched."""
    return max(connection.execute(_statement(path)).rowcount, 0)


def fetch_file(connection: Connection, path: Path) -> list[dict[str, Any]]:
    """Run the one query of a file; return its rows as dictionaries."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_statement(path)).fetchall()


def first_rows(connection: Connection) -> FirstRows:
    """How `flocon.checks` asks a server."""

    def ask(query: str, most: int) -> list[dict[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchmany(most)

    return ask


def query_of(path: Path) -> str:
    """The one query that a file holds, without its final semicolon, to be wrapped in a COPY."""
    return path.read_text(encoding="utf-8").strip().removesuffix(";")


def _statement(path: Path) -> LiteralString:
    """A file under sql/ is part of the program, as literal as a string in it."""
    return path.read_text(encoding="utf-8")


def scalar(connection: Connection, query: LiteralString, *arguments: object) -> Any:
    """The first value of a query's first row, or None when it has no row."""
    row = connection.execute(query, arguments).fetchone()
    return row[0] if row else None


def has_partition(connection: Connection, parent: str, month: date) -> bool:
    """Whether a month of a partitioned table is there."""
    return bool(
        scalar(
            connection,
            "select to_regclass(flocon.partition_name(%s::regclass, %s)) is not null",
            *(parent, month),
        )
    )


def new_partition(connection: Connection, parent: str, month: date, *date_bounds: object) -> str:
    """Create a standalone table for a month, to be filled and attached; return its qualified name.

    `date_bounds` are a date column, its first and its last value. Commits, so that the transaction that fills the table
    holds no lock on `parent` until it attaches it.
    """
    bounds = date_bounds or (None, None, None)
    leaf: str = scalar(connection, "select flocon.new_partition(%s, %s, %s, %s, %s)", parent, month, *bounds)
    connection.commit()
    return leaf


def columns_of(connection: Connection, query: str) -> list[Column]:
    """The columns that a query would return; it is planned, not run."""
    probe = sql.SQL("select * from ({}) as probed limit 0").format(sql.SQL(query))
    described = connection.execute(probe).description or []
    return [Column(column.name, column.type_code) for column in described]


def copy_in(connection: Connection, table: str, columns: Iterable[str], chunks: Iterable[bytes]) -> int:
    """Empty a table and COPY binary chunks into it; return the rows the server says it stored.

    Emptied by this transaction, the table takes the rows frozen and, until the commit, without WAL.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("truncate {}").format(sql.SQL(table)))
        with cursor.copy(_copy_from(table, columns)) as copy:
            for chunk in chunks:
                copy.write(chunk)
        return cursor.rowcount


def copy_across(source: Connection, query: str, target: Connection, table: str) -> int:
    """Replace a table's rows with a query's rows from another server, as one binary stream; return the rows stored.

    The query's columns name the target's columns and must have exactly their types, since binary COPY converts nothing.
    The stream is a pipe between two threads: the servers work at the same time and memory stays bounded.
    """
    columns = columns_of(source, query)
    _same_types(columns, columns_of(target, f"table {table}"), table)
    with cross_pipe(source, query) as chunks:
        return copy_in(target, table, [column.name for column in columns], chunks)


def _same_types(sent: list[Column], stored: list[Column], table: str) -> None:
    types = dict(stored)
    wrong = [name for name, oid in sent if types.get(name) != oid]
    if wrong:
        raise FloconError(
            f"{table}: the query's columns {wrong} are missing there or have another type; cast them in the query."
        )


@contextmanager
def cross_pipe(source: Connection, query: str) -> Iterator[Iterator[bytes]]:
    """Yield the binary COPY stream of a query in large chunks, read by a thread that stops when its reader does."""
    read_end, write_end = os.pipe()
    _widen(write_end)
    with ThreadPoolExecutor(1, "copy-out") as thread, os.fdopen(read_end, "rb", buffering=0) as stream:
        drained = thread.submit(_drain, source, query, write_end)
        yield _chunks(stream, drained)


def _widen(pipe: int) -> None:
    """Ask for a larger pipe: fewer switches between the two threads. Only Linux knows how."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(PermissionError):  # over the user's limit: the default size works as well
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _drain(source: Connection, query: str, write_end: int) -> None:
    """Write the rows of a COPY to the pipe, straight from libpq: `Copy.read` would take twice the time for each row."""
    statement = sql.SQL("copy ({}) to stdout (format binary)").format(sql.SQL(query))
    libpq = source.pgconn
    with os.fdopen(write_end, "wb", buffering=_CHUNK_BYTES) as pipe, source.cursor().copy(statement):
        while (received := libpq.get_copy_data(1))[0] >= 0:
            if received[0]:
                pipe.write(received[1])
            else:
                select.select([libpq.socket], [], [])
                libpq.consume_input()
        results = list(iter(libpq.get_result, None))  # all of them, or the connection stays busy
        for result in results:
            if result.status != ExecStatus.COMMAND_OK:
                raise error_from_result(result)


def _chunks(stream: BinaryIO | FileIO, drained: Future[None]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk
    drained.result()  # the stream also ends when the query failed: that must not pass for its end


def _copy_from(table: str, columns: Iterable[str]) -> sql.Composed:
    return sql.SQL("copy {} ({}) from stdin (format binary, freeze)").format(
        sql.SQL(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
