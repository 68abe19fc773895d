"""The ledger held against the lake, and the mart against the warehouse: everything that is not so is named."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import JANUARY, YELLOW, run_month
from tests.integration.sales_files import ACHATS, CLIENTS
from tests.integration.test_wine_quality import Files

from flocon.agreement import Disagreement, Verdict, verify
from flocon.flow import Flow
from flocon.s3 import s3_client
from flocon.sales import pipeline as sales
from flocon.settings import Settings
from flocon.taxi import pipeline as taxi
from flocon.wine import pipeline as wine

SMALL, OTHER = "sample:rows=2000,seed=1", "sample:rows=2000,seed=2"
MAY, AS_OF = date(2024, 5, 1), date(2024, 12, 31)
OBJECT = f"bronze/sample/{YELLOW}"


@pytest.fixture
def months(flow: Flow) -> Flow:
    """A generated month that went all the way."""
    assert run_month(flow, SMALL) == [True, True, True]
    assert verify(flow, deep=True) == Verdict(entries=6, objects=1, read=1)
    return flow


@pytest.fixture
def s3(lake_settings: Settings) -> Any:
    keys = (lake_settings.secret("s3_access_key"), lake_settings.secret("s3_secret_key"))
    return s3_client(lake_settings.s3_url, *keys, region=lake_settings.s3_region)


def only(flow: Flow, *, deep: bool = False) -> Disagreement:
    (told,) = verify(flow, deep=deep).disagreements
    return told


def test_an_object_that_is_gone(months: Flow, s3: Any) -> None:
    s3.delete_object(Bucket="bronze", Key=f"sample/{YELLOW}")
    assert only(months) == Disagreement(
        OBJECT,
        "gone; taxi.yellow 2024-01",
        f"make run DOMAIN=taxi MONTHS=2024-01 SERVICE=yellow SOURCE={SMALL}",
    )
    assert run_month(months, SMALL) == [True, False, False]
    assert verify(months).disagreements == []


def test_an_object_that_was_overwritten(months: Flow, s3: Any) -> None:
    body = months.lake.read("bronze", f"sample/{YELLOW}")
    s3.put_object(Bucket="bronze", Key=f"sample/{YELLOW}", Body=body[:-1] + b"x")
    assert only(months).thing == OBJECT
    assert only(months).found == "changed by somebody else; taxi.yellow 2024-01"


def test_bytes_that_changed_on_the_disk(months: Flow, lake_settings: Settings) -> None:
    """The server still tells the old ETag and size; only reading shows it."""
    with months.warehouse() as warehouse:
        warehouse.execute("update ledger.step_run set sha256 = repeat('0', 64) where step = 'lake'")
    told = verify(months, deep=True).disagreements
    assert [each.found.partition(" (")[0] for each in told if each.thing == OBJECT] == [
        "other bytes than were stored"
    ]


def test_an_object_that_no_entry_knows(months: Flow, s3: Any) -> None:
    s3.put_object(Bucket="bronze", Key="tlc/notes.txt", Body=b"hello")
    verdict = verify(months)
    assert verdict.unknown == ["tlc/notes.txt"]
    assert verdict.disagreements == []


def test_an_object_that_was_superseded_is_known(months: Flow, tmp_path: Path) -> None:
    (tmp_path / YELLOW).write_bytes(months.lake.read("bronze", f"sample/{YELLOW}"))
    run_month(months, str(tmp_path))
    verdict = verify(months)
    assert (verdict.disagreements, verdict.unknown) == ([], [])


def test_a_month_that_stopped_on_its_way(months: Flow) -> None:
    taxi.land(months, "yellow", JANUARY, OTHER)
    told = only(months)
    assert told.thing == "taxi.yellow 2024-01"
    assert told.found.startswith("the warehouse has other bytes (sha256 ")
    assert told.remedy == "make run DOMAIN=taxi MONTHS=2024-01 SERVICE=yellow"
    taxi.load(months, "yellow", JANUARY)
    assert only(months).found.startswith("the mart has other bytes (sha256 ")
    taxi.publish(months, "yellow", JANUARY)
    assert verify(months).disagreements == []
    taxi.land(months, "green", JANUARY, SMALL)
    assert only(months).found == "in the lake, but not loaded"
    taxi.load(months, "green", JANUARY)
    assert only(months).found == "in the warehouse, but not published"


def test_a_server_that_lost_its_ledger(months: Flow) -> None:
    with months.warehouse() as warehouse:
        warehouse.execute("delete from ledger.step_run where step = 'lake'")
    told = verify(months)
    assert told.unknown == [f"sample/{YELLOW}"]
    with months.warehouse() as warehouse:
        warehouse.execute("delete from ledger.step_run where step = 'warehouse'")
    assert only(months).found == "in the mart, but the warehouse never had it"
    assert only(months).remedy == "make rebuild DOMAIN=taxi MONTHS=2024-01"


def test_a_month_that_does_not_balance(months: Flow) -> None:
    with months.mart() as mart:
        mart.execute("update ledger.month_balance set rows_fact = rows_fact - 1")
    told = only(months)
    assert told.found == "its rows or amounts do not add up (ledger.reconciliation)"
    assert told.remedy == "make rebuild MONTHS=2024-01 FORCE=1"


def test_the_layers_of_the_lake(flow: Flow, tmp_path: Path, s3: Any) -> None:
    """Whatever is taken away, in any bucket, is named; what runs or is made again is well again."""
    run_layers(flow, tmp_path)
    verdict = verify(flow, deep=True)
    assert verdict.disagreements == []
    assert verdict.read == verdict.objects > 30
    taken = [
        ("bronze", "sales/clients/clients.parquet"),
        ("bronze", "wine/2024-05/erp.xlsx"),
        ("silver", "sales/achats.parquet"),
        ("quarantine", "sales/silver/clients.parquet"),
        ("gold", "wine/2024-05/ca_vin.parquet"),
        ("gold", "csv/kpis.csv"),
        ("reports", "wine/2024-05/rapport_CA.xlsx"),
    ]
    for bucket, key in taken:
        s3.delete_object(Bucket=bucket, Key=key)
    told = {each.thing: each for each in verify(flow).disagreements}
    assert sorted(told) == sorted(f"{bucket}/{key}" for bucket, key in taken)
    assert told["bronze/sales/clients/clients.parquet"].remedy == (
        f"drop it again ({tmp_path}/sales/clients.csv), then make run DOMAIN=sales"
    )
    assert told["bronze/wine/2024-05/erp.xlsx"].remedy.endswith("then make run DOMAIN=wine MONTHS=2024-05")
    assert told["gold/csv/kpis.csv"].remedy == "make rebuild DOMAIN=sales"
    assert told["reports/wine/2024-05/rapport_CA.xlsx"].remedy == "make rebuild DOMAIN=wine MONTHS=2024-05"
    run_layers(flow, tmp_path)
    assert verify(flow).disagreements == []


def run_layers(flow: Flow, folder: Path) -> None:
    for name in ("sales", "wine"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "sales" / "clients.csv").write_text(CLIENTS, encoding="utf-8")
    (folder / "sales" / "achats.csv").write_text(ACHATS, encoding="utf-8")
    sales.bronze(flow, str(folder / "sales"))
    sales.silver(flow, AS_OF)
    sales.gold(flow, AS_OF)
    sales.mart(flow, AS_OF)
    sales.csv(flow)
    if not list((folder / "wine").iterdir()):
        Files().write(folder / "wine")
    wine.bronze(flow, MAY, str(folder / "wine"))
    wine.silver(flow, MAY)
    wine.gold(flow, MAY)
    wine.reports(flow, MAY)
    wine.mart(flow, MAY)


def test_gold_that_the_mart_does_not_show(flow: Flow, tmp_path: Path) -> None:
    run_layers(flow, tmp_path)
    (tmp_path / "sales" / "achats.csv").write_text(ACHATS.replace("12,50", "13,50"), encoding="utf-8")
    sales.bronze(flow, str(tmp_path / "sales"))
    sales.silver(flow, AS_OF)
    sales.gold(flow, AS_OF)
    told = verify(flow).disagreements
    assert {each.thing for each in told} == {"sales"}
    assert {each.remedy for each in told} == {"make run DOMAIN=sales"}
    assert "the mart shows another gold.fact_ventes than the lake has" in {each.found for each in told}
    sales.mart(replace(flow, run_id="again"), AS_OF)
    sales.csv(flow)
    assert verify(flow).disagreements == []
