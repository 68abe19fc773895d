"""One dropped file, CSV or Excel: held against its contract and written as text Parquet, or refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flocon.dropped import xlsx_file
from flocon.dropped.contract import judge_types
from flocon.dropped.csv_file import shape_of
from flocon.dropped.received import leave_out_empty, readable, write
from flocon.engine import Engine
from flocon.settings import Settings
from flocon.tables import Table, fingerprint


@dataclass(frozen=True)
class Fit:
    """A file that fits: its rows as received, every cell a text, with `_file` and `_line`, are written.

    `types` are those that its columns seem to have; `facts` say how it was read and what is in it, for the ledger.
    """

    rows: int
    types: dict[str, str]
    facts: dict[str, Any]


def fit(
    settings: Settings,
    table: Table,
    name: str,
    received: Path,
    written: Path,
    *,
    keeps_empty_rows: bool = True,
) -> Fit:
    """Hold the file in `received`, dropped as `name`, against a table's contract; write it as Parquet to `written`.

    The rows of a CSV file in which every field is empty are kept, unless told otherwise; those of a workbook never are.

    Raises:
        Unfit: it cannot be what its name says.
    """
    with Engine.open(settings, written.parent) as engine:
        if name.casefold().endswith(".xlsx"):
            sheet = xlsx_file.write(received, table, name, written)
            rows, types = sheet.rows, sheet.types
            how: dict[str, Any] = {"sheet": sheet.title, "empty_rows": sheet.empty_rows}
        else:
            shape = shape_of(received, table)
            types = write(engine, received, shape, name, written)
            rows, how = shape.rows, {"delimiter": shape.delimiter}
            if not keeps_empty_rows:
                rows = leave_out_empty(engine, written)
                how["empty_rows"] = shape.rows - rows
        reads = readable(engine, table, written, rows)
    judge_types(reads, table)
    extra = [column for column in types if column not in table.contract_columns]
    seen = {"extra_columns": extra, "readable": {read.name: [read.readable, read.filled] for read in reads}}
    return Fit(rows, types, how | seen)


def wanted(table: Table, sha256: str) -> str:
    """What a file's place in bronze is made from: its bytes and its contract."""
    return f"sha256 {sha256} contract {fingerprint([table])}"
