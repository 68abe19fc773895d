"""A month's reports: what is published and when, and what openpyxl, pandas and LibreOffice find in it."""

import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from tests.conftest import ON_BOTH_LAKES, Databases
from tests.integration.stopped import stopped_at, wait_until_stopped
from tests.integration.wine_cellar import APRIL, MAY, NAMES, SKUS, Cellar, Row, start_step

from flocon import ledger
from flocon.errors import CheckFailed, FloconError, SettingsError
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.settings import Settings, load_settings
from flocon.shelf import lake_tables
from flocon.tables import find_table
from flocon.wine import reports
from flocon.wine.reports import REPORTS, fetch_reports, publish_reports
from flocon.wine.words import GAPS, REASONS
from flocon.wine.workbook import write_revenue, write_tests

PATHS = ["debug/rapport_test.xlsx", "rapport_CA.xlsx", "extraction_premium.csv", "extraction_ordinaire.csv"]
TEST_REPORT, WORKBOOK, PREMIUM, ORDINARY = PATHS
GREEN, YELLOW, RED = "FFC6EFCE", "FFFFEB9C", "FFFFC7CE"
EUROS = '#,##0.00 "€"'
HOW_TO_RENDER = "apt-get install libreoffice-calc poppler-utils"


@pytest.fixture
def cellar() -> Cellar:
    return Cellar.of()


@pytest.fixture
def published(flow: Flow, cellar: Cellar) -> Cellar:
    """A merchant whose reports of May are published."""
    cellar.put(flow, MAY)
    assert [outcome.changed for outcome in publish_reports(flow, MAY)] == [True] * 4
    return cellar


def held(lake: Lake, month: date = MAY, bucket: str = "reports", prefix: str = "wine") -> dict[str, str]:
    """The SHA-256 of the objects of a month, by their path below it."""
    folder = f"{prefix}/{month:%Y-%m}/"
    return {
        key.removeprefix(folder): hashlib.sha256(lake.read(bucket, key)).hexdigest()
        for key in lake.list(bucket, folder)
    }


@pytest.fixture
def fetched(lake: Lake, published: Cellar, tmp_path: Path) -> Path:
    """The folder that `make reports` writes."""
    fetch_reports(lake, MAY, tmp_path / "fetched")
    return tmp_path / "fetched"


# When what is published.


def test_all_reports_of_a_month_are_stored_and_recorded(flow: Flow, lake: Lake, published: Cellar) -> None:
    stored = held(lake)
    assert sorted(stored) == sorted(PATHS)
    with flow.warehouse() as warehouse:
        entries = [ledger.current(warehouse, report.dataset, "report", MAY) for report in REPORTS]
    assert [(entry.dataset, entry.sha256, entry.rows) for entry in entries if entry] == [
        ("wine.rapport_test", stored[TEST_REPORT], len(published.tables()["tests_vin"])),
        ("wine.rapport_CA", stored[WORKBOOK], 40),
        ("wine.extraction_premium", stored[PREMIUM], 2),
        ("wine.extraction_ordinaire", stored[ORDINARY], 38),
    ]


def test_unchanged_gold_is_no_work_and_force_gives_the_same_bytes(
    flow: Flow, lake: Lake, published: Cellar
) -> None:
    before, etags = held(lake), lake.list("reports", "wine/")
    again = publish_reports(flow, MAY)
    assert [outcome.changed for outcome in again] == [False] * 4
    assert again[1].message == "reports/wine/2024-05/rapport_CA.xlsx: nothing to do"
    assert lake.list("reports", "wine/") == etags
    assert [outcome.changed for outcome in publish_reports(flow, MAY, force=True)] == [True] * 4
    assert held(lake) == before


def test_only_reports_of_what_changed_are_made_again(flow: Flow, lake: Lake, published: Cellar) -> None:
    before = held(lake)
    published.gaps.append({"source": "liaison", "cle": "77", "nom": None, "raison": "lien_sans_erp"})
    published.put(flow, MAY)
    outcomes = publish_reports(flow, MAY)
    assert [outcome.service for outcome in outcomes if outcome.changed] == ["rapport_test.xlsx"]
    after = held(lake)
    assert {path for path in PATHS if after[path] != before[path]} == {TEST_REPORT}


def test_another_month_stays_as_it_is(flow: Flow, lake: Lake, published: Cellar) -> None:
    before = held(lake)
    published.wines[12].prix += 1
    published.put(flow, APRIL)
    publish_reports(flow, APRIL)
    assert held(lake) == before
    assert held(lake, APRIL)[WORKBOOK] != before[WORKBOOK]


@ON_BOTH_LAKES
def test_a_report_that_somebody_changed_is_stored_again(flow: Flow, lake: Lake, published: Cellar) -> None:
    before = held(lake)
    lake.put_stream("reports", f"wine/2024-05/{PREMIUM}", [b"mine now"])
    outcomes = publish_reports(flow, MAY)
    assert [outcome.service for outcome in outcomes if outcome.changed] == [PREMIUM]
    assert held(lake) == before


def test_another_layout_makes_the_reports_again(
    flow: Flow, published: Cellar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "_layout", lambda: "a newer version")
    assert [outcome.changed for outcome in publish_reports(flow, MAY)] == [True] * 4


def test_a_failing_quality_test_publishes_the_test_report_alone(
    flow: Flow, lake: Lake, published: Cellar, tmp_path: Path
) -> None:
    before = held(lake)
    published.wines[12].prix += 1
    published.failing = {"web_cle_unique"}
    published.put(flow, MAY)
    for _ in range(2):  # the second time, the test report is there already
        with pytest.raises(
            CheckFailed, match=r"wine 2024-05: 1 quality test(.|\n)*\nweb_cle_unique: ≤ 0 expected, 999"
        ):
            publish_reports(flow, MAY)
    after = held(lake)
    assert {path for path in PATHS if after[path] != before[path]} == {TEST_REPORT}
    fetch_reports(lake, MAY, tmp_path)
    sheet = load_workbook(tmp_path / TEST_REPORT)["Tests"]
    assert [sheet.cell(4, column).value for column in (1, 2, 5)] == ["web_cle_unique", "fail", "échec"]
    assert sheet["A1"].value.startswith("Tests de qualité, mai 2024 : 1 échec, 1 alerte, ")


def test_a_month_that_fails_from_the_beginning_has_its_test_report(
    flow: Flow, lake: Lake, cellar: Cellar, tmp_path: Path
) -> None:
    cellar.failing = {"ca_total"}
    cellar.put(flow, MAY)
    with pytest.raises(CheckFailed, match="ca_total"):
        publish_reports(flow, MAY)
    assert list(held(lake)) == [TEST_REPORT]
    assert fetch_reports(lake, MAY, tmp_path) == [tmp_path / TEST_REPORT]
    cellar.failing = set()
    cellar.put(flow, MAY)
    assert [outcome.changed for outcome in publish_reports(flow, MAY)] == [True] * 4


def test_nothing_is_stored_until_all_are_made(
    flow: Flow, lake: Lake, published: Cellar, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    before = held(lake)
    published.gaps.clear()
    published.wines[20].sold += 1  # a premium one
    published.wines[21].sold += 1
    published.put(flow, MAY)
    with monkeypatch.context() as patch:
        patch.setattr(reports, "write_extraction", full)
        with pytest.raises(OSError, match="No space left"):
            publish_reports(flow, MAY)
    assert held(lake) == before
    publish_reports(flow, MAY)
    after = held(lake)
    assert [path for path in PATHS if after[path] == before[path]] == []


def test_a_publication_that_was_killed_is_completed(
    flow: Flow, lake: Lake, lake_settings: Settings, databases: Databases, published: Cellar
) -> None:
    before = held(lake)
    published.gaps.clear()
    published.wines[12].prix += 1
    published.put(flow, MAY)
    with stopped_at(databases.warehouse_dsn, "ledger.step_run"):
        worker = start_step("reports", (databases.warehouse_dsn, databases.mart_dsn), lake_settings, MAY)
        wait_until_stopped(databases.warehouse_admin_dsn)
        worker.kill()
        worker.join()
    middle = held(lake)
    assert {path for path in PATHS if middle[path] != before[path]} == {TEST_REPORT}
    assert [outcome.changed for outcome in publish_reports(flow, MAY)] == [True] * 4
    complete = held(lake)
    published.put(flow, APRIL)
    publish_reports(flow, APRIL)
    assert complete[PREMIUM] == held(lake, APRIL)[PREMIUM]  # nothing in an extract says which month it is
    assert [outcome.changed for outcome in publish_reports(flow, MAY, force=True)] == [True] * 4
    assert held(lake) == complete


def test_without_gold_there_are_no_reports(flow: Flow, lake: Lake, published: Cellar) -> None:
    with pytest.raises(FloconError, match=r"run the layer gold of wine"):
        publish_reports(flow, APRIL)
    assert held(lake, APRIL) == {}


# Where else.


@pytest.fixture
def copying(flow: Flow, lake: Lake) -> Flow:
    """A flow that stores reports in a second bucket as well."""
    vars(lake)["_client"].create_bucket(Bucket="exchange")
    return with_copies(flow, "exchange/vins/rapports")


def with_copies(flow: Flow, to: str) -> Flow:
    settings = flow.settings.model_copy(update={"wine_reports_to": to})
    return Flow(flow.warehouse, flow.mart, flow.lake, flow.run_id, settings)


def test_reports_are_stored_in_another_place_too(copying: Flow, lake: Lake, cellar: Cellar) -> None:
    cellar.put(copying, MAY)
    assert [outcome.changed for outcome in publish_reports(copying, MAY)] == [True] * 8
    assert held(lake, MAY, "exchange", "vins/rapports") == held(lake)
    assert [outcome.changed for outcome in publish_reports(copying, MAY)] == [False] * 8


def test_a_place_that_is_set_later_gets_the_reports(
    flow: Flow, copying: Flow, lake: Lake, published: Cellar
) -> None:
    assert [outcome.step for outcome in publish_reports(copying, MAY) if outcome.changed] == [
        "report_copy"
    ] * 4
    assert held(lake, MAY, "exchange", "vins/rapports") == held(lake)
    moved = with_copies(flow, "exchange")
    assert [outcome.step for outcome in publish_reports(moved, MAY) if outcome.changed] == ["report_copy"] * 4
    assert sorted(lake.list("exchange", "2024-05/")) == sorted(f"2024-05/{path}" for path in PATHS)


def test_a_place_that_is_not_there_is_named(flow: Flow, lake: Lake, published: Cellar) -> None:
    with pytest.raises(FloconError, match=r"nowhere/vins/2024-05/debug/rapport_test\.xlsx"):
        publish_reports(with_copies(flow, "nowhere/vins"), MAY)
    assert len(held(lake)) == 4


@pytest.mark.parametrize("place", ["/vins", "Exchange", "s3://exchange", "exchange//vins"])
def test_a_place_that_makes_no_sense_is_refused(place: str) -> None:
    secrets = {name: "secret" for name, f in Settings.model_fields.items() if f.is_required()}
    with pytest.raises(SettingsError, match="FLOCON_WINE_REPORTS_TO"):
        load_settings(wine_reports_to=place, **secrets)


def test_fetched_reports_are_the_published_ones(lake: Lake, published: Cellar, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "new" / "folder"
    paths = fetch_reports(lake, MAY, folder)
    assert paths == [folder / path for path in PATHS]
    assert {path: hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in PATHS} == held(lake)
    assert sorted(path.name for path in folder.iterdir()) == sorted(["debug", WORKBOOK, PREMIUM, ORDINARY])
    with pytest.raises(
        FloconError, match=r"wine 2024-04: there are no reports in reports/wine/2024-04/, run `make"
    ):
        fetch_reports(lake, APRIL, folder)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FloconError, match="cannot be written"):
        fetch_reports(lake, MAY, tmp_path / "file")


# What is in the workbook.


def columns_by_title(sheet: Worksheet, row: int = 1) -> dict[str, int]:
    return {str(cell.value): cell.column for cell in sheet[row] if cell.value is not None}


def test_the_detail_has_one_line_a_product_sorted_by_revenue(fetched: Path, published: Cellar) -> None:
    sheet = load_workbook(fetched / WORKBOOK)["Détail CA"]
    titles = columns_by_title(sheet)
    fields = {
        "N° produit": "product_id",
        "Référence web": "sku",
        "Nom": "nom",
        "Quantité vendue": "quantite_vendue",
        "Stock": "stock_quantity",
        "Statut du stock": "stock_status",
        "Classement": "classement",
    }
    products = published.tables()["produits_vin"]
    for title, field in fields.items():
        shown = [sheet.cell(row, titles[title]).value for row in range(2, 42)]
        assert shown == [product[field] for product in products], title
    for title, field in {"Prix": "prix", "Chiffre d'affaires": "ca"}.items():
        shown = [Decimal(str(sheet.cell(row, titles[title]).value)) for row in range(2, 42)]
        assert shown == [product[field] for product in products], title
    revenue = [sheet.cell(row, titles["Chiffre d'affaires"]).value for row in range(2, 42)]
    assert revenue == sorted(revenue, reverse=True)
    online = {sheet.cell(row, titles["Vendu en ligne"]).value for row in range(2, 42)}
    assert online == {"oui", "non", None}
    shares = [sheet.cell(row, titles["Part du CA"]).value for row in range(2, 42)]
    assert sum(shares) == pytest.approx(1)


def test_the_detail_can_be_read_and_filtered(fetched: Path) -> None:
    sheet = load_workbook(fetched / WORKBOOK)["Détail CA"]
    titles = columns_by_title(sheet)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:L41"
    assert sheet.print_title_rows == "$1:$1"
    formats = {title: sheet.cell(2, column).number_format for title, column in titles.items()}
    assert formats == {
        **dict.fromkeys(
            ("Référence web", "Nom", "Statut du stock", "Vendu en ligne", "Classement"), "General"
        ),
        **dict.fromkeys(("Prix", "Chiffre d'affaires"), EUROS),
        **dict.fromkeys(("Quantité vendue", "Stock"), "#,##0"),
        "N° produit": "0",
        "Part du CA": "0.0%",
        "Z-score du prix": "0.00",
    }
    assert sheet["A1"].font.bold
    for cells in sheet.iter_cols(max_row=41):
        texts = [str(cell.value) for cell in cells[1:] if cell.data_type == "s"]
        longest = max(map(len, [*texts, *str(cells[0].value).split()]))
        assert longest < width_of(sheet, cells[0].column_letter) < 62, cells[0].value


def width_of(sheet: Worksheet, letter: str) -> float:
    """The width of a column (characters); openpyxl keeps equal neighbours under the first one's letter."""
    column = ord(letter) - ord("A") + 1
    return next(float(d.width) for d in sheet.column_dimensions.values() if d.min <= column <= d.max)


def test_the_total_is_a_formula_with_its_value(fetched: Path, published: Cellar) -> None:
    formulas, values = (load_workbook(fetched / WORKBOOK, data_only=only) for only in (False, True))
    products = published.tables()["produits_vin"]
    revenue = sum(product["ca"] for product in products)
    detail = formulas["Détail CA"]
    assert detail["F42"].value == "=SUBTOTAL(109,F2:F41)"
    assert detail["F42"].number_format == EUROS
    assert values["Détail CA"]["F42"].value == pytest.approx(float(revenue))
    assert detail["E42"].value == "=SUBTOTAL(109,E2:E41)"
    assert values["Détail CA"]["E42"].value == sum(product["quantite_vendue"] for product in products)
    control = {row[0].value: row[1] for row in formulas["CA total"].iter_rows(min_row=3, max_row=10)}
    assert control["Contrôle : somme du détail"].value == "=SUM('Détail CA'!F2:F41)"
    told = {row[0].value: row[1].value for row in values["CA total"].iter_rows(min_row=3, max_row=10)}
    totals = published.tables()["ca_vin"][0]
    premium = sum(product["ca"] for product in products if product["classement"] == "premium")
    assert told == pytest.approx(
        {
            "Chiffre d'affaires": float(revenue),
            "Chiffre d'affaires des produits premium": float(premium),
            "Produits rapprochés": 40,
            "Produits vendus": totals["nb_vendus"],
            "Produits premium": 2,
            "Prix moyen": float(totals["prix_moyen"]),
            "Écart-type des prix": float(totals["prix_ecart_type"]),
            "Contrôle : somme du détail": float(revenue),
        }
    )


def test_the_chart_shows_the_best_products(fetched: Path, published: Cellar) -> None:
    book = load_workbook(fetched / WORKBOOK)
    assert book.sheetnames == ["Détail CA", "CA total"]
    sheet = book["CA total"]
    assert sheet["A1"].value == "Chiffre d'affaires, mai 2024"
    (chart,) = charts_of(sheet)
    (series,) = chart.series
    assert (series.cat.strRef.f, series.val.numRef.f) == ("'CA total'!$A$13:$A$22", "'CA total'!$B$13:$B$22")
    best = published.tables()["produits_vin"][:10]
    assert [point.v for point in series.cat.strRef.strCache.pt] == [product["nom"] for product in best]
    assert [sheet.cell(13 + n, 1).value for n in range(10)] == [product["nom"] for product in best]
    assert [float(point.v) for point in series.val.numRef.numCache.pt] == [float(row["ca"]) for row in best]


def charts_of(sheet: Worksheet) -> list[Any]:
    return list(vars(sheet)["_charts"])  # openpyxl has no public name for what it read


def test_no_text_becomes_a_formula(fetched: Path) -> None:
    book = load_workbook(fetched / WORKBOOK)
    formulas = [
        (sheet.title, cell.coordinate)
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    ]
    assert formulas == [("Détail CA", "E42"), ("Détail CA", "F42"), ("CA total", "B10")]
    texts = {
        cell.value: cell for row in book["Détail CA"].iter_rows() for cell in row if cell.data_type == "s"
    }
    for text in [NAMES[n] for n in (3, 4, 5, 6, 7)] + [SKUS[4]]:
        assert texts[text].quotePrefix, text  # so that it stays a text when somebody edits the cell
    assert not texts[NAMES[1]].quotePrefix
    tests = load_workbook(fetched / TEST_REPORT)
    assert not [cell for sheet in tests for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_references_stay_texts(fetched: Path) -> None:
    sheet = load_workbook(fetched / WORKBOOK)["Détail CA"]
    shown = {sheet.cell(row, 1).value: sheet.cell(row, 2) for row in range(2, 42)}
    assert {shown[n].value for n in SKUS} == set(SKUS.values())
    assert {cell.data_type for cell in shown.values()} == {"s"}


def test_the_test_report_says_what_was_found(fetched: Path, published: Cellar) -> None:
    book = load_workbook(fetched / TEST_REPORT)
    assert book.sheetnames == ["Tests", "Écarts", "Mises à part"]
    sheet = book["Tests"]
    titles = columns_by_title(sheet, 3)
    tests = published.tables()["tests_vin"]
    fields = ("nom", "severite", "attendu", "trouve", "resultat", "description")
    shown = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=4)]
    assert list(titles) == ["Test", "Sévérité", "Attendu", "Trouvé", "Résultat", "Description"]
    assert sorted(shown) == sorted([test[field] for field in fields] for test in tests)
    assert [row[4] for row in shown] == ["alerte"] + ["ok"] * (len(tests) - 1)
    colours = [sheet.cell(row, 5).fill.fgColor.rgb for row in range(4, 4 + len(tests))]
    assert colours == [YELLOW] + [GREEN] * (len(tests) - 1)
    assert sheet.freeze_panes == "A4"
    listed = [[cell.value for cell in row] for row in book["Écarts"].iter_rows()]
    assert listed[1][:5] == ["erp", "901", None, GAPS["erp_sans_lien"], "erp_sans_lien"]
    assert listed[2][:5] == ["web", "=902", "=1+1", GAPS["web_sans_lien"], "web_sans_lien"]
    set_aside = [[cell.value for cell in row] for row in book["Mises à part"].iter_rows()]
    assert set_aside[1][:7] == ["erp", "erp.xlsx", 12, None, None, REASONS["bad_price"], "bad_price"]
    assert [row[8:] for row in set_aside[:3]] == [
        ["Source", "Code", "Lignes"],
        ["erp", "bad_price", 1],
        ["web", "missing_sku", 2],
    ]
    for name in ("Écarts", "Mises à part"):
        assert book[name].freeze_panes == "A2"


def test_a_failure_is_red_and_first(tmp_path: Path) -> None:
    cellar = Cellar.of()
    cellar.failing = {"web_cle_unique"}
    tables = cellar.tables()
    write_tests(tmp_path / "tests.xlsx", MAY, tables["tests_vin"], [], [])
    cell = load_workbook(tmp_path / "tests.xlsx")["Tests"]["E4"]
    assert (cell.value, cell.fill.fgColor.rgb) == ("échec", RED)


def test_a_month_without_a_product_has_a_workbook(tmp_path: Path) -> None:
    tables = Cellar().tables()
    assert write_revenue(tmp_path / "empty.xlsx", MAY, [], tables["ca_vin"][0]) == 0
    book = load_workbook(tmp_path / "empty.xlsx", data_only=True)
    assert book["Détail CA"]["F2"].value == 0
    assert charts_of(book["CA total"]) == []


def test_a_text_longer_than_a_cell_is_cut(tmp_path: Path) -> None:
    gap = {"source": "web", "cle": "1", "nom": "é" * 40_000, "raison": "not a code that is known"}
    write_tests(tmp_path / "long.xlsx", MAY, [], [gap], [])
    sheet = load_workbook(tmp_path / "long.xlsx")["Écarts"]
    assert sheet["C2"].value == "é" * 32_766 + "…"
    assert sheet["D2"].value == "not a code that is known"


def test_every_code_has_french_words() -> None:
    codes = {code for table in lake_tables("wine", "silver") for code in table.metadata.rejects}
    assert codes == set(REASONS)
    gaps = find_table("wine", "gold", "ecarts_vin").query.read_text(encoding="utf-8")
    assert set(re.findall(r"'(\w+_sans_\w+)'", gaps)) == set(GAPS)


# That the bytes are the same.

BUILD = """
import sys
from pathlib import Path
from tests.integration.test_wine_reports import build
build(Path(sys.argv[1]))
"""


def build(folder: Path) -> None:
    """Write the workbooks of a month into a folder."""
    tables = Cellar.of().tables()
    folder.mkdir()
    write_revenue(folder / "rapport_CA.xlsx", MAY, tables["produits_vin"], tables["ca_vin"][0])
    rows = (tables["tests_vin"], tables["ecarts_vin"], tables["mises_a_part_vin"])
    write_tests(folder / "rapport_test.xlsx", MAY, *rows)


def test_another_process_at_another_time_gives_the_same_bytes(tmp_path: Path) -> None:
    build(tmp_path / "here")
    time.sleep(2.1)  # the clock of a ZIP archive ticks every two seconds
    env = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", BUILD, str(tmp_path / "there")], env=env, check=True)
    for name in ("rapport_CA.xlsx", "rapport_test.xlsx"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes(), name
        made = load_workbook(tmp_path / "there" / name).properties
        assert {made.created.date(), made.modified.date()} == {MAY}


# What is in the extracts.


@pytest.mark.parametrize(("path", "group"), [(PREMIUM, "premium"), (ORDINARY, "ordinaire")])
def test_an_extract_read_back_is_gold(fetched: Path, published: Cellar, path: str, group: str) -> None:
    texts: dict[str, Any] = {"sku": str, "nom": str, "stock_status": str}
    read = pd.read_csv(
        fetched / path,
        sep=";",
        decimal=",",
        encoding="utf-8-sig",
        dtype=texts,
        true_values=["oui"],
        false_values=["non"],
    )
    gold = [row for row in published.tables()["produits_vin"] if row["classement"] == group]
    assert list(read.columns) == list(find_table("wine", "gold", "produits_vin").metadata.columns)
    rows = read.astype(object).where(read.notna(), None).to_dict("records")
    assert rows == [as_read(row) for row in gold]
    assert rows


def as_read(row: Row) -> Row:
    """A row of gold as pandas reads it: what would be a formula stands behind an apostrophe."""
    read = {name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()}
    for name in ("sku", "nom"):
        if row[name] is not None and row[name][0] in "=+-@\t":
            read[name] = f"'{row[name]}"
    return read


def test_an_extract_opens_right_in_a_french_excel(fetched: Path) -> None:
    data = (fetched / ORDINARY).read_bytes()
    assert data.startswith(b"\xef\xbb\xbfproduct_id;sku;nom;prix;")
    text = data.decode("utf-8-sig")
    assert text.endswith("\r\n")
    rows = list(csv.reader(text.splitlines(keepends=True), delimiter=";"))
    assert {len(row) for row in rows} == {11}
    by_number = {row[0]: row for row in rows}
    assert by_number["1"][1:4] == ["13127-1", NAMES[1], "4,87"]
    assert by_number["2"][2] == NAMES[2]
    assert by_number["3"][1:3] == ["007", "'=1+1"]
    assert by_number["4"][1:3] == ["'=HYPERLINK(A1)", "'@SUM(A1:A9)"]
    assert by_number["5"][9].startswith("-0,")  # a negative number is one
    assert "\r\n1;13127-1;" in text


def test_an_extract_is_ordered_like_gold_and_may_be_empty(flow: Flow, lake: Lake, cellar: Cellar) -> None:
    for wine in cellar.wines.values():
        wine.prix = Decimal(10)
    cellar.put(flow, MAY)
    publish_reports(flow, MAY)
    premium = lake.read("reports", f"wine/2024-05/{PREMIUM}").decode("utf-8-sig")
    assert premium.count("\r\n") == 1
    ordinary = lake.read("reports", f"wine/2024-05/{ORDINARY}").decode("utf-8-sig")
    numbers = [
        int(row[0]) for row in csv.reader(ordinary.splitlines(keepends=True)[1:], delimiter=";") if row
    ]
    assert numbers == [product["product_id"] for product in cellar.tables()["produits_vin"]]
    assert ";;ordinaire\r\n" in ordinary  # equal prices have no score


# What LibreOffice makes of it.


needs_office = pytest.mark.skipif(
    not all(map(shutil.which, ("soffice", "pdftoppm", "pdftotext"))),
    reason=f"needs LibreOffice: {HOW_TO_RENDER}",
)


def office(path: Path, kind: str, folder: Path, *options: str) -> Path:
    """Convert a file with a LibreOffice that has neither the user's settings nor another's run."""
    command = [
        "soffice",
        f"-env:UserInstallation=file://{folder / 'office'}",
        "--headless",
        *options,
        *("--convert-to", kind, "--outdir", str(folder / "out"), str(path)),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return folder / "out" / f"{path.stem}.{kind}"


@needs_office
def test_libreoffice_opens_and_prints_the_workbooks(fetched: Path, published: Cellar, tmp_path: Path) -> None:
    for path, texts in {
        WORKBOOK: ["Nom", "=1+1", "Total des lignes affichées", "Les meilleurs chiffres d'affaires"],
        TEST_REPORT: ["web_cle_unique", "erp_sans_lien", "missing_sku"],
    }.items():
        pdf = office(fetched / path, "pdf", tmp_path)
        printed = subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True).stdout
        assert [text for text in texts if text not in printed.decode()] == []
        subprocess.run(["pdftoppm", "-png", "-r", "60", pdf, pdf.with_suffix("")], check=True)
    pages = list((tmp_path / "out").glob("rapport_CA-*.png"))
    assert len(pages) == 2  # one for each sheet
    assert min(page.stat().st_size for page in pages) > 10_000  # not blank


@needs_office
def test_a_french_spreadsheet_reads_numbers_and_runs_nothing(
    fetched: Path, published: Cellar, tmp_path: Path
) -> None:
    french = "--infilter=Text - txt - csv (StarCalc):59,34,76,1,,1036"
    for path in (PREMIUM, ORDINARY):
        sheet = load_workbook(office(fetched / path, "xlsx", tmp_path, french)).active
        assert isinstance(sheet, Worksheet)
        titles = columns_by_title(sheet)
        products = {row["product_id"]: row for row in published.tables()["produits_vin"]}
        assert sheet.max_row > 2
        for cells in sheet.iter_rows(min_row=2):
            product = products[cells[0].value]
            assert {cell.data_type for cell in cells} <= {"n", "s"}  # and no formula
            for name in ("prix", "ca", "z_score", "quantite_vendue"):
                assert cells[titles[name] - 1].value == pytest.approx(float(product[name])), name
