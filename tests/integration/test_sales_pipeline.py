"""All layers of the shop, from dropped files on: done once, killed in each layer, done again."""

import hashlib
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest
from tests.conftest import ON_BOTH_LAKES, Databases, Servers
from tests.integration.conftest import flow_to
from tests.integration.sales_shop import digest

from flocon.errors import StackError
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.s3 import BUCKETS
from flocon.sales import pipeline
from flocon.sales.sample import sample_files
from flocon.settings import Settings
from flocon.stack.health import wait_until

AS_OF = date(2024, 12, 31)
# What the ledger says of the objects that a layer stores; the first of a layer and one in its midst.
MOMENTS = [
    ("bronze", "sales.achats:achats.csv"),
    ("bronze", "sales.clients:clients.csv"),
    ("silver", "sales.clients"),
    ("silver", "sales.achats"),
    ("gold", "sales.dim_clients"),
    ("gold", "sales.agg_semaine"),
    ("mart", "sales"),
    ("csv", "sales.dim_clients"),
    ("csv", "sales.kpis"),
]
# A step that writes this entry waits, with its object in the lake and nothing said of it.
STOP = """
create function ledger.wait() returns trigger language plpgsql as $$ begin perform pg_sleep(600); return new; end $$;
create trigger stop before insert on ledger.step_run for each row
when (new.dataset = '{dataset}' and new.step = '{step}') execute function ledger.wait();
"""


def run_all(flow: Flow, source: Path, *, as_of: date = AS_OF) -> list[bool]:
    """All layers; which of the things they made were made anew."""
    ingested = pipeline.bronze(flow, str(source))
    assert not ingested.refused
    outcomes = [
        *ingested.outcomes,
        *pipeline.silver(flow, as_of),
        *pipeline.gold(flow, as_of),
        pipeline.mart(flow, as_of),
        *pipeline.csv(flow),
    ]
    return [outcome.changed for outcome in outcomes]


def shown(flow: Flow) -> dict[str, str]:
    """The bytes of every object of the lake and the rows of the mart, hashed."""
    found = {
        f"{bucket}/{key}": hashlib.sha256(flow.lake.read(bucket, key)).hexdigest()
        for bucket in BUCKETS
        for key in flow.lake.list(bucket, "")
    }
    with flow.mart() as mart:
        return found | {"mart": digest(mart)}


def work(dsns: tuple[str, str], settings: Settings, source: Path) -> None:
    """What the process that is killed does."""
    flow = Flow(
        lambda: psycopg.connect(dsns[0]),
        lambda: psycopg.connect(dsns[1]),
        Lake.of(settings),
        "worker",
        settings,
    )
    run_all(flow, source)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    sample_files(tmp_path / "shop", 200, 5, 7, AS_OF)
    return tmp_path / "shop"


@contextmanager
def stopped(admin_dsn: str, step: str, dataset: str) -> Iterator[psycopg.Connection]:
    """Whoever writes this entry waits in vain."""
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        admin.execute(STOP.format(dataset=dataset, step=step))
        yield admin
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where wait_event = 'PgSleep' and datname = current_database()"
        )
        admin.execute("drop function ledger.wait cascade")


def is_waiting(admin: psycopg.Connection) -> None:
    """For `wait_until`: raises until somebody waits."""
    query = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    if admin.execute(query).fetchone() is None:
        raise StackError("nobody waits")


@pytest.mark.parametrize(("step", "dataset"), MOMENTS)
def test_killed_in_a_layer_and_run_again_is_as_if_never_killed(
    flow: Flow,
    databases: Databases,
    servers: Servers,
    lake_settings: Settings,
    source: Path,
    step: str,
    dataset: str,
) -> None:
    admin_dsn = databases.mart_admin_dsn if step == "mart" else databases.warehouse_admin_dsn
    dsns = (databases.warehouse_dsn, databases.mart_dsn)
    with stopped(admin_dsn, step, dataset) as admin:
        worker = multiprocessing.get_context("spawn").Process(target=work, args=(dsns, lake_settings, source))
        worker.start()
        wait_until(lambda: is_waiting(admin), 60, worker.is_alive)
        worker.kill()
        worker.join()

    assert any(run_all(flow, source))
    after = shown(flow)
    assert not any(run_all(flow, source))

    other = flow_to(
        servers.new_databases(), flow.lake, lake_settings
    )  # it makes everything anew, from nothing
    assert all(run_all(other, source))
    assert shown(other) == after


@ON_BOTH_LAKES
def test_another_day_is_work_only_when_a_row_was_in_its_future(flow: Flow, source: Path) -> None:
    assert all(run_all(flow, source))
    future = pipeline.silver(flow, AS_OF)[1].facts["judged_again_on"]
    assert future > AS_OF.isoformat()
    the_day_before = date.fromordinal(date.fromisoformat(future).toordinal() - 1)
    assert not any(run_all(flow, source, as_of=the_day_before))
    changed = pipeline.silver(flow, date.fromisoformat(future))
    assert [outcome.service for outcome in changed if outcome.changed] == ["achats"]


def test_an_object_that_somebody_removed_is_made_again(
    flow: Flow, lake_settings: Settings, source: Path
) -> None:
    run_all(flow, source)
    before = shown(flow)
    folder = lake_settings.home_dir / "lake"
    for gone in ("silver/sales/achats.parquet", "gold/sales/kpis.parquet", "gold/csv/agg_mois.csv"):
        (folder / gone).unlink()
        changed = run_all(flow, source)
        assert sum(changed) == 1, gone
        assert shown(flow) == before
