"""An Excel workbook opened for reading; what is none, or a damaged or protected one, is refused in words."""

import mmap
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias
from xml.etree.ElementTree import Element
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.xml.functions import iterparse

from flocon.dropped.contract import Unfit
from flocon.dropped.looks import SHOWN, kind_of, shown

Cells: TypeAlias = tuple[object, ...]

_WANTED = "an Excel workbook (.xlsx)"
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
# What the readers of ZIP, XML and workbooks raise over bytes that are none.
_DAMAGE = (
    *(BadZipFile, zlib.error, EOFError, OSError, RuntimeError, SyntaxError),
    *(LookupError, ValueError, TypeError, AttributeError, ArithmeticError),
)


@dataclass(frozen=True)
class Workbook:
    """An open workbook. `sheets` are the titles of the sheets that a user sees, in their order."""

    _archive: ZipFile
    _sheets: dict[str, Any]  # openpyxl's types do not know what its read-only sheets can do

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["Workbook"]:
        """Open one; its texts are held in memory, its rows are not.

        Raises:
            Unfit: it is no workbook, or it is damaged, protected, or of an old kind.
        """
        _check_start(path)
        with ExitStack() as stack:
            file = stack.enter_context(path.open("rb"))  # by its name, openpyxl would ask for an ending
            with _damage_told():
                archive = stack.enter_context(ZipFile(file))
                _check_parts(archive)
                book = load_workbook(file, read_only=True, data_only=True)
                stack.callback(book.close)
            sheets = {sheet.title: sheet for sheet in book.worksheets if sheet.sheet_state == "visible"}
            if not sheets:
                raise Unfit("not_a_workbook", _WANTED, "a workbook without a sheet that Flocon can read")
            yield cls(archive, sheets)

    @property
    def sheets(self) -> tuple[str, ...]:
        """The titles."""
        return tuple(self._sheets)

    def rows(self, title: str) -> Iterator[tuple[int, Cells]]:
        """The rows of a sheet as Excel numbers them, from its first column to the last that the row fills."""
        sheet = self._sheets[title]
        sheet.reset_dimensions()  # many programs do not say how large a sheet is, or say it wrongly
        with _damage_told():
            yield from enumerate(sheet.iter_rows(values_only=True), start=1)

    def check_formulas(self, title: str) -> None:
        """Raise `Unfit` when a formula of a sheet has no value: it would be read as an empty cell."""
        part = vars(self._sheets[title])["_worksheet_path"]
        with _damage_told(), self._archive.open(part) as source:
            cell = next(_without_value(source), None)
        if cell is not None:
            raise Unfit(
                "formula_without_value",
                "the value of every formula, as Excel saves it",
                f"none in {cell} of the sheet {title}: open the file in Excel and save it",
            )


def _check_start(path: Path) -> None:
    """Raise `Unfit` unless a file begins as a ZIP archive does."""
    with path.open("rb") as file:
        start = file.read(4 * SHOWN)
        if not start:
            raise Unfit("empty_file", "a header and at least one row", "0 bytes")
        if start.startswith(_OLE):
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                is_encrypted = whole.find("EncryptedPackage".encode("utf-16-le")) >= 0
            if is_encrypted:
                raise Unfit(
                    "protected_workbook", f"{_WANTED} without a password", "one that needs a password"
                )
            raise Unfit("old_workbook", _WANTED, "an old Office file, as .xls files are")
    if not start.startswith(_ZIP):
        raise Unfit("not_a_workbook", _WANTED, kind_of(start) or _told(start))


def _told(start: bytes) -> str:
    """What bytes of no known kind look like."""
    text = start.decode("utf-8-sig", errors="replace")
    is_text = "".join(text.split()).isprintable()
    return f"a text that begins with {shown(text)}" if is_text else "bytes that are no ZIP archive"


def _check_parts(archive: ZipFile) -> None:
    """Read every part of a ZIP archive, so that a damaged one is known before anything is taken from it."""
    damaged = archive.testzip()
    if damaged is not None:
        raise Unfit("damaged_workbook", f"{_WANTED} that is whole", f"damaged bytes in its part {damaged}")
    if "[Content_Types].xml" not in archive.namelist():
        raise Unfit("not_a_workbook", _WANTED, "a ZIP archive without a workbook in it")


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        reason = shown(str(error)) if str(error) else type(error).__name__
        raise Unfit(
            "damaged_workbook", f"{_WANTED} that is whole", f"one that cannot be read: {reason}"
        ) from error


def _without_value(source: IO[bytes]) -> Iterator[str]:
    """The places of the formulas without a value, in the XML of a sheet."""
    for _, element in iterparse(source):
        tag = _tag(element)
        if tag == "row":
            element.clear()
        elif tag == "c" and element.get("t", "n") == "n":
            parts = {_tag(part): part.text for part in element}
            if "f" in parts and not parts.get("v"):
                yield element.get("r", "a cell")


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]
