"""The shape of a dropped CSV file: every byte and every row of it is looked at before anything is kept of it."""

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flocon.dropped.contract import Unfit, fit_header, known_columns
from flocon.dropped.looks import SHOWN, kind_of, shown
from flocon.tables import Table

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (",", ";", "\t", "|")

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Shape:
    """How a file is read: `columns` are its columns by canonical name, in its order; `rows` without the header."""

    delimiter: str
    columns: tuple[str, ...]
    rows: int


def shape_of(path: Path, table: Table) -> Shape:
    """Read a whole file, in bounded memory, and say its shape.

    Raises:
        Unfit: it is not text, not a table, or its columns are not those of the contract.
    """
    _check_bytes(path)
    delimiter = _delimiter(path, table)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        columns = fit_header(next(reader), table)
        try:
            return Shape(delimiter, columns, _count(reader, len(columns), delimiter))
        except csv.Error as error:
            raise Unfit(
                "unclosed_quote",
                "every quote that opens a field to be closed at its end, and quotes within doubled",
                f"the row that begins on line {_begin_of_broken_row(path, delimiter)}: {error}",
            ) from error


def _check_bytes(path: Path) -> None:
    """Raise `Unfit` unless the file is text in UTF-8, with or without a byte order mark, and not blank."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, is_blank = 0, True
    with path.open("rb") as file:
        _check_start(file.read(4))
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            is_blank = not _text(decoder, chunk, lines).strip().strip("\ufeff") and is_blank
            lines += chunk.count(b"\n")
        if is_blank:
            raise Unfit(
                "empty_file", "a header and at least one row", f"{file.tell():,} bytes, all of them blank"
            )
    if decoder.getstate()[0]:
        raise Unfit("not_utf8", "text in UTF-8", f"half a character at the end of line {lines + 1}")


def _check_start(start: bytes) -> None:
    kind = kind_of(start)
    if kind is not None:
        raise Unfit("not_text", "text", kind)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unfit("not_utf8", "text in UTF-8", "UTF-16, by its byte order mark")


def _text(decoder: codecs.IncrementalDecoder, chunk: bytes, lines: int) -> str:
    """A chunk's text; `Unfit` names the line of what is none. So many lines came before it."""
    zero = chunk.find(b"\0")
    if zero >= 0:
        line = lines + chunk.count(b"\n", 0, zero) + 1
        raise Unfit("not_text", "text", f"a zero byte on line {line}")
    try:
        return decoder.decode(chunk)
    except UnicodeDecodeError as error:
        line = lines + error.object.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{error.object[error.start]:02x} on line {line}"
        raise Unfit("not_utf8", "text in UTF-8", found) from error


def _delimiter(path: Path, table: Table) -> str:
    """The delimiter that finds the most of the contract's columns in the first line; `Unfit` when none finds any."""
    found = {delimiter: _known_by(path, delimiter, table) for delimiter in DELIMITERS}
    best = max(found, key=lambda delimiter: found[delimiter])
    if not found[best]:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline(SHOWN + 1)
        expected = f"the names of the columns on the first line: {', '.join(table.contract_columns)}"
        raise Unfit("no_header", expected, f"none of them in {shown(first)}")
    return best


def _known_by(path: Path, delimiter: str, table: Table) -> int:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            return len(known_columns(next(csv.reader(file, delimiter=delimiter, strict=True)), table))
        except csv.Error:  # not a line of this delimiter
            return 0


def _count(reader: "Reader", width: int, delimiter: str) -> int:
    """How many rows follow; `Unfit` when one has another number of fields than the header, or when there is none."""
    count = 0
    for row in reader:
        if len(row) == width:
            count += 1
        elif row:  # a line with nothing on it is no row
            found = f"{len(row)} on line {reader.line_num}: {shown(delimiter.join(row))}"
            raise Unfit("field_count", f"{width} fields in every row, as in the header", found)
    if not count:
        raise Unfit("no_rows", "at least one row after the header", "only the header")
    return count


def _begin_of_broken_row(path: Path, delimiter: str) -> int:
    """The line on which the first row begins whose quotes are wrong."""
    begin = 1
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for _ in reader:
                begin = reader.line_num + 1
        except csv.Error:
            pass
    return begin
