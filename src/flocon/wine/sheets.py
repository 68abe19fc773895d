"""Tables on the sheets of an Excel workbook: every value under its own type, so that no text is taken for a formula."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from flocon.errors import FloconError

Row: TypeAlias = dict[str, Any]

BURGUNDY = "#6D1A36"
EUROS = '#,##0.00 "€"'
# With these a spreadsheet may begin a formula when it reads a CSV file, or when somebody edits a cell; the last are the
# first in full width.
FORMULA_STARTS = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")

_NARROWEST, _WIDEST = 8, 60
_LONGEST_TEXT = 32_767  # Excel's own limit
_MOST_ROWS = 1_048_576
_LINE_PIXELS, _HEADER_PIXELS = 20, 44
_HEADER = {
    "bold": True,
    "font_color": "#FFFFFF",
    "bg_color": BURGUNDY,
    "text_wrap": True,
    "valign": "vcenter",
}
_TOTAL = {"bold": True, "top": 1}
_TOP = {"align": "left", "indent": 1, "valign": "top"}
_STYLES: dict[str, dict[str, Any]] = {
    "text": {"indent": 1},
    "literal": {"indent": 1, "quote_prefix": True},
    "wrapped": {"text_wrap": True, **_TOP},
    "title": {"indent": 1, "bold": True, "font_size": 14, "font_color": BURGUNDY},
    "header": {"indent": 1, **_HEADER},
    "header_of_numbers": {"align": "right", **_HEADER},
    "number": {"num_format": "0"},
    "integer": {"num_format": "#,##0"},
    "euros": {"num_format": EUROS},
    "percent": {"num_format": "0.0%"},
    "score": {"num_format": "0.00"},
    "total": {"indent": 1, **_TOTAL},
    "total_integer": {"num_format": "#,##0", **_TOTAL},
    "total_euros": {"num_format": EUROS, **_TOTAL},
    "ok": {"bg_color": "#C6EFCE", "font_color": "#006100", **_TOP},
    "alerte": {"bg_color": "#FFEB9C", "font_color": "#7F6000", **_TOP},
    "échec": {"bg_color": "#FFC7CE", "font_color": "#9C0006", "bold": True, **_TOP},
}
_OF_NUMBERS = ("number", "integer", "euros", "percent", "score")


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, the key of its values in the rows, their style, its width unless it is to fit."""

    title: str
    name: str
    style: str = "text"
    width: float | None = None


class Book:
    """A workbook with the styles of all reports, dated with the first day of its month: the clock is not in it."""

    def __init__(self, path: Path, month: date, title: str) -> None:
        self._book = xlsxwriter.Workbook(str(path), {"in_memory": True})
        created = datetime(month.year, month.month, 1)  # noqa: DTZ001 (Excel's dates have no zone)
        self._book.set_properties({"title": title, "author": "Flocon", "created": created})
        self.styles: dict[str, Format] = {
            name: self._book.add_format(style) for name, style in _STYLES.items()
        }

    def __enter__(self) -> "Book":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._book.close()

    def sheet(self, title: str) -> "Sheet":
        """Add a sheet."""
        return Sheet(title, self._book.add_worksheet(title), self.styles)

    def bar_chart(self) -> Any:
        """A new chart with horizontal bars, to be placed on a sheet."""
        return self._book.add_chart({"type": "bar"})


class Sheet:
    """One sheet: printed on A4 across, as wide as the page."""

    def __init__(self, title: str, sheet: Worksheet, styles: dict[str, Format]) -> None:
        self.title = title
        self.raw = sheet
        self._styles = styles
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&F — &A&R&P / &N")

    def write(self, row: int, column: int, value: object, style: str) -> None:
        """Write one value under its own type.

        Raises:
            FloconError: there is no such place on a sheet.
        """
        form = self._styles[style]
        match value:
            case None:
                done = self.raw.write_blank(row, column, None, form)
            case bool() | str():
                text = shown(value, style)
                if style == "text" and text.startswith(FORMULA_STARTS):
                    form = self._styles["literal"]  # a text that stays one when somebody edits the cell
                done = self.raw.write_string(row, column, text, form)
            case int() | float() | Decimal():
                done = self.raw.write_number(row, column, float(value), form)
            case _:
                raise TypeError(f"{value!r} has no place in a cell")
        self._require(done, row)

    def write_formula(self, row: int, column: int, formula: str, value: float, style: str) -> None:
        """Write a formula with the value that it has, for programs that do not calculate."""
        self._require(self.raw.write_formula(row, column, formula, self._styles[style], value), row)

    def _require(self, done: int, row: int) -> None:
        if done != 0:
            raise FloconError(
                f"sheet {self.title}: row {row + 1:,} does not fit, a sheet has {_MOST_ROWS:,} rows."
            )

    def table(self, top: int, left: int, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Write a header and rows from a cell on, in columns and lines that are large enough for them."""
        self.raw.set_row_pixels(top, _HEADER_PIXELS)
        for number, column in enumerate(columns, start=left):
            header = "header_of_numbers" if column.style in _OF_NUMBERS else "header"
            self.write(top, number, column.title, header)
            self.raw.set_column(number, number, column.width or _fitting(column, rows))
            for line, row in enumerate(rows, start=top + 1):
                style = row[column.name] if column.style == "result" else column.style
                self.write(line, number, row[column.name], style)
        for line, row in enumerate(rows, start=top + 1):
            lines = max(_lines(column, row) for column in columns)
            if lines > 1:
                self.raw.set_row_pixels(line, _LINE_PIXELS * lines)

    def keep_header(self, top: int, columns: int, rows: int) -> None:
        """Freeze the table's header, repeat it on each page, and give it filters."""
        self.raw.freeze_panes(top + 1, 0)
        self.raw.repeat_rows(top)
        self.raw.autofilter(top, 0, top + rows, columns - 1)


def shown(value: object, style: str) -> str:
    """About what a cell shows of a value, and what it holds of a text."""
    match value:
        case None:
            return ""
        case bool():
            return "oui" if value else "non"
        case str():
            return value if len(value) <= _LONGEST_TEXT else value[: _LONGEST_TEXT - 1] + "…"
    patterns = {"euros": "{:,.2f} €", "integer": "{:,.0f}", "percent": "{:.1%}", "score": "{:.2f}"}
    return patterns.get(style, "{}").format(value)


def _fitting(column: Column, rows: Sequence[Row]) -> float:
    """The width (characters) in which the header's words, the filter's button and the values can be read."""
    longest_word = max(map(len, column.title.split()))
    longest = max((len(shown(row[column.name], column.style)) for row in rows), default=0)
    return min(max(longest_word + 4, longest + 3, _NARROWEST), _WIDEST)


def _lines(column: Column, row: Row) -> int:
    """How many lines a cell takes; not every program finds that out by itself."""
    if column.style != "wrapped" or column.width is None:
        return 1
    return -(-len(shown(row[column.name], column.style)) // int(column.width - 2))
