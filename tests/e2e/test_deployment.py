"""The deployment's services by the commands, secrets and health checks of docker-compose.yml, with two Celery workers.

A worker that is killed, or the Redis between them, costs time and nothing else.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.conftest import settings_for
from tests.e2e.conftest import Stack, finish
from tests.e2e.deployment import WORKERS, Deployment
from tests.processes import command_line, family, listening

from flocon.errors import StackError
from flocon.s3 import BUCKETS, s3_client
from flocon.settings import secret_names
from flocon.stack.health import wait_until

SMALL = "sample:rows=3000,seed=7"


@pytest.fixture(scope="module")
def deployment(server_home: Path) -> Iterator[Deployment]:
    """All services that the main job needs, started in the compose file's order, on stores that are new."""
    home = server_home / "deployment"
    home.mkdir()
    settings = settings_for(home / "home", airflow_executor="CeleryExecutor")
    # The embedded S3 server has one user, who may do everything.
    one_user = {f"s3_admin_{key}": getattr(settings, f"s3_{key}") for key in ("access_key", "secret_key")}
    made = Deployment(settings.model_copy(update=one_user), home)
    try:
        made.start_stores()
        made.run("airflow-init")
        for part in ("api-server", "scheduler", "dag-processor", "triggerer"):
            made.start(f"airflow-{part}")
        for name in WORKERS:
            made.start_worker(name)
        yield made
    finally:
        made.stop()


def test_preparing_again_changes_nothing(deployment: Deployment) -> None:
    def entries() -> list[tuple[object, ...]]:
        found = []
        for dsn in (deployment.settings.warehouse_dsn, deployment.settings.mart_dsn):
            with psycopg.connect(dsn) as server:
                found += server.execute("select * from ledger.step_run order by 1").fetchall()
        return found

    before = entries()
    assert "schemas up to date" in deployment.run("airflow-init")
    assert entries() == before


def test_the_buckets_are_made(deployment: Deployment) -> None:
    s = deployment.settings
    client = s3_client(s.s3_url, s.secret("s3_access_key"), s.secret("s3_secret_key"), region=s.s3_region)
    assert {bucket["Name"] for bucket in client.list_buckets()["Buckets"]} == set(BUCKETS)


def assert_balanced_once(stack: Stack, months: list[str]) -> None:
    """Every month is in warehouse and mart with each of its rows once."""
    for month in months:
        key = f"file_month = '{month}-01'"
        (row,) = stack.mart(f"select * from ledger.reconciliation where service = 'yellow' and {key}")
        assert row["is_balanced"]
        assert row["rows_source"] == row["rows_warehouse"] == 3000
        with psycopg.connect(stack.settings.warehouse_dsn) as warehouse:
            raw = warehouse.execute(f"select count(*) from raw.yellow_trip where {key}").fetchone()
        assert raw == (3000,)
        (fact,) = stack.mart(f"select count(*) as n from taxi.fact_trip where {key}")
        assert fact["n"] == row["rows_fact"]


def test_months_are_done_by_both_workers(deployment: Deployment) -> None:
    code, output = deployment.stack.run(
        "taxi", "run", "--months", "2024-01..2024-04", "--source", SMALL, timeout=240
    )
    assert code == 0, output
    months = [f"2024-0{number}" for number in range(1, 5)]
    assert_balanced_once(deployment.stack, months)
    assert set().union(*(deployment.workers_of(month) for month in months)) == set(WORKERS)


def test_nothing_listens_beyond_what_it_is_bound_to(deployment: Deployment) -> None:
    for name, process in deployment.running.items():
        for each in family(process.pid):
            assert listening(each) <= {"127.0.0.1"}, name


def test_no_command_line_and_no_log_shows_a_secret(deployment: Deployment) -> None:
    secrets = {name: deployment.settings.secret(name) for name in secret_names()}
    for name, process in deployment.running.items():
        shown = deployment.told(name) + " ".join(map(command_line, family(process.pid)))
        assert not [secret for secret, value in secrets.items() if value in shown], name


@contextmanager
def loads_held_before_their_end(stack: Stack) -> Iterator[Callable[[], None]]:
    """Keep months that are loaded, rows copied, from being attached to their table; yields a wait for one that is."""
    with (
        psycopg.connect(stack.settings.warehouse_dsn) as holder,
        psycopg.connect(stack.settings.warehouse_dsn, autocommit=True) as asking,
    ):
        holder.execute("lock table raw.yellow_trip in share update exclusive mode")

        def check() -> None:
            waiting = "select 1 from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
            if asking.execute(waiting, [holder.info.backend_pid]).fetchone() is None:
                raise StackError("no run waits yet")

        yield lambda: wait_until(check, 120)


def test_a_worker_killed_while_it_loads_a_month(deployment: Deployment) -> None:
    month = "2024-05"
    with loads_held_before_their_end(deployment.stack) as wait_for_one:
        run = deployment.stack.start("taxi", "run", "--months", month, "--source", SMALL)
        wait_for_one()
        (killed,) = deployment.workers_of(month, r"month\.load")
        deployment.kill(killed)
    # Its heartbeat is missed after 60 s, and its next try is 15 s later.
    code, output = finish(run, 240)
    assert code == 0, output
    assert "retrying" in output
    assert "was it killed?" in output
    (other,) = set(WORKERS) - {killed}
    assert deployment.workers_of(month, r"month\.load", attempt=2) == {other}
    assert_balanced_once(deployment.stack, [month])
    deployment.start_worker(killed)


def test_a_worker_that_is_stopped_lets_its_task_end(deployment: Deployment) -> None:
    month = "2024-09"
    with loads_held_before_their_end(deployment.stack) as wait_for_one:
        run = deployment.stack.start("taxi", "run", "--months", month, "--source", SMALL)
        wait_for_one()
        (stopped,) = deployment.workers_of(month, r"month\.load")
        deployment.running[stopped].send_signal(signal.SIGTERM)

        def check() -> None:
            if "Warm shutdown" not in deployment.told(stopped):
                raise StackError(f"worker {stopped} does not stop")

        wait_until(check, 30)
        assert deployment.running[stopped].poll() is None
    code, output = finish(run)
    assert code == 0, output
    assert "retrying" not in output
    assert_balanced_once(deployment.stack, [month])
    assert deployment.running[stopped].wait(30) == 0
    deployment.start_worker(stopped)


def test_redis_killed_in_the_middle_of_months(deployment: Deployment) -> None:
    months = [f"2024-0{number}" for number in range(6, 9)]
    run = deployment.stack.start("taxi", "run", "--months", "2024-06..2024-08", "--source", SMALL)

    def check() -> None:
        if not any(deployment.workers_of(month, r"month\.land") for month in months):
            raise StackError("no month is landing yet")

    wait_until(check, 120)
    deployment.kill("redis")
    wait_for_failed_handover(deployment)
    deployment.start_redis()
    code, output = finish(run, 280)
    assert code == 0, output
    assert "retrying" in output
    assert_balanced_once(deployment.stack, months)


def wait_for_failed_handover(deployment: Deployment) -> None:
    """Wait until the scheduler could not hand out a task."""

    def check() -> None:
        if "Error sending Celery" not in deployment.told("airflow-scheduler"):
            raise StackError("every task was handed out so far")

    wait_until(check, 120)
