"""Silver and gold against an oracle that shares nothing with them: every table, to the cent, in its order."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.integration import sales_oracle as oracle
from tests.integration.sales_files import ACHAT_HEADER, CLIENT_HEADER

from flocon import ledger
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.postgres import Connection
from flocon.sales import pipeline
from flocon.sales.sample import DEFAULT_AS_OF, sample_files
from flocon.shelf import lake_tables
from flocon.tables import Table

LAKE_TABLES = [*lake_tables("sales", "silver"), *lake_tables("sales", "gold")]


def run(flow: Flow, folder: Path, as_of: date) -> None:
    done = pipeline.bronze(flow, str(folder))
    assert done.refused == []
    pipeline.silver(flow, as_of)
    pipeline.gold(flow, as_of)


def rows_in_lake(lake: Lake, table: Table) -> tuple[list[str], list[tuple[Any, ...]]]:
    with lake.open_parquet(table.layer, f"sales/{table.name}.parquet") as file:
        data = file.read()
    return data.column_names, [tuple(row.values()) for row in data.to_pylist()]


def rows_of(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in frame.to_dict("records")]


def assert_same(flow: Flow, lake: Lake, folder: Path, as_of: date) -> None:
    """Every table, name by name, row by row, and every reason."""
    files = (folder / "clients.csv", folder / "achats.csv")
    expected = oracle.recompute(*files, as_of)
    assert set(expected) == {table.qualified_name for table in LAKE_TABLES}
    for table in LAKE_TABLES:
        columns, rows = rows_in_lake(lake, table)
        wanted = expected[table.qualified_name]
        assert columns == list(table.metadata.columns), table.qualified_name
        assert columns == list(wanted.columns) or not rows, table.qualified_name
        for number, (found, meant) in enumerate(zip(rows, rows_of(wanted), strict=True)):
            assert found == meant, f"{table.qualified_name}, row {number}"
            assert list(map(type, found)) == list(map(type, meant)), f"{table.qualified_name}, row {number}"
    with flow.warehouse() as warehouse:
        assert reasons_in_ledger(warehouse) == oracle.reasons(*files, as_of)


def reasons_in_ledger(warehouse: Connection) -> dict[str, dict[str, int]]:
    entries = {name: ledger.current(warehouse, f"sales.{name}", "silver") for name in ("clients", "achats")}
    return {name: entry.facts["rejected"] for name, entry in entries.items() if entry is not None}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_generated_dirty_files(flow: Flow, lake: Lake, tmp_path: Path, seed: int) -> None:
    sample_files(tmp_path / "shop", 1_200, 6, seed)
    run(flow, tmp_path / "shop", DEFAULT_AS_OF)
    assert_same(flow, lake, tmp_path / "shop", DEFAULT_AS_OF)


def test_an_earlier_day_has_a_shorter_past(flow: Flow, lake: Lake, tmp_path: Path) -> None:
    sample_files(tmp_path / "shop", 400, 5, 4)
    as_of = date(2023, 6, 15)
    run(flow, tmp_path / "shop", as_of)
    assert_same(flow, lake, tmp_path / "shop", as_of)


def test_purchases_in_two_files_are_those_of_one(flow: Flow, lake: Lake, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    sample_files(whole, 300, 5, 5)
    parts.mkdir()
    (parts / "clients.csv").write_bytes((whole / "clients.csv").read_bytes())
    header, *rows = (whole / "achats.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    for number, half in enumerate((rows[:700], rows[700:])):
        (parts / f"achats_{number}.csv").write_text("".join([header, *half]), encoding="utf-8")
    run(flow, parts, DEFAULT_AS_OF)
    assert_same(flow, lake, whole, DEFAULT_AS_OF)


# --- forms ----------------------------------------------------------------------------------------------

AS_OF = date(2024, 6, 30)
NO_BREAK = "\u00a0"
GOOD_CLIENT = ("", "Léa Martin", "lea@example.com", "2023-01-31", "France")
CLIENT_IDS = (
    "1", " 2 ", "3.0", "4.00", "005", "5", "6.5", "-7", "+8", "1e3", "9a", "", "  ", NO_BREAK, "0", "12 13", "3",
    "9223372036854775807", "9223372036854775808", "99999999999999999999",
)  # fmt: skip
NAMES = (
    "Léa",
    "  Zoé  ",
    f"\tIdir{NO_BREAK}",
    "",
    " ",
    "DUPONT",
    "de la Tour",
    '"Zaza" B.',
    "Dupont, Jean",
    "O'Neil",
)
MAILS = ("a@b.c", " A@B.C ", "a@b", "a@.b", "a@b.", "a@@b.c", "a@b.c@d.e", "a b@c.d", "a@b c.d", "@b.c", "a@", "@", "a",
         "", "  ", "a.b+c@d-e.example.com", "É@ü.example.com", "a@b..c", f"a{NO_BREAK}b@c.d", "a@b.c\t")  # fmt: skip
DATES = (
    "2024-02-29", "2023-02-29", "2024/02/29", "29/02/2024", "29-02-2024", "29.02.2024", "2024.02.29",
    "2024-2-9", "9/2/2024", "29/02/24", "29/02-2024", "2024-02/29", "20240229", "2024-13-01", "2024-00-10",
    "00/01/2024", "31/04/2024", "31/12/2023", "12/31/2023", "2024-06-30", "2024-07-01", "30/06/2024 23:59:59",
    "01/07/2024 00:00", "2024-02-29T10:11:12", "29.02.2024T10:11", "2024/02/29 10:11", " 2024-02-29 ",
    "2024-02-29\t", "2024-02-29x", "x2024-02-29", "hier", "", " ", "0000-01-01", "2999-12-31", "1900-02-29",
    "1999-12-31", "2000-02-29",
)  # fmt: skip
WORDS = (
    "France", "FRANCE", "france", "  ROYAUME-UNI ", "royaume - uni", "états-unis", "ÉTATS-UNIS", "côte d'ivoire",
    "SAINT--MARTIN", "-france", "france-", f"pays{NO_BREAK}bas", "pays\tbas", "pays   bas", "", "  ", NO_BREAK, "\t",
    "4K", "éÉé ÀÀ", "a", "b-c d-e", "ça et là", "pays\nbas",
)  # fmt: skip
AMOUNTS = (
    "12", "12.5", "12.50", "12,5", "12,50", " 12.50 ", "+12.50", "- 12.50", "-12.50", "0", "0.00", "-0.00",
    "0.01", "0,01", "10000", "10000.00", "10000,01", "10000.01", "10 000", "1 234,56", f"1{NO_BREAK}234,56",
    "1.234,56", "1,234.56", "12.345", "12.340", "12.3400", "12.005", "12.3400000001", "12.34999999999",
    "12.3450000001", "19.990000000000002", "0.0000001", "0.00999999999", "9999.9999999", "10000.0000001",
    "99999999999999", "1 000 000", "1e3", "12.50 €", "€12", "offert", "N/A", "NaN", "inf", "", " ", NO_BREAK,
    "12..5", "12.5.0", "--5", "0012.50", "1 2.5 0",
)  # fmt: skip


def write(path: Path, header: str, rows: Iterable[Sequence[str]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def varied(good: Sequence[str], column: int, values: Iterable[str], first: int) -> list[list[str]]:
    """Good rows but for one column, numbered from `first`."""
    return [
        [str(first + number), *good[1:column], value, *good[column + 1 :]]
        for number, value in enumerate(values)
    ]


def test_every_form_of_every_value(flow: Flow, lake: Lake, tmp_path: Path) -> None:
    clients = [[number, *GOOD_CLIENT[1:]] for number in CLIENT_IDS]
    for column, values in enumerate((NAMES, MAILS, DATES, WORDS), start=1):
        clients += varied(GOOD_CLIENT, column, values, column * 1_000)
    # A good second copy of a bad first one, and a bad second one; rows without anything.
    clients += [["50", "", *GOOD_CLIENT[2:]], ["50.0", *GOOD_CLIENT[1:]], ["50", "Autre", *GOOD_CLIENT[2:]]]
    clients += [["51", *GOOD_CLIENT[1:]], ["51", "Léa", "", *GOOD_CLIENT[3:]], [""] * 5, ["52"] + [""] * 4]
    sale = ("", "1", "2023-05-05", "10.00", "Clé USB")
    purchases = [[number, *sale[1:]] for number in CLIENT_IDS]
    values_of = (("1", "1.0", " 1", "one", "", "999", "0", "12", "-1", "50"), DATES, AMOUNTS, WORDS)
    for column, values in enumerate(values_of, start=1):
        purchases += varied(sale, column, values, column * 1_000)
    purchases += [["60", "1", "", *sale[3:]], ["60", *sale[1:]], ["60.0", *sale[1:3], "11", sale[4]]]
    purchases += [["61", "999", *sale[2:]], ["61", "1", *sale[2:]], [""] * 5, ["62"] + [""] * 4]
    folder = tmp_path / "shop"
    write(folder / "clients.csv", CLIENT_HEADER, clients + padding(100, 5_000))
    write(folder / "achats.csv", ACHAT_HEADER, purchases + sales_padding(100, 6_000))
    run(flow, folder, AS_OF)
    assert_same(flow, lake, folder, AS_OF)
    with flow.warehouse() as warehouse:
        found = reasons_in_ledger(warehouse)
    for table in lake_tables("sales", "silver"):  # so that nothing was left out above
        assert set(found[table.name]) == set(table.metadata.rejects)


def padding(count: int, first: int) -> list[list[str]]:
    """Good clients, so that the file as a whole is what it should be."""
    return [[str(first + n), *GOOD_CLIENT[1:]] for n in range(count)]


def sales_padding(count: int, first: int) -> list[list[str]]:
    return [[str(first + n), str(5_000 + n), "2024-03-01", "1.00", "Souris"] for n in range(count)]


# --- numbers --------------------------------------------------------------------------------------------


def sales(*rows: tuple[int, str, str, str]) -> list[list[str]]:
    """Purchases (client, day, amount, product), numbered from 1."""
    return [[str(number), str(client), *others] for number, (client, *others) in enumerate(rows, start=1)]


def clients(countries: Sequence[str]) -> list[list[str]]:
    return [
        [str(number), f"Client {number}", f"c{number}@example.com", "2019-01-01", country]
        for number, country in enumerate(countries, start=1)
    ]


NUMBERS = {
    "one purchase": sales((1, "2024-01-31", "0.01", "A")),
    "halves of a cent": sales(
        (1, "2024-01-01", "0.01", "A"), (1, "2024-01-01", "0.02", "A"), (2, "2024-01-02", "0.01", "B"),
        (2, "2024-01-02", "0.01", "B"), (3, "2024-01-02", "0.02", "B"), (3, "2024-01-03", "0.04", "B"),
        (4, "2024-02-01", "0.05", "C"), (4, "2024-02-02", "0.08", "C"), (4, "2024-02-03", "0.10", "C"),
    ),
    "segments at their limits": sales(
        (1, "2024-01-01", "499.99", "A"), (2, "2024-01-01", "500", "A"), (3, "2024-01-01", "1999.99", "A"),
        (4, "2024-01-01", "2000", "A"), (5, "2024-01-01", "4999.99", "A"), (6, "2024-01-01", "5000", "A"),
        (7, "2024-01-01", "10000", "A"), (7, "2024-01-02", "10000", "A"),
    ),
    "ties": sales(
        (3, "2024-02-01", "10", "Bb"), (2, "2024-02-02", "10", "Aa"), (1, "2024-01-05", "10", "Éa"),
        (5, "2024-01-06", "10", "Cc"), (4, "2024-03-01", "20", "Aa"), (6, "2024-03-02", "10", "Bb"),
        (6, "2024-03-03", "10", "Bb"), (7, "2024-05-03", "10", "A b"), (8, "2024-05-03", "10", "A-b"),
    ),
    "ends of years": sales(
        (1, "2020-12-28", "1", "A"), (1, "2020-12-31", "2", "A"), (2, "2021-01-01", "3", "A"),
        (2, "2021-01-03", "4", "A"), (3, "2021-01-04", "5", "A"), (3, "2023-01-01", "6", "A"),
        (3, "2023-12-31", "7", "A"), (3, "2024-01-01", "8", "A"), (1, "2019-12-30", "9", "A"),
    ),
    "growth": sales(
        (1, "2023-11-01", "8.00", "A"), (1, "2023-12-01", "8.01", "A"), (1, "2024-01-01", "2.67", "A"),
        (1, "2024-03-01", "2.00", "A"), (1, "2024-04-01", "200.00", "A"), (2, "2024-05-01", "202.01", "B"),
        (2, "2024-06-01", "200.00", "B"), (2, "2024-06-02", "2.01", "B"),
    ),
    "shares": sales(
        (1, "2024-01-01", "1.00", "A"), (2, "2024-01-01", "1.00", "A"), (3, "2024-01-01", "1.00", "A"),
        (4, "2024-01-01", "0.01", "A"), (5, "2024-01-01", "1.995", "A"), (6, "2024-01-01", "4.99", "A"),
    ),
    "large sums": sales(*((1 + n % 8, "2024-01-01", "9999.99", f"P{n % 3}") for n in range(3_000))),
}  # fmt: skip


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_at_their_limits(flow: Flow, lake: Lake, tmp_path: Path, case: str) -> None:
    folder = tmp_path / "shop"
    countries = ("France", "Suisse", "belgique", "FRANCE", "Suisse", "Espagne", "Italie", "Pays-Bas", "Maroc")
    write(folder / "clients.csv", CLIENT_HEADER, clients(countries))
    future = ["9999", "1", "2030-01-01", "1.00", "A"]  # a file has a row
    write(folder / "achats.csv", ACHAT_HEADER, [*NUMBERS[case], future])
    run(flow, folder, AS_OF)
    assert_same(flow, lake, folder, AS_OF)
