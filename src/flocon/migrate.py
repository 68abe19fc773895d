"""Create or update the schemas of the warehouse and the mart from sql/."""

import logging
import time
from pathlib import Path

from flocon import ledger
from flocon.errors import FloconError
from flocon.postgres import Connection, explained, run_file
from flocon.tables import Table, fingerprint, load_tables, sql_root

log = logging.getLogger(__name__)

_CORE = ("partition", "lock", "merge", "ledger")
_CORE_OF = {"warehouse": _CORE, "mart": (*_CORE, "reconciliation")}


def core_sql(server: str) -> list[Path]:
    """The files of the mechanisms that a server (`warehouse` or `mart`) needs, in order."""
    return [sql_root() / "core" / part / "creation.sql" for part in _CORE_OF[server]]


def migrate(warehouse: Connection, mart: Connection, *, run_id: str = "migrate") -> None:
    """Bring both servers to the state that sql/ describes: schemas, functions, tables, views, reference data.

    Every file can run again on what it made before, so this does nothing to data; unchanged files are not run at all.
    """
    tables = load_tables()
    for server, connection in (("warehouse", warehouse), ("mart", mart)):
        with explained(f"migrating the {server}"):
            _create_core(connection, server)
            with connection.transaction():
                _create_tables(connection, server, tables, run_id)


def _create_core(connection: Connection, server: str) -> None:
    """Create the mechanisms in a transaction of their own, before the first entry is written to the ledger.

    With `wal_level = minimal`, PostgreSQL 18 does not log a sequence that is used in the transaction that created it:
    after a crash it would give out the numbers of the ledger's entries a second time.
    """
    with connection.transaction():
        for path in core_sql(server):
            run_file(connection, path)


def _create_tables(connection: Connection, server: str, tables: list[Table], run_id: str) -> None:
    started = time.monotonic()
    own = [table for table in tables if table.server == server]
    wanted = fingerprint(own)
    if not ledger.why_stale(
        ledger.current(connection, "schema", "migrate"), wanted, output_exists=True, force=False
    ):
        return
    for table in own:
        run_file(connection, table.creation)
        _refuse_old_shape(connection, table)
        if table.layer == "reference" and table.insertion is not None:
            run_file(connection, table.insertion)
    seconds = time.monotonic() - started
    entry = ledger.Entry(
        dataset="schema", step="migrate", input_fingerprint=wanted, run_id=run_id, seconds=seconds
    )
    ledger.record(connection, entry)
    log.info("%s: %d tables and views created or updated in %.1f s", server, len(own), seconds)


def _refuse_old_shape(connection: Connection, table: Table) -> None:
    """Raise `FloconError` when a table was created by an earlier version without a column that it now must have.

    `create table if not exists` leaves such a table as it is, and every later step would fail on it less clearly.
    """
    if table.metadata.kind not in ("table", "partitioned"):
        return
    query = (
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
    )
    present = {name for (name,) in connection.execute(query, [table.qualified_name])}
    missing = [name for name in table.metadata.columns if name not in present]
    if missing:
        raise FloconError(
            f"{table.qualified_name} on the {table.server} lacks the columns {', '.join(missing)}: an earlier version "
            f"created it. Nothing was changed. Its months can be made again from the lake: drop it there (drop table "
            f"{table.qualified_name} cascade), then `make up` and `make run` for the months that are loaded."
        )
