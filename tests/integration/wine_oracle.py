"""A wine month's silver and gold, computed a second time straight from the Excel files: pandas and exact numbers.

Written from the tables' meaning, not from their SQL: plain, slow, and sharing nothing with it. Money is kept as
fractions of a euro, and becomes `Decimal` or `float` in the last step.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd

Row = dict[str, Any]
SOURCES = ("erp", "web", "liaison")


@dataclass
class Source:
    """A file's rows as received, those kept, and those set aside, each with its place and reason."""

    name: str
    received: list[Row]
    kept: list[Row] = field(default_factory=list)
    aside: list[Row] = field(default_factory=list)

    def refused(self, *reasons: str) -> int:
        """How many rows were set aside for one of these reasons."""
        return sum(row["raison"] in reasons for row in self.aside)


def recompute(folder: Path, limits: Mapping[str, tuple[str, Decimal]]) -> dict[str, list[tuple[Any, ...]]]:
    """Every gold table by name: its rows in their documented order. `limits` has severity and number of each test."""
    return Month(folder).tables(limits)


def kept(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every silver table by name: its rows in the order of their keys."""
    month = Month(folder)
    found = {}
    for source, key in ((month.erp, "product_id"), (month.web, "sku"), (month.liaison, "product_id")):
        rows = sorted(source.kept, key=lambda row: row[key])
        found[source.name] = [tuple(v for k, v in row.items() if k != "place") for row in rows]
    return found


# --- the forms of values --------------------------------------------------------------------------------


def as_received(value: object) -> str | None:
    """A cell as people read it; whole numbers have no decimals, however stored."""
    if pd.isna(value):
        return None
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def text(value: object) -> str:
    """The same without white space around it; nothing for an empty cell."""
    return " ".join((as_received(value) or "").split())


def number(value: object) -> Fraction | None:
    """A number with a decimal point or comma; what is beyond its sixth decimal is noise."""
    digits = "".join(text(value).split()).replace(",", ".")
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", digits):
        return None
    return Fraction(half_up(Fraction(digits), 6))


def whole(value: object, limit: int) -> int | None:
    """A whole number whose absolute value is below `limit`."""
    found = number(value)
    return int(found) if found is not None and found.denominator == 1 and abs(found) < limit else None


def product_number(value: object) -> int | None:
    digits = re.fullmatch(r"([0-9]+)(\.0+)?", text(value))
    return int(digits[1]) if digits and int(digits[1]) < 1 << 63 else None


def shop_key(value: object) -> str:
    found = text(value)
    return found.split(".")[0] if re.fullmatch(r"[0-9]+\.0+", found) else found


def half_up(value: Fraction, places: int) -> Decimal:
    """Rounded, half a unit of the last place away from zero."""
    with localcontext(prec=60):
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


# --- silver ---------------------------------------------------------------------------------------------


def erp_reason(row: Row) -> str | None:
    price = number(row["price"])
    if not text(row["product_id"]):
        return "missing_id"
    if product_number(row["product_id"]) is None:
        return "bad_id"
    if price is None or (price * 100).denominator != 1 or abs(price) >= 1_000_000:
        return "bad_price"
    return None if whole(row["stock_quantity"], 1 << 31) is not None else "bad_quantity"


def web_reason(row: Row) -> str | None:
    if not text(row["sku"]):
        return "missing_sku"
    if text(row["post_type"]).lower() != "product":
        return "not_a_product"
    return None if whole(row["total_sales"], 10_000_000) is not None else "bad_quantity"


def liaison_reason(row: Row) -> str | None:
    if not text(row["product_id"]):
        return "missing_id"
    if product_number(row["product_id"]) is None:
        return "bad_id"
    return None if text(row["id_web"]) else "missing_id_web"


def erp_row(row: Row) -> Row:
    return {
        "product_id": product_number(row["product_id"]),
        "onsale_web": {"1": True, "0": False}.get(text(row["onsale_web"])),
        "price": half_up(number(row["price"]) or Fraction(0), 2),
        "stock_quantity": whole(row["stock_quantity"], 1 << 31),
        "stock_status": text(row["stock_status"]).lower() or None,
    }


def web_row(row: Row) -> Row:
    return {
        "sku": shop_key(row["sku"]),
        "nom": html.unescape(text(row["post_title"])) or None,
        "total_sales": whole(row["total_sales"], 10_000_000),
        "post_type": "product",
    }


def liaison_row(row: Row) -> Row:
    return {"product_id": product_number(row["product_id"]), "id_web": shop_key(row["id_web"])}


RULES: dict[str, tuple[Callable[[Row], str | None], Callable[[Row], Row], str, dict[str, str]]] = {
    "erp": (erp_reason, erp_row, "product_id", {"product_id": "duplicate_id"}),
    "web": (web_reason, web_row, "sku", {"sku": "duplicate_sku"}),
    "liaison": (
        liaison_reason,
        liaison_row,
        "product_id",
        {"product_id": "duplicate_id", "id_web": "duplicate_id_web"},
    ),
}


def read(folder: Path, name: str) -> Source:
    """Read a workbook and judge its rows: by themselves first, then against the good ones before them, key by key.

    Rows without any value are none, but they have a place.
    """
    frame = pd.read_excel(folder / f"{name}.xlsx", dtype=object)
    rows = [{str(k).strip(): v for k, v in row.items()} for row in frame.to_dict("records")]
    reason, form, key, unique = RULES[name]
    placed = [
        row | {"_line": line} for line, row in enumerate(rows, start=1) if any(map(as_received, row.values()))
    ]
    source = Source(name, placed)
    refused = {row["_line"]: reason(row) for row in source.received}
    good = {row["_line"]: form(row) for row in source.received if refused[row["_line"]] is None}
    for column, code in unique.items():
        seen = set()
        for line, row in list(good.items()):
            if row[column] in seen:
                refused[line] = code
                del good[line]
            seen.add(row[column])
    source.kept = list(good.values())
    source.aside = [
        {
            "raison": refused[row["_line"]],
            "ligne": row["_line"],
            "cle": as_received(row[key]),
            "nom": as_received(row.get("post_title")),
            "is_product": text(row.get("post_type")).lower() == "product",
        }
        for row in source.received
        if refused[row["_line"]]
    ]
    return source


# --- gold -----------------------------------------------------------------------------------------------


class Month:
    """A month's three files, reconciled."""

    def __init__(self, folder: Path) -> None:
        self.erp, self.web, self.liaison = (read(folder, name) for name in SOURCES)
        self.by_id = {row["product_id"]: row for row in self.erp.kept}
        self.by_sku = {row["sku"]: row for row in self.web.kept}
        self.links = {row["product_id"]: row["id_web"] for row in self.liaison.kept}
        self.linked = {sku: number for number, sku in self.links.items()}
        self.pairs = {n: s for n, s in self.links.items() if n in self.by_id and s in self.by_sku}

    def tables(self, limits: Mapping[str, tuple[str, Decimal]]) -> dict[str, list[tuple[Any, ...]]]:
        products = self.products()
        return {
            "produits_vin": products,
            "ca_vin": [self.total(products)],
            "ecarts_vin": sorted(self.gaps(), key=lambda row: row[:2]),
            "mises_a_part_vin": self.set_aside(),
            "tests_vin": [
                verdict(name, *limits[name], found, unit)
                for name, (found, unit) in sorted(self.findings(products).items())
            ],
        }

    @property
    def prices(self) -> list[Fraction]:
        return [Fraction(self.by_id[number]["price"]) for number in self.pairs]

    def variance(self) -> Fraction:
        """Of the sample; 0 when there is no other price."""
        prices, n = self.prices, len(self.pairs)
        mean = sum(prices, Fraction(0)) / max(n, 1)
        return sum(((price - mean) ** 2 for price in prices), Fraction(0)) / max(n - 1, 1)

    def products(self) -> list[tuple[Any, ...]]:
        variance, mean = self.variance(), sum(self.prices, Fraction(0)) / max(len(self.pairs), 1)
        rows = []
        for product, sku in self.pairs.items():
            erp, web = self.by_id[product], self.by_sku[sku]
            above = Fraction(erp["price"]) - mean
            rows.append(
                (
                    product,
                    sku,
                    web["nom"],
                    erp["price"],
                    erp["stock_quantity"],
                    erp["stock_status"],
                    erp["onsale_web"],
                    web["total_sales"],
                    half_up(Fraction(erp["price"]) * web["total_sales"], 2),
                    score(above, variance),
                    "premium" if above > 0 and above**2 > 4 * variance else "ordinaire",
                )
            )
        return sorted(rows, key=lambda row: (-row[8], row[0]))

    def total(self, products: list[tuple[Any, ...]]) -> tuple[Any, ...]:
        n = len(products)
        return (
            "total",
            sum((row[8] for row in products), Decimal("0.00")),
            n,
            sum(row[7] > 0 for row in products),
            sum(row[10] == "premium" for row in products),
            half_up(sum(self.prices, Fraction(0)) / n, 2) if n else None,
            Decimal(str(root(self.variance()))).quantize(Decimal("0.01"), ROUND_HALF_UP) if n > 1 else None,
        )

    def gaps(self) -> list[tuple[Any, ...]]:
        skus = set(self.pairs.values())
        erp = [("erp", str(n), None, "erp_sans_web" if n in self.links else "erp_sans_lien")
               for n in self.by_id if n not in self.pairs]  # fmt: skip
        web = [("web", s, row["nom"], "web_sans_erp" if s in self.linked else "web_sans_lien")
               for s, row in self.by_sku.items() if s not in skus]  # fmt: skip
        links = [("liaison", str(n), self.by_sku.get(s, {"nom": None})["nom"],
                  "lien_sans_web" if n in self.by_id else "lien_sans_erp")
                 for n, s in self.links.items() if n not in self.pairs]  # fmt: skip
        return [*erp, *web, *links]

    def set_aside(self) -> list[tuple[Any, ...]]:
        return [
            (source.name, row["raison"], f"{source.name}.xlsx", row["ligne"], row["cle"], row["nom"])
            for source in sorted((self.erp, self.web, self.liaison), key=lambda source: source.name)
            for row in source.aside
        ]

    def findings(self, products: list[tuple[Any, ...]]) -> dict[str, tuple[Fraction, str]]:
        """What each quality test finds, and its unit."""
        erp, web, liaison, lost = self.erp, self.web, self.liaison, Counter(row[0] for row in self.gaps())
        shop = Counter(row["raison"] for row in web.aside if row["is_product"])
        counts = {
            "erp_cle_presente": erp.refused("missing_id", "bad_id"),
            "erp_cle_unique": erp.refused("duplicate_id"),
            "erp_prix_positif": sum(row["price"] <= 0 for row in erp.kept),
            "erp_stock_non_negatif": sum(row["stock_quantity"] < 0 for row in erp.kept),
            "erp_statut_stock": sum(
                row["stock_status"] != ("outofstock", "instock")[row["stock_quantity"] > 0]
                for row in erp.kept
            ),
            "erp_en_ligne_rapproche": sum(
                bool(row["onsale_web"]) and row["product_id"] not in self.pairs for row in erp.kept
            ),
            "web_cle_presente": shop["missing_sku"],
            "web_cle_unique": shop["duplicate_sku"],
            "liaison_cle_presente": liaison.refused("missing_id", "bad_id"),
            "liaison_cle_unique": liaison.refused("duplicate_id", "duplicate_id_web"),
            "jointure_complete": 0,
            "vin_prix_positif": sum(row[3] <= 0 for row in products),
            "vin_quantite_non_negative": sum(row[7] < 0 for row in products),
        }
        shares = {
            "erp_part_ecartee": (len(erp.aside), len(erp.received)),
            "web_part_ecartee": (shop.total(), shop.total() + len(web.kept)),
            "web_rapproche": (lost["web"], len(web.kept)),
            "liaison_part_ecartee": (len(liaison.aside), len(liaison.received)),
            "liaison_rapprochee": (lost["liaison"], len(liaison.kept)),
        }
        return (
            {name: (Fraction(n), "") for name, n in counts.items()}
            | {
                name: (Fraction(100 * n, of) if of else Fraction(100), " %")
                for name, (n, of) in shares.items()
            }
            | {"ca_total": (Fraction(0), " €")}
        )


def root(value: Fraction) -> Decimal:
    with localcontext(prec=60):
        return (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()


def score(above: Fraction, variance: Fraction) -> float | None:
    if not variance:
        return None
    with localcontext(prec=60):
        exact = Decimal(above.numerator) / Decimal(above.denominator) / root(variance)
        return float(exact.quantize(Decimal("0.000001"), ROUND_HALF_UP))


def verdict(name: str, severity: str, limit: Decimal, found: Fraction, unit: str) -> tuple[str, ...]:
    """A row of tests_vin, but for its description."""
    shown = half_up(found, 4)
    broken = {"fail": "échec", "warn": "alerte"}[severity]
    result = "ok" if shown <= limit else broken
    return name, severity, f"≤ {in_french(limit)}{unit}", f"{in_french(shown)}{unit}", result


def in_french(value: Decimal) -> str:
    return f"{value.normalize():f}".replace(".", ",")
