"""A month through all steps: what is proved, what is done again and what is not."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import boto3
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import ON_BOTH_LAKES, Databases
from tests.integration.conftest import JANUARY, YELLOW, mart_digest, month_bytes, run_month
from tests.integration.publisher import Publisher

from flocon import ledger
from flocon.errors import CheckFailed, FloconError, TransientError, Unbalanced
from flocon.flow import Flow
from flocon.postgres import Connection, scalar
from flocon.settings import Settings
from flocon.taxi import pipeline
from flocon.taxi.names import ZONE_TABLE
from flocon.taxi.sample import sample_file

pytestmark = ON_BOTH_LAKES

SAMPLE = "sample:rows=2000,seed=3"


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    """A publisher that has yellow 2024-01."""
    publisher.publish(YELLOW, month_bytes(rows=2_000))
    return publisher


def reconciliation(mart: Connection) -> list[tuple[object, ...]]:
    rows = mart.execute("select * from ledger.reconciliation").fetchall()
    mart.rollback()
    return rows


def test_a_month_balances_and_its_history_is_kept(
    flow: Flow, published: Publisher, warehouse: Connection, mart: Connection
) -> None:
    assert run_month(flow, published.base_url) == [True, True, True]
    (row,) = reconciliation(mart)
    assert row[:3] == ("yellow", JANUARY, 2_000)
    assert row[-2:] == (True, True)
    landed = ledger.current(warehouse, "taxi.yellow", "lake", JANUARY)
    assert landed is not None
    assert landed.source_url == f"{published.base_url}/{YELLOW}"
    assert landed.etag
    assert landed.last_modified
    assert landed.rows == 2_000
    assert landed.schema_seen
    assert landed.schema_seen["tpep_pickup_datetime"] == "timestamp[us]"
    rules = mart.execute("select rule, rows, share, outcome from ledger.rule_share").fetchall()
    assert {"null_block", "negative_fare", "zero_distance"} <= {
        rule for rule, _, share, _ in rules if share > 0
    }


def test_unchanged_bytes_are_no_work_and_force_overrides(flow: Flow, published: Publisher) -> None:
    run_month(flow, published.base_url)
    requests = published.count(YELLOW, "GET")
    assert run_month(flow, published.base_url) == [False, False, False]
    assert published.count(YELLOW, "GET") == requests
    assert pipeline.land(flow, "yellow", JANUARY, published.base_url, force=True).changed
    assert not pipeline.load(flow, "yellow", JANUARY).changed  # the same SHA-256 came
    assert pipeline.publish(flow, "yellow", JANUARY, force=True).changed


def test_a_republished_month_replaces_the_old_one_whole(
    flow: Flow, published: Publisher, mart: Connection
) -> None:
    run_month(flow, published.base_url)
    assert pipeline.republished(flow).changed == []
    published.publish(YELLOW, month_bytes(rows=1_000, seed=2))
    assert pipeline.republished(flow).changed == [("yellow", JANUARY, published.base_url)]
    assert run_month(flow, published.base_url) == [True, True, True]
    assert [row[2] for row in reconciliation(mart)] == [1_000]
    assert scalar(mart, "select sum(trips) from taxi.agg_trip_hour") == scalar(
        mart, "select count(*) from taxi.fact_trip"
    )


def test_recheck_asks_all_and_tells_of_those_that_cannot_be_asked(flow: Flow, published: Publisher) -> None:
    green = "green_tripdata_2024-01.parquet"
    published.publish(green, month_bytes("green", rows=1_000))
    for service in ("green", "yellow"):
        run_month(flow, published.base_url, service)
    published.misbehave(green, "status", status=500)
    published.publish(YELLOW, month_bytes(rows=1_000, seed=2))
    found = pipeline.republished(flow)
    assert found.changed == [("yellow", JANUARY, published.base_url)]
    assert len(found.problems) == 1
    assert "green 2024-01" in found.problems[0]


def test_a_withdrawn_month_stays(flow: Flow, published: Publisher, caplog: pytest.LogCaptureFixture) -> None:
    run_month(flow, published.base_url)
    published.unpublish(YELLOW)
    found = pipeline.republished(flow)
    assert (found.changed, found.problems) == ([], [])
    assert "what is loaded stays" in caplog.text


@pytest.mark.parametrize("first", ["published", "synthetic"])
def test_generated_and_published_months_replace_each_other_only_when_forced(
    flow: Flow, tmp_path: Path, shared_data: Path, mart: Connection, first: str
) -> None:
    sources = [str(shared_data / "tlc"), SAMPLE]
    if first == "synthetic":
        sources.reverse()
    month = date(2023, 1, 1)
    run_month(flow, sources[0], "green", month)
    before = mart_digest(mart)
    with pytest.raises(FloconError, match=rf"green 2023-01 .*a {first} .*month is loaded .*FORCE=1"):
        pipeline.land(flow, "green", month, sources[1])
    assert run_month(flow, sources[0], "green", month) == [False, False, False]
    assert mart_digest(mart) == before
    pipeline.land(flow, "green", month, sources[1], force=True)
    pipeline.load(flow, "green", month)
    pipeline.publish(flow, "green", month)
    (row,) = reconciliation(mart)
    assert row[-2:] == (True, first == "published")


def test_a_generated_file_is_known_wherever_it_comes_from(
    flow: Flow, tmp_path: Path, mart: Connection
) -> None:
    sample_file(tmp_path / "months", "yellow", JANUARY, 1_000, 1)
    run_month(flow, str(tmp_path / "months"))
    assert reconciliation(mart)[0][-1] is True


def test_a_month_that_does_not_balance_is_never_shown(
    flow: Flow, published: Publisher, warehouse: Connection, mart: Connection
) -> None:
    run_month(flow, published.base_url)
    before = mart_digest(mart)
    published.publish(YELLOW, month_bytes(rows=1_000, seed=2))
    pipeline.land(flow, "yellow", JANUARY, published.base_url)
    pipeline.load(flow, "yellow", JANUARY)
    with warehouse.transaction():
        warehouse.execute("delete from raw.yellow_trip_2024_01 where ctid = '(0,1)'")
    with pytest.raises(Unbalanced, match=r"yellow 2024-01 does not balance.*'rows_warehouse': 999"):
        pipeline.publish(flow, "yellow", JANUARY)
    assert mart_digest(mart) == before
    pipeline.load(flow, "yellow", JANUARY, force=True)
    pipeline.publish(flow, "yellow", JANUARY)
    assert reconciliation(mart)[0][2] == 1_000


def test_a_changed_amount_does_not_balance_either(
    flow: Flow, published: Publisher, warehouse: Connection, mart: Connection
) -> None:
    pipeline.land(flow, "yellow", JANUARY, published.base_url)
    pipeline.load(flow, "yellow", JANUARY)
    with warehouse.transaction():
        warehouse.execute(
            "update raw.yellow_trip set total_amount = total_amount + 0.01 where ctid = '(0,1)'"
        )
    with pytest.raises(Unbalanced, match="yellow 2024-01 does not balance"):
        pipeline.publish(flow, "yellow", JANUARY)
    assert reconciliation(mart) == []


def test_output_that_is_gone_is_made_again(
    flow: Flow, published: Publisher, warehouse: Connection, mart: Connection, lake_settings: Settings
) -> None:
    run_month(flow, published.base_url)
    before = mart_digest(mart)
    for connection, table in (
        (warehouse, "raw.yellow_trip_2024_01"),
        (mart, "taxi.fact_trip_yellow_2024_01"),
    ):
        with connection.transaction():
            connection.execute(f"drop table {table}")
    s3(lake_settings).delete_object(Bucket="bronze", Key=f"tlc/{YELLOW}")
    assert run_month(flow, published.base_url) == [True, True, True]
    assert mart_digest(mart) == before


def test_a_lake_object_that_somebody_changed_is_not_loaded(
    flow: Flow, published: Publisher, lake_settings: Settings
) -> None:
    pipeline.land(flow, "yellow", JANUARY, published.base_url)
    s3(lake_settings).put_object(Bucket="bronze", Key=f"tlc/{YELLOW}", Body=b"something else")
    with pytest.raises(
        FloconError, match=f"yellow 2024-01 .*bronze/tlc/{YELLOW} was changed by somebody else"
    ):
        pipeline.load(flow, "yellow", JANUARY)
    assert run_month(flow, published.base_url) == [True, True, True]


def test_steps_out_of_order_say_what_is_missing(flow: Flow) -> None:
    with pytest.raises(FloconError, match="yellow 2024-01 was never landed"):
        pipeline.load(flow, "yellow", JANUARY)
    with pytest.raises(FloconError, match="yellow 2024-01 was never loaded"):
        pipeline.publish(flow, "yellow", JANUARY)


def test_the_published_zone_table_is_used(flow: Flow, published: Publisher, mart: Connection) -> None:
    zones = "LocationID,Borough,Zone,service_zone\n" + "\n".join(
        [*(f"{number},Queens,Zone {number},Boro Zone" for number in range(1, 266)), "266,Moon,Crater,N/A"]
    )
    published.publish(ZONE_TABLE, zones.encode())
    run_month(flow, published.base_url)
    crater = (
        "select zone, borough from taxi.dim_zone join taxi.dim_borough using (borough_id) where zone_id = 266"
    )
    assert mart.execute(crater).fetchall() == [("Crater", "Moon")]


def test_a_broken_zone_table_does_not_stop_a_month(
    flow: Flow, published: Publisher, mart: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    published.publish(ZONE_TABLE, b"LocationID,Borough\n1,EWR\n")
    run_month(flow, published.base_url)
    assert "has the columns ['LocationID', 'Borough']" in caplog.text
    assert scalar(mart, "select count(*) from taxi.dim_zone") == 266


def test_a_ledger_of_an_earlier_version_is_understood(flow: Flow, published: Publisher) -> None:
    """One whose loads do not know their source, nor its zones the object that they are from."""
    published.publish(ZONE_TABLE, b"LocationID,Borough,Zone,service_zone\n1,EWR,Newark Airport,EWR\n")
    run_month(flow, published.base_url)
    with flow.warehouse() as warehouse:
        kept = "facts - array['source', 'lake_key', 'lake_etag']"
        warehouse.execute(f"update ledger.step_run set facts = {kept} where step = 'warehouse'")
    assert not pipeline.publish(flow, "yellow", JANUARY).changed
    assert pipeline.publish(flow, "yellow", JANUARY, force=True).changed
    assert run_month(flow, published.base_url) == [False, False, False]


def test_a_busy_month_is_given_up_by_name(flow: Flow, published: Publisher, databases: Databases) -> None:
    impatient = Flow(
        flow.warehouse,
        flow.mart,
        flow.lake,
        "second",
        flow.settings.model_copy(update={"lock_patience_s": 0.2}),
    )
    with (
        flow.holding("yellow 2024-01"),
        pytest.raises(TransientError, match=r"yellow 2024-01: `flocon test` is still at work on it"),
    ):
        pipeline.land(impatient, "yellow", JANUARY, published.base_url)


@pytest.mark.parametrize("is_replaced", [True, False])
def test_readers_see_only_whole_months_and_never_fail(
    flow: Flow, published: Publisher, databases: Databases, is_replaced: bool
) -> None:
    """What a reader sees at any moment is before or after: its trips, aggregates and ledger together."""
    if is_replaced:
        run_month(flow, published.base_url)
    else:
        published.publish("green_tripdata_2024-01.parquet", month_bytes("green", rows=2_000))
        run_month(flow, published.base_url, "green")
    published.publish(YELLOW, month_bytes(rows=60_000, seed=2))
    seen = set()
    query = (
        "select (select sum(rows_fact) from ledger.reconciliation), (select count(*) from taxi.trip),"
        " (select sum(trips) from taxi.agg_trip_zone)"
    )
    with (
        psycopg.connect(databases.mart_reader_dsn, autocommit=True) as reader,
        ThreadPoolExecutor(1) as thread,
    ):
        running = thread.submit(run_month, flow, published.base_url)
        while not running.done():
            seen.add(reader.execute(query).fetchone())
        seen.add(reader.execute(query).fetchone())
        assert running.result() == [True, True, True]
    assert len(seen) == 2
    assert all(len(set(row)) == 1 for row in seen if row)


def test_months_are_worked_on_in_parallel(flow: Flow, databases: Databases) -> None:
    """New and replaced, of both services: none waits for another that waits for it."""
    things = [(service, date(2024, month, 1)) for service in ("yellow", "green") for month in (1, 2, 3)]
    for seed in (1, 2):
        source = f"sample:rows=20000,seed={seed}"
        with ThreadPoolExecutor(len(things)) as threads:
            runs = [threads.submit(run_month, flow, source, *thing) for thing in things]
            assert [run.result(timeout=60) for run in runs] == [[True, True, True]] * len(things)
    with psycopg.connect(databases.mart_reader_dsn) as reader:
        balanced = reader.execute("select bool_and(is_balanced), sum(rows_source) from ledger.reconciliation")
        assert balanced.fetchone() == (True, 20_000 * len(things))


def test_a_month_without_money_is_loaded_and_not_believed(flow: Flow, published: Publisher) -> None:
    table = pq.read_table(io.BytesIO(month_bytes(rows=100)))
    nothing = pa.array([0.0] * 100)
    free = table.set_column(table.column_names.index("total_amount"), "total_amount", nothing)
    sink = io.BytesIO()
    pq.write_table(free, sink)
    published.publish(YELLOW, sink.getvalue())
    assert pipeline.land(flow, "yellow", JANUARY, published.base_url).changed
    assert pipeline.load(flow, "yellow", JANUARY).changed
    with pytest.raises(
        CheckFailed, match="mean_total_out_of_range"
    ):  # it balances, and is still not believed
        pipeline.publish(flow, "yellow", JANUARY)


def s3(settings: Settings) -> "boto3.client":
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_url,
        region_name=settings.s3_region,
        aws_access_key_id=settings.secret("s3_access_key"),
        aws_secret_access_key=settings.secret("s3_secret_key"),
    )
