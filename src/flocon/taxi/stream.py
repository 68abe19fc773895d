"""A month's file as a stream of binary COPY, measured on the way."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder

from flocon.errors import ContractError
from flocon.months import month_label, next_month
from flocon.taxi.amounts import total_cents
from flocon.taxi.contract import Fit
from flocon.taxi.names import describe

_BATCH_ROWS = 16_384  # about 3 MB encoded: large enough for COPY, small enough to keep memory flat
_LEAST_SHARE_IN_MONTH = 0.5


class CopyStream:
    """Iterate once for the chunks; `rows`, `cents` (sum of total_amount) and `bytes` are then those of the file."""

    def __init__(self, file: pq.ParquetFile, fitted: Fit, month: date) -> None:
        self.rows = self.cents = self.bytes = 0
        self._file = file
        self._fitted = fitted
        self._month = month
        self._in_month = 0
        self._pickup = next(name for name in fitted.schema.names if name.endswith("pickup_datetime"))

    def __iter__(self) -> Iterator[bytes]:
        encoder = ArrowToPostgresBinaryEncoder(self._fitted.schema)
        yield encoder.write_header()
        for batch in self._batches():
            fitted = self._fitted.apply(batch)
            self._measure(fitted)
            chunk = encoder.write_batch(fitted)
            self.bytes += len(chunk)
            yield chunk
        yield encoder.finish()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """One row group after the other: asked for together, all of them would be fetched ahead and kept."""
        columns = [source for source in self._fitted.sources if source is not None]
        for group in range(self._file.num_row_groups):
            yield from self._file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns)

    def check_month(self) -> None:
        """Raise `ContractError` when most trips were picked up in another month: the file is not what its name says."""
        if self._in_month < _LEAST_SHARE_IN_MONTH * self.rows:
            raise ContractError(
                f"{describe(self._fitted.file_name)}: only {self._in_month:,} of its {self.rows:,} trips were picked "
                f"up in {month_label(self._month)}: this is the file of another month. What was loaded before stays; "
                "ask the publisher, or correct the file name in your source."
            )

    def _measure(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self.cents += total_cents(batch.column("total_amount"))
        picked_up = batch.column(self._pickup)
        after_start = pc.greater_equal(picked_up, _midnight(self._month))
        before_end = pc.less(picked_up, _midnight(next_month(self._month)))
        self._in_month += pc.and_(after_start, before_end).true_count


def _midnight(day: date) -> "pa.Scalar[Any]":
    return pa.scalar(day, pa.date32()).cast(pa.timestamp("us"))
