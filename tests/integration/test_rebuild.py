"""The warehouse and the mart made again from the lake's bronze alone: as they were, whatever was lost."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from tests.conftest import Databases, Servers
from tests.integration import sales_shop, wine_cellar
from tests.integration.conftest import JANUARY, YELLOW, flow_to, mart_digest, month_bytes, run_month
from tests.integration.publisher import Publisher
from tests.integration.test_wine_quality import Files

from flocon import agreement, ledger
from flocon.errors import SettingsError
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.postgres import Connection, scalar
from flocon.rebuild import Builder, Order, Rebuilt, rebuild
from flocon.s3 import s3_client
from flocon.sales import pipeline as sales
from flocon.sales import rebuild as sales_rebuild
from flocon.sales.sample import sample_files
from flocon.settings import Settings
from flocon.stack.health import check_s3, wait_until
from flocon.stack.program import running
from flocon.stack.s3 import prepare_lake, s3_program
from flocon.stack.scratch import free_ports
from flocon.taxi import pipeline as taxi
from flocon.taxi import rebuild as taxi_rebuild
from flocon.taxi.names import ZONE_TABLE
from flocon.wine import pipeline as wine
from flocon.wine import rebuild as wine_rebuild

BUILDERS: dict[str, Builder] = {
    "taxi": taxi_rebuild.pieces,
    "sales": sales_rebuild.pieces,
    "wine": wine_rebuild.pieces,
}
TAXI = {"taxi": taxi_rebuild.pieces}
SMALL = "sample:rows=2000,seed=1"
FEBRUARY, MAY, AS_OF = date(2024, 2, 1), date(2024, 5, 1), date(2024, 12, 31)
FEBRUARY_FILE = "yellow_tripdata_2024-02.parquet"


def make_again(flow: Flow, builders: dict[str, Builder] = BUILDERS, **order: object) -> Rebuilt:
    return rebuild(flow, builders, Order(**order), print)  # type: ignore[arg-type]


def shown(flow: Flow) -> list[str]:
    """What readers see of all domains, hashed."""
    with flow.mart() as mart:
        origins = scalar(
            mart, "select string_agg(source_url, ' ' order by source_url) from ledger.month_balance"
        )
        return [mart_digest(mart), sales_shop.digest(mart), wine_cellar.digest(mart), str(origins)]


def rejected(flow: Flow) -> object:
    with flow.warehouse() as warehouse:
        query = "select count(*), sum(hashtextextended(as_published::text, 0)), sum(total_cents) from rejected.trip"
        return warehouse.execute(query).fetchone()


@pytest.fixture
def months(flow: Flow) -> Flow:
    """A generated month in the lake, the warehouse and the mart."""
    assert run_month(flow, SMALL) == [True, True, True]
    return flow


@pytest.fixture
def empty(flow: Flow, servers: Servers) -> Flow:
    """Fresh servers beside the same lake: what is left when both are lost."""
    return fresh_servers(servers, flow)


def fresh_servers(servers: Servers, flow: Flow) -> Flow:
    """Databases that are not even migrated, beside the lake of a flow."""
    databases = servers.new_databases()
    return replace(
        flow,
        warehouse=lambda: psycopg.connect(databases.warehouse_dsn),
        mart=lambda: psycopg.connect(databases.mart_dsn),
        run_id="rebuild",
    )


def s3_of(settings: Settings) -> object:
    keys = (settings.secret("s3_access_key"), settings.secret("s3_secret_key"))
    return s3_client(settings.s3_url, *keys, region=settings.s3_region)


def zone_table() -> bytes:
    rows = [f"{number},Queens,Zone {number},Boro Zone" for number in range(1, 266)]
    return "\n".join(["LocationID,Borough,Zone,service_zone", *rows, "266,Moon,Crater,N/A"]).encode()


def run_all_domains(flow: Flow, publisher: Publisher, folder: Path) -> None:
    publisher.publish(ZONE_TABLE, zone_table())
    publisher.publish(YELLOW, month_bytes())
    assert run_month(flow, publisher.base_url) == [True, True, True]
    assert run_month(flow, SMALL, "green", FEBRUARY) == [True, True, True]
    sample_files(folder / "sales", 60, 5.0, 2024, AS_OF)
    assert not sales.bronze(flow, str(folder / "sales")).refused
    sales.silver(flow, AS_OF)
    sales.gold(flow, AS_OF)
    sales.mart(flow, AS_OF)
    sales.csv(flow)
    (folder / "wine").mkdir()
    wine.bronze(flow, MAY, str(Files().write(folder / "wine")))
    wine.silver(flow, MAY)
    wine.gold(flow, MAY)
    wine.reports(flow, MAY)
    wine.mart(flow, MAY)


@dataclass(frozen=True)
class Installed:
    """All domains in a lake, a warehouse and a mart, from a publisher; what readers see, and the rejected rows."""

    flow: Flow
    publisher: Publisher
    shown: list[str]
    rejected: object
    fresh: Callable[[], Flow]


@pytest.fixture(scope="module")
def installed(
    servers: Servers, module_databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    home = tmp_path_factory.mktemp("installed")
    settings = servers.settings.model_copy(update={"home": home, "s3_port": free_ports(1)[0]})
    prepare_lake(home / "lake")
    with running(s3_program(settings, home / "lake"), home / "s3.log"), Publisher() as publisher:
        wait_until(lambda: check_s3(settings), 15)
        flow = flow_to(module_databases, Lake.of(settings), settings)
        run_all_domains(flow, publisher, home)
        made = Installed(flow, publisher, shown(flow), rejected(flow), lambda: fresh_servers(servers, flow))
        publisher.requests.clear()
        yield made


def test_both_servers_lost(installed: Installed) -> None:
    empty, publisher = installed.fresh(), installed.publisher
    done = make_again(empty, as_of=AS_OF)
    assert done.failures == []
    # Only where a published month came from is not known any more.
    assert shown(empty)[:3] == installed.shown[:3]
    assert rejected(empty) == installed.rejected
    assert publisher.requests == []
    verdict = agreement.verify(empty, deep=True)
    assert (verdict.disagreements, verdict.unknown) == ([], [])
    assert verdict.read == verdict.objects > 30
    again = make_again(empty, as_of=AS_OF)
    assert (again.changed, again.failures) == (0, [])
    assert run_month(empty, SMALL, "green", FEBRUARY) == [False, False, False]
    # Fetched once, and the bytes are the same.
    assert run_month(empty, publisher.base_url) == [True, False, False]
    publisher.requests.clear()


def test_everything_is_made_anew_by_force(installed: Installed) -> None:
    assert make_again(installed.flow).changed == 0
    done = make_again(installed.flow, force=True)
    assert done.failures == []
    assert done.changed > 30
    assert shown(installed.flow) == installed.shown
    assert rejected(installed.flow) == installed.rejected
    assert installed.publisher.requests == []
    assert agreement.verify(installed.flow).disagreements == []


def test_the_mart_alone_lost(installed: Installed) -> None:
    half = replace(installed.flow, mart=installed.fresh().mart)
    assert make_again(half).failures == []
    assert shown(half) == installed.shown


def test_the_warehouse_alone_lost(installed: Installed) -> None:
    half = replace(installed.flow, warehouse=installed.fresh().warehouse)
    assert make_again(half).failures == []
    assert shown(half) == installed.shown
    assert rejected(half) == installed.rejected
    # The mart still knew where each month came from.
    assert taxi.republished(half).changed == []
    assert run_month(half, installed.publisher.base_url) == [False, False, False]
    installed.publisher.requests.clear()


def test_the_history_of_a_mart_that_is_there_is_kept(flow: Flow, mart: Connection, tmp_path: Path) -> None:
    clients = "id_client,nom,email,date_inscription,pays\n1,Léa,lea@example.com,2023-01-31,{}\n"
    achats = "id_achat,id_client,date_achat,montant,produit\n10,1,2024-02-01,12.50,Clavier\n"
    (tmp_path / "achats.csv").write_text(achats, encoding="utf-8")
    for country, as_of in (("France", date(2024, 3, 1)), ("Suisse", date(2024, 4, 1))):
        (tmp_path / "clients.csv").write_text(clients.format(country), encoding="utf-8")
        sales.bronze(flow, str(tmp_path))
        sales.silver(flow, as_of)
        sales.gold(flow, as_of)
        sales.mart(flow, as_of)
    query = "select pays, valide_du from sales.dim_clients_historique order by version"
    history = mart.execute(query).fetchall()
    mart.rollback()
    assert history == [("France", date(2024, 3, 1)), ("Suisse", date(2024, 4, 1))]
    assert make_again(flow, force=True).failures == []
    assert mart.execute(query).fetchall() == history


def test_killed_before_a_month_was_published(months: Flow, empty: Flow) -> None:
    """The warehouse was lost, and its month is loaded again, but not what the mart rejects of it."""
    run_month(months, "sample:rows=20000,seed=1")
    refused = rejected(months)
    half = replace(months, warehouse=empty.warehouse)
    make_again(half, {"taxi": lambda flow, order: []})  # migrates
    taxi_rebuild.adopt(half, "yellow", JANUARY, [f"sample/{YELLOW}"])
    taxi.load(half, "yellow", JANUARY)
    assert rejected(half) != refused
    assert make_again(half, TAXI).changed == 1
    assert rejected(half) == refused


def test_only_the_months_asked_for(months: Flow, empty: Flow) -> None:
    run_month(months, SMALL, month=FEBRUARY)
    done = make_again(empty, TAXI, months=[FEBRUARY])
    assert (done.pieces, done.changed) == (1, 3)
    with empty.mart() as mart:
        assert mart.execute("select file_month from ledger.reconciliation").fetchall() == [(FEBRUARY,)]
    with pytest.raises(SettingsError, match="the lake's bronze has nothing of 2024-05 for taxi"):
        make_again(empty, TAXI, months=[MAY])


def test_a_damaged_object_keeps_no_other_from_being_made(months: Flow, empty: Flow) -> None:
    run_month(months, SMALL, month=FEBRUARY)
    months.lake.put_stream("bronze", f"sample/{YELLOW}", [b"no Parquet"])
    done = make_again(empty, TAXI)
    assert done.changed == 3
    (failure,) = done.failures
    assert "yellow 2024-01" in failure
    assert f"bronze/sample/{YELLOW} is no Parquet file" in failure


def test_a_month_under_another_etag_is_taken_up(months: Flow, lake_settings: Settings) -> None:
    """As after the lake was copied to another server: the ledger knows the bytes, and where they came from."""
    with months.warehouse() as warehouse:
        known = ledger.current(warehouse, "taxi.yellow", "lake", JANUARY)
        warehouse.execute(
            "update ledger.step_run set facts = facts || '{\"lake_etag\": \"other\"}' where step = 'lake'"
        )
    (told,) = agreement.verify(months).disagreements
    assert told.found.startswith("the same bytes under another ETag")
    assert told.remedy == "make rebuild DOMAIN=taxi MONTHS=2024-01"
    assert make_again(months, TAXI, months=[JANUARY]).changed == 1
    with months.warehouse() as warehouse:
        now = ledger.current(warehouse, "taxi.yellow", "lake", JANUARY)
    assert known is not None
    assert now is not None
    assert now.facts == known.facts
    assert (now.source_url, now.etag, now.input_fingerprint) == (
        known.source_url, known.etag, known.input_fingerprint
    )  # fmt: skip
    assert agreement.verify(months).disagreements == []


def test_a_generated_month_does_not_stand_in_for_a_published_one(
    flow: Flow, publisher: Publisher, lake_settings: Settings
) -> None:
    """The folder of a published month is gone from the lake; what was generated earlier is still there."""
    publisher.publish(YELLOW, published_bytes())
    run_month(flow, SMALL)
    taxi.land(flow, "yellow", JANUARY, publisher.base_url, force=True)
    taxi.load(flow, "yellow", JANUARY)
    taxi.publish(flow, "yellow", JANUARY)
    before = shown(flow)
    s3_of(lake_settings).delete_object(Bucket="bronze", Key=f"tlc/{YELLOW}")  # type: ignore[attr-defined]
    (failure,) = make_again(flow, TAXI).failures
    assert "what is loaded is published, but the lake's bronze/sample/" in failure
    assert shown(flow) == before


def published_bytes() -> bytes:
    """A month that does not say that it was generated."""
    table = pq.read_table(io.BytesIO(month_bytes(rows=1000)))
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), sink)
    return sink.getvalue()
