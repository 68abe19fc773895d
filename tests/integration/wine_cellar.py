"""A wine merchant whose gold tables are put into the lake as they stand, month by month, and what its mart shows.

cellar = Cellar.of(40)
cellar.wines[3].prix = Decimal("12.50")
cellar.put(flow, MAY)        # gold of May is in the lake, with its ledger entries
publish(flow, MAY)
"""

import hashlib
import json
import multiprocessing
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from flocon import ledger
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.postgres import Connection
from flocon.settings import Settings
from flocon.shelf import dataset, object_key
from flocon.tables import Table, domain_tables, find_table
from flocon.wine.mart import publish
from flocon.wine.reports import publish_reports

Row = dict[str, Any]

MART = [table for table in domain_tables("wine") if table.server == "mart"]
APRIL, MAY = date(2024, 4, 1), date(2024, 5, 1)
# Names and references as people write them, and as nobody should: a formula each.
NAMES = {
    1: "Château d'Été ; « 1er cru »",
    2: 'Clos "Les Épines"\nMagnum',
    3: "=1+1",
    4: "@SUM(A1:A9)",
    5: "-2+3",
    6: "+33 1 23",
    7: "\t=1+1",
    8: "Bon cadeau & carte",
}
SKUS = {1: "13127-1", 2: "bon-cadeau-25-euros", 3: "007", 4: "=HYPERLINK(A1)"}
_TYPES: dict[str, pa.DataType] = {
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "double precision": pa.float64(),
}


@dataclass
class Wine:
    sku: str
    nom: str | None
    prix: Decimal
    sold: int
    stock: int


@dataclass
class Cellar:
    """The products by number; `failing` are quality tests of severity `fail` that fail."""

    wines: dict[int, Wine] = field(default_factory=dict)
    gaps: list[Row] = field(default_factory=list)
    set_aside: list[Row] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, wines: int = 40) -> "Cellar":
        """Always the same ones: two of them cost far more than the others, one has no name, some were not sold."""
        cellar = cls()
        for n in range(1, wines + 1):
            price = Decimal(450 + n * 37) / 100 if n % 20 else Decimal(15_050)
            name = None if n == 9 else NAMES.get(n, f"Vin n° {n}")
            cellar.wines[n] = Wine(SKUS.get(n, str(10_000 + n)), name, price, n * 7 % 6, n % 4)
        cellar.gaps = [
            {"source": "erp", "cle": "901", "nom": None, "raison": "erp_sans_lien"},
            {"source": "web", "cle": "=902", "nom": "=1+1", "raison": "web_sans_lien"},
        ]
        cellar.set_aside = [
            {
                "source": source,
                "raison": reason,
                "fichier": f"{source}.xlsx",
                "ligne": line,
                "cle": None,
                "nom": name,
            }
            for source, reason, line, name in (
                ("erp", "bad_price", 12, None),
                ("web", "missing_sku", 7, "+1"),
                ("web", "missing_sku", 8, None),
            )
        ]
        return cellar

    def tables(self) -> dict[str, list[Row]]:
        """The rows of the gold tables."""
        products = self._products()
        return {
            "produits_vin": products,
            "ca_vin": [self._totals(products)],
            "ecarts_vin": self.gaps,
            "mises_a_part_vin": self.set_aside,
            "tests_vin": self._tests(),
        }

    def _products(self) -> list[Row]:
        prices = [float(wine.prix) for wine in self.wines.values()]
        mean = statistics.fmean(prices) if prices else 0.0
        spread = statistics.stdev(prices) if len(prices) > 1 else 0.0
        rows = [_product(n, wine, mean, spread) for n, wine in self.wines.items()]
        return sorted(rows, key=lambda row: (-row["ca"], row["product_id"]))

    def _totals(self, products: list[Row]) -> Row:
        prices = [row["prix"] for row in products]
        return {
            "perimetre": "total",
            "ca": sum((row["ca"] for row in products), Decimal(0)),
            "nb_produits": len(products),
            "nb_vendus": sum(row["quantite_vendue"] > 0 for row in products),
            "nb_premium": sum(row["classement"] == "premium" for row in products),
            "prix_moyen": cents(statistics.mean(prices)) if prices else None,
            "prix_ecart_type": cents(statistics.stdev(prices)) if len(prices) > 1 else None,
        }

    def _tests(self) -> list[Row]:
        stated = find_table("wine", "gold", "tests_vin").metadata.tests
        return [
            {
                "nom": name,
                "severite": test.severity,
                "attendu": f"≤ {test.expected}",
                "trouve": "999" if name in self.failing or name == "erp_statut_stock" else "0",
                "resultat": "échec"
                if name in self.failing
                else "alerte"
                if name == "erp_statut_stock"
                else "ok",
                "description": test.why,
            }
            for name, test in stated.items()
        ]

    def put(self, flow: Flow, month: date) -> None:
        """Put gold of a month into the lake, as a gold layer that was just made."""
        for name, rows in self.tables().items():
            put_table(flow, month, name, rows)


def _product(number: int, wine: Wine, mean: float, spread: float) -> Row:
    score = (float(wine.prix) - mean) / spread if spread else None
    return {
        "product_id": number,
        "sku": wine.sku,
        "nom": wine.nom,
        "prix": wine.prix,
        "stock_quantity": wine.stock,
        "stock_status": "instock" if wine.stock else "outofstock",
        "onsale_web": None if number == 10 else number % 3 > 0,
        "quantite_vendue": wine.sold,
        "ca": wine.prix * wine.sold,
        "z_score": None if score is None else round(score, 6),
        "classement": "premium" if score is not None and score > 2 else "ordinaire",
    }


def cents(value: Decimal) -> Decimal:
    """Half up to the cent."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def put_table(flow: Flow, month: date, name: str, rows: list[Row], *, claims: int | None = None) -> None:
    """Put a gold table into the lake; its ledger entry is true, or claims other rows."""
    table = find_table("wine", "gold", name)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gold.parquet"
        pq.write_table(_arrow(table, rows), path)
        stored = flow.lake.put_file("gold", object_key(table, month), path)
    entry = ledger.Entry(
        dataset=dataset(table),
        step="gold",
        file_month=month,
        input_fingerprint="put there by a test",
        run_id="test",
        seconds=0,
        sha256=stored.sha256,
        rows=len(rows) if claims is None else claims,
        facts={"key": object_key(table, month), "etag": stored.etag},
    )
    with flow.warehouse() as warehouse:
        ledger.record(warehouse, entry)


def _arrow(table: Table, rows: list[Row]) -> pa.Table:
    fields = [(name, _arrow_type(column.type)) for name, column in table.metadata.columns.items()]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _arrow_type(kind: str) -> pa.DataType:
    decimal = re.fullmatch(r"numeric\((\d+), ?(\d+)\)", kind)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _TYPES[kind]


def mart_rows(mart: Connection, table: Table, month: date | None = None) -> list[Row]:
    """The rows of a mart table or view, of one month or of all, in the order of their text."""
    columns = ", ".join(table.metadata.columns)
    where = "" if month is None else f"where file_month = '{month}'"
    found = mart.execute(f"select {columns} from {table.qualified_name} {where}").fetchall()
    mart.rollback()
    return [dict(zip(table.metadata.columns, row, strict=True)) for row in sorted(found, key=str)]


def digest(mart: Connection, month: date | None = None) -> str:
    """A hash of every row that a reader of the schema can see, of one month or of all."""
    tables = [table for table in MART if month is None or table.metadata.kind == "table"]
    seen = {table.name: mart_rows(mart, table, month) for table in tables}
    return hashlib.sha256(json.dumps(seen, default=str).encode()).hexdigest()


def start_step(step: str, dsns: tuple[str, str], settings: Settings, month: date) -> BaseProcess:
    """Start a process that does a step (`mart` or `reports`) of a month, so that a test can kill it."""
    worker = multiprocessing.get_context("spawn").Process(target=_work, args=(step, dsns, settings, month))
    worker.start()
    return worker


def _work(step: str, dsns: tuple[str, str], settings: Settings, month: date) -> None:
    warehouse, mart = dsns
    flow = Flow(
        lambda: psycopg.connect(warehouse),
        lambda: psycopg.connect(mart),
        Lake.of(settings),
        "worker",
        settings,
    )
    steps: dict[str, Callable[[Flow, date], object]] = {"mart": publish, "reports": publish_reports}
    steps[step](flow, month)
