"""The contract of a month: which columns a file must bring, in which types, and what is done with anything else.

The contract itself is the metadata of the raw tables (`sql/taxi/raw/*/metadata.yaml`). Here a file is held against it:
casts that lose nothing are done, a missing optional column becomes NULL, a new column is kept, all else refuses it.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flocon.errors import ContractError
from flocon.tables import Table

log = logging.getLogger(__name__)

ARROW_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "text": pa.string(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}


@dataclass(frozen=True)
class Fit:
    """How the columns of one file fill the columns of the raw table.

    `schema` is what is sent to the table; `sources[i]` is the file's column for `schema[i]`, or None where that is all
    NULL; `new` maps a column that the contract does not know to its PostgreSQL type.
    """

    file_name: str
    schema: pa.Schema
    sources: tuple[str | None, ...]
    new: dict[str, str]

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rename, reorder and cast one batch; a cast that would lose information raises `ContractError`."""
        arrays = [
            self._column(batch, source, target)
            for source, target in zip(self.sources, self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _column(self, batch: pa.RecordBatch, source: str | None, target: "pa.Field[Any]") -> "pa.Array[Any]":
        if source is None:
            nothing: pa.Array[Any] = pa.nulls(batch.num_rows, target.type)
            return nothing
        column: pa.Array[Any] = batch.column(source)
        if column.type == target.type:
            return column
        try:
            cast: pa.Array[Any] = column.cast(target.type, safe=True)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ContractError(
                f"{self.file_name}: column {source} ({column.type}) cannot become {target.type} without loss: {error}. "
                "The month is refused and what was loaded before stays; if the publisher means it, change the contract "
                "in sql/taxi/raw."
            ) from error
        return cast


def fit(table: Table, file: pq.ParquetFile, file_name: str) -> Fit:
    """Hold a file's schema against a raw table's contract, or raise `ContractError` naming all that does not fit."""
    found = {name.lower(): name for name in file.schema_arrow.names}
    if len(found) != len(file.schema_arrow.names):
        raise ContractError(
            f"{file_name}: two of its columns have the same name but for case: {file.schema_arrow.names}."
        )
    fields, sources, problems = [], [], []
    for name, column in table.contract_columns.items():
        source = next((found.pop(alias) for alias in (name, *column.aliases) if alias in found), None)
        target = pa.field(name, ARROW_TYPES[column.type])
        if source is None and column.required:
            problems.append(f"the required column {name} is missing")
        elif source is not None and not _castable(file.schema_arrow.field(source).type, target.type):
            problems.append(f"column {source} is {file.schema_arrow.field(source).type}, not {target.type}")
        fields.append(target)
        sources.append(source)
    if problems:
        raise ContractError(
            f"{file_name} does not fit the contract of {table.qualified_name}: {'; '.join(problems)}. "
            "The month is refused and what was loaded before stays. "
            f"The file has: {', '.join(file.schema_arrow.names)}."
        )
    new = [
        pa.field(lower, _kept_type(file.schema_arrow.field(source).type)) for lower, source in found.items()
    ]
    return Fit(
        file_name,
        pa.schema(fields + new),
        (*sources, *found.values()),
        {field.name: _postgres_type(field.type) for field in new},
    )


def prove_lossless(fitted: Fit, file: pq.ParquetFile) -> None:
    """Try, on the whole file, every cast that could lose something, so that a refusal comes before anything is loaded.

    Only columns stored in a wider type than the contract's are read, and only where the file's own minimum and maximum
    do not already prove that they fit.
    """
    risky = [
        (source, target)
        for source, target in zip(fitted.sources, fitted.schema, strict=True)
        if source is not None and _may_lose(file, source, target.type)
    ]
    if not risky:
        return
    part = Fit(fitted.file_name, pa.schema([t for _, t in risky]), tuple(s for s, _ in risky), {})
    for batch in file.iter_batches(columns=[source for source, _ in risky]):
        part.apply(batch)


def _castable(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a cast can be lossless at all; the values decide whether it is."""
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_null(found) or found == wanted:
        return True
    if pa.types.is_string(wanted):
        return pa.types.is_large_string(found) or pa.types.is_string_view(found)
    if pa.types.is_timestamp(wanted):
        return pa.types.is_timestamp(found) and found.tz is None
    return _is_number(wanted) and _is_number(found)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _may_lose(file: pq.ParquetFile, source: str, wanted: pa.DataType) -> bool:
    found = file.schema_arrow.field(source).type
    if found == wanted or pa.types.is_null(found) or not _is_number(wanted):
        return pa.types.is_timestamp(wanted) and found != wanted
    if pa.types.is_floating(wanted):
        return pa.types.is_integer(found) and found.bit_width > 32
    if pa.types.is_floating(found):
        return True
    return found.bit_width > wanted.bit_width and not _fits_by_statistics(file, source)


def _fits_by_statistics(file: pq.ParquetFile, source: str) -> bool:
    limit = 1 << 31
    return all(-limit <= low and high < limit for low, high in _bounds(file, source))


def _bounds(file: pq.ParquetFile, source: str) -> Iterator[tuple[int, int]]:
    """Minimum and maximum of each row group; an unbounded pair where the file does not say."""
    index = file.schema_arrow.get_field_index(source)
    for group in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(group).column(index).statistics
        if statistics is not None and statistics.min is not None and statistics.max is not None:
            yield int(statistics.min), int(statistics.max)
        else:
            yield -(1 << 63), 1 << 63


def _kept_type(found: pa.DataType) -> pa.DataType:
    """The type in which a column unknown to the contract is kept: its own where PostgreSQL has it, else text."""
    if pa.types.is_integer(found):
        return pa.int64()
    if pa.types.is_floating(found):
        return pa.float64()
    if pa.types.is_timestamp(found) and found.tz is None:
        return pa.timestamp("us")
    if pa.types.is_boolean(found) or pa.types.is_date32(found):
        return found
    return pa.string()


def _postgres_type(kind: pa.DataType) -> str:
    return next(name for name, arrow in ARROW_TYPES.items() if arrow == kind)
