"""A wine month into bronze, on a real lake: all three files or none, as received and as text."""

import hashlib
import io
import json
import re
import shutil
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import boto3
import openpyxl
import pandas as pd
import pytest
from tests.integration.wine_files import (
    BAD,
    ERP,
    GOOD,
    LIAISON,
    MONTH,
    SHEET,
    WEB,
    Row,
    by_another_program,
    csv,
    edited,
    saved,
    without,
    workbook,
)

from flocon import ledger
from flocon.errors import ContractError, FloconError, SourceError
from flocon.flow import Flow, Outcome
from flocon.lake import Lake, LakeObject
from flocon.postgres import Connection
from flocon.settings import Settings
from flocon.shelf import Shelf
from flocon.wine.bronze import ingest

APRIL, MAY = date(2024, 4, 1), date(2024, 5, 1)


@dataclass(frozen=True)
class Inbox:
    """The lake's inbox of the domain."""

    lake: Lake
    s3: Any

    def drop(self, name: str, data: bytes, month: date = MAY) -> None:
        self.lake.put_stream("sources", f"wine/{month:%Y-%m}/{name}", [data])

    def drop_month(self, month: date = MAY, **other: bytes) -> None:
        """The small month, with another file in the place of some."""
        for table, good in GOOD.items():
            self.drop(f"{table}.xlsx", other.get(table, good), month)

    def remove(self, name: str, month: date = MAY, bucket: str = "sources") -> None:
        self.s3.delete_object(Bucket=bucket, Key=f"wine/{month:%Y-%m}/{name}")


@pytest.fixture
def inbox(lake: Lake, lake_settings: Settings) -> Inbox:
    return Inbox(
        lake,
        boto3.client(
            "s3",
            endpoint_url=lake_settings.s3_url,
            aws_access_key_id=lake_settings.secret("s3_access_key"),
            aws_secret_access_key=lake_settings.secret("s3_secret_key"),
            region_name="us-east-1",
        ),
    )


@pytest.fixture
def real(shared_data: Path) -> Path:
    """The folder with the real files of one month."""
    if not (shared_data / "wine").is_dir():
        pytest.skip(f"no wine month in {shared_data}")
    return shared_data / "wine"


def bronze(lake: Lake, table: str, month: date = MAY) -> list[dict[str, Any]]:
    with lake.open_parquet("bronze", f"wine/{month:%Y-%m}/{table}.parquet") as file:
        rows: list[dict[str, Any]] = file.read().to_pylist()
    return rows


def cells(lake: Lake, table: str, month: date = MAY) -> list[dict[str, Any]]:
    """The rows, but for the name of their file."""
    return [{name: v for name, v in row.items() if name != "_file"} for row in bronze(lake, table, month)]


def changed(outcomes: list[Outcome]) -> list[bool]:
    return [outcome.changed for outcome in outcomes]


def state(lake: Lake, warehouse: Connection) -> tuple[dict[str, LakeObject], list[Any]]:
    """What bronze has, and what the ledger says of it."""
    entries = warehouse.execute("select * from ledger.step_run where step = 'bronze' order by 1").fetchall()
    warehouse.commit()
    return lake.list("bronze", ""), entries


# --- the real month --------------------------------------------------------------------------------------


def test_the_real_month(flow: Flow, lake: Lake, real: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what openpyxl says of Excel's own extensions is left out
        outcomes = ingest(flow, MAY, str(real))
    assert [(o.service, o.month, o.changed, o.rows) for o in outcomes] == [
        ("erp", MAY, True, 825),
        ("liaison", MAY, True, 825),
        ("web", MAY, True, 1513),
    ]
    assert "2024-05 erp.xlsx → bronze.erp: 825 rows in" in outcomes[0].message
    for table in GOOD:
        assert lake.read("bronze", f"wine/2024-05/{table}.xlsx") == (real / f"{table}.xlsx").read_bytes()
    assert bronze(lake, "erp")[:2] == [
        {"product_id": "3847", "onsale_web": "1", "price": "24.2", "stock_quantity": "0",
         "stock_status": "outofstock", "_file": "erp.xlsx", "_line": 1},
        {"product_id": "3849", "onsale_web": "1", "price": "34.3", "stock_quantity": "0",
         "stock_status": "outofstock", "_file": "erp.xlsx", "_line": 2},
    ]  # fmt: skip
    assert [row["_line"] for row in bronze(lake, "web")] == list(range(1, 1514))


def test_identifiers_of_the_real_month_are_texts(flow: Flow, lake: Lake, real: Path) -> None:
    ingest(flow, MAY, str(real))
    skus = [row["sku"] for row in bronze(lake, "web")]
    assert {"16004", "13127-1", "bon-cadeau-25-euros"} <= set(skus)
    assert (len(skus), skus.count(None), len(set(skus) - {None})) == (1513, 85, 714)
    assert not [sku for sku in skus if sku and re.search(r"[.]|e[+]", sku)]
    links = [row["id_web"] for row in bronze(lake, "liaison")]
    assert {"15298", "13127-1", "bon-cadeau-25-euros"} <= set(links)
    assert (len(links), links.count(None)) == (825, 91)


@pytest.mark.parametrize("table", GOOD)
def test_cells_of_the_real_month_are_those_that_another_reader_finds(
    flow: Flow, lake: Lake, real: Path, table: str
) -> None:
    ingest(flow, MAY, str(real))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pd.read_excel(real / f"{table}.xlsx", dtype=object)
    kept = bronze(lake, table)
    assert list(kept[0]) == [*frame.columns, "_file", "_line"]
    for row, wanted in zip(kept, frame.to_dict("records"), strict=True):
        for name, value in wanted.items():
            text = row[name]
            if pd.isna(value):
                assert text is None
            elif isinstance(value, (int, float)):
                assert float(text) == value
            else:
                assert text == str(value)


def test_the_real_month_as_csv_gives_the_same_rows(flow: Flow, lake: Lake, inbox: Inbox, real: Path) -> None:
    ingest(flow, MAY, str(real))
    for table, delimiter in (("erp", ";"), ("web", ","), ("liaison", "\t")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = pd.read_excel(real / f"{table}.xlsx", dtype=object)
        text = frame.to_csv(index=False, sep=delimiter)
        inbox.drop(f"{table}.csv", f"\ufeff{text}".encode(), APRIL)
    assert [o.rows for o in ingest(flow, APRIL, "lake")] == [825, 825, 1513]
    for table in GOOD:
        assert cells(lake, table, APRIL) == cells(lake, table, MAY)
    assert {row["_file"] for row in bronze(lake, "web", APRIL)} == {"web.csv"}


# --- what is kept ----------------------------------------------------------------------------------------


def test_the_ledger_says_what_was_taken(flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection) -> None:
    inbox.drop_month()
    ingest(flow, MAY, "lake")
    entry = ledger.current(warehouse, "wine.web", "bronze", MAY)
    assert entry is not None
    parquet, raw = (lake.head("bronze", f"wine/2024-05/web.{ending}") for ending in ("parquet", "xlsx"))
    assert parquet is not None
    assert raw is not None
    received = lake.read("sources", "wine/2024-05/web.xlsx")
    assert (entry.rows, entry.sha256, entry.bytes) == (3, hashlib.sha256(received).hexdigest(), parquet.bytes)
    assert (entry.source_url, entry.run_id) == ("sources/wine/2024-05/web.xlsx", "test")
    assert entry.schema_seen == {
        "sku": "BIGINT or VARCHAR", "total_sales": "BIGINT", "post_title": "VARCHAR", "post_type": "VARCHAR"
    }  # fmt: skip
    assert entry.facts == {
        "key": "wine/2024-05/web.parquet", "etag": parquet.etag,
        "object_sha256": lake.sha256("bronze", "wine/2024-05/web.parquet"),
        "raw_key": "wine/2024-05/web.xlsx", "raw_etag": raw.etag,
        "sheet": "Sheet", "empty_rows": 0, "extra_columns": [],
        "readable": {"sku": [3, 3], "total_sales": [3, 3], "post_title": [3, 3], "post_type": [3, 3]},
    }  # fmt: skip


def test_the_same_files_are_no_work(flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection) -> None:
    inbox.drop_month()
    ingest(flow, MAY, "lake")
    before = state(lake, warehouse)
    inbox.drop("erp.xlsx", lake.read("sources", "wine/2024-05/erp.xlsx"))  # dropped once more
    outcomes = ingest(flow, MAY, "lake")
    assert changed(outcomes) == [False, False, False]
    assert "2024-05 erp.xlsx → bronze.erp: nothing to do, bronze has its 3 rows" in outcomes[0].message
    assert state(lake, warehouse) == before
    forced = ingest(flow, MAY, "lake", force=True)
    assert (changed(forced), [o.rows for o in forced]) == ([True] * 3, [3, 3, 3])
    assert lake.list("bronze", "") == before[0]  # the same rows give the same bytes


def test_a_corrected_file_replaces_only_its_month(
    flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection
) -> None:
    for month in (APRIL, MAY):
        inbox.drop_month(month)
        ingest(flow, month, "lake")
    before, entries = state(lake, warehouse)
    corrected = [*ERP[:3], (4039, 1, 45.5, 3, "instock")]
    inbox.drop("erp.xlsx", workbook(corrected), APRIL)
    outcomes = ingest(flow, APRIL, "lake")
    assert changed(outcomes) == [True, False, False]
    assert "its input changed" in outcomes[0].message
    after, more = state(lake, warehouse)
    assert {key for key in after if after[key] != before[key]} == {
        "wine/2024-04/erp.parquet", "wine/2024-04/erp.xlsx"
    }  # fmt: skip
    assert after.keys() == before.keys()
    assert (more[:-1], len(more)) == (entries, 7)
    assert [row["price"] for row in bronze(lake, "erp", APRIL)] == ["24.2", "34", "45.5"]
    assert [row["price"] for row in bronze(lake, "erp", MAY)] == ["24.2", "34", "46.5"]
    assert changed(ingest(flow, MAY, "lake")) == [False] * 3


def test_a_csv_in_the_place_of_a_workbook_is_the_months_only_file(
    flow: Flow, inbox: Inbox, lake: Lake, tmp_path: Path, warehouse: Connection
) -> None:
    inbox.drop_month()
    ingest(flow, MAY, "lake")
    inbox.remove("erp.xlsx")
    inbox.drop("erp.csv", csv([ERP[0], (1, 1, "12,5", 3, "instock")], ";"))
    assert changed(ingest(flow, MAY, "lake")) == [True, False, False]
    shelf = Shelf(flow, warehouse, "wine", tmp_path, MAY)
    (entry,) = shelf.entries("bronze.erp")
    assert (entry.rows, entry.facts["raw_key"], entry.facts["delimiter"]) == (1, "wine/2024-05/erp.csv", ";")
    (path,) = shelf.paths("bronze.erp")
    assert pd.read_parquet(path)["price"].tolist() == ["12,5"]  # a decimal comma is read later


def test_the_same_bytes_under_another_ending_are_looked_at_again(
    flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection
) -> None:
    inbox.drop_month()
    inbox.remove("erp.xlsx")
    inbox.drop("erp.csv", csv(ERP))
    ingest(flow, MAY, "lake")
    before = state(lake, warehouse)
    inbox.remove("erp.csv")
    inbox.drop("erp.xlsx", csv(ERP))
    with pytest.raises(ContractError, match=r"erp\.xlsx was refused \(not_a_workbook"):
        ingest(flow, MAY, "lake")
    assert state(lake, warehouse) == before


@pytest.mark.parametrize("ending", ["parquet", "xlsx"])
@pytest.mark.parametrize("how", ["removed", "overwritten"])
def test_what_is_not_whole_is_stored_again(
    flow: Flow, inbox: Inbox, lake: Lake, ending: str, how: str
) -> None:
    """As when a run was killed between the objects and the ledger, or somebody tidied up."""
    inbox.drop_month()
    ingest(flow, MAY, "lake")
    before = lake.list("bronze", "")
    if how == "removed":
        inbox.remove(f"web.{ending}", bucket="bronze")
    else:
        lake.put_stream("bronze", f"wine/2024-05/web.{ending}", [b"something else"])
    outcomes = ingest(flow, MAY, "lake")
    assert changed(outcomes) == [False, False, True]
    assert "its output is gone" in outcomes[2].message
    assert lake.list("bronze", "") == before


def test_a_lake_that_fails_halfway_leaves_a_month_that_is_not_there(
    flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection, tmp_path: Path
) -> None:
    inbox.drop_month()
    in_the_way = tmp_path / "lake" / "bronze" / "wine" / "2024-05" / "web.parquet"  # the last to be stored
    in_the_way.mkdir(parents=True)
    (in_the_way / "x").touch()
    with pytest.raises(FloconError, match=r"storing bronze/wine/2024-05/web\.parquet"):
        ingest(flow, MAY, "lake")
    assert "wine/2024-05/erp.parquet" in lake.list("bronze", "")
    assert state(lake, warehouse)[1] == []
    shutil.rmtree(in_the_way)
    assert changed(ingest(flow, MAY, "lake")) == [True] * 3
    assert changed(ingest(flow, MAY, "lake")) == [False] * 3


# --- where files are looked for --------------------------------------------------------------------------


def write_month(folder: Path, **other: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for table, good in GOOD.items():
        (folder / f"{table}.xlsx").write_bytes(other.get(table, good))


def test_a_folder_can_be_the_source(flow: Flow, lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "merchant"
    write_month(folder)
    write_month(folder / "2024-04", erp=workbook(ERP[:2]))
    (folder / "~$erp.xlsx").write_bytes(b"what Excel leaves while a file is open")
    assert [o.rows for o in ingest(flow, APRIL, str(folder))] == [1, 3, 3]  # its own sub-folder
    assert [o.rows for o in ingest(flow, MAY, str(folder))] == [3, 3, 3]  # without one, the folder
    with pytest.raises(SourceError, match="is not a folder"):
        ingest(flow, MAY, str(tmp_path / "nowhere"))


def test_a_months_sub_folder_is_not_filled_up_from_its_parent(flow: Flow, tmp_path: Path) -> None:
    folder = tmp_path / "merchant"
    write_month(folder)
    (folder / "2024-05").mkdir()
    with pytest.raises(ContractError, match=re.escape(f"({folder / '2024-05'} has nothing)")):
        ingest(flow, MAY, str(folder))


def test_names_may_be_in_another_case_and_other_files_are_left_alone(
    flow: Flow, inbox: Inbox, lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.drop_month()
    inbox.remove("erp.xlsx")
    inbox.drop("ERP.XLSX", GOOD["erp"])
    inbox.drop("lisez-moi.txt", b"bonjour")
    inbox.drop("brouillon/erp.xlsx", b"not of the month")
    assert changed(ingest(flow, MAY, "lake")) == [True] * 3
    assert {row["_file"] for row in bronze(lake, "erp")} == {"ERP.XLSX"}
    assert "wine/2024-05/erp.xlsx" in lake.list("bronze", "")
    assert "sources/wine/2024-05/lisez-moi.txt: left alone" in caplog.text


# --- how a workbook may look -----------------------------------------------------------------------------


def with_hidden_copy() -> bytes:
    book = openpyxl.Workbook()
    hidden, seen = book.active, book.create_sheet("Export")
    hidden.sheet_state = "hidden"
    for row in [ERP[0], (1, 1, 1, 1, "instock")]:
        hidden.append(row)
    for row in ERP:
        seen.append(row)
    return saved(book)


_ROWS = GOOD["erp"]
_MOVED: list[Row] = [(None, *row[::-1]) for row in ERP]
_SHOUTED = ("  Product_ID ", "ONSALE_WEB", "Price\n", "stock_quantity", "\u00a0stock_status")
_TEXTS: list[Row] = [ERP[0], *[(f"{a}", f"{b}", f"{c:g}", f"{d}", e) for a, b, c, d, e in ERP[1:]]]
FORMS = {
    "names in another case": workbook([_SHOUTED, *ERP[1:]]),
    "columns in another order, after an empty one": workbook(_MOVED),
    "an empty column between": workbook([(*row[:2], None, *row[2:]) for row in ERP]),
    "below a title": workbook([("Export ERP",), (None,), *ERP]),
    "on the second sheet": workbook([("Notes",), ("à relire",)], ERP),
    "a hidden sheet before it": with_hidden_copy(),
    "another sheet after it": workbook(ERP, ERP[:2]),
    "empty rows after it": workbook([*ERP, *[(None,) * 5] * 30, ("", None, "", None, "")]),
    "no size": edited(_ROWS, SHEET, b"<dimension[^>]*/>", b""),
    "a wrong size": edited(_ROWS, SHEET, b'<dimension ref="[^"]*"', b'<dimension ref="A1:B2"'),
    "no places of cells": edited(_ROWS, SHEET, b'(<c) r="[A-Z]+[0-9]+"', rb"\1"),
    "numbers with a fraction of nothing": edited(_ROWS, SHEET, b"<v>(3847|16)</v>", rb"<v>\1.0</v>"),
    "from another program, which shares texts": by_another_program(ERP),
    "numbers as texts": workbook(_TEXTS),
    "calculated": edited(_ROWS, SHEET, b"<v>24.2</v>", b"<f>B2*24.2</f><v>24.2</v>"),
}  # fmt: skip


def months_of(kinds: Iterable[str]) -> Iterator[tuple[str, date]]:
    """Each kind with a month of its own, which no other touches."""
    return ((kind, date(2000 + number // 12, 1 + number % 12, 1)) for number, kind in enumerate(kinds))


def test_the_same_table_in_another_form(
    flow: Flow, inbox: Inbox, lake: Lake, subtests: pytest.Subtests
) -> None:
    names = ("product_id", "onsale_web", "price", "stock_quantity", "stock_status", "_line")
    sheets = {"on the second sheet": "Sheet1", "a hidden sheet before it": "Export"}
    for form, month in months_of(FORMS):
        with subtests.test(form):
            inbox.drop_month(month, erp=FORMS[form])
            outcome = ingest(flow, month, "lake")[0]
            rows = bronze(lake, "erp", month)
            assert [tuple(row[name] for name in names) for row in rows] == [
                ("3847", "1", "24.2", "16", "instock", 1),
                ("3849", "1", "34", "0", "outofstock", 2),
                ("4039", "0", "46.5", "3", "instock", 3),
            ]
            assert len(rows[0]) == 7
            assert outcome.facts["sheet"] == sheets.get(form, "Sheet")


@pytest.mark.parametrize("name", ["erp.xlsx", "erp.csv"])
def test_empty_rows_are_left_out_and_counted(flow: Flow, inbox: Inbox, lake: Lake, name: str) -> None:
    rows = [*ERP[:2], (None,) * 5, (None,) * 5, *ERP[2:]]
    inbox.drop_month()
    inbox.remove("erp.xlsx")
    inbox.drop(name, workbook(rows) if name.endswith(".xlsx") else csv(rows))
    outcome = ingest(flow, MAY, "lake")[0]
    assert [(row["product_id"], row["_line"]) for row in bronze(lake, "erp")] == [
        ("3847", 1), ("3849", 4), ("4039", 5)
    ]  # fmt: skip
    assert (outcome.rows, outcome.facts["empty_rows"]) == (3, 2)
    assert "3 rows in" in outcome.message
    assert "and 2 empty ones that are left out" in outcome.message


def test_every_kind_of_cell_as_text(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    values = {
        "13127-1": "13127-1",
        " bon-cadeau-25-euros ": " bon-cadeau-25-euros ",
        "007": "007",
        "24,20": "24,20",
        16004: "16004",
        24.2: "24.2",
        1 / 3: "0.3333333333333333",
        123456789012345: "123456789012345",
        -3.0: "-3",
        1e21: "1000000000000000000000",
        True: "true",
        datetime.fromisoformat("2024-05-31T16:27:25"): "2024-05-31 16:27:25",
        time(16, 27): "16:27:00",
        "#N/A": "#N/A",
        "Crémant d'Alsace\n«brut»": "Crémant d'Alsace\n«brut»",
    }
    rows: list[Row] = [("sku", "total_sales", "post_title", "post_type", "Remarque")]
    rows += [(sku, 1, "x", "product", number) for number, sku in enumerate(values)]
    inbox.drop_month(web=workbook(rows))
    outcome = ingest(flow, MAY, "lake")[2]
    assert [row["sku"] for row in bronze(lake, "web")] == list(values.values())
    assert [row["Remarque"] for row in bronze(lake, "web")] == [str(n) for n in range(len(values))]
    assert outcome.facts["extra_columns"] == ["Remarque"]


def test_rows_of_a_long_workbook_are_in_their_order(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    rows = 21_000
    inbox.drop_month(liaison=workbook([LIAISON[0], *((n, f"{n}-1") for n in range(1, rows + 1))]))
    assert ingest(flow, MAY, "lake")[1].rows == rows
    found = [(row["product_id"], row["id_web"], row["_line"]) for row in bronze(lake, "liaison")]
    assert found == [(str(n), f"{n}-1", n) for n in range(1, rows + 1)]


def test_what_openpyxl_warns_of_in_cells_is_not_hidden(flow: Flow, inbox: Inbox) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(ERP)))
    book.active["B4"].number_format = "dd/mm/yyyy"
    book.active["B4"] = 9e9
    inbox.drop_month(erp=saved(book))
    with pytest.warns(UserWarning, match="outside the limits for dates"):
        ingest(flow, MAY, "lake")


# --- refused ---------------------------------------------------------------------------------------------

INCOMPLETE = {
    "erp": (
        ("erp.xlsx",),
        "erp.xlsx or erp.csv is missing (sources/wine/2024-05 has liaison.xlsx, web.xlsx)",
    ),
    "web": (
        ("web.xlsx",),
        "web.xlsx or web.csv is missing (sources/wine/2024-05 has erp.xlsx, liaison.xlsx)",
    ),
    "liaison": (("liaison.xlsx",), "liaison.xlsx or liaison.csv is missing"),
    "two": (
        ("erp.xlsx", "web.xlsx"),
        "erp.xlsx or erp.csv is missing; web.xlsx or web.csv is missing (sources",
    ),
    "all": (("erp.xlsx", "web.xlsx", "liaison.xlsx"), "(sources/wine/2024-05 has nothing)"),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_a_missing_file_is_named_and_nothing_is_taken(
    flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection, case: str
) -> None:
    missing, told = INCOMPLETE[case]
    inbox.drop_month()
    inbox.drop_month(APRIL)  # another month's files are no help
    for name in missing:
        inbox.remove(name)
    with pytest.raises(ContractError) as error:
        ingest(flow, MAY, "lake")
    assert str(error.value).startswith("wine 2024-05 was not taken, nothing of it changed: ")
    assert told in str(error.value)
    assert state(lake, warehouse) == ({}, [])
    assert lake.list("quarantine", "") == {}


def test_a_file_that_is_there_twice_is_not_chosen_from(
    flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection
) -> None:
    inbox.drop_month()
    inbox.drop("erp.csv", csv(ERP))
    with pytest.raises(
        ContractError, match=r"2024-05 .*erp\.csv and erp\.xlsx are there, of which only one may be"
    ):
        ingest(flow, MAY, "lake")
    assert state(lake, warehouse) == ({}, [])


def test_an_unfit_file_is_refused_with_its_reason_and_nothing_of_the_month_changes(
    flow: Flow, inbox: Inbox, lake: Lake, warehouse: Connection, subtests: pytest.Subtests
) -> None:
    others = {table: workbook(rows[:2]) for table, rows in MONTH.items()}
    for kind, month in months_of(BAD):
        with subtests.test(kind):
            bad, label = BAD[kind], f"{month:%Y-%m}"
            table = bad.name.partition(".")[0]
            inbox.drop_month(month)
            ingest(flow, month, "lake")
            before = state(lake, warehouse)
            inbox.drop_month(month, **others)  # the files beside it are new as well
            inbox.remove(f"{table}.xlsx", month)
            inbox.drop(bad.name, bad.bytes, month)
            with pytest.raises(ContractError) as error:
                ingest(flow, month, "lake")
            reason = json.loads(lake.read("quarantine", f"wine/{label}/{bad.name}.reason.json"))
            assert (reason["file"], reason["rule"]) == (bad.name, bad.rule)
            assert bad.expected in reason["expected"]
            assert bad.found in reason["found"]
            assert str(error.value) == (
                f"wine {label} was not taken, nothing of it changed. Mend what was refused, drop it again and run the "
                f"month again:\nsources/wine/{label}/{bad.name} was refused ({bad.rule}: expected "
                f"{reason['expected']}, found {reason['found']}); it is kept in quarantine/wine/{label}/{bad.name}, "
                "the reason beside it."
            )
            assert lake.read("quarantine", f"wine/{label}/{bad.name}") == bad.bytes
            assert state(lake, warehouse) == before
            inbox.remove(bad.name, month)
            inbox.drop(f"{table}.xlsx", GOOD[table], month)  # mended
            assert [o.rows for o in ingest(flow, month, "lake") if o.changed] == [1, 1]


def test_all_unfit_files_are_told_at_once(flow: Flow, inbox: Inbox, lake: Lake) -> None:
    inbox.drop_month(erp=b"", web=workbook(without(WEB, "sku")))
    with pytest.raises(ContractError) as error:
        ingest(flow, MAY, "lake")
    assert re.findall(r"(\w+\.xlsx) was refused \((\w+)", str(error.value)) == [
        ("erp.xlsx", "empty_file"), ("web.xlsx", "missing_column")
    ]  # fmt: skip
    assert len(lake.list("quarantine", "")) == 4
