"""Lake → warehouse: one file as published into one partition, at the speed of COPY, whole or not at all."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder

from flocon import ledger
from flocon.errors import ContractError, FloconError, TransientError, Unbalanced
from flocon.flow import Flow, Outcome
from flocon.postgres import Connection, copy_in
from flocon.tables import Table, find_table, fingerprint
from flocon.taxi.amounts import dollars, total_cents
from flocon.taxi.contract import Fit, fit, prove_lossless
from flocon.taxi.land import BUCKET, held_object
from flocon.taxi.months import describe, file_name, label, next_month

log = logging.getLogger(__name__)

_BATCH_ROWS = 16_384  # about 3 MB encoded: large enough for COPY, small enough to keep memory flat
_LEAST_SHARE_IN_MONTH = 0.5


def load(flow: Flow, service: str, month: date, *, force: bool = False) -> Outcome:
    """Load the landed file of a month into `raw.<service>_trip`, replacing what was loaded of that month.

    Raises `ContractError` before the warehouse is touched when the file does not fit; on any error the month that was
    loaded before stays.
    """
    started = time.monotonic()
    table = find_table("taxi", "raw", f"{service}_trip")
    with flow.holding(f"{service} {label(month)}") as warehouse:
        landed = ledger.current(warehouse, f"taxi.{service}", "lake", month)
        if landed is None:
            raise FloconError(
                f"{service} {label(month)} was never landed in the lake: run the month from its first step."
            )
        before = ledger.current(warehouse, f"taxi.{service}", "warehouse", month)
        wanted = f"sha256 {landed.sha256} contract {fingerprint([table])}"
        stale = ledger.why_stale(before, wanted, output_exists=_exists(warehouse, table, month), force=force)
        warehouse.commit()
        if stale is not None:
            before = _replace(flow, warehouse, table, landed, wanted, started)
    return _outcome(before, service, month, stale, time.monotonic() - started)


def _outcome(
    entry: ledger.Entry | None, service: str, month: date, stale: str | None, seconds: float
) -> Outcome:
    assert entry is not None  # never stale without an entry, and an entry was just made otherwise
    about = f"{service} {label(month)}"
    if stale is None:
        message = f"{about}: nothing to do, the warehouse already holds these {entry.rows:,} rows (sha256 {entry.sha256})"
    else:
        speed = (entry.rows or 0) / max(seconds, 1e-6)
        message = f"{about}: {entry.rows:,} rows loaded in {seconds:.1f} s, {speed:,.0f} rows/s ({stale})"
    log.info("%s", message)
    return Outcome("warehouse", service, month, stale is not None, message, seconds, entry.rows, entry.sha256)


def _exists(warehouse: Connection, table: Table, month: date) -> bool:
    query = "select to_regclass(flocon.partition_name(%s::regclass, %s)) is not null"
    row = warehouse.execute(query, [table.qualified_name, month]).fetchone()
    return bool(row and row[0])


def _replace(
    flow: Flow, warehouse: Connection, table: Table, landed: ledger.Entry, wanted: str, started: float
) -> ledger.Entry:
    assert landed.file_month is not None
    month, name = landed.file_month, file_name(table.name.removesuffix("_trip"), landed.file_month)
    key = _untouched(flow, landed, name)
    with flow.lake.open_parquet(BUCKET, key) as file, _readable(name):
        fitted = fit(table, file, name)
        prove_lossless(fitted, file)
        _keep_new_columns(warehouse, table, fitted)
        stream = Stream(file, fitted, month)
        with warehouse.transaction():
            leaf = warehouse.execute(
                "select flocon.new_partition(%s, %s)", [table.qualified_name, month]
            ).fetchone()
            assert leaf is not None
            rows = copy_in(warehouse, leaf[0], fitted.schema.names, stream)
            if rows != landed.rows:
                raise Unbalanced(
                    f"{describe(name)}: {landed.rows:,} rows landed but {rows:,} arrived; nothing was loaded."
                )
            stream.check_month()
            warehouse.execute("select flocon.attach_partition(%s, %s)", [table.qualified_name, month])
            entry = _entry(flow, landed, wanted, stream, rows, started)
            ledger.record(warehouse, entry)
    return entry


def _entry(
    flow: Flow, landed: ledger.Entry, wanted: str, stream: "Stream", rows: int, started: float
) -> ledger.Entry:
    return ledger.Entry(
        dataset=landed.dataset,
        file_month=landed.file_month,
        step="warehouse",
        input_fingerprint=wanted,
        run_id=flow.run_id,
        seconds=time.monotonic() - started,
        source_url=landed.source_url,
        etag=landed.etag,
        last_modified=landed.last_modified,
        sha256=landed.sha256,
        is_synthetic=landed.is_synthetic,
        rows=rows,
        amount=dollars(stream.cents),
        bytes=stream.bytes,
        schema_seen=landed.schema_seen,
        facts={"new_columns": stream.fitted.new},
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
            f"{describe(name)}: the file has a readable footer but a damaged page ({error}). What was loaded before stays. "
            "FORCE=1 fetches it again; if it fails again the publisher's file is damaged and has to be re-published."
        ) from error


def _keep_new_columns(warehouse: Connection, table: Table, fitted: Fit) -> None:
    """Add a publisher's new columns to the raw table, in a transaction of their own: the lock on the table is short."""
    for column, kind in fitted.new.items():
        log.warning(
            "%s has the column %s (%s), which the contract of %s does not know: it is kept, in rows of this month on",
            *(fitted.file_name, column, kind, table.qualified_name),
        )
        with warehouse.transaction():
            warehouse.execute("select flocon.keep_column(%s, %s, %s)", [table.qualified_name, column, kind])


class Stream:
    """The file as chunks of binary COPY, measured on the way: `rows`, `cents` (sum of total_amount) and `bytes`."""

    def __init__(self, file: pq.ParquetFile, fitted: Fit, month: date) -> None:
        self.fitted = fitted
        self.rows = self.cents = self.bytes = 0
        self._file = file
        self._month = month
        self._in_month = 0
        self._pickup = next(name for name in fitted.schema.names if name.endswith("pickup_datetime"))

    def __iter__(self) -> Iterator[bytes]:
        encoder = ArrowToPostgresBinaryEncoder(self.fitted.schema)
        columns = [source for source in self.fitted.sources if source is not None]
        yield encoder.write_header()
        for batch in self._file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            fitted = self.fitted.apply(batch)
            self._measure(fitted)
            chunk = encoder.write_batch(fitted)
            self.bytes += len(chunk)
            yield chunk
        yield encoder.finish()

    def _measure(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self.cents += total_cents(batch.column("total_amount"))
        first, end = (
            pa.scalar(datetime(m.year, m.month, 1), pa.timestamp("us"))
            for m in (self._month, next_month(self._month))
        )
        pickup = batch.column(self._pickup)
        self._in_month += pc.sum(pc.and_(pc.greater_equal(pickup, first), pc.less(pickup, end))).as_py() or 0

    def check_month(self) -> None:
        """Raise `ContractError` when most trips were picked up in another month: the file is not of the month it names."""
        if self._in_month < _LEAST_SHARE_IN_MONTH * self.rows:
            raise ContractError(
                f"{describe(self.fitted.file_name)}: only {self._in_month:,} of its {self.rows:,} trips were picked up in "
                f"{label(self._month)}: this is the file of another month. What was loaded before stays; ask the publisher "
                "or correct the source's file name."
            )
