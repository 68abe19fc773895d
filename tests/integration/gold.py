"""Invented gold: the rows of a gold table by number, put into the lake as the gold layer does it."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flocon import ledger
from flocon.flow import Flow
from flocon.shelf import dataset, object_key
from flocon.tables import Table

Row = dict[str, Any]

_TYPES: dict[str, pa.DataType] = {
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "text": pa.string(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "double precision": pa.float64(),
}


def invented(table: Table, numbers: Iterable[int], edition: int = 1) -> list[Row]:
    """One row a number: the number decides the key, both decide the rest; columns that may be null are so in places."""
    columns = table.metadata.columns.items()
    key = table.metadata.primary_key
    return [
        {
            name: None
            if column.nullable and n % 3 == 0
            else _value(column.type, n, 0 if name in key else edition)
            for name, column in columns
        }
        for n in numbers
    ]


def _value(kind: str, n: int, edition: int) -> Any:
    values = {
        "text": f"n° {n}, édition {edition}",
        "date": date(2024, 1, 1) + timedelta(days=n + 365 * edition),
        "boolean": (n + edition) % 2 == 0,
        "double precision": (n + edition) / 4,
    }
    return Decimal(n * 100 + edition) / 100 if kind.startswith("numeric") else values.get(kind, n + edition)


def arrow(table: Table, rows: list[Row]) -> pa.Table:
    """The rows with the types that the table's metadata states."""
    fields = [(name, _arrow_type(column.type)) for name, column in table.metadata.columns.items()]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _arrow_type(kind: str) -> pa.DataType:
    decimal = re.fullmatch(r"numeric\((\d+), ?(\d+)\)", kind)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _TYPES[kind]


def put_gold(flow: Flow, table: Table, rows: list[Row], folder: Path) -> ledger.Entry:
    """Store a gold table and record it; its entry, as a reader finds it."""
    path = folder / "gold.parquet"
    pq.write_table(arrow(table, rows), path)
    key = object_key(table)
    stored = flow.lake.put_file("gold", key, path)
    entry = ledger.Entry(
        dataset=dataset(table),
        step="gold",
        input_fingerprint="invented",
        run_id=flow.run_id,
        seconds=0.0,
        sha256=stored.sha256,
        rows=len(rows),
        bytes=stored.bytes,
        facts={"key": key, "etag": stored.etag},
    )
    with flow.warehouse() as warehouse:
        ledger.record(warehouse, entry)
        recorded = ledger.current(warehouse, dataset(table), "gold")
    assert recorded is not None
    return recorded
