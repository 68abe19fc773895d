"""Generated, synthetic months: Parquet files in the publisher's shape, of any size, the same for one seed.

Memory is that of one row group (1,048,576 trips, about 250 MB), whatever the month's size.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flocon.errors import SourceError
from flocon.months import Month, month_label
from flocon.taxi.names import check_service, file_name
from flocon.taxi.published import CHUNK
from flocon.taxi.sample_columns import to_batch
from flocon.taxi.sample_faults import spoil
from flocon.taxi.sample_recipe import BLOCK, VERSION, Draws, Recipe
from flocon.taxi.sample_schema import schema_of
from flocon.taxi.sample_trips import ordinary_trips

ROW_GROUP = 1 << 20
LABEL = b"flocon.synthetic"


def write_month(sink: Path | BinaryIO, service: str, month: Month, rows: int, seed: int) -> None:
    """Write a generated month; a path gets the whole file or none.

    Raises:
        SourceError: no such month can be generated (before yellow 2011-01, green 2013-08; no rows).
    """
    if not isinstance(sink, Path):
        for chunk in month_chunks(service, month, rows, seed):
            sink.write(chunk)
        return
    unfinished = sink.with_name(f".{sink.name}.part")
    try:
        with unfinished.open("wb") as file:
            write_month(file, service, month, rows, seed)
        unfinished.replace(sink)
    finally:
        unfinished.unlink(missing_ok=True)


def month_chunks(service: str, month: Month, rows: int, seed: int) -> Iterator[bytes]:
    """The bytes of a generated month's file, in chunks of at most 1 MiB, as they are made.

    Raises:
        SourceError: as `write_month`.
    """
    recipe = _recipe(service, month, rows, seed)
    schema = schema_of(service, month).with_metadata(_labels(recipe))
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression=_compression(month)) as writer:
        for first in range(0, rows, ROW_GROUP):
            # Not kept in a variable: it would live on beside the next row group.
            writer.write_table(pa.Table.from_batches(_batches(recipe, schema, first)), ROW_GROUP)
            yield from sink.take()
    yield from sink.take()


def fingerprint(service: str, month: Month, rows: int, seed: int) -> str:
    """What decides a generated month's bytes, hashed: made without making the month.

    The versions of the libraries that encode it are part of it: they may write the same trips as other bytes.
    """
    parts = (VERSION, np.__version__, pa.__version__, service, month_label(month), rows, seed)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def is_synthetic(metadata: Mapping[bytes, bytes] | None) -> bool:
    """Whether a Parquet file's key-value metadata says that it was generated here."""
    return (metadata or {}).get(LABEL) == b"true"


def sample_file(folder: Path, service: str, month: Month, rows: int, seed: int) -> Path:
    """Write a generated month into a folder, which is made if need be, under the publisher's file name.

    Raises:
        SourceError: as `write_month`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(service, month)
    write_month(path, service, month, rows, seed)
    return path


def _recipe(service: str, month: Month, rows: int, seed: int) -> Recipe:
    if rows < 1 or seed < 0:
        raise SourceError(f"cannot generate {rows:,} rows with seed {seed}: rows from 1, seed from 0")
    return Recipe(check_service(service), month, rows, seed)


def _batches(recipe: Recipe, schema: pa.Schema, first: int) -> Iterator[pa.RecordBatch]:
    """The blocks of the row group that begins at row `first`."""
    for start in range(first, min(first + ROW_GROUP, recipe.rows), BLOCK):
        draws = Draws(recipe, start, min(BLOCK, recipe.rows - start))
        trips = ordinary_trips(recipe, start, draws)
        spoil(trips, recipe, draws)
        yield to_batch(trips, schema)


def _labels(recipe: Recipe) -> dict[bytes, bytes]:
    return {
        LABEL: b"true",
        b"flocon.sample_version": str(VERSION).encode(),
        b"flocon.sample_rows": str(recipe.rows).encode(),
        b"flocon.sample_seed": str(recipe.seed).encode(),
    }


def _compression(month: Month) -> Literal["zstd", "snappy"]:
    return "zstd" if month >= date(2024, 1, 1) else "snappy"


class _Sink(io.BytesIO):
    """A file that forgets what was taken from it, while its positions stay those of the whole file."""

    _taken = 0

    def tell(self) -> int:
        return self._taken + super().tell()

    def take(self) -> Iterator[bytes]:
        """What was written since the last time, in chunks."""
        written = self.getvalue()
        self._taken += len(written)
        self.seek(0)
        self.truncate()
        for start in range(0, len(written), CHUNK):
            yield written[start : start + CHUNK]
