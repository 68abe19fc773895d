"""Gold in the mart: what is shown, what is written, whose history is kept, and that it is all or nothing."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.conftest import Databases, Servers
from tests.integration.conftest import assert_reads_only, flow_to
from tests.integration.sales_shop import (
    MART,
    Purchase,
    Shop,
    digest,
    gold_rows,
    mart_rows,
    spoil_gold,
    start_publication,
)
from tests.integration.stopped import stopped_at, wait_until_stopped

from flocon.errors import CheckFailed, FloconError, Unbalanced
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.migrate import migrate
from flocon.postgres import Connection, scalar
from flocon.sales import pipeline
from flocon.sales.mart import publish
from flocon.sales.sample import DEFAULT_AS_OF, sample_files
from flocon.settings import Settings
from flocon.tables import Table, find_table

SHOWN = [
    table for table in MART if table.name not in ("dim_clients_historique", "clients_courants", "qualite")
]
JANUARY, MAY = date(2024, 1, 1), date(2024, 5, 1)


@pytest.fixture
def shop() -> Shop:
    return Shop.of()


@pytest.fixture
def published(flow: Flow, shop: Shop) -> Shop:
    """A shop that the mart shows since 1 January."""
    assert shop.publish(flow, "2024-01-01").changed
    return shop


def versions(mart: Connection, client: int) -> list[tuple[Any, ...]]:
    rows = mart.execute(
        "select version, pays, valide_du, valide_au from sales.dim_clients_historique where id_client = %s order by 1",
        [client],
    ).fetchall()
    mart.rollback()
    return rows


def publications(mart: Connection) -> int:
    count: int = scalar(mart, "select count(*) from ledger.step_run where dataset = 'sales'")
    mart.rollback()
    return count


# What is shown.


@pytest.mark.parametrize("table", SHOWN, ids=lambda table: table.name)
def test_a_table_has_the_columns_of_its_gold_table(table: Table) -> None:
    gold = find_table("sales", "gold", table.name).metadata
    mine = table.metadata
    assert mine.primary_key == gold.primary_key
    assert [(name, c.type, c.nullable, c.unit) for name, c in mine.columns.items()] == [
        (name, c.type, c.nullable, c.unit) for name, c in gold.columns.items()
    ]


def test_the_mart_shows_gold(flow: Flow, mart: Connection, published: Shop) -> None:
    for table in SHOWN:
        shown = sorted(mart_rows(mart, table), key=str)
        assert shown == sorted(gold_rows(flow, table), key=str), table.name
        assert shown, table.name
    fact = mart.execute("select count(*), sum(montant) from sales.fact_ventes").fetchone()
    assert fact == (200, sum(purchase.montant for purchase in published.purchases.values()))


def test_dirty_files_go_all_the_way_to_the_mart(flow: Flow, mart: Connection, tmp_path: Path) -> None:
    sample_files(tmp_path / "dropped", 200, 5.0, 2024, DEFAULT_AS_OF)
    pipeline.bronze(flow, str(tmp_path / "dropped"))
    pipeline.silver(flow, DEFAULT_AS_OF)
    pipeline.gold(flow, DEFAULT_AS_OF)
    assert pipeline.mart(flow, DEFAULT_AS_OF).changed
    for table in SHOWN:
        assert sorted(mart_rows(mart, table), key=str) == sorted(gold_rows(flow, table), key=str), table.name
    refused = "select count(*) from sales.qualite where raison <> 'kept' and lignes > 0"
    assert scalar(mart, refused) > 5
    assert not pipeline.mart(flow, DEFAULT_AS_OF).changed


def test_the_quality_report_is_shown(mart: Connection, published: Shop) -> None:
    rows = mart.execute(
        "select table_silver, raison, lignes, part from sales.qualite where lignes > 0"
    ).fetchall()
    assert sorted(rows) == [
        ("achats", "future_date", 1, 0.49),
        ("achats", "kept", 200, 98.04),
        ("achats", "orphan_client", 3, 1.47),
        ("clients", "bad_email", 2, 6.25),
        ("clients", "kept", 30, 93.75),
    ]
    reasons = [find_table("sales", "silver", name).metadata.rejects for name in ("clients", "achats")]
    told = mart.execute("select raison, description from sales.qualite where raison <> 'kept'").fetchall()
    assert sorted(told) == sorted(item for each in reasons for item in each.items())


def test_a_shop_without_a_purchase_can_be_published(flow: Flow, mart: Connection) -> None:
    Shop.of(clients=3, purchases=0).publish(flow, "2024-01-01")
    kpis = mart.execute("select ca_total, nb_clients, panier_moyen from sales.kpis").fetchall()
    assert kpis == [(Decimal("0.00"), 3, None)]


def test_without_gold_nothing_is_published(flow: Flow, mart: Connection) -> None:
    with pytest.raises(FloconError, match="run the layer gold of sales first"):
        publish(flow, as_of=JANUARY)
    assert publications(mart) == 0


# What is written.


def test_the_same_gold_is_no_work_and_force_overrides(flow: Flow, mart: Connection, published: Shop) -> None:
    again = published.publish(flow, "2024-06-01")
    assert not again.changed
    assert "nothing to do, the mart shows these 200 purchases of 30 clients" in again.message
    assert publications(mart) == 1
    forced = published.publish(flow, "2024-06-01", force=True)
    assert forced.changed
    assert {sum(counts.values()) for counts in forced.facts["changed"].values()} == {0}


def test_only_what_differs_is_written(flow: Flow, mart: Connection, published: Shop) -> None:
    query = "select id_achat, ctid, xmin from sales.fact_ventes order by 1"
    before = mart.execute(query).fetchall()
    mart.rollback()
    published.purchases[7].montant += 1
    del published.purchases[8]
    published.purchases[201] = Purchase(1, MAY, Decimal("5.00"), "Clavier")
    changed = published.publish(flow, "2024-05-01").facts["changed"]
    assert changed["fact_ventes"] == {"inserted": 1, "updated": 1, "deleted": 1}
    assert changed["dim_clients"] == {"inserted": 0, "updated": 3, "deleted": 0}
    after = mart.execute(query).fetchall()
    assert [row for row in after if row in before] == [row for row in before if row[0] not in (7, 8)]


def test_a_change_of_the_quality_report_alone_is_published(
    flow: Flow, mart: Connection, published: Shop
) -> None:
    published.refused["achats"]["orphan_client"] = 50
    assert published.publish(flow, "2024-01-01").changed
    assert scalar(mart, "select lignes from sales.qualite where raison = 'orphan_client'") == 50


def test_a_table_that_was_made_anew_is_filled_again(flow: Flow, mart: Connection, published: Shop) -> None:
    before = digest(mart)
    mart.execute("drop table sales.fact_ventes")
    mart.execute("delete from ledger.step_run where dataset = 'schema'")
    mart.commit()
    with flow.warehouse() as warehouse, flow.mart() as again:
        migrate(warehouse, again)
    outcome = published.publish(flow, "2024-01-01")
    assert "its output is gone" in outcome.message
    assert digest(mart) == before


def test_two_at_once_publish_once(flow: Flow, mart: Connection, shop: Shop) -> None:
    shop.finish(flow)
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(publish, flow, as_of=JANUARY) for _ in range(2)]
        assert sorted(run.result().changed for run in runs) == [False, True]
    assert publications(mart) == 1


# Whose history is kept.


def test_a_client_who_moves_has_two_versions(flow: Flow, mart: Connection, published: Shop) -> None:
    assert versions(mart, 1) == [(1, "Belgique", JANUARY, None)]
    published.clients[1].pays = "Suisse"
    published.publish(flow, "2024-05-01")
    assert versions(mart, 1) == [(1, "Belgique", JANUARY, MAY), (2, "Suisse", MAY, None)]
    current = "select pays, depuis, version from sales.clients_courants where id_client = %s"
    assert mart.execute(current, [1]).fetchall() == [("Suisse", MAY, 2)]
    assert mart.execute(current, [2]).fetchall() == [("Suisse", JANUARY, 1)]
    assert scalar(mart, "select count(*) from sales.clients_courants") == 30


def test_a_client_who_buys_more_has_a_new_version(flow: Flow, mart: Connection, published: Shop) -> None:
    for n in range(1001, 1003):
        published.purchases[n] = Purchase(10, date(2024, 3, 1), Decimal(9000), "Casque")
    published.publish(flow, "2024-05-01")
    rows = mart.execute(
        "select segment, valide_du from sales.dim_clients_historique where id_client = 10"
    ).fetchall()
    assert sorted(rows) == [("Bronze", JANUARY), ("Platinum", MAY)]


def test_a_correction_on_the_same_day_leaves_no_empty_period(
    flow: Flow, mart: Connection, published: Shop
) -> None:
    for country in ("Suisse", "Royaume-Uni"):
        published.clients[1].pays = country
        published.publish(flow, "2024-05-01")
    assert versions(mart, 1) == [(1, "Belgique", JANUARY, MAY), (2, "Royaume-Uni", MAY, None)]
    published.clients[1].pays = "Belgique"
    published.publish(flow, "2024-05-01")
    assert versions(mart, 1) == [(1, "Belgique", JANUARY, None)]


def test_a_client_who_goes_and_comes_back(flow: Flow, mart: Connection, published: Shop) -> None:
    everybody = Shop.of()
    published.drop_client(1)
    published.publish(flow, "2024-05-01")
    assert versions(mart, 1) == [(1, "Belgique", JANUARY, MAY)]
    assert scalar(mart, "select count(*) from sales.clients_courants where id_client = 1") == 0
    everybody.publish(flow, "2024-06-01")
    june = date(2024, 6, 1)
    assert versions(mart, 1) == [(1, "Belgique", JANUARY, MAY), (2, "Belgique", june, None)]


@pytest.mark.parametrize("newest", ["a beginning", "an end"])
def test_history_is_not_rewritten_backwards(
    flow: Flow, mart: Connection, published: Shop, newest: str
) -> None:
    if newest == "a beginning":
        published.clients[1].pays = "Suisse"
    else:
        published.drop_client(1)
    published.publish(flow, "2024-05-01")
    before = digest(mart)
    published.clients[2].pays = "France"
    with pytest.raises(FloconError, match=r"as of 2024-04-30: .*already knows what changed on 2024-05-01"):
        published.publish(flow, "2024-04-30")
    assert digest(mart) == before
    assert published.publish(flow, "2024-05-01").changed


# All or nothing.


@pytest.mark.parametrize(
    ("table", "query", "error", "said"),
    [
        (
            "kpi_ca_par_jour",
            "select * replace (ca_total + 0.01 as ca_total) from gold",
            CheckFailed,
            "days_are_those",
        ),
        ("dim_temps", "from gold where jour <> 15", FloconError, "violates foreign key constraint"),
        ("dim_clients", "from gold where id_client <> 1", FloconError, "violates foreign key constraint"),
        ("fact_ventes", "select * replace (-montant as montant) from gold", FloconError, "check constraint"),
    ],
)
def test_what_does_not_hold_together_is_not_shown(
    flow: Flow, mart: Connection, published: Shop, table: str, query: str, error: type[Exception], said: str
) -> None:
    before = digest(mart)
    published.clients[1].pays = "Suisse"
    published.purchases[7].montant += 1
    published.finish(flow)
    spoil_gold(flow, table, query)
    with pytest.raises(error, match=said):
        publish(flow, as_of=MAY)
    assert digest(mart) == before
    assert publications(mart) == 1


def test_gold_that_lost_a_row_is_unbalanced(flow: Flow, mart: Connection, published: Shop) -> None:
    before = digest(mart)
    published.clients[1].pays = "Suisse"
    published.finish(flow)
    spoil_gold(flow, "kpi_top_clients", "from gold", claims=99)
    with pytest.raises(Unbalanced, match="'kpi_top_clients': 99"):
        publish(flow, as_of=MAY)
    assert digest(mart) == before


def test_gold_of_another_silver_is_not_published(flow: Flow, mart: Connection, published: Shop) -> None:
    before = digest(mart)
    published.purchases[201] = Purchase(1, MAY, Decimal("5.00"), "Clavier")
    published.put_silver(flow)  # and gold is as it was
    with pytest.raises(CheckFailed, match=r"qualite\.rows_kept_are_shown"):
        publish(flow, as_of=MAY)
    assert digest(mart) == before


# Who else is there.


class Reader(threading.Thread):
    """Reads in a loop what must agree: the states that it saw, and how long it waited at most (seconds)."""

    QUERY = """
        select
            (select sum(montant) from sales.fact_ventes),
            (select sum(ca_total) from sales.kpi_ca_par_jour),
            (select sum(ca_total) from sales.kpi_ca_par_mois),
            (select sum(ca_total) from sales.agg_semaine),
            (select sum(ca_total) from sales.kpi_ca_par_pays),
            (select sum(ca_total) from sales.kpi_volume_par_produit),
            (select sum(total_ca) from sales.clients_courants),
            (select ca_total from sales.kpis)
    """

    def __init__(self, dsn: str) -> None:
        super().__init__()
        self.seen: list[tuple[Decimal, ...]] = []
        self.longest = 0.0
        self.error: Exception | None = None
        self._dsn, self._enough = dsn, threading.Event()

    def run(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True) as reader:
                while not self._enough.is_set():
                    started = time.monotonic()
                    self.seen += reader.execute(self.QUERY).fetchall()
                    self.longest = max(self.longest, time.monotonic() - started)
        except psycopg.Error as error:
            self.error = error

    def stop(self) -> None:
        self._enough.set()
        self.join()


def test_readers_see_the_old_state_then_the_new_one_and_never_wait(
    flow: Flow, databases: Databases, published: Shop
) -> None:
    old = sum(purchase.montant for purchase in published.purchases.values())
    for purchase in published.purchases.values():
        purchase.montant += 1
    published.drop_client(1)
    new = sum(purchase.montant for purchase in published.purchases.values())
    published.finish(flow)
    reader = Reader(databases.mart_reader_dsn)
    reader.start()
    with ThreadPoolExecutor(1) as thread:
        # qualite comes last: all the rest is replaced by then.
        with stopped_at(databases.mart_dsn, "sales.qualite"):
            publishing = thread.submit(publish, flow, as_of=MAY)
            wait_until_stopped(databases.mart_admin_dsn)
            before = len(reader.seen)
            time.sleep(2)
            assert len(reader.seen) > before
            assert set(reader.seen) == {(old,) * 8}
        assert publishing.result().changed
    deadline = time.monotonic() + 30
    while reader.seen[-1] != (new,) * 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    reader.stop()
    assert reader.error is None
    assert set(reader.seen) == {(old,) * 8, (new,) * 8}
    assert reader.seen[-1] == (new,) * 8
    assert reader.longest < 2


@pytest.mark.parametrize("table", ["agg_semaine", "fact_ventes", "qualite"])
def test_a_publication_that_was_killed_is_as_if_it_had_never_been(
    servers: Servers,
    lake: Lake,
    lake_settings: Settings,
    databases: Databases,
    flow: Flow,
    published: Shop,
    table: str,
) -> None:
    with psycopg.connect(databases.mart_dsn) as mart:
        before = digest(mart)
    published.clients[1].pays = "Suisse"
    published.drop_client(2)
    published.finish(flow)
    with stopped_at(databases.mart_dsn, f"sales.{table}"):
        worker = start_publication((databases.warehouse_dsn, databases.mart_dsn), lake_settings, MAY)
        wait_until_stopped(databases.mart_admin_dsn)
        worker.kill()
        worker.join()
    with psycopg.connect(databases.mart_dsn) as mart:
        assert digest(mart) == before
        assert publish(flow, as_of=MAY).changed
        assert digest(mart) == undisturbed(servers, lake, lake_settings, published)


def undisturbed(servers: Servers, lake: Lake, settings: Settings, shop: Shop) -> str:
    """What a mart shows that was published to in January and, as the shop is now, in May."""
    databases = servers.new_databases()
    flow = flow_to(databases, lake, settings)
    Shop.of().publish(flow, "2024-01-01")
    shop.publish(flow, "2024-05-01")
    with psycopg.connect(databases.mart_dsn) as mart:
        return digest(mart)


def test_readers_can_read_all_of_it_and_write_nothing(databases: Databases, published: Shop) -> None:
    assert_reads_only(databases, MART)
