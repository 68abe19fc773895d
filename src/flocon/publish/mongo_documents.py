"""Rows of a gold table as MongoDB documents, read piece by piece from its Parquet file."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from bson.decimal128 import Decimal128
from bson.int64 import Int64

from flocon.errors import FloconError
from flocon.publish.mongo_server import Document
from flocon.tables import Table

SOURCE_HASH = "_source_hash"

_MOST_DIGITS = 34  # of a Decimal128


@dataclass(frozen=True)
class Shape:
    """How rows of `table` become documents: `_id`, the columns in their order, and the hash of the bytes they are from.

    bigint → long and smaller integers → int, whatever the value; numeric → Decimal128 (double where the server has no
    decimals); date → date at midnight UTC; null stays null. `_id` is the primary key as text, or as a JSON list of its
    columns: one type in every collection, and no order of fields to get wrong, as a document as `_id` has.
    """

    table: Table
    source_hash: str
    has_decimals: bool

    def batches(self, path: Path, rows: int) -> Iterator[list[Document]]:
        """The documents of a Parquet file, at most so many at a time.

        Raises:
            FloconError: a key is null, or a value has no exact form in MongoDB; names table and column.
        """
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(rows, use_threads=False):
                yield self._documents(batch)

    def _documents(self, batch: pa.RecordBatch) -> list[Document]:
        names = ["_id", *batch.schema.names, SOURCE_HASH]
        columns = [self._values(name, batch.column(name)) for name in batch.schema.names]
        hashes = [self.source_hash] * batch.num_rows
        rows = zip(self._ids(batch), *columns, hashes, strict=True)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _ids(self, batch: pa.RecordBatch) -> list[str]:
        key = self.table.metadata.primary_key
        missing = [name for name in key if batch.column(name).null_count]
        if missing or not key:
            raise FloconError(
                f"{self.table.qualified_name}: a document needs a key, and {', '.join(missing) or 'primary_key'} is "
                f"missing; correct the table's query.sql or metadata.yaml."
            )
        parts = [batch.column(name).to_pylist() for name in key]
        if len(parts) == 1:
            return [str(value) for value in parts[0]]
        return [json.dumps(values, default=str, ensure_ascii=False) for values in zip(*parts, strict=True)]

    def _values(self, name: str, column: "pa.Array[Any]") -> list[Any]:
        about = f"{self.table.qualified_name}.{name}"
        if pa.types.is_date(column.type):
            return list(
                column.cast(pa.timestamp("ms")).to_pylist()
            )  # without a zone: the driver takes it as UTC
        values: list[Any] = column.to_pylist()
        convert = self._conversion(column.type, about)
        return values if convert is None else [None if value is None else convert(value) for value in values]

    def _conversion(self, kind: pa.DataType, about: str) -> Callable[[Any], Any] | None:
        """How a value is converted, None where the driver does so by itself."""
        if pa.types.is_int64(kind):
            return Int64
        if pa.types.is_decimal(kind) and kind.precision <= _MOST_DIGITS:
            return Decimal128 if self.has_decimals else lambda value: exact_double(value, about)
        plain = (pa.types.is_boolean, pa.types.is_floating, pa.types.is_string, pa.types.is_large_string)
        if any(is_plain(kind) for is_plain in plain) or pa.types.is_signed_integer(kind):
            return None
        raise FloconError(f"{about}: {kind} has no form in MongoDB yet; give the column another type.")


def exact_double(value: Decimal, about: str) -> float:
    """The double that is shown as `value`: exact to the cent below ten thousand billion.

    Raises:
        FloconError: there is none; `about` names the column.
    """
    number = float(value)
    if Decimal(repr(number)) != value:
        raise FloconError(
            f"{about}: {value} cannot be kept exactly by FerretDB 1, which has no decimals; "
            "use MongoDB or FerretDB 2."
        )
    return number
