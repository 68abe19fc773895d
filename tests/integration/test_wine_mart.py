"""Gold of a month in the mart: what is shown and written, that other months stay, and that it is all or nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from tests.conftest import Databases, Servers
from tests.integration.conftest import assert_reads_only, flow_to
from tests.integration.stopped import stopped_at, wait_until_stopped
from tests.integration.wine_cellar import (
    APRIL,
    MART,
    MAY,
    Cellar,
    Row,
    Wine,
    digest,
    mart_rows,
    put_table,
    start_step,
)

from flocon.errors import CheckFailed, FloconError, Unbalanced
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.migrate import migrate
from flocon.postgres import Connection, run_file, scalar, set_parameters
from flocon.settings import Settings
from flocon.tables import Table, find_table
from flocon.wine.mart import publish
from flocon.wine.words import month_in_words

SHOWN = {
    "fact_ventes_vin": "produits_vin",
    "ca_mensuel": "ca_vin",
    "ecarts": "ecarts_vin",
    "tests_qualite": "tests_vin",
}


@pytest.fixture
def cellar() -> Cellar:
    return Cellar.of()


@pytest.fixture
def published(flow: Flow, cellar: Cellar) -> Cellar:
    """A merchant whose April and May the mart shows; the same products, some of them at another price in May."""
    cellar.put(flow, APRIL)
    assert publish(flow, APRIL).changed
    cellar.wines[11].prix += 1
    cellar.put(flow, MAY)
    assert publish(flow, MAY).changed
    return cellar


def own_table(name: str) -> Table:
    return find_table("wine", "mart", name)


def publications(mart: Connection) -> int:
    count: int = scalar(mart, "select count(*) from ledger.step_run where dataset = 'wine'")
    mart.rollback()
    return count


# What is shown.


@pytest.mark.parametrize(("name", "gold"), SHOWN.items())
def test_a_table_has_columns_of_its_gold_table(name: str, gold: str) -> None:
    theirs = find_table("wine", "gold", gold).metadata.columns
    mine = dict(own_table(name).metadata.columns)
    assert next(iter(mine)) == "file_month"
    del mine["file_month"]
    assert {column: (c.type, c.nullable, c.unit) for column, c in mine.items()} == {
        column: (c.type, c.nullable, c.unit) for column, c in theirs.items() if column != "perimetre"
    }


def test_the_mart_shows_gold_of_each_month(flow: Flow, mart: Connection, published: Cellar) -> None:
    for name, gold in SHOWN.items():
        expected = [{"file_month": MAY} | row for row in published.tables()[gold]]
        for row in expected:
            row.pop("perimetre", None)
        shown = mart_rows(mart, own_table(name), MAY)
        assert shown, name
        assert by_key(shown) == by_key(expected), name
    months = mart.execute("select file_month, nb_produits from wine.ca_mensuel order by 1").fetchall()
    assert months == [(APRIL, 40), (MAY, 40)]


def by_key(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: [str(row.get(key)) for key in ("product_id", "source", "cle", "nom")])


def test_a_month_has_its_french_name(flow: Flow, mart: Connection) -> None:
    insertion = own_table("dim_mois").insertion
    assert insertion is not None
    for month in range(1, 13):
        set_parameters(mart, month=date(2024, month, 1))
        run_file(mart, insertion)
    named = mart.execute("select libelle, trimestre, mois, annee from wine.dim_mois order by file_month")
    assert named.fetchall() == [
        (month_in_words(date(2024, month, 1)), (month + 2) // 3, month, 2024) for month in range(1, 13)
    ]


def test_the_newest_month_is_shown_whichever_was_published_last(
    flow: Flow, mart: Connection, published: Cellar
) -> None:
    publish(flow, APRIL, force=True)
    shown = mart.execute("select distinct file_month, mois, count(*) over () from wine.dernier_mois")
    assert shown.fetchall() == [(MAY, "mai 2024", 40)]


def test_a_month_without_a_product_can_be_published(flow: Flow, mart: Connection) -> None:
    Cellar().put(flow, MAY)
    assert publish(flow, MAY).changed
    totals = mart.execute("select ca, nb_produits, prix_moyen, prix_ecart_type from wine.ca_mensuel")
    assert totals.fetchall() == [(Decimal("0.00"), 0, None, None)]
    assert not publish(flow, MAY).changed


def test_without_gold_of_the_month_nothing_is_published(
    flow: Flow, mart: Connection, published: Cellar
) -> None:
    with pytest.raises(
        FloconError, match=r"gold\.produits_vin: there is none yet, run the layer gold of wine"
    ):
        publish(flow, date(2024, 6, 1))
    assert publications(mart) == 2


# What is written.


def test_the_same_gold_is_no_work_and_force_overrides(
    flow: Flow, mart: Connection, published: Cellar
) -> None:
    again = publish(flow, MAY)
    assert not again.changed
    assert "wine 2024-05: nothing to do, the mart shows these 40 products" in again.message
    assert publications(mart) == 2
    forced = publish(flow, MAY, force=True)
    assert forced.changed
    assert {sum(counts.values()) for counts in forced.facts["changed"].values()} == {0}


def test_a_corrected_month_replaces_that_month_only(flow: Flow, mart: Connection, published: Cellar) -> None:
    untouched = (
        "select ctid, xmin, xmax, fact.* from wine.fact_ventes_vin as fact where file_month = %s order by 5"
    )
    before, april = mart.execute(untouched, [MAY]).fetchall(), digest(mart, APRIL)
    mart.rollback()
    corrected = Cellar.of()
    corrected.wines[12].prix += 2
    del corrected.wines[13]
    corrected.wines[41] = Wine("10041", "Nouveau", Decimal("8.00"), 3, 1)
    corrected.gaps.append({"source": "liaison", "cle": "13", "nom": None, "raison": "lien_sans_erp"})
    corrected.put(flow, APRIL)
    changed = publish(flow, APRIL).facts["changed"]
    assert changed["fact_ventes_vin"]["inserted"] == 1
    assert changed["fact_ventes_vin"]["deleted"] == 1
    assert changed["ecarts"] == {"inserted": 1, "updated": 0, "deleted": 0}
    assert changed["tests_qualite"] == {"inserted": 0, "updated": 0, "deleted": 0}
    assert len(before) == 40
    assert mart.execute(untouched, [MAY]).fetchall() == before
    mart.rollback()
    assert digest(mart, APRIL) != april
    prices = "select file_month, prix from wine.fact_ventes_vin where product_id = 12 order by 1"
    assert [price for _, price in mart.execute(prices)] == [Decimal("10.94"), Decimal("8.94")]
    assert not publish(flow, MAY).changed


def test_two_products_may_change_places(flow: Flow, mart: Connection, published: Cellar) -> None:
    one, other = published.wines[21], published.wines[22]
    one.sku, other.sku = other.sku, one.sku
    published.put(flow, MAY)
    assert publish(flow, MAY).facts["changed"]["fact_ventes_vin"] == {
        "inserted": 0,
        "updated": 2,
        "deleted": 0,
    }


def test_a_table_that_was_made_anew_is_filled_again(flow: Flow, mart: Connection, published: Cellar) -> None:
    before = digest(mart)
    mart.execute("drop table wine.ecarts")
    mart.execute("delete from ledger.step_run where dataset = 'schema'")
    mart.commit()
    with flow.warehouse() as warehouse, flow.mart() as again:
        migrate(warehouse, again)
    for month in (APRIL, MAY):
        assert "its output is gone" in publish(flow, month).message
    assert digest(mart) == before


def test_a_month_that_was_deleted_is_filled_again(flow: Flow, mart: Connection, published: Cellar) -> None:
    before = digest(mart)
    mart.execute("delete from wine.fact_ventes_vin where file_month = %s", [MAY])
    mart.commit()
    assert not publish(flow, APRIL).changed
    assert "its output is gone" in publish(flow, MAY).message
    assert digest(mart) == before


def test_two_at_once_publish_once_and_two_months_both(flow: Flow, mart: Connection, cellar: Cellar) -> None:
    for month in (APRIL, MAY):
        cellar.put(flow, month)
    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(publish, flow, month) for month in (APRIL, MAY, APRIL, MAY)]
        assert sorted(run.result().changed for run in runs) == [False, False, True, True]
    assert publications(mart) == 2
    assert len(mart_rows(mart, own_table("fact_ventes_vin"))) == 80


# All or nothing.


def test_a_failing_quality_test_keeps_what_is_shown_and_is_named(
    flow: Flow, mart: Connection, published: Cellar
) -> None:
    before = digest(mart)
    published.wines[12].prix += 2
    published.failing = {"ca_total", "web_cle_unique"}
    published.put(flow, MAY)
    with pytest.raises(
        CheckFailed, match=r"(?s)wine 2024-05: 2 quality test.*web_cle_unique: ≤ 0 expected"
    ) as error:
        publish(flow, MAY)
    assert "\nca_total: " in str(error.value)
    with pytest.raises(CheckFailed):
        publish(flow, MAY, force=True)
    assert digest(mart) == before
    published.failing = set()
    published.put(flow, MAY)
    assert publish(flow, MAY).changed


Spoil = Callable[[dict[str, list[Row]]], Any]


def first(table: str, **values: object) -> Spoil:
    """Give the first row of a gold table other values."""
    return lambda tables: tables[table][0].update(values)


SPOILT: dict[str, tuple[str, Spoil, type[Exception], str]] = {
    "another revenue": (
        "produits_vin",
        first("produits_vin", ca=Decimal(1)),
        FloconError,
        "check constraint",
    ),
    "a negative price": (
        "produits_vin",
        first("produits_vin", prix=Decimal(-1), ca=Decimal(0), quantite_vendue=0),
        FloconError,
        "check constraint",
    ),
    "no class": ("produits_vin", first("produits_vin", classement="moyen"), FloconError, "check constraint"),
    "a score of other prices": (
        "produits_vin",
        first("produits_vin", z_score=-9.0, classement="ordinaire"),
        CheckFailed,
        "the_order_of_scores_is_that_of_prices",
    ),
    "a sku twice": ("produits_vin", first("produits_vin", sku="10021"), FloconError, "duplicate key"),
    "another total": ("ca_vin", first("ca_vin", ca=Decimal(1)), CheckFailed, "headlines_are_those"),
    "another mean": ("ca_vin", first("ca_vin", prix_moyen=Decimal(1)), CheckFailed, "prices_are_those"),
    "listed and reconciled": (
        "ecarts_vin",
        first("ecarts_vin", cle="21"),
        CheckFailed,
        "what_found_its_counterpart_is_not_listed",
    ),
    "no source": ("ecarts_vin", first("ecarts_vin", source="fax"), FloconError, "check constraint"),
    "no test": (
        "tests_vin",
        lambda tables: tables["tests_vin"].clear(),
        CheckFailed,
        "every_month_was_tested",
    ),
    "a lenient verdict": (
        "tests_vin",
        first("tests_vin", severite="fail", resultat="alerte"),
        FloconError,
        "check constraint",
    ),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_does_not_hold_together_is_not_shown(
    flow: Flow, mart: Connection, published: Cellar, how: str
) -> None:
    table, spoil, error, said = SPOILT[how]
    before = digest(mart)
    published.wines[30].stock += 5
    published.put(flow, MAY)
    tables = published.tables()
    spoil(tables)
    put_table(flow, MAY, table, tables[table])
    with pytest.raises(error, match=said):
        publish(flow, MAY)
    assert digest(mart) == before
    assert publications(mart) == 2


def test_gold_that_lost_a_row_is_unbalanced(flow: Flow, mart: Connection, published: Cellar) -> None:
    before = digest(mart)
    put_table(flow, MAY, "ecarts_vin", published.gaps[:1], claims=99)
    with pytest.raises(Unbalanced, match=r"wine 2024-05 does not balance.*'ecarts': 99"):
        publish(flow, MAY)
    assert digest(mart) == before


# Who else is there.


@pytest.mark.parametrize("table", ["fact_ventes_vin", "tests_qualite"])
def test_a_publication_that_was_killed_is_as_if_it_had_never_been(
    servers: Servers,
    lake: Lake,
    lake_settings: Settings,
    databases: Databases,
    flow: Flow,
    published: Cellar,
    table: str,
) -> None:
    with psycopg.connect(databases.mart_dsn) as mart:
        before = digest(mart)
    published.wines[12].prix += 2
    del published.wines[13]
    published.put(flow, MAY)
    with stopped_at(databases.mart_dsn, f"wine.{table}"):
        worker = start_step("mart", (databases.warehouse_dsn, databases.mart_dsn), lake_settings, MAY)
        wait_until_stopped(databases.mart_admin_dsn)
        with psycopg.connect(databases.mart_reader_dsn) as reader:  # who reads meanwhile does not wait
            assert scalar(reader, "select count(*) from wine.dernier_mois") == 40
        worker.kill()
        worker.join()
    with psycopg.connect(databases.mart_dsn) as mart:
        assert digest(mart) == before
        assert publish(flow, MAY).changed
        assert digest(mart) == undisturbed(servers, lake, lake_settings)


def undisturbed(servers: Servers, lake: Lake, settings: Settings) -> str:
    """What a mart shows to which April and the corrected May were published, each once."""
    databases = servers.new_databases()
    flow = flow_to(databases, lake, settings)
    corrected = Cellar.of()
    corrected.put(flow, APRIL)
    publish(flow, APRIL)
    corrected.wines[11].prix += 1
    corrected.wines[12].prix += 2
    del corrected.wines[13]
    corrected.put(flow, MAY)
    publish(flow, MAY)
    with psycopg.connect(databases.mart_dsn) as mart:
        return digest(mart)


def test_readers_can_read_all_of_it_and_write_nothing(databases: Databases, published: Cellar) -> None:
    assert_reads_only(databases, MART)
