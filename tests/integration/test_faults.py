"""Every failure really caused: a clear error, the mart as it was, and after another run the mart as without it.

A month is published (edition 1), the publisher replaces it (edition 2), and then something goes wrong.
"""

import io
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.conftest import Databases, settings_for
from tests.integration.cluster import Cluster, make_cluster
from tests.integration.conftest import JANUARY, YELLOW, flow_to, mart_digest, month_bytes, run_month
from tests.integration.publisher import Publisher
from tests.integration.worker import start_worker

from flocon.errors import (
    CheckFailed,
    ContractError,
    FloconError,
    NotYetPublished,
    SourceError,
    TransientError,
)
from flocon.flow import Flow
from flocon.taxi import pipeline

SMALL, LARGE = 3_000, 250_000


@dataclass
class Scene:
    """A mart that shows edition 1, a publisher that has edition 2, and what the mart must show after it."""

    cluster: Cluster
    databases: Databases
    flow: Flow
    publisher: Publisher
    rows: int
    edition_2: bytes
    before: str
    expected: str

    def shown(self) -> str:
        with psycopg.connect(self.databases.mart_dsn) as mart:
            return mart_digest(mart)

    def run(self) -> list[bool]:
        return run_month(self.flow, self.publisher.base_url)

    def assert_untouched_then_recovers(self) -> None:
        """The mart still shows edition 1; one more run gives what a run without the failure gives."""
        assert self.shown() == self.before
        self.run()
        assert self.shown() == self.expected
        assert self.run() == [False, False, False]

    def worker(self, steps: str) -> Any:
        dsns = (self.databases.warehouse_dsn, self.databases.mart_dsn)
        source = self.publisher.base_url
        return start_worker(dsns, self.flow.settings, steps, "yellow", JANUARY, source)


@pytest.fixture(scope="module")
def cluster(server_home: Path) -> Iterator[Cluster]:
    running = make_cluster(settings_for(server_home / "cluster"), server_home / "cluster")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def editions() -> dict[int, list[bytes]]:
    """Both editions of the month, by number of rows."""
    return {rows: [month_bytes(rows=rows, seed=seed) for seed in (1, 2)] for rows in (SMALL, LARGE)}


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster, editions: dict[int, list[bytes]]) -> Callable[[int], str]:
    """What the mart shows after both editions, by number of rows, when nothing goes wrong."""
    known: dict[int, str] = {}

    def shown(rows: int) -> str:
        if rows not in known:
            databases = cluster.servers.new_databases()
            with Publisher() as publisher:
                flow = flow_to(databases, cluster.lake(), cluster.settings)
                for edition in editions[rows]:
                    publisher.publish(YELLOW, edition)
                    assert run_month(flow, publisher.base_url) == [True, True, True]
            with psycopg.connect(databases.mart_dsn) as mart:
                known[rows] = mart_digest(mart)
        return known[rows]

    return shown


@pytest.fixture
def stage(
    cluster: Cluster,
    editions: dict[int, list[bytes]],
    undisturbed: Callable[[int], str],
    publisher: Publisher,
) -> Callable[[int], Scene]:
    def scene(rows: int) -> Scene:
        expected = undisturbed(rows)
        databases = cluster.servers.new_databases()
        flow = flow_to(databases, cluster.lake(), cluster.settings)
        publisher.publish(YELLOW, editions[rows][0])
        run_month(flow, publisher.base_url)
        publisher.publish(YELLOW, editions[rows][1])
        made = Scene(cluster, databases, flow, publisher, rows, editions[rows][1], "", expected)
        made.before = made.shown()
        assert made.before != expected
        return made

    return scene


@pytest.fixture
def scene(stage: Callable[[int], Scene]) -> Scene:
    return stage(SMALL)


@pytest.fixture
def large_scene(stage: Callable[[int], Scene]) -> Scene:
    return stage(LARGE)


# What the publisher can do wrong.


def test_unpublished_month(scene: Scene) -> None:
    scene.publisher.unpublish(YELLOW)
    with pytest.raises(NotYetPublished, match=r"yellow 2024-01 .*403"):
        scene.run()
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


def test_html_instead_of_parquet(scene: Scene) -> None:
    scene.publisher.misbehave(YELLOW, "html", methods=("GET",))
    with pytest.raises(SourceError, match=r"yellow 2024-01 .*sends HTML instead of Parquet"):
        scene.run()
    scene.publisher.heal()
    scene.assert_untouched_then_recovers()


def test_body_cut_short(scene: Scene) -> None:
    scene.publisher.misbehave(YELLOW, "cut", after=1000)
    with pytest.raises(TransientError, match="yellow 2024-01"):
        scene.run()
    scene.publisher.heal()
    scene.assert_untouched_then_recovers()


def test_server_errors(scene: Scene) -> None:
    scene.publisher.misbehave(YELLOW, "status", status=503)
    with pytest.raises(TransientError, match=r"yellow 2024-01 .*503"):
        scene.run()
    scene.publisher.heal()
    scene.assert_untouched_then_recovers()


def test_empty_file(scene: Scene) -> None:
    scene.publisher.publish(YELLOW, b"")
    with pytest.raises(SourceError, match=r"yellow 2024-01 .*empty"):
        scene.run()
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


def test_file_without_rows(scene: Scene) -> None:
    scene.publisher.publish(YELLOW, changed(scene.edition_2, lambda table: table.slice(0, 0)))
    with pytest.raises(SourceError, match=r"yellow 2024-01 .*holds no rows"):
        scene.run()
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


def test_footer_cut_off(scene: Scene) -> None:
    scene.publisher.publish(YELLOW, scene.edition_2[:-100])
    with pytest.raises(SourceError, match=r"yellow 2024-01 .*do not end in a Parquet footer"):
        scene.run()
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


@pytest.mark.parametrize("place", ["page header", "page with checksum"])
def test_damaged_page(scene: Scene, place: str) -> None:
    damaged = bytearray(scene.edition_2)
    if place == "page header":
        damaged[4:200] = b"\xff" * 196
    else:
        damaged = bytearray(changed(scene.edition_2, lambda table: table, write_page_checksum=True))
        damaged[len(damaged) // 2] ^= 1
    scene.publisher.publish(YELLOW, bytes(damaged))
    with pytest.raises(ContractError, match=r"yellow 2024-01 .*a page is damaged"):
        scene.run()
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


def test_required_column_missing(scene: Scene) -> None:
    scene.publisher.publish(YELLOW, changed(scene.edition_2, lambda t: t.drop_columns(["total_amount"])))
    with pytest.raises(
        ContractError, match=f"{YELLOW} does not fit .*required column total_amount is missing"
    ):
        scene.run()
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


def test_incompatible_type(scene: Scene) -> None:
    scene.publisher.publish(YELLOW, changed(scene.edition_2, as_text("fare_amount")))
    with pytest.raises(ContractError, match=f"{YELLOW} does not fit .*fare_amount is string, not double"):
        scene.run()
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


def test_lossy_cast_leaves_the_warehouse_untouched(scene: Scene) -> None:
    half = pa.array([1.5] * SMALL)
    scene.publisher.publish(YELLOW, changed(scene.edition_2, lambda t: replaced(t, "passenger_count", half)))
    before = raw_rows(scene)
    with pytest.raises(ContractError, match=f"{YELLOW}: column passenger_count .*without loss"):
        scene.run()
    assert raw_rows(scene) == before
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


def test_file_of_another_month(scene: Scene) -> None:
    scene.publisher.publish(YELLOW, month_bytes(month=date(2024, 3, 1), rows=SMALL))
    before = raw_rows(scene)
    with pytest.raises(ContractError, match=r"yellow 2024-01 .*the file of another month"):
        scene.run()
    assert raw_rows(scene) == before
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


@pytest.mark.parametrize("broken", ["share of a rule", "checks.sql"])
def test_failing_check(scene: Scene, broken: str) -> None:
    """A tenth of the trips ends before it begins, or every amount is in another unit: too much to be believed."""
    change = every_tenth_backwards if broken == "share of a rule" else thousandfold
    scene.publisher.publish(YELLOW, changed(scene.edition_2, change))
    with pytest.raises(CheckFailed, match="yellow 2024-01 was not published, what is shown stays as it was"):
        scene.run()
    scene.publisher.publish(YELLOW, scene.edition_2)
    scene.assert_untouched_then_recovers()


def test_new_column_is_kept(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    news = pa.array(["app"] * SMALL)
    scene.publisher.publish(YELLOW, changed(scene.edition_2, lambda t: t.append_column("Brand_New", news)))
    scene.run()
    assert "has the column brand_new (text)" in caplog.text
    with psycopg.connect(scene.databases.warehouse_dsn) as warehouse:
        kept = warehouse.execute("select brand_new, count(*) from raw.yellow_trip group by 1").fetchall()
    assert kept == [("app", SMALL)]


# What the servers can do wrong.


def test_lake_down(scene: Scene) -> None:
    with scene.cluster.without("s3"), pytest.raises(TransientError, match="the lake cannot be reached"):
        scene.run()
    scene.assert_untouched_then_recovers()


def test_lake_killed_while_a_month_is_stored(large_scene: Scene) -> None:
    large_scene.publisher.misbehave(YELLOW, "hang", after=4_000_000, times=1)
    with ThreadPoolExecutor(1) as thread:
        landing = thread.submit(
            pipeline.land, large_scene.flow, "yellow", JANUARY, large_scene.publisher.base_url
        )
        wait_for(lambda: large_scene.publisher.count(YELLOW, "GET") > 1)
        with (
            large_scene.cluster.without("s3"),
            pytest.raises(TransientError, match="the lake cannot be reached"),
        ):
            landing.result()
    large_scene.assert_untouched_then_recovers()


def test_lake_cannot_store(large_scene: Scene) -> None:
    with (
        large_scene.cluster.full_disk(megabytes=1),
        pytest.raises(TransientError, match="storing bronze/tlc/yellow"),
    ):
        large_scene.run()
    large_scene.assert_untouched_then_recovers()


def test_warehouse_cannot_store(large_scene: Scene) -> None:
    limited = replace(
        large_scene.flow, warehouse=lambda: large_scene.cluster.with_full_disk(large_scene.flow.warehouse())
    )
    pipeline.land(large_scene.flow, "yellow", JANUARY, large_scene.publisher.base_url)
    with pytest.raises(FloconError, match=r"yellow 2024-01: .*(extend|write).*Nothing was committed"):
        pipeline.load(limited, "yellow", JANUARY)
    large_scene.assert_untouched_then_recovers()


def test_mart_cannot_store(large_scene: Scene) -> None:
    limited = replace(
        large_scene.flow, mart=lambda: large_scene.cluster.with_full_disk(large_scene.flow.mart())
    )
    pipeline.land(large_scene.flow, "yellow", JANUARY, large_scene.publisher.base_url)
    pipeline.load(large_scene.flow, "yellow", JANUARY)
    with pytest.raises(FloconError, match=r"yellow 2024-01: .*(extend|write).*Nothing was committed"):
        pipeline.publish(limited, "yellow", JANUARY)
    large_scene.assert_untouched_then_recovers()


def test_warehouse_killed_in_mid_copy(large_scene: Scene) -> None:
    pipeline.land(large_scene.flow, "yellow", JANUARY, large_scene.publisher.base_url)
    killed_during(large_scene, "warehouse", lambda: pipeline.load(large_scene.flow, "yellow", JANUARY))
    large_scene.assert_untouched_then_recovers()


def test_mart_killed_in_mid_pipe(large_scene: Scene) -> None:
    pipeline.land(large_scene.flow, "yellow", JANUARY, large_scene.publisher.base_url)
    pipeline.load(large_scene.flow, "yellow", JANUARY)
    killed_during(large_scene, "mart", lambda: pipeline.publish(large_scene.flow, "yellow", JANUARY))
    large_scene.assert_untouched_then_recovers()


# What workers can do wrong.


def test_worker_killed_between_the_steps(scene: Scene) -> None:
    worker = scene.worker("land sleep")
    wait_for(lambda: ledger_rows(scene, "lake") == 2)
    worker.kill()
    worker.join()
    assert scene.shown() == scene.before
    assert scene.run() == [False, True, True]
    assert scene.shown() == scene.expected


@pytest.mark.parametrize(("steps", "server"), [("land load", "warehouse"), ("land load publish", "mart")])
def test_worker_killed_in_mid_copy(large_scene: Scene, steps: str, server: str) -> None:
    worker = large_scene.worker(steps)
    large_scene.cluster.wait_for_copy(server, large_scene.rows)
    worker.kill()
    worker.join()
    large_scene.assert_untouched_then_recovers()


def test_same_month_twice_at_once(large_scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(large_scene.run) for _ in range(2)]
        changes = [run.result() for run in runs]
    assert [sum(step) for step in zip(*changes, strict=True)] == [1, 1, 1]
    assert re.search(r"yellow 2024-01: waiting for `flocon test`", caplog.text)
    assert large_scene.shown() == large_scene.expected


# Means.


def changed(file: bytes, change: Callable[[pa.Table], pa.Table], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(change(pq.read_table(io.BytesIO(file))), sink, **options)
    return sink.getvalue()


def replaced(table: pa.Table, column: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, values)


def as_text(column: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: replaced(table, column, pc.cast(table[column], pa.string()))


def every_tenth_backwards(table: pa.Table) -> pa.Table:
    pickup, dropoff = table["tpep_pickup_datetime"], table["tpep_dropoff_datetime"]
    tenth = pa.array([number % 10 == 0 for number in range(table.num_rows)])
    hour = pa.scalar(3_600_000_000, pa.duration("us"))
    return replaced(table, "tpep_dropoff_datetime", pc.if_else(tenth, pc.subtract(pickup, hour), dropoff))


def thousandfold(table: pa.Table) -> pa.Table:
    return replaced(table, "total_amount", pc.multiply(table["total_amount"], 1000.0))


def raw_rows(scene: Scene) -> list[Any]:
    with psycopg.connect(scene.databases.warehouse_dsn) as warehouse:
        return warehouse.execute(
            "select count(*), sum(total_amount), max(ctid) from raw.yellow_trip"
        ).fetchall()


def ledger_rows(scene: Scene, step: str) -> int:
    with psycopg.connect(scene.databases.warehouse_dsn) as warehouse:
        row = warehouse.execute("select count(*) from ledger.step_run where step = %s", [step]).fetchone()
        return row[0] if row else 0


def killed_during(scene: Scene, server: str, step: Callable[[], object]) -> None:
    """Kill a server while a step copies into it; the step's error must name the server."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(step)
        scene.cluster.wait_for_copy(server, scene.rows)
        with (
            scene.cluster.without(server),
            pytest.raises(TransientError, match=f"the {server} server failed"),
        ):
            running.result()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
