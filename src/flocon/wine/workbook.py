"""A month's workbooks: the revenue, for the merchant, and what the quality tests found, for who mends the files.

The same rows give the same bytes.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from xlsxwriter.utility import xl_range

from flocon.wine.sheets import BURGUNDY, Book, Column, Row, Sheet
from flocon.wine.words import GAPS, REASONS, month_in_words

_DETAIL = "Détail CA"
_TOTAL = "CA total"
_BEST = 10
_PRODUCTS = (
    Column("N° produit", "product_id", "number"),
    Column("Référence web", "sku"),
    Column("Nom", "nom"),
    Column("Prix", "prix", "euros"),
    Column("Quantité vendue", "quantite_vendue", "integer"),
    Column("Chiffre d'affaires", "ca", "euros"),
    Column("Part du CA", "part", "percent"),
    Column("Stock", "stock_quantity", "integer"),
    Column("Statut du stock", "stock_status"),
    Column("Vendu en ligne", "onsale_web"),
    Column("Z-score du prix", "z_score", "score"),
    Column("Classement", "classement"),
)
_PLACES = {column.name: place for place, column in enumerate(_PRODUCTS)}
_RANKED = (
    Column("Meilleurs produits", "nom"),
    Column("Chiffre d'affaires", "ca", "euros"),
    Column("Part du CA", "part", "percent"),
)
_TESTS = (
    Column("Test", "nom", "wrapped", width=26),
    Column("Sévérité", "severite", "wrapped"),
    Column("Attendu", "attendu", "wrapped"),
    Column("Trouvé", "trouve", "wrapped"),
    Column("Résultat", "resultat", "result"),
    Column("Description", "description", "wrapped", width=90),
)
_GRAVITY = ("échec", "alerte", "ok")
_GAPS = (
    Column("Source", "source"),
    Column("Clé", "cle"),
    Column("Nom", "nom"),
    Column("Raison", "mots"),
    Column("Code", "raison"),
)
_SET_ASIDE = (
    Column("Source", "source"),
    Column("Fichier", "fichier"),
    Column("Ligne", "ligne", "integer"),
    Column("Clé", "cle"),
    Column("Nom", "nom"),
    Column("Motif", "mots"),
    Column("Code", "raison"),
)
_COUNTS = (Column("Source", "source"), Column("Code", "raison"), Column("Lignes", "lignes", "integer"))


def write_revenue(path: Path, month: date, products: Sequence[Row], totals: Row) -> int:
    """Write rapport_CA.xlsx of the rows of gold.produits_vin and the one of gold.ca_vin; return how many products."""
    total = totals["ca"]
    ranked = sorted(products, key=lambda row: (-row["ca"], row["product_id"]))
    rows = [row | {"part": row["ca"] / total if total else None} for row in ranked]
    title = f"Chiffre d'affaires, {month_in_words(month)}"
    with Book(path, month, title) as book:
        _write_detail(book.sheet(_DETAIL), rows)
        _write_total(book, title, rows, totals)
    return len(rows)


def write_tests(
    path: Path, month: date, tests: Sequence[Row], gaps: Sequence[Row], set_aside: Sequence[Row]
) -> int:
    """Write rapport_test.xlsx of gold.tests_vin, gold.ecarts_vin and gold.mises_a_part_vin; return how many tests."""
    title = f"Tests de qualité, {month_in_words(month)}"
    with Book(path, month, title) as book:
        _write_tests(book.sheet("Tests"), title, tests)
        _write_listed(book.sheet("Écarts"), _GAPS, gaps, GAPS)
        _write_listed(book.sheet("Mises à part"), _SET_ASIDE, set_aside, REASONS)
    return len(tests)


def _write_detail(sheet: Sheet, rows: Sequence[Row]) -> None:
    """One line a product, then the total of the lines that the filters show."""
    sheet.table(0, 0, _PRODUCTS, rows)
    sheet.keep_header(0, len(_PRODUCTS), len(rows))
    skus = xl_range(1, _PLACES["sku"], max(len(rows), 1), _PLACES["sku"])
    sheet.raw.ignore_errors({"number_stored_as_text": skus})  # which they are meant to be
    bottom = len(rows) + 1
    for place in range(len(_PRODUCTS)):
        sheet.write(bottom, place, None, "total")
    sheet.write(bottom, _PLACES["nom"], "Total des lignes affichées", "total")
    for name, style in (("quantite_vendue", "total_integer"), ("ca", "total_euros")):
        formula = f"=SUBTOTAL(109,{_cells(name, len(rows))})"
        sheet.write_formula(bottom, _PLACES[name], formula, _sum(rows, name), style)


def _cells(name: str, rows: int) -> str:
    """The cells of a column of the products; the header stands for none, which adds nothing."""
    cells: str = xl_range(1 if rows else 0, _PLACES[name], rows, _PLACES[name])
    return cells


def _sum(rows: Sequence[Row], name: str) -> float:
    return float(sum(row[name] for row in rows))


def _write_total(book: Book, title: str, rows: Sequence[Row], totals: Row) -> None:
    """The headline numbers, the best products, and the chart of these."""
    sheet = book.sheet(_TOTAL)
    sheet.raw.fit_to_pages(1, 1)
    sheet.write(0, 0, title, "title")
    premium = [row for row in rows if row["classement"] == "premium"]
    headlines = [
        ("Chiffre d'affaires", totals["ca"], "euros"),
        ("Chiffre d'affaires des produits premium", _sum(premium, "ca"), "euros"),
        ("Produits rapprochés", totals["nb_produits"], "integer"),
        ("Produits vendus", totals["nb_vendus"], "integer"),
        ("Produits premium", totals["nb_premium"], "integer"),
        ("Prix moyen", totals["prix_moyen"], "euros"),
        ("Écart-type des prix", totals["prix_ecart_type"], "euros"),
    ]
    for line, (label, value, style) in enumerate(headlines, start=2):
        sheet.write(line, 0, label, "text")
        sheet.write(line, 1, value, style)
    line = 2 + len(headlines)
    sheet.write(line, 0, "Contrôle : somme du détail", "text")
    formula = f"=SUM('{_DETAIL}'!{_cells('ca', len(rows))})"
    sheet.write_formula(line, 1, formula, _sum(rows, "ca"), "euros")
    best = rows[:_BEST]
    sheet.table(line + 2, 0, _RANKED, best)
    if best:
        _place_chart(book, sheet, line + 3, len(best))


def _place_chart(book: Book, sheet: Sheet, first: int, products: int) -> None:
    """Beside the numbers, the revenue of the best products, the first one on top."""
    last = first + products - 1
    chart = book.bar_chart()
    chart.add_series(
        {
            "name": "Chiffre d'affaires",
            "categories": [_TOTAL, first, 0, last, 0],
            "values": [_TOTAL, first, 1, last, 1],
            "fill": {"color": BURGUNDY},
            "gap": 40,
            "data_labels": {"value": True, "num_format": '#,##0 "€"'},
        }
    )
    chart.set_title({"name": "Les meilleurs chiffres d'affaires", "name_font": {"size": 13}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True, "num_font": {"size": 9}, "major_tick_mark": "none"})
    chart.set_x_axis({"visible": False, "major_gridlines": {"visible": False}})
    chart.set_size({"width": 860, "height": 480})
    left = len(_RANKED) + 1
    sheet.raw.insert_chart(2, left, chart)
    sheet.raw.print_area(0, 0, 27, left + 13)


def _write_tests(sheet: Sheet, title: str, tests: Sequence[Row]) -> None:
    """A line of counts, then the tests, the worst first."""
    counts = Counter(test["resultat"] for test in tests)
    told = ", ".join(_counted(counts[result], result) for result in _GRAVITY)
    sheet.write(0, 0, f"{title} : {told}", "title")
    ordered = sorted(tests, key=lambda test: _GRAVITY.index(test["resultat"]))
    sheet.table(2, 0, _TESTS, ordered)
    sheet.keep_header(2, len(_TESTS), len(tests))


def _counted(number: int, result: str) -> str:
    return f"{number} {result}{'s' if number > 1 and result != 'ok' else ''}"


def _write_listed(
    sheet: Sheet, columns: Sequence[Column], rows: Sequence[Row], words: dict[str, str]
) -> None:
    """The rows, each with its reason in words, and beside them how many there are of each reason."""
    told = [row | {"mots": words.get(row["raison"], row["raison"])} for row in rows]
    sheet.table(0, 0, columns, told)
    sheet.keep_header(0, len(columns), len(rows))
    counts = sorted(Counter((row["source"], row["raison"]) for row in rows).items())
    counted = [{"source": source, "raison": code, "lignes": lines} for (source, code), lines in counts]
    sheet.table(0, len(columns) + 1, _COUNTS, counted)
