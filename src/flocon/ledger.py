"""The ledger: what was done, from which bytes. The only place that decides whether a step has work to do."""

import dataclasses
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from flocon.errors import Busy
from flocon.postgres import Connection

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One finished step. `amount` is in the domain's currency, `bytes` and `rows` are of the step's output.

    `finished_at` is the ledger's own: it is read, never written.
    """

    dataset: str
    step: str
    file_month: date | None = None
    input_fingerprint: str
    run_id: str
    seconds: float
    source_url: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None
    is_synthetic: bool | None = None
    rows: int | None = None
    amount: Decimal | None = None
    bytes: int | None = None
    schema_seen: dict[str, str] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None


_CURRENT = sql.SQL("select {} from ledger.current_step ").format(
    sql.SQL(", ").join(sql.Identifier(field.name) for field in dataclasses.fields(Entry))
)


def current(connection: Connection, dataset: str, step: str, month: date | None = None) -> Entry | None:
    """The newest entry of a step, or None when it was never done."""
    query = _CURRENT + sql.SQL("where dataset = %s and step = %s and file_month is not distinct from %s")
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(query, [dataset, step, month]).fetchone()


def all_current(connection: Connection, step: str | None = None) -> list[Entry]:
    """The newest entry of a step, or of every one, for every dataset and month that it was done for."""
    query = _CURRENT + sql.SQL("where step = coalesce(%s, step) order by dataset, file_month, step")
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(query, [step]).fetchall()


def why_stale(
    entry: Entry | None, fingerprint: str | None, *, output_exists: bool, force: bool
) -> str | None:
    """Say why a step must be done again, or None when the same input gave the output that is still there.

    A fingerprint of None means that the input cannot be told apart from another, so nothing proves it unchanged.
    """
    if force:
        return "forced"
    if entry is None:
        return "never done"
    if not output_exists:
        return "its output is gone"
    if fingerprint is None or fingerprint != entry.input_fingerprint:
        return "its input changed"
    return None


def record(connection: Connection, entry: Entry) -> None:
    """Add an entry, in the transaction of the work that it describes."""
    values = dataclasses.asdict(entry)
    del values["finished_at"]
    values |= {
        "file_month": None if entry.file_month is None else entry.file_month.isoformat(),
        "amount": None if entry.amount is None else str(entry.amount),  # 0.00 is an amount
    }
    connection.execute("select ledger.record(%s)", [Jsonb(values)])


@contextmanager
def exclusive(connection: Connection, thing: str, run_id: str, patience: float) -> Iterator[None]:
    """Hold the lock on `thing` (as in `yellow 2024-01`) for this connection's session.

    Waits up to `patience` seconds for another run to finish, then raises `Busy`, naming it.
    """
    connection.execute("select set_config('application_name', %s, false)", [f"flocon {run_id}"[:63]])
    connection.commit()
    _acquire(connection, thing, patience)
    try:
        yield
    finally:
        if not connection.broken and not connection.closed:  # a lost session has already lost its lock
            connection.rollback()
            connection.execute("select flocon.unlock(%s)", [thing])
            connection.commit()


def _acquire(connection: Connection, thing: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    told = None
    while (holder := _holder(connection, thing)) is not None:
        if time.monotonic() > deadline:
            raise Busy(
                f"{thing}: `{holder}` is still at work on it after {patience:.0f} s; run it again when that has ended."
            )
        if holder != told:
            log.info("%s: waiting for `%s`, which is at work on it", thing, holder)
            told = holder
        time.sleep(0.5)


def _holder(connection: Connection, thing: str) -> str | None:
    row = connection.execute("select flocon.try_lock(%s)", [thing]).fetchone()
    connection.commit()
    return row[0] if row else None
