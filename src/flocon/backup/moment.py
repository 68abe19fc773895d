"""One moment of both servers: what a backup is of, whatever runs meanwhile.

A publication changes the mart and the warehouse in two commits, but only in its turn to change the mart's tables; and
whoever exchanges a table (a load, a publication) takes the turn of its schema as well. So the turns of all schemas are
taken first. Then both servers export a snapshot, from which everything is read, by `pg_dump` too.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import IsolationLevel

from flocon.backup.manifest import LedgerState
from flocon.errors import Busy, FloconError
from flocon.postgres import Connection, Sessions, explained, fetch_file, scalar, set_parameters
from flocon.tables import sql_root

# The mart is looked at first: should the warehouse be ahead, then by what the next run publishes.
_ORDER = ("mart", "warehouse")
_ALL = (1 << 63) - 1


@dataclass(frozen=True)
class Seen:
    """One server at that moment. `snapshot` is its name for `pg_dump`, `postgres` its version number."""

    snapshot: str
    at: datetime
    postgres: int
    schemas: list[str]
    ledger: LedgerState


@contextmanager
def moment_of(servers: Mapping[str, str], patience_s: float) -> Iterator[dict[str, Seen]]:
    """Both servers, by name, as they are at one moment; until the block ends, no table is exchanged there.

    `servers` are connection strings. Waits up to `patience_s` for a month that just appears.

    Raises:
        Busy: it took longer.
        FloconError: a server has no schemas.
    """
    with explained("backup") as sessions, ExitStack() as held:
        for server in _ORDER:
            held.enter_context(_turns(sessions, server, servers[server], patience_s))
        yield {server: held.enter_context(_snapshot(sessions, server, servers[server])) for server in _ORDER}


@contextmanager
def _turns(sessions: Sessions, server: str, dsn: str, patience_s: float) -> Iterator[None]:
    """Have the turn to change tables in every schema of a server, so that nobody else has."""
    with sessions.open(server, lambda: psycopg.connect(dsn, application_name="flocon backup")) as connection:
        schemas = own_schemas(connection)
        if "ledger" not in schemas:
            raise FloconError(f"the {server} has no tables yet, so there is nothing to back up.")
        scalar(connection, "select set_config('lock_timeout', %s, true)", f"{max(1, round(patience_s))}s")
        try:
            for schema in schemas:
                scalar(connection, "select flocon.take_turn(%s)", schema)
        except psycopg.errors.LockNotAvailable as error:
            raise Busy(
                f"a run was still changing the {server} after {patience_s:.0f} s; no backup was taken, try again."
            ) from error
        yield


@contextmanager
def _snapshot(sessions: Sessions, server: str, dsn: str) -> Iterator[Seen]:
    with sessions.open(server, lambda: psycopg.connect(dsn, application_name="flocon backup")) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield Seen(
            scalar(connection, "select pg_export_snapshot()"),
            scalar(connection, "select now()"),
            connection.info.server_version,
            own_schemas(connection),
            ledger_state(connection),
        )


def own_schemas(connection: Connection) -> list[str]:
    """The schemas of the connection's role, which is all that Flocon made."""
    query = "select nspname from pg_namespace where nspowner = current_user::regrole order by 1"
    return [name for (name,) in connection.execute(query)]


def ledger_state(connection: Connection, last_id: int = _ALL) -> LedgerState:
    """How far a server's ledger went, as far as the entry `last_id`."""
    set_parameters(connection, last_id=last_id)
    return LedgerState(**fetch_file(connection, backup_sql("state"))[0])


def backup_sql(name: str) -> Path:
    """A file of sql/core/backup."""
    return sql_root() / "core" / "backup" / f"{name}.sql"
