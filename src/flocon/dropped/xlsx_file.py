"""A dropped Excel workbook: the rows of the first sheet that has the contract's columns, as text, as Parquet.

Text stays as it is, SKUs such as `13127-1` included. Whole numbers lose the `.0` that a workbook may give them, other
numbers are written as Python reads them, times as `2024-05-31 16:27:25`, booleans as `true` and `false`.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.utils import get_column_letter

from flocon.dropped.contract import Unfit, fit_header, known_columns
from flocon.dropped.looks import shown
from flocon.dropped.workbook import Cells, Workbook
from flocon.tables import Table

# A header may stand below a title, but not further down than this many filled rows.
HEADER_WITHIN = 20

_BATCH_ROWS = 20_000
_TYPES = {
    int: "BIGINT",
    float: "DOUBLE",
    bool: "BOOLEAN",
    str: "VARCHAR",
    datetime: "TIMESTAMP",
    date: "DATE",
}


@dataclass(frozen=True)
class Sheet:
    """What was read: `types` are those of the cells of each column, by its canonical name, as DuckDB calls them.

    `empty_rows` are those between the others, which are no rows.
    """

    title: str
    rows: int
    empty_rows: int
    types: dict[str, str]


class _Header(NamedTuple):
    """A row that may be the header: `places` are the positions of its filled cells, `names` their texts."""

    sheet: str
    row: int
    places: tuple[int, ...]
    names: tuple[str, ...]


def write(path: Path, table: Table, name: str, written: Path) -> Sheet:
    """Write a workbook's rows as Parquet, every cell a text, with the file's `name` and the place of each row.

    The place of a row counts from the header, empty rows included: the first row after the header is 1.

    Raises:
        Unfit: it is no workbook, none of its sheets has the columns of the contract, or there are no rows.
    """
    with _quiet(), Workbook.open(path) as workbook:
        header = _header(workbook, table)
        try:
            columns = fit_header(header.names, table)
        except Unfit as unfit:
            rule, expected, found = unfit.reason.rule, unfit.reason.expected, unfit.reason.found
            where = f"row {header.row} of the sheet {header.sheet}"
            raise Unfit(rule, expected, f"{found}, in {where}") from unfit
        workbook.check_formulas(header.sheet)
        return _Rows(workbook, header, columns, name).write(written)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out a warning that says nothing about the cells: Excel's own extensions are not kept on writing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unknown extension", UserWarning, "openpyxl")
        yield


def text_of(value: object) -> str | None:
    """A cell as text; None when nothing is in it."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")  # as spreadsheets write it into CSV
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _header(workbook: Workbook, table: Table) -> _Header:
    """The first row with most of the required columns, in the sheets that users see; `Unfit` when none has any."""
    required = {name for name, column in table.contract_columns.items() if column.required}
    found = [header for title in workbook.sheets for header in _first_rows(workbook, title)]
    if not found:
        raise Unfit("empty_file", "a header and at least one row", "a workbook without a filled cell")
    best = max(found, key=lambda header: len(required.intersection(known_columns(header.names, table))))
    if not required.intersection(known_columns(best.names, table)):
        raise Unfit(
            "no_header",
            f"a row with the names of the columns: {', '.join(table.contract_columns)}",
            f"none of them in the first {HEADER_WITHIN} rows of the sheets {', '.join(workbook.sheets)}; "
            f"the first is {shown(', '.join(found[0].names))}",
        )
    return best


def _first_rows(workbook: Workbook, title: str) -> Iterator[_Header]:
    """The first filled rows of a sheet, each as if it were the header."""
    rows = ((number, [text_of(value) for value in cells]) for number, cells in workbook.rows(title))
    filled = ((number, texts) for number, texts in rows if any(text and text.strip() for text in texts))
    for number, texts in islice(filled, HEADER_WITHIN):
        named = {place: text for place, text in enumerate(texts) if text and text.strip()}
        yield _Header(title, number, tuple(named), tuple(named.values()))


class _Rows:
    """The rows below a header, on their way into a Parquet file."""

    def __init__(self, workbook: Workbook, header: _Header, columns: tuple[str, ...], name: str) -> None:
        self.workbook, self.header, self.name = workbook, header, name
        self.places = dict(zip(header.places, columns, strict=True))
        self.types: dict[str, set[str]] = {column: set() for column in columns}
        self.rows = self.last = 0

    def write(self, written: Path) -> Sheet:
        """Write them all; `Unfit` when there is none."""
        kinds: dict[str, pa.DataType] = dict.fromkeys((*self.types, "_file"), pa.string())
        schema = pa.schema({**kinds, "_line": pa.int64()})
        rows = self._filled()
        with pq.ParquetWriter(written, schema, compression="zstd") as writer:
            while batch := list(islice(rows, _BATCH_ROWS)):
                columns = zip(zip(*batch, strict=True), schema.types, strict=True)
                arrays = [pa.array(values, kind) for values, kind in columns]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
        if not self.rows:
            found = f"only the header, in row {self.header.row} of the sheet {self.header.sheet}"
            raise Unfit("no_rows", "at least one row after the header", found)
        types = {column: " or ".join(sorted(found)) or "NULL" for column, found in self.types.items()}
        return Sheet(self.header.sheet, self.rows, self.last - self.rows, types)

    def _filled(self) -> Iterator[tuple[str | int | None, ...]]:
        for number, cells in self.workbook.rows(self.header.sheet):
            line = number - self.header.row
            if line > 0 and any(text_of(value) is not None for value in cells):
                self._check_places(number, cells)
                self.rows, self.last = self.rows + 1, line
                yield (*self._texts(cells), self.name, line)

    def _texts(self, cells: Cells) -> Iterator[str | None]:
        """The cells below the header's as text; which types they have is remembered."""
        for place, column in self.places.items():
            value = cells[place] if place < len(cells) else None
            text = text_of(value)
            if text is not None:
                self.types[column].add(_TYPES.get(type(value), "VARCHAR"))
            yield text

    def _check_places(self, number: int, cells: Cells) -> None:
        """Raise `Unfit` when a cell that is filled has no header above it."""
        for place, value in enumerate(cells):
            if place not in self.places and (text_of(value) or "").strip():
                raise Unfit(
                    "unnamed_column",
                    "a name for every column that is filled",
                    f"none above {get_column_letter(place + 1)}{number} of the sheet {self.header.sheet}, "
                    f"which is {shown(str(value))}",
                )
