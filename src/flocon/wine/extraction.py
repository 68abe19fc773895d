"""Extracts of the products as CSV that a French Excel opens right: UTF-8 with BOM, semicolons, decimal commas, CRLF."""

import csv
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from flocon.wine.sheets import FORMULA_STARTS, Row


def write_extraction(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> int:
    """Write rows under their columns' names; return how many.

    CSV cannot say that a cell is text. One that a spreadsheet would calculate (it begins with =, +, -, @, a tab or a
    line break) gets an apostrophe in front: it is then shown with it, and never run. Numbers stay numbers; so does, to
    a spreadsheet, a reference of digits. The workbook says of every cell what it is.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return len(rows)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "oui" if value else "non"
        case str():
            return f"'{value}" if value.startswith(FORMULA_STARTS) else value
        case Decimal():
            return f"{value:f}".replace(".", ",")
        case float():
            return f"{value:.6f}".replace(".", ",")
        case _:
            return str(value)
