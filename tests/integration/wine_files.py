"""Small files of a wine month, and workbooks made for a test, whole or damaged."""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter
from openpyxl import Workbook

Row = Sequence[object]

ERP: list[Row] = [
    ("product_id", "onsale_web", "price", "stock_quantity", "stock_status"),
    (3847, 1, 24.2, 16, "instock"),
    (3849, 1, 34.0, 0, "outofstock"),
    (4039, 0, 46.5, 3, "instock"),
]
WEB: list[Row] = [
    ("sku", "total_sales", "post_title", "post_type"),
    (15298, 6, "Pierre Jean Villa Saint-Joseph 2018", "product"),
    ("13127-1", 2, "Clos du Mont-Olivet 2007", "product"),
    ("bon-cadeau-25-euros", 7, "Bon cadeau de 25€", "product"),
]
LIAISON: list[Row] = [
    ("product_id", "id_web"),
    (3847, 15298),
    (3849, "13127-1"),
    (4039, None),
]
MONTH = {"erp": ERP, "web": WEB, "liaison": LIAISON}

SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
_KEPT = Path(__file__).parent / "workbooks"


def workbook(*sheets: Sequence[Row]) -> bytes:
    """A workbook, with a sheet for each list of rows, as openpyxl writes it."""
    book = Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    return saved(book)


def by_another_program(rows: Sequence[Row]) -> bytes:
    """A workbook as XlsxWriter writes it: its texts in a part of their own, as Excel does."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("Sheet")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file.getvalue()


def saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def csv(rows: Sequence[Row], delimiter: str = ",") -> bytes:
    """The rows as CSV, without quotes."""
    lines = (delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def edited(data: bytes, part: str, pattern: bytes, text: bytes) -> bytes:
    """A workbook with one of its parts changed where a regular expression matches, which it must."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == part:
                content, count = re.subn(pattern, text, content)
                assert count, f"{part} has no {pattern!r}"
            target.writestr(name, content)
    return file.getvalue()


def archive(**parts: str) -> bytes:
    """A ZIP archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, text in parts.items():
            made.writestr(name, text)
    return file.getvalue()


def _flipped(data: bytes) -> bytes:
    """A workbook whose sheet has other bytes than its checksum says."""
    stored = edited(data, SHEET, b"^", b"")  # stored, not compressed: the bytes below are those of the sheet
    place = stored.index(b"<sheetData>") + 30
    return stored[:place] + bytes([stored[place] ^ 1]) + stored[place + 1 :]


def without(rows: Sequence[Row], name: str) -> list[Row]:
    """The rows without one column."""
    place = rows[0].index(name)
    return [(*row[:place], *row[place + 1 :]) for row in rows]


@dataclass(frozen=True)
class Bad:
    """A file that is refused: the rule, and what its reason says, at least, of what was expected and found."""

    bytes: bytes
    rule: str
    expected: str
    found: str
    name: str = "erp.xlsx"


# Made once: a workbook says when it was made, so that making it again gives other bytes.
GOOD = {table: workbook(rows) for table, rows in MONTH.items()}

_WORKBOOK = "an Excel workbook (.xlsx)"
_ERP = GOOD["erp"]
_NAMES = "product_id, onsale_web, price, stock_quantity, stock_status"
_UNCALCULATED: list[Row] = [*ERP, (5000, 1, "=C2*2", 1, "instock")]

BAD = {
    "empty": Bad(b"", "empty_file", "a header and at least one row", "0 bytes"),
    "csv by another name": Bad(
        csv(ERP, ";"), "not_a_workbook", _WORKBOOK, "a text that begins with «product_id;onsale_web;price"
    ),
    "latin-1 by another name": Bad(
        "prix conseillé".encode("latin-1"),
        "not_a_workbook",
        _WORKBOOK,
        "a text that begins with «prix conseill",
    ),
    "bytes of no kind": Bad(b"\0\1\2\3" * 9, "not_a_workbook", _WORKBOOK, "bytes that are no ZIP archive"),
    "a pdf by another name": Bad(b"%PDF-1.7\n", "not_a_workbook", _WORKBOOK, "a PDF file"),
    "an archive of other things": Bad(
        archive(notes="hello"), "not_a_workbook", _WORKBOOK, "a ZIP archive without a workbook"
    ),
    "a document": Bad(
        edited(_ERP, "[Content_Types].xml", b"spreadsheetml.sheet.main", b"wordprocessingml.document.main"),
        "damaged_workbook",
        _WORKBOOK,
        "File contains no valid workbook part",
    ),
    "cut off": Bad(_ERP[:-100], "damaged_workbook", f"{_WORKBOOK} that is whole", "File is not a zip file"),
    "other bytes than were saved": Bad(
        _flipped(_ERP), "damaged_workbook", f"{_WORKBOOK} that is whole", f"damaged bytes in its part {SHEET}"
    ),
    "a sheet cut off": Bad(
        edited(_ERP, SHEET, b'(?s)<row r="3".*', b""),
        "damaged_workbook",
        _WORKBOOK,
        "cannot be read: «no element found",
    ),
    "a text that is not there": Bad(
        edited(by_another_program(ERP), STRINGS, b"(?s)<si>.*</si>", b""),
        "damaged_workbook",
        _WORKBOOK,
        "list index out of range",
    ),
    "of the old kind": Bad(
        (_KEPT / "old.xls").read_bytes(), "old_workbook", _WORKBOOK, "an old Office file, as .xls files are"
    ),
    "with a password": Bad(
        (_KEPT / "protected.xlsx").read_bytes(),
        "protected_workbook",
        "without a password",
        "one that needs a password",
    ),
    "nothing in its sheets": Bad(
        workbook([], [(None, "  ")]),
        "empty_file",
        "a header and at least one row",
        "a workbook without a filled cell",
    ),
    "no such columns in any sheet": Bad(
        workbook([("Notes",)], WEB),
        "no_header",
        f"a row with the names of the columns: {_NAMES}",
        "none of them in the first 20 rows of the sheets Sheet, Sheet1; the first is «Notes»",
    ),
    "rows without their header": Bad(
        workbook(ERP[1:]), "no_header", _NAMES, "the first is «3847, 1, 24.2, 16, instock»"
    ),
    "a header that is too far down": Bad(
        workbook([("x",)] * 20 + list(ERP)), "no_header", _NAMES, "none of them in the first 20 rows"
    ),
    "columns missing": Bad(
        workbook([("Notes",)], without(without(ERP, "price"), "stock_status")),
        "missing_column",
        f"the columns {_NAMES}",
        "no price, stock_status; the columns product_id, onsale_web, stock_quantity, in row 1 of the sheet Sheet1",
    ),
    "a column twice": Bad(
        workbook([(*row, row[2]) for row in ERP[:1]] + [(*row, 1) for row in ERP[1:]]),
        "repeated_column",
        "every column once",
        "price more than once",
    ),
    "only a header": Bad(
        workbook([("ERP",), *ERP[:1], (None,) * 5]),
        "no_rows",
        "at least one row after the header",
        "only the header, in row 2 of the sheet Sheet",
    ),
    "a note beside the table": Bad(
        workbook([*ERP, (4040, 0, 1, 3, "instock", None, "à vérifier")]),
        "unnamed_column",
        "a name for every column that is filled",
        "none above G5 of the sheet Sheet, which is «à vérifier»",
    ),
    "formulas that were never calculated": Bad(
        workbook(_UNCALCULATED),
        "formula_without_value",
        "the value of every formula, as Excel saves it",
        "none in C5 of the sheet Sheet",
    ),
    "values in the column beside theirs": Bad(
        workbook([ERP[0], *((row[-1], *row[:-1]) for row in ERP[1:])]),
        "wrong_type",
        "bigint in product_id, boolean in onsale_web, integer in stock_quantity",
        "0 of 3 in product_id, 0 of 3 in onsale_web, 1 of 3 in stock_quantity",
    ),
    "web without its columns": Bad(
        workbook(without(WEB, "post_type")),
        "missing_column",
        "sku, total_sales",
        "no post_type",
        name="web.xlsx",
    ),
    "link file without its columns": Bad(
        csv(without(LIAISON, "id_web")),
        "missing_column",
        "product_id, id_web",
        "no id_web",
        name="liaison.csv",
    ),
    "a workbook called csv": Bad(
        _ERP, "not_text", "text", "a ZIP archive, as .xlsx files are", name="erp.csv"
    ),
    "csv with empty rows only": Bad(
        csv([*ERP[:1], (None,) * 5, (None,) * 5]),
        "no_rows",
        "at least one row",
        "only empty ones",
        name="erp.csv",
    ),
    "empty csv": Bad(b"", "empty_file", "a header and at least one row", "0 bytes", name="erp.csv"),
}
