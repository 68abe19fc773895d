"""A received file in the engine: written as Parquet as it came, and looked at for the types of its columns."""

from pathlib import Path

import duckdb
import pyarrow as pa

from flocon.dropped.contract import Read, Unfit
from flocon.dropped.csv_file import Shape
from flocon.engine import Engine
from flocon.postgres import query_of
from flocon.tables import Table, sql_root

# Rows whose values are read to judge the types of their columns: a share is told well enough from so many.
_JUDGED_ROWS = 200_000


def write(engine: Engine, path: Path, shape: Shape, name: str, written: Path) -> dict[str, str]:
    """Write a file's rows as Parquet, as received, in its order; answer the types that DuckDB infers.

    Raises:
        Unfit: DuckDB does not find the rows that were counted.
    """
    try:
        inferred = _inferred(engine, path, shape)
        engine.connection.read_csv(
            str(path),
            header=True,
            delimiter=shape.delimiter,
            quotechar='"',
            escapechar='"',
            columns=dict.fromkeys(shape.columns, "VARCHAR"),
            auto_detect=False,
            strict_mode=False,  # it would refuse line ends of two kinds; fields and quotes were checked before
            parallel=False,  # a row's number is its place in the file
        ).create_view("received")
        engine.connection.register("dropped", pa.table({"name": [name]}))
        rows = engine.write_parquet(_core("received"), written)
    except duckdb.InvalidInputException as error:
        raise Unfit(
            "unreadable", f"{shape.rows:,} rows of CSV", str(error).split("\n", maxsplit=1)[0]
        ) from error
    if rows != shape.rows:
        raise Unfit(
            "unreadable", f"{shape.rows:,} rows, as a strict reader counts", f"{rows:,} by DuckDB's reader"
        )
    return inferred


def leave_out_empty(engine: Engine, written: Path) -> int:
    """Leave the rows without any value out of a written file; answer how many there are with one.

    The others keep their place. Raises `Unfit` when there are none.
    """
    engine.register("bronze", [written])
    filled = written.with_suffix(".filled")
    rows = engine.write_parquet(_core("filled"), filled)
    filled.replace(written)
    if not rows:
        raise Unfit("no_rows", "at least one row after the header", "only empty ones")
    return rows


def _inferred(engine: Engine, path: Path, shape: Shape) -> dict[str, str]:
    """What DuckDB takes the columns for, by their first values."""
    sniffed = engine.connection.read_csv(
        str(path), header=True, delimiter=shape.delimiter, quotechar='"', escapechar='"', strict_mode=False
    )
    return dict(zip(shape.columns, map(str, sniffed.types), strict=True))


def readable(engine: Engine, table: Table, written: Path, rows: int) -> list[Read]:
    """How many values of each column of the contract can be read as its type, in rows from all over the file."""
    engine.register("bronze", [written])
    types = {name: column.type for name, column in table.contract_columns.items()}
    engine.connection.register("contract", pa.table({"name": list(types), "type": list(types.values())}))
    engine.connection.register("sample", pa.table({"one_in": [1 + rows // _JUDGED_ROWS]}))
    found = {row["name"]: Read(**row) for row in engine.rows(_core("readable"))}
    return [found[name] for name in types if name in found]


def _core(name: str) -> str:
    return query_of(sql_root() / "core" / "lake" / f"{name}.sql")
