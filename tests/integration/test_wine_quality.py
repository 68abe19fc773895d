"""Silver and gold of wine: the real month against an oracle that shares nothing with them, and every quality test."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from tests.integration import wine_oracle as oracle
from tests.integration.wine_files import workbook

from flocon import ledger
from flocon.errors import CheckFailed, FloconError
from flocon.flow import Flow
from flocon.lake_tables import build_layer
from flocon.shelf import Shelf, lake_tables
from flocon.tables import find_table
from flocon.wine.bronze import ingest
from flocon.wine.quality import Result, lines, require_passed, results_of

APRIL, MAY = date(2024, 4, 1), date(2024, 5, 1)
TESTS = find_table("wine", "gold", "tests_vin").metadata.tests
LIMITS = {name: (test.severity, test.expected) for name, test in TESTS.items()}
NO_BREAK = "\u00a0"


def failing(flow: Flow, month: date) -> list[Result]:
    """The tests of a month that keep it from being published."""
    return [result for result in results_of(flow, month) if result.failed]


def run(flow: Flow, folder: Path, month: date = MAY) -> list[str]:
    """Bronze, silver and gold of a month; the tables that were made anew, but for bronze."""
    ingest(flow, month, str(folder))
    return [*build(flow, "silver", month), *build(flow, "gold", month)]


def build(flow: Flow, layer: str, month: date = MAY) -> list[str]:
    return [
        f"{layer}.{done.service}"
        for done in build_layer(flow, "wine", layer, month, month=month)
        if done.changed
    ]


def rows_in(flow: Flow, layer: str, name: str, month: date = MAY) -> list[tuple[Any, ...]]:
    with flow.lake.open_parquet(layer, f"wine/{month:%Y-%m}/{name}.parquet") as file:
        data = file.read()
    assert data.column_names == list(find_table("wine", layer, name).metadata.columns)
    return [tuple(row.values()) for row in data.to_pylist()]


def assert_same(flow: Flow, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of the month is what the oracle says, row by row; returns gold."""
    for name, wanted in oracle.kept(folder).items():
        assert rows_in(flow, "silver", name) == wanted, name
    expected = oracle.recompute(folder, LIMITS)
    assert set(expected) == {table.name for table in lake_tables("wine", "gold")}
    found = {name: rows_in(flow, "gold", name) for name in expected}
    assert [row[5] for row in found["tests_vin"]] == [TESTS[row[0]].why for row in found["tests_vin"]]
    for name, wanted in expected.items():
        rows = [row[:5] for row in found[name]] if name == "tests_vin" else found[name]
        for number, (row, meant) in enumerate(zip(rows, wanted, strict=True)):
            assert row == meant, f"{name}, row {number}"
            assert list(map(type, row)) == list(map(type, meant)), f"{name}, row {number}"
    return found


# --- a whole month --------------------------------------------------------------------------------------


def test_real_month(flow: Flow, shared_data: Path) -> None:
    folder = shared_data / "wine"
    run(flow, folder)
    gold = assert_same(flow, folder)
    assert gold["ca_vin"] == [
        ("total", Decimal("70568.60"), 714, 385, 30, Decimal("32.49"), Decimal("27.81"))
    ]
    assert Counter(row[3] for row in gold["ecarts_vin"]) == {
        "erp_sans_lien": 91,
        "erp_sans_web": 20,
        "lien_sans_web": 20,
    }
    assert Counter(row[:2] for row in gold["mises_a_part_vin"]) == {
        ("liaison", "missing_id_web"): 91,
        ("web", "missing_sku"): 85,
        ("web", "not_a_product"): 714,
    }
    assert {row[0]: row[3] for row in gold["tests_vin"] if row[4] != "ok"} == {
        "erp_en_ligne_rapproche": "3",
        "erp_prix_positif": "2",
        "erp_statut_stock": "6",
        "erp_stock_non_negatif": "2",
        "web_cle_presente": "2",
    }
    assert failing(flow, MAY) == []


def test_real_month_as_a_spreadsheet_user_adds_it_up(flow: Flow, shared_data: Path) -> None:
    """Three lookups and a sum, with floating-point numbers: the same to the cent."""
    folder = shared_data / "wine"
    erp, web, liaison = (pd.read_excel(folder / f"{name}.xlsx") for name in oracle.SOURCES)
    web = web[(web["post_type"] == "product") & web["sku"].notna()]
    merged = liaison.merge(erp, on="product_id").merge(web, left_on="id_web", right_on="sku")
    above = (merged["price"] - merged["price"].mean()) / merged["price"].std()
    run(flow, folder)
    products = rows_in(flow, "gold", "produits_vin")
    assert f"{(merged['price'] * merged['total_sales']).sum():.2f}" == f"{sum(row[8] for row in products)}"
    premium = {row[0] for row in products if row[10] == "premium"}
    assert premium == set(merged["product_id"][above > 2])


BAD_CELLS: dict[str, tuple[object, ...]] = {
    "product_id": (None, "", " ", "4055x", "13127-1", 40.5, "5017.0", -1, 4055, 4090, "9" * 19, NO_BREAK),
    "price": (None, "n/a", "24,20", " 1 234,5 ", 0, -3.5, 24.205, "12.50 €", 24.200000000000003, 1e6, "+9,9"),
    "stock_quantity": (None, "12,0", "1.5", -4, "douze", 0, "1 000", 2**31),
    "stock_status": (None, "outofstock", "INSTOCK", " instock", "onbackorder", ""),
    "sku": (None, "", 15298, "15298.0", "15298", "bon-cadeau-25-euros", f"{NO_BREAK}16004 ", "x"),
    "total_sales": (None, "n/a", -3, "12,0", 1.5, "1 200", 10_000_000),
    "post_title": (None, "  Vin &amp; fils ", f"Deux{NO_BREAK}mots", "Trois\tmots"),
    "post_type": (None, "Product", "attachment", "product_variation", " product "),
    "id_web": (None, "", 15298, "15298.0", "14680-1", "x", 16004),
}


@pytest.mark.parametrize("seed", [1, 2])
def test_dirty_month(flow: Flow, shared_data: Path, tmp_path: Path, seed: int) -> None:
    """The real month with many spoilt cells, and rows that are there again."""
    draw = random.Random(seed)
    for name in oracle.SOURCES:
        frame = pd.read_excel(shared_data / "wine" / f"{name}.xlsx", dtype=object)
        frame = frame[[column for column in frame.columns if column in {*BAD_CELLS, "onsale_web", "virtual"}]]
        frame = frame.astype(object).where(frame.notna(), None)
        for column in frame.columns.intersection(list(BAD_CELLS)):
            for place in draw.sample(range(len(frame)), 60):
                frame.loc[place, column] = draw.choice(BAD_CELLS[column])
        again = frame.iloc[draw.sample(range(len(frame)), 25)]
        rows = pd.concat([frame, again]).itertuples(index=False, name=None)
        (tmp_path / f"{name}.xlsx").write_bytes(workbook([tuple(frame.columns), *rows]))
    run(flow, tmp_path)
    gold = assert_same(flow, tmp_path)
    seen = {(row[0], row[1]) for row in gold["mises_a_part_vin"]}
    known = {(table.name, code) for table in lake_tables("wine", "silver") for code in table.metadata.rejects}
    assert seen == known  # so that nothing was left out above
    assert len(failing(flow, MAY)) > 5


# --- every quality test ---------------------------------------------------------------------------------


@dataclass
class Files:
    """A month with nothing to say against it: 150 products, and cells of them to change."""

    erp: list[list[object]] = field(
        default_factory=lambda: [[n, 1, 10 + n / 10, n, "instock"] for n in range(1, 151)]
    )
    web: list[list[object]] = field(
        default_factory=lambda: [
            [9000 + n, 2, f"Vin {n}", kind] for n in range(1, 151) for kind in ("product", "attachment")
        ]
    )
    liaison: list[list[object]] = field(default_factory=lambda: [[n, 9000 + n] for n in range(1, 151)])

    def write(self, folder: Path) -> Path:
        erp = ("product_id", "onsale_web", "price", "stock_quantity", "stock_status")
        web = ("sku", "total_sales", "post_title", "post_type")
        files = {
            "erp": (erp, self.erp),
            "web": (web, self.web),
            "liaison": (("product_id", "id_web"), self.liaison),
        }
        folder.mkdir(exist_ok=True)
        for name, (header, rows) in files.items():
            (folder / f"{name}.xlsx").write_bytes(workbook([header, *rows]))
        return folder

    def set(self, source: str, rows: range, column: int, value: object) -> None:
        """Change a column of some rows; of web, every other row is an attachment."""
        table: list[list[object]] = getattr(self, source)
        for row in rows:
            table[row][column] = value

    def add(self, source: str, *rows: tuple[object, ...]) -> None:
        getattr(self, source).extend(map(list, rows))


ONE = range(1)


def spoil(source: str, rows: range, column: int, value: object) -> Callable[[Files], None]:
    return lambda files: files.set(source, rows, column, value)


def add(source: str, *rows: tuple[object, ...]) -> Callable[[Files], None]:
    return lambda files: files.add(source, *rows)


@dataclass(frozen=True)
class Break:
    """A way to break one quality test, what that finds, and what the same change makes other tests find."""

    test: str
    change: Callable[[Files], None]
    found: str
    also: dict[str, str] = field(default_factory=dict)


LATE = {"erp_en_ligne_rapproche": "1"}
BREAKS = {
    "no number": Break("erp_cle_presente", spoil("erp", ONE, 0, None), "1"),
    "no whole number": Break("erp_cle_presente", spoil("erp", ONE, 0, "13127-1"), "1"),
    "number twice": Break("erp_cle_unique", add("erp", (1, 1, 99, 1, "instock")), "1"),
    "two rows of the ERP that cannot be read": Break(
        "erp_part_ecartee", spoil("erp", range(2), 2, "offert"), "1,3333 %"
    ),
    "quantities that cannot be read": Break("erp_part_ecartee", spoil("erp", range(2), 3, "?"), "1,3333 %"),
    "price of 0 off the web": Break("erp_prix_positif", add("erp", (999, 0, 0, 1, "instock")), "1"),
    "negative price off the web": Break(
        "erp_prix_positif", add("erp", (999, 0, "-8,00", 0, "outofstock")), "1"
    ),
    "negative stock": Break("erp_stock_non_negatif", add("erp", (999, 0, 5, -1, "outofstock")), "1"),
    "in stock without a bottle": Break("erp_statut_stock", spoil("erp", ONE, 3, 0), "1"),
    "out of stock with some": Break("erp_statut_stock", spoil("erp", ONE, 4, "outofstock"), "1"),
    "no status": Break("erp_statut_stock", spoil("erp", ONE, 4, None), "1"),
    "on sale without a link": Break("erp_en_ligne_rapproche", add("erp", (999, 1, 5, 0, "outofstock")), "1"),
    "product without a sku": Break("web_cle_presente", add("web", (None, 3, "Nouveau", "product")), "1"),
    "sku twice": Break("web_cle_unique", add("web", (9001, 3, "Vin 1", "product")), "1"),
    "sales that cannot be read": Break(
        "web_part_ecartee",
        spoil("web", range(0, 8, 2), 1, "?"),
        "2,6667 %",
        {"erp_en_ligne_rapproche": "4"},
    ),
    "web products without a link": Break(
        "web_rapproche",
        add("web", *((f"n-{n}", 1, "Nouveau", "product") for n in range(4))),
        "2,5974 %",
    ),
    "link without a number": Break("liaison_cle_presente", spoil("liaison", ONE, 0, None), "1", LATE),
    "product linked twice": Break("liaison_cle_unique", add("liaison", (1, "x")), "1"),
    "web key linked twice": Break("liaison_cle_unique", add("liaison", (999, 9001)), "1"),
    "lost keys": Break(
        "liaison_part_ecartee",
        add("liaison", *((1000 + n, None) for n in range(51))),
        "25,3731 %",
    ),
    "links that lead nowhere": Break(
        "liaison_rapprochee",
        add("liaison", *((1000 + n, f"old-{n}") for n in range(8))),
        "5,0633 %",
    ),
    "price of 0 on the web": Break(
        "vin_prix_positif", spoil("erp", ONE, 2, 0), "1", {"erp_prix_positif": "1"}
    ),
    "negative price on the web": Break(
        "vin_prix_positif", spoil("erp", ONE, 2, -0.01), "1", {"erp_prix_positif": "1"}
    ),
    "sales taken back": Break("vin_quantite_non_negative", spoil("web", ONE, 1, -1), "1"),
}


def test_good_month_has_nothing_to_say(flow: Flow, tmp_path: Path) -> None:
    run(flow, Files().write(tmp_path / "shop"))
    found = results_of(flow, MAY)
    assert {result.nom for result in found} == set(TESTS)
    assert {result.resultat for result in found} == {"ok"}


@pytest.mark.parametrize("name", BREAKS)
def test_broken_input_turns_its_test(flow: Flow, tmp_path: Path, name: str) -> None:
    broken, files = BREAKS[name], Files()
    broken.change(files)
    run(flow, files.write(tmp_path / "shop"))
    turned = [result for result in results_of(flow, MAY) if result.resultat != "ok"]
    assert {result.nom: result.trouve for result in turned} == {broken.test: broken.found} | broken.also
    for result in turned:
        assert result.severite == TESTS[result.nom].severity
        assert result.resultat == {"fail": "échec", "warn": "alerte"}[result.severite]
    assert failing(flow, MAY) == [result for result in turned if TESTS[result.nom].severity == "fail"]


def replace_gold(flow: Flow, name: str, query: str, folder: Path) -> None:
    """Put what a query makes of a gold table (`gold`) into its place, as if the table's SELECT had made it so."""
    before, after, key = folder / "before.parquet", folder / "after.parquet", f"wine/2024-05/{name}.parquet"
    flow.lake.fetch("gold", key, before)
    with duckdb.connect() as engine:
        engine.execute(f"create view gold as from read_parquet('{before}')")
        engine.execute(f"copy ({query}) to '{after}' (format parquet)")
    stored = flow.lake.put_file("gold", key, after)
    with flow.warehouse() as warehouse:
        entry = ledger.current(warehouse, f"wine.{name}", "gold", MAY)
        assert entry is not None
        facts = {**entry.facts, "etag": stored.etag}
        ledger.record(warehouse, replace(entry, sha256=stored.sha256, facts=facts))


# What no input can break, unless the SQL has a defect: a table that is not what it should be.
DEFECTS = {
    "product not listed": ("jointure_complete", "ecarts_vin", "from gold where cle <> '999'", "1"),
    "product listed by mistake": (
        "jointure_complete",
        "ecarts_vin",
        "from gold union all from values ('erp', '7', null, 'erp_sans_lien')",
        "1",
    ),
    "a cent too much": ("ca_total", "ca_vin", "select * replace (ca + 0.01 as ca) from gold", "0,01 €"),
    "no revenue": ("ca_total", "ca_vin", "select * replace (0::numeric(18, 2) as ca) from gold", "5265 €"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_defect_of_a_table_turns_its_test(flow: Flow, tmp_path: Path, defect: str) -> None:
    test, table, query, found = DEFECTS[defect]
    files = Files()
    files.add("erp", (999, 0, 5, 0, "outofstock"))
    run(flow, files.write(tmp_path / "shop"))
    assert failing(flow, MAY) == []
    replace_gold(flow, table, query, tmp_path)
    assert build(flow, "gold") == ["gold.tests_vin"]
    assert [(result.nom, result.trouve) for result in failing(flow, MAY)] == [(test, found)]


def test_every_quality_test_is_broken_above() -> None:
    assert {each.test for each in BREAKS.values()} | {test for test, *_ in DEFECTS.values()} == set(TESTS)


# --- what follows, and what is made when ----------------------------------------------------------------


def test_failing_month_names_its_tests(flow: Flow, tmp_path: Path) -> None:
    files = Files()
    files.add("liaison", (999, 9001))
    files.set("erp", ONE, 3, -3)
    run(flow, files.write(tmp_path / "shop"))
    with flow.warehouse() as warehouse:
        shelf = Shelf(flow, warehouse, "wine", tmp_path, MAY)
        with pytest.raises(CheckFailed, match=r"wine 2024-05: 1 quality test\(s\) failed") as error:
            require_passed(shelf, MAY)
    said = str(error.value).splitlines()[1:]
    assert said == [f"liaison_cle_unique: ≤ 0 expected, 1 found; {TESTS['liaison_cle_unique'].why}"]
    shown = lines(results_of(flow, MAY))
    assert [line.split() for line in shown[:4]] == [
        ["échec", "liaison_cle_unique", "1", "(≤", "0)"],
        ["alerte", "erp_statut_stock", "1", "(≤", "0)"],
        ["alerte", "erp_stock_non_negatif", "1", "(≤", "0)"],
        ["ok", "ca_total", "0", "€", "(≤", "0", "€)"],
    ]
    assert len(shown) == len(TESTS)


def test_good_month_passes(flow: Flow, tmp_path: Path) -> None:
    run(flow, Files().write(tmp_path / "shop"))
    with flow.warehouse() as warehouse:
        require_passed(Shelf(flow, warehouse, "wine", tmp_path, MAY), MAY)


def test_same_files_are_nothing_to_do(flow: Flow, tmp_path: Path) -> None:
    folder = Files().write(tmp_path / "shop")
    made = run(flow, folder)
    assert len(made) == 8
    assert run(flow, folder) == []


def test_only_what_reads_refused_rows_follows_them(flow: Flow, tmp_path: Path) -> None:
    """One more row that is refused: what is kept is the same, and so is what is made of it."""
    files, folder = Files(), tmp_path / "shop"
    run(flow, files.write(folder))
    files.add("liaison", (1, "x"))
    made = run(flow, files.write(folder))
    assert [name for name in made if name.startswith("gold.")] == ["gold.mises_a_part_vin", "gold.tests_vin"]
    (row,) = [row for row in rows_in(flow, "gold", "mises_a_part_vin") if row[0] == "liaison"]
    assert row == ("liaison", "duplicate_id", "liaison.xlsx", 151, "1", None)


def test_refused_rows_that_were_changed_are_written_again(flow: Flow, tmp_path: Path) -> None:
    files = Files()
    files.add("liaison", (999, None))
    run(flow, files.write(tmp_path / "shop"))
    key = "wine/2024-05/silver/liaison.parquet"
    before = flow.lake.read("quarantine", key)
    flow.lake.put_stream("quarantine", key, [b"tidied up"])
    with pytest.raises(
        FloconError, match=rf"quarantine/{key} is gone or was changed .* run the layer silver of wine 2024-05"
    ):
        build(flow, "gold")
    assert build(flow, "silver") == ["silver.liaison"]
    assert flow.lake.read("quarantine", key) == before
    assert build(flow, "gold") == []


def test_gold_without_silver_says_what_to_run(flow: Flow) -> None:
    with pytest.raises(FloconError, match="run the layer silver of wine 2024-05 first"):
        build(flow, "gold")


def test_a_corrected_month_leaves_the_others(flow: Flow, tmp_path: Path) -> None:
    april, may = Files(), Files()
    may.add("erp", (999, 1, 5, 0, "outofstock"))
    run(flow, april.write(tmp_path / "april"), APRIL)
    run(flow, may.write(tmp_path / "may"), MAY)
    names = [table.name for table in lake_tables("wine", "gold")]
    before = {name: rows_in(flow, "gold", name, MAY) for name in names}
    april.set("erp", ONE, 2, "20,50")
    made = run(flow, april.write(tmp_path / "april"), APRIL)
    assert "gold.produits_vin" in made
    assert rows_in(flow, "gold", "ca_vin", APRIL) != rows_in(flow, "gold", "ca_vin", MAY)
    assert before == {name: rows_in(flow, "gold", name, MAY) for name in names}
    assert [*build(flow, "silver", MAY), *build(flow, "gold", MAY)] == []
