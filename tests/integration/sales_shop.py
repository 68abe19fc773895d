"""A shop whose silver tables are put into the lake as they stand, and what its mart shows.

shop = Shop(clients=30, purchases=200)
shop.clients[7].pays = "Suisse"
shop.finish(flow)        # silver and gold are in the lake, with their ledger entries
shop.publish(flow, "2024-05-01")
"""

import hashlib
import json
import multiprocessing
from dataclasses import astuple, dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import psycopg

from flocon import ledger
from flocon.flow import Flow, Outcome
from flocon.lake import Lake
from flocon.lake_tables import build_layer
from flocon.postgres import Connection
from flocon.sales.mart import publish
from flocon.settings import Settings
from flocon.tables import Table, domain_tables

MART = [table for table in domain_tables("sales") if table.server == "mart"]
COUNTRIES = ("France", "Belgique", "Suisse", "Royaume-Uni")
PRODUCTS = ("Clavier", "Souris", 'Écran 24"', "Câble, 2 m", "Casque")
FIRST_DAY = date(2023, 11, 20)


@dataclass
class Client:
    nom: str
    email: str
    date_inscription: date
    pays: str


@dataclass
class Purchase:
    id_client: int
    date_achat: date
    montant: Decimal
    produit: str


@dataclass
class Shop:
    """Clients and purchases by number, all of them good; `refused` counts the rows that silver refused, by reason."""

    clients: dict[int, Client] = field(default_factory=dict)
    purchases: dict[int, Purchase] = field(default_factory=dict)
    refused: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, clients: int = 30, purchases: int = 200) -> "Shop":
        """Always the same ones. Of ten clients, nine bought; days and amounts are spread."""
        shop = cls(refused={"clients": {"bad_email": 2}, "achats": {"orphan_client": 3, "future_date": 1}})
        for n in range(1, clients + 1):
            country = COUNTRIES[n % len(COUNTRIES)]
            shop.clients[n] = Client(f"Client {n}", f"c{n}@example.com", FIRST_DAY, country)
        buyers = [n for n in shop.clients if n % 10]
        for n in range(1, purchases + 1):
            cents = 100 + n * 7919 % 99_900
            shop.purchases[n] = Purchase(
                buyers[n * 31 % len(buyers)],
                FIRST_DAY + timedelta(days=n * 13 % 150),
                Decimal(cents) / 100,
                PRODUCTS[n % len(PRODUCTS)],
            )
        return shop

    def drop_client(self, number: int) -> None:
        """The client goes, with all purchases."""
        del self.clients[number]
        self.purchases = {n: p for n, p in self.purchases.items() if p.id_client != number}

    def finish(self, flow: Flow) -> None:
        """Put silver into the lake, and make gold of it."""
        self.put_silver(flow)
        build_layer(flow, "sales", "gold", date(2024, 12, 31))

    def put_silver(self, flow: Flow) -> None:
        """Put silver into the lake, as a silver layer that was just made."""
        rows = [(n, *astuple(client)) for n, client in self.clients.items()]
        columns = "id_client bigint, nom text, email text, date_inscription date, pays text"
        self._store(flow, "clients", columns, rows)
        rows = [(n, p.id_client, p.date_achat, p.montant, p.produit) for n, p in self.purchases.items()]
        columns = "id_achat bigint, id_client bigint, date_achat date, montant numeric(12,2), produit text"
        self._store(flow, "achats", columns, rows)

    def publish(self, flow: Flow, as_of: str, *, force: bool = False) -> Outcome:
        """Finish gold and publish it."""
        self.finish(flow)
        return publish(flow, as_of=date.fromisoformat(as_of), force=force)

    def _store(self, flow: Flow, name: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
        refused = self.refused.get(name, {})
        facts = {"rows_in": len(rows) + sum(refused.values()), "rejected": refused}
        with TemporaryDirectory() as folder, duckdb.connect() as engine:
            engine.execute(f"create table made ({columns})")
            if rows:
                engine.executemany(f"insert into made values ({', '.join('?' * len(rows[0]))})", rows)
            path = Path(folder) / "made.parquet"
            engine.execute(f"copy (from made order by 1) to '{path}' (format parquet)")
            put_table(flow, "silver", name, path, len(rows), facts)


def put_table(flow: Flow, layer: str, name: str, path: Path, rows: int, facts: dict[str, Any]) -> None:
    """Put a Parquet file into the lake as a finished table."""
    key = f"sales/{name}.parquet"
    stored = flow.lake.put_file(layer, key, path)
    entry = ledger.Entry(
        dataset=f"sales.{name}",
        step=layer,
        input_fingerprint="put there by a test",
        run_id="test",
        seconds=0,
        sha256=stored.sha256,
        rows=rows,
        facts={"key": key, "etag": stored.etag, **facts},
    )
    with flow.warehouse() as warehouse:
        ledger.record(warehouse, entry)


def spoil_gold(flow: Flow, name: str, query: str, *, claims: int | None = None) -> None:
    """Replace a gold table by what a query makes of it (`gold`); its ledger entry is true, or claims other rows."""
    with TemporaryDirectory() as folder, duckdb.connect() as engine:
        before, after = Path(folder) / "before.parquet", Path(folder) / "after.parquet"
        flow.lake.fetch("gold", f"sales/{name}.parquet", before)
        engine.execute(f"create view gold as from read_parquet('{before}')")
        (rows,) = engine.execute(f"copy ({query}) to '{after}' (format parquet)").fetchone() or (0,)
        put_table(flow, "gold", name, after, rows if claims is None else claims, {})


def gold_rows(flow: Flow, table: Table) -> list[tuple[Any, ...]]:
    """The rows of the gold table that a mart table shows, in the mart's columns."""
    with TemporaryDirectory() as folder, duckdb.connect() as engine:
        path = Path(folder) / "gold.parquet"
        flow.lake.fetch("gold", f"sales/{table.name}.parquet", path)
        return engine.execute(f"select {columns_of(table)} from read_parquet('{path}')").fetchall()


def mart_rows(mart: Connection, table: Table) -> list[tuple[Any, ...]]:
    """All rows of a mart table or view."""
    rows = mart.execute(f"select {columns_of(table)} from {table.qualified_name}").fetchall()
    mart.rollback()
    return rows


def columns_of(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.metadata.columns)


def digest(mart: Connection) -> str:
    """A hash of every row that a reader of the schema can see."""
    shown = {table.name: sorted(mart_rows(mart, table), key=str) for table in MART}
    return hashlib.sha256(json.dumps(shown, default=str).encode()).hexdigest()


def start_publication(dsns: tuple[str, str], settings: Settings, as_of: date) -> BaseProcess:
    """Start a process that publishes, so that a test can kill it."""
    worker = multiprocessing.get_context("spawn").Process(target=_publish, args=(dsns, settings, as_of))
    worker.start()
    return worker


def _publish(dsns: tuple[str, str], settings: Settings, as_of: date) -> None:
    warehouse, mart = dsns
    flow = Flow(
        lambda: psycopg.connect(warehouse),
        lambda: psycopg.connect(mart),
        Lake.of(settings),
        "worker",
        settings,
    )
    publish(flow, as_of=as_of)
