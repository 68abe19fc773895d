"""Lake → warehouse: one file as published into one partition, at the speed of COPY, whole or not at all."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pyarrow as pa

from flocon import ledger
from flocon.errors import ContractError, FloconError, TransientError, Unbalanced
from flocon.flow import Flow, Outcome
from flocon.months import month_label
from flocon.postgres import Connection, copy_in, has_partition, new_partition, scalar
from flocon.tables import Table, find_table, fingerprint
from flocon.taxi.amounts import dollars
from flocon.taxi.contract import Fit, fit, prove_lossless
from flocon.taxi.land import BUCKET, held_object
from flocon.taxi.names import describe, file_name
from flocon.taxi.stream import CopyStream

log = logging.getLogger(__name__)


def load(flow: Flow, service: str, month: date, *, force: bool = False) -> Outcome:
    """Load the landed file of a month into `raw.<service>_trip`, replacing what was loaded of that month.

    Raises `ContractError` before the warehouse is touched when the file does not fit; on any error the month that was
    loaded before stays.
    """
    started = time.monotonic()
    table = find_table("taxi", "raw", f"{service}_trip")
    with flow.holding(f"{service} {month_label(month)}") as warehouse:
        landed = ledger.current(warehouse, f"taxi.{service}", "lake", month)
        if landed is None:
            raise FloconError(
                f"{service} {month_label(month)} was never landed in the lake: run the month from its first step."
            )
        entry = ledger.current(warehouse, f"taxi.{service}", "warehouse", month)
        wanted = f"sha256 {landed.sha256} contract {fingerprint([table])}"
        exists = has_partition(warehouse, table.qualified_name, month)
        stale = ledger.why_stale(entry, wanted, output_exists=exists, force=force)
        warehouse.commit()
        if entry is None or stale is not None:
            entry = _load(flow, warehouse, table, month, landed)
            entry = replace(entry, input_fingerprint=wanted, seconds=time.monotonic() - started)
            ledger.record(warehouse, entry)
            warehouse.commit()
    return _outcome(entry, service, month, stale, time.monotonic() - started)


def _outcome(entry: ledger.Entry, service: str, month: date, stale: str | None, seconds: float) -> Outcome:
    about = f"{service} {month_label(month)}"
    if stale is None:
        message = (
            f"{about}: nothing to do, the warehouse has these {entry.rows:,} rows (sha256 {entry.sha256})"
        )
    else:
        speed = (entry.rows or 0) / max(seconds, 1e-6)
        message = f"{about}: {entry.rows:,} rows loaded in {seconds:.1f} s, {speed:,.0f} rows/s ({stale})"
    log.info("%s", message)
    return Outcome("warehouse", service, month, stale is not None, message, seconds, entry.rows, entry.sha256)


def _load(flow: Flow, warehouse: Connection, table: Table, month: date, landed: ledger.Entry) -> ledger.Entry:
    """Fill and attach the month's partition in the connection's transaction, which the caller commits."""
    name = file_name(table.name.removesuffix("_trip"), month)
    with flow.lake.open_parquet(BUCKET, _untouched(flow, landed, name)) as file, _readable(name):
        fitted = fit(table, file, name)
        prove_lossless(fitted, file)
        _keep_new_columns(warehouse, table, fitted)
        stream = CopyStream(file, fitted, month)
        leaf = new_partition(warehouse, table.qualified_name, month)
        rows = copy_in(warehouse, leaf, fitted.schema.names, stream)
    if rows != landed.rows:
        raise Unbalanced(
            f"{describe(name)}: {landed.rows:,} rows landed but {rows:,} arrived; nothing was loaded."
        )
    stream.check_month()
    scalar(warehouse, "select flocon.attach_partition(%s, %s)", table.qualified_name, month)
    return replace(
        landed,
        step="warehouse",
        run_id=flow.run_id,
        rows=rows,
        amount=dollars(stream.cents),
        bytes=stream.bytes,
        facts={"source": landed.facts["source"], "new_columns": fitted.new},
    )


def _untouched(flow: Flow, landed: ledger.Entry, name: str) -> str:
    """The key of the landed object, once it is sure to be the one that the ledger describes."""
    key, etag = held_object(landed)
    held = flow.lake.head(BUCKET, key)
    if held is None or held.etag != etag:
        state = "is gone" if held is None else "was changed by somebody else"
        raise FloconError(
            f"{describe(name)}: the lake object {BUCKET}/{key} {state} since it landed. Run the month again."
        )
    return key


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Tell an unreadable file from a lake that went away while it was read."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if "AWS Error" in str(error) and "NETWORK_CONNECTION" in str(error):
            raise TransientError(
                f"{describe(name)}: the lake went away while the file was read ({error})."
            ) from error
        raise ContractError(
            f"{describe(name)}: the footer is fine but a page is damaged ({error}). What was loaded before stays. "
            "FORCE=1 fetches it again; if that fails too, the published file itself is damaged: ask the publisher."
        ) from error


def _keep_new_columns(warehouse: Connection, table: Table, fitted: Fit) -> None:
    """Add a publisher's new columns to the raw table, in a transaction of their own: the lock on the table is short."""
    for column, kind in fitted.new.items():
        log.warning(
            "%s has the column %s (%s), unknown to the contract of %s: it is kept, NULL in the months without it",
            *(fitted.file_name, column, kind, table.qualified_name),
        )
        scalar(warehouse, "select flocon.keep_column(%s, %s, %s)", table.qualified_name, column, kind)
        warehouse.commit()
