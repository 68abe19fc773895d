"""The sales domain's silver and gold tables, computed a second time from the raw CSV files: pandas and exact numbers.

Written from the tables' meaning, not from their SQL: plain, slow, and sharing nothing with it. Amounts are kept in
whole cents, shares and averages as fractions, and become `Decimal` or `float` in the last step.
"""

import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd

DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
SEGMENTS = ((5_000, "Platinum"), (2_000, "Gold"), (500, "Silver"), (0, "Bronze"))

Row = dict[str, Any]


@dataclass
class Silver:
    """The kept rows of both tables, by key, and how many were refused for which reason."""

    clients: list[Row]
    achats: list[Row]
    reasons: dict[str, dict[str, int]]


def recompute(clients_csv: Path, achats_csv: Path, as_of: date) -> dict[str, pd.DataFrame]:
    """Every silver and gold table by qualified name: columns and rows in their documented order."""
    silver = read_silver(clients_csv, achats_csv, as_of)
    return Gold(silver).tables()


def reasons(clients_csv: Path, achats_csv: Path, as_of: date) -> dict[str, dict[str, int]]:
    """By table and reason, how many rows silver refuses."""
    return read_silver(clients_csv, achats_csv, as_of).reasons


# --- the forms of values --------------------------------------------------------------------------------


def tidy(text: str) -> str:
    """Trimmed, with one space where there was white space; Python's `\\s` knows tabs and no-break spaces."""
    return re.sub(r"\s+", " ", text).strip()


def titled(text: str) -> str:
    """First letters of words upper case, the rest lower; words end at a space or a hyphen."""
    return re.sub(r"[^ -]+", lambda word: word[0][0].upper() + word[0][1:].lower(), tidy(text))


def whole(text: str) -> int | None:
    """A number of digits only, which a bigint can hold; 12.0 is 12."""
    found = re.fullmatch(r"([0-9]+)(\.0+)?", text.strip())
    return int(found[1]) if found and int(found[1]) < 1 << 63 else None


def day(text: str) -> date | None:
    """A date of the calendar in one of the accepted forms; a time after it is dropped."""
    only = re.sub(r"[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2})?$", "", tidy(text))
    for form in (r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)", r"(?P<y>\d{4})/(?P<m>\d\d)/(?P<d>\d\d)",
                 r"(?P<d>\d\d)/(?P<m>\d\d)/(?P<y>\d{4})", r"(?P<d>\d\d)-(?P<m>\d\d)-(?P<y>\d{4})",
                 r"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{4})"):  # fmt: skip
        if found := re.fullmatch(form, only):
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:  # not in the calendar
                return None
    return None


def cents(text: str) -> int | None:
    """An amount in cents, if it is whole cents once the noise of floating-point numbers is taken away."""
    packed = re.sub(r"\s", "", text)
    if not re.fullmatch(r"[+-]?[0-9]+([.,][0-9]+)?", packed):
        return None
    with localcontext(prec=100):
        amount = Decimal(packed.replace(",", ".")).quantize(Decimal("0.000001"), ROUND_HALF_UP) * 100
        return int(amount) if amount == amount.to_integral_value() else None


def is_mail(text: str) -> bool:
    """One @ with something before it, no white space, a dot inside the domain with something on both sides."""
    name, at, domain = text.partition("@")
    is_whole = bool(name and at) and "@" not in domain and not re.search(r"\s", text)
    return is_whole and any(dot == "." for dot in domain[1:-1])


# --- silver ---------------------------------------------------------------------------------------------


def read_silver(clients_csv: Path, achats_csv: Path, as_of: date) -> Silver:
    """Judge every row of both files."""
    clients, why_clients = _keep([_client(row, as_of) for row in _rows(clients_csv)], "id_client")
    known = {client["id_client"] for client in clients}
    achats, why_achats = _keep([_purchase(row, as_of, known) for row in _rows(achats_csv)], "id_achat")
    return Silver(clients, achats, {"clients": why_clients, "achats": why_achats})


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _client(row: Row, as_of: date) -> Row:
    made = {
        "id_client": whole(row["id_client"]),
        "nom": row["nom"].strip(),
        "email": tidy(row["email"]).lower(),
        "date_inscription": day(row["date_inscription"]),
        "pays": titled(row["pays"]),
    }
    made["reason"] = _first(
        ("missing_id", not row["id_client"].strip()),
        ("bad_id", made["id_client"] is None),
        ("missing_name", not made["nom"]),
        ("missing_email", not made["email"]),
        ("bad_email", not is_mail(made["email"])),
        ("missing_date", not row["date_inscription"].strip()),
        ("bad_date", made["date_inscription"] is None),
        ("future_date", made["date_inscription"] and made["date_inscription"] > as_of),
        ("missing_country", not made["pays"]),
    )
    return made


def _purchase(row: Row, as_of: date, known: set[int]) -> Row:
    made = {
        "id_achat": whole(row["id_achat"]),
        "id_client": whole(row["id_client"]),
        "date_achat": day(row["date_achat"]),
        "cents": cents(row["montant"]),
        "produit": titled(row["produit"]),
    }
    made["reason"] = _first(
        ("missing_id", not row["id_achat"].strip()),
        ("bad_id", made["id_achat"] is None),
        ("missing_client", not row["id_client"].strip()),
        ("bad_client", made["id_client"] is None),
        ("missing_date", not row["date_achat"].strip()),
        ("bad_date", made["date_achat"] is None),
        ("future_date", made["date_achat"] and made["date_achat"] > as_of),
        ("missing_amount", not row["montant"].strip()),
        ("bad_amount", made["cents"] is None),
        ("amount_not_positive", made["cents"] is not None and made["cents"] <= 0),
        ("amount_too_large", made["cents"] is not None and made["cents"] > 1_000_000),
        ("missing_product", not made["produit"]),
        ("orphan_client", made["id_client"] not in known),
    )
    return made


def _first(*rules: tuple[str, Any]) -> str | None:
    return next((reason for reason, applies in rules if applies), None)


def _keep(rows: list[Row], key: str) -> tuple[list[Row], dict[str, int]]:
    """The rows that no rule refuses, the first of each key, in its order; and the count of the others by reason."""
    kept: dict[int, Row] = {}
    for row in rows:
        if row["reason"] is None:
            if row[key] in kept:
                row["reason"] = "duplicate_id"
            else:
                kept[row[key]] = row
    counted = Counter(row["reason"] for row in rows if row["reason"] is not None)
    return [kept[number] for number in sorted(kept)], dict(counted)


# --- gold -----------------------------------------------------------------------------------------------


class Gold:
    """Every gold table, from the silver rows."""

    def __init__(self, silver: Silver) -> None:
        self.clients = pd.DataFrame(
            silver.clients, columns=["id_client", "nom", "email", "date_inscription", "pays"]
        )
        self.sales = pd.DataFrame(
            silver.achats, columns=["id_achat", "id_client", "date_achat", "cents", "produit"]
        ).astype({"date_achat": object, "cents": object})
        dates = self.sales["date_achat"]
        self.sales["mois"] = [f"{sold:%Y-%m}" for sold in dates]
        self.sales["semaine"] = [sold.isocalendar()[:2] for sold in dates]
        self.bought = dict(iter(self.sales.groupby("id_client")))
        self.country = dict(zip(self.clients["id_client"], self.clients["pays"], strict=True))
        self.sales["pays"] = [self.country[number] for number in self.sales["id_client"]]

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of both layers, by qualified name."""
        achats = self.sales[["id_achat", "id_client", "date_achat", "cents", "produit"]].copy()
        achats.insert(3, "montant", [euros(amount) for amount in achats.pop("cents")])
        gold = (
            self.dim_clients, self.dim_produits, self.dim_temps, self.fact_ventes, self.kpi_ca_par_jour,
            self.kpi_ca_par_mois, self.kpi_ca_par_pays, self.kpi_volume_par_produit, self.kpi_top_clients,
            self.kpi_stats_distribution, self.agg_semaine, self.kpis,
        )  # fmt: skip
        made = {f"gold.{table.__name__}": pd.DataFrame(table(), dtype=object) for table in gold}
        return {"silver.clients": self.clients, "silver.achats": achats, **made}

    def dim_clients(self) -> list[Row]:
        return [self._client(client) for client in self.clients.to_dict("records")]

    def _client(self, client: Row) -> Row:
        rows = self.bought.get(client["id_client"], self.sales.iloc[:0])
        total = sum(rows["cents"])
        return {
            **client,
            "nb_achats": len(rows),
            "total_ca": euros(total),
            "premiere_commande": min(rows["date_achat"], default=None),
            "derniere_commande": max(rows["date_achat"], default=None),
            "segment": next(segment for least, segment in SEGMENTS if total >= least * 100),
        }

    def dim_produits(self) -> list[Row]:
        return [
            {
                "id_produit": id_of(name),
                "produit": name,
                "nb_ventes": len(rows),
                "ca_total": euros(sum(rows["cents"])),
                "prix_moyen": mean(rows),
                "prix_min": euros(min(rows["cents"])),
                "prix_max": euros(max(rows["cents"])),
            }
            for name, rows in self._by("produit")
        ]

    def dim_temps(self) -> list[Row]:
        if self.sales.empty:
            return []
        first, last = min(self.sales["date_achat"]), max(self.sales["date_achat"])
        return [time_of(first + timedelta(number)) for number in range((last - first).days + 1)]

    def fact_ventes(self) -> list[Row]:
        segments = {client["id_client"]: client["segment"] for client in self.dim_clients()}
        return [
            {
                "id_achat": sale["id_achat"],
                "id_client": sale["id_client"],
                "id_produit": id_of(sale["produit"]),
                "date_achat": sale["date_achat"],
                "date": sale["date_achat"],
                "mois": sale["mois"],
                "annee": sale["date_achat"].year,
                "produit": sale["produit"],
                "montant": euros(sale["cents"]),
                "segment_client": segments[sale["id_client"]],
            }
            for sale in self.sales.to_dict("records")
        ]

    def kpi_ca_par_jour(self) -> list[Row]:
        return [
            {"date": sold, **totals(rows), "panier_moyen": mean(rows)}
            for sold, rows in self._by("date_achat")
        ]

    def kpi_ca_par_mois(self) -> list[Row]:
        sums = {month: sum(rows["cents"]) for month, rows in self._by("mois")}
        return [
            {
                "mois": month,
                **totals(rows),
                "panier_moyen": mean(rows),
                "nb_clients_uniques": rows["id_client"].nunique(),
                "taux_croissance": growth(sums[month], sums.get(month_before(month))),
            }
            for month, rows in self._by("mois")
        ]

    def kpi_ca_par_pays(self) -> list[Row]:
        everything = sum(self.sales["cents"])
        made = [
            {
                "pays": country,
                **totals(rows),
                "nb_clients": rows["id_client"].nunique(),
                "panier_moyen": mean(rows),
                "part_ca": percent(Fraction(sum(rows["cents"]), everything)),
            }
            for country, rows in self._by("pays")
        ]
        return sorted(made, key=lambda row: (-row["ca_total"], row["pays"]))

    def kpi_volume_par_produit(self) -> list[Row]:
        made = [
            {
                "produit": name,
                "nb_ventes": len(rows),
                "ca_total": euros(sum(rows["cents"])),
                "prix_moyen": mean(rows),
                "nb_clients": rows["id_client"].nunique(),
            }
            for name, rows in self._by("produit")
        ]
        made.sort(key=lambda row: (-row["nb_ventes"], -row["ca_total"], row["produit"]))
        return [{**row, "rang": rank} for rank, row in enumerate(made, start=1)]

    def kpi_top_clients(self) -> list[Row]:
        names = ["id_client", "nom", "pays", "segment", "total_ca", "nb_achats"]
        names += ["premiere_commande", "derniere_commande"]
        buyers = [client for client in self.dim_clients() if client["nb_achats"]]
        buyers.sort(key=lambda client: (-client["total_ca"], client["id_client"]))
        return [
            {**{name: client[name] for name in names}, "rang": rank}
            for rank, client in enumerate(buyers[:100], start=1)
        ]

    def kpi_stats_distribution(self) -> list[Row]:
        return [{"produit": name, **described(list(rows["cents"]))} for name, rows in self._by("produit")]

    def agg_semaine(self) -> list[Row]:
        return [
            {
                "annee": year,
                "semaine": week,
                "debut": date.fromisocalendar(year, week, 1),
                **totals(rows),
                "nb_clients_uniques": rows["id_client"].nunique(),
                "panier_moyen": mean(rows),
            }
            for (year, week), rows in self._by("semaine")
        ]

    def kpis(self) -> list[Row]:
        months = {month: sum(rows["cents"]) for month, rows in self._by("mois")}
        products = {name: sum(rows["cents"]) for name, rows in self._by("produit")}
        return [
            {
                "perimetre": "total",
                **totals(self.sales),
                "panier_moyen": mean(self.sales) if len(self.sales) else None,
                "nb_clients": len(self.clients),
                "nb_clients_actifs": len(self.bought),
                "nb_produits": len(products),
                "premiere_vente": min(self.sales["date_achat"], default=None),
                "derniere_vente": max(self.sales["date_achat"], default=None),
                "ca_dernier_mois": euros(months[max(months)]) if months else None,
                "meilleur_mois": min(months, key=lambda month: (-months[month], month), default=None),
                "meilleur_produit": min(products, key=lambda name: (-products[name], name), default=None),
            }
        ]

    def _by(self, column: str) -> list[tuple[Any, pd.DataFrame]]:
        """The sales by a column's values, in their order."""
        values = list(self.sales[column])
        return [(value, self.sales[[v == value for v in values]]) for value in sorted(set(values))]


# --- numbers --------------------------------------------------------------------------------------------


def half_up(number: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    size = int(abs(number) + Fraction(1, 2))
    return size if number >= 0 else -size


def euros(amount: int) -> Decimal:
    """Cents as an amount."""
    return Decimal(amount).scaleb(-2).quantize(Decimal("0.01"))


def percent(share: Fraction) -> float:
    """A share in percent, to two decimals."""
    return half_up(share * 10_000) / 100


def totals(rows: pd.DataFrame) -> Row:
    return {"ca_total": euros(sum(rows["cents"])), "nb_transactions": len(rows)}


def mean(rows: pd.DataFrame) -> Decimal:
    return euros(half_up(Fraction(sum(rows["cents"]), len(rows))))


def growth(amount: int, before: int | None) -> float | None:
    return None if before is None else percent(Fraction(amount - before, before))


def described(amounts: list[int]) -> Row:
    """What pandas' describe says of amounts, exactly; checked against pandas itself, which is not exact."""
    count, ordered = len(amounts), sorted(amounts)
    average = Fraction(sum(amounts), count)
    made: Row = {
        "count": count,
        "mean": euros(half_up(average)),
        "std": deviation(amounts),
        "min": euros(ordered[0]),
    }
    for label, share in (("25%", Fraction(1, 4)), ("50%", Fraction(1, 2)), ("75%", Fraction(3, 4))):
        place = share * (count - 1)
        low, high = ordered[int(place)], ordered[min(int(place) + 1, count - 1)]
        made[label] = euros(half_up(low + (place - int(place)) * (high - low)))
    made["max"] = euros(ordered[-1])
    said = pd.Series(amounts, dtype="float64").div(100).describe()
    for label, value in made.items():
        assert value is None or abs(float(value) - said[label]) < 0.005001, (label, value, said[label])
    return made


def deviation(amounts: list[int]) -> Decimal | None:
    """The standard deviation of a sample; none of one amount."""
    count = len(amounts)
    if count < 2:
        return None
    average = Fraction(sum(amounts), count)
    variance = sum((amount - average) ** 2 for amount in amounts) / (count - 1)
    with localcontext(prec=60):
        root = (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()
    return euros(int(root.to_integral_value(ROUND_HALF_UP)))


def month_before(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02}"


def id_of(product: str) -> str:
    return hashlib.md5(product.encode(), usedforsecurity=False).hexdigest()[:12]


def time_of(when: date) -> Row:
    return {
        "id_date": int(f"{when:%Y%m%d}"),
        "date": when,
        "jour": when.day,
        "mois": when.month,
        "annee": when.year,
        "trimestre": (when.month + 2) // 3,
        "semaine": when.isocalendar().week,
        "jour_semaine": when.weekday(),
        "nom_jour": DAYS[when.weekday()],
        "nom_mois": MONTHS[when.month - 1],
        "est_weekend": when.weekday() >= 5,
    }
