"""Months on two Celery workers: a worker that is killed, or the Redis between them, costs time and nothing else."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest
from tests.conftest import settings_for
from tests.e2e.conftest import Stack, finish
from tests.integration.redis_server import check_redis, redis_program

from flocon.errors import StackError
from flocon.stack.health import wait_until
from flocon.stack.lifecycle import down, up
from flocon.stack.logs import log_file
from flocon.stack.places import find_places
from flocon.stack.program import Program, base_env, launch

SMALL = "sample:rows=3000,seed=7"
WORKERS = ("one", "two")


@dataclass
class Fleet:
    """A stack on CeleryExecutor, with its Redis and its workers by name."""

    stack: Stack
    programs: dict[str, Program]
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start `redis` or a worker, and wait until it is well."""
        log = self.programs[name].directory / f"{name}.log"
        begin = log.stat().st_size if log.exists() else 0
        process = self.running[name] = launch(self.programs[name], log)

        def check() -> None:
            if name == "redis":
                check_redis(self.stack.settings)
            elif f"celery@{name} ready" not in self.told(name)[begin:]:
                raise StackError(f"worker {name} is not ready:\n{self.told(name)[-2000:]}")

        wait_until(check, 90, lambda: process.poll() is None)

    def told(self, name: str) -> str:
        """What a process has said, in all of its lives; a character a byte."""
        return (self.programs[name].directory / f"{name}.log").read_text("ascii", "replace")

    def kill(self, name: str) -> None:
        """Kill a process and all that it started, at once, as if its machine were gone."""
        process = self.running.pop(name, None)
        if process is None or process.poll() is not None:
            return
        parent = psutil.Process(process.pid)
        for each in [parent, *parent.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        process.wait()

    def workers_of(self, month: str, task: str = r"[\w.]+", attempt: int = 1) -> set[str]:
        """The workers that were given tasks of a month."""
        given = re.compile(rf"Executing workload.*_{month}/task_id={task}/.*attempt={attempt}\.log")
        return {name for name in WORKERS if given.search(self.told(name))}


@pytest.fixture(scope="module")
def fleet(server_home: Path) -> Iterator[Fleet]:
    """A stack with two workers, started by the command of docker-compose.yml; each takes two tasks at a time."""
    home = server_home / "celery"
    home.mkdir()
    settings = settings_for(home / "stack", airflow_executor="CeleryExecutor")
    programs = {"redis": redis_program(settings, home)}
    for name in WORKERS:
        command = ("celery", "worker", "--skip-serve-logs", "--concurrency", "2", "--celery-hostname", name)
        flocon = (sys.executable, "-m", "flocon.cli", "airflow", *command)
        programs[name] = Program(
            name, flocon, home, base_env(**settings.as_env(), FLOCON_ENV_FILE="/nowhere")
        )
    fleet = Fleet(Stack(settings, home), programs)
    with ExitStack() as stopping:
        stopping.callback(fleet.kill, "redis")
        fleet.start("redis")
        stopping.callback(down, settings, lambda _: None)
        up(settings, lambda _: None)
        for name in WORKERS:
            stopping.callback(fleet.kill, name)
            fleet.start(name)
        yield fleet


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


def test_months_are_done_by_both_workers(fleet: Fleet) -> None:
    code, output = fleet.stack.run(
        "taxi", "run", "--months", "2024-01..2024-04", "--source", SMALL, timeout=240
    )
    assert code == 0, output
    months = [f"2024-0{number}" for number in range(1, 5)]
    assert_balanced_once(fleet.stack, months)
    assert set().union(*(fleet.workers_of(month) for month in months)) == set(WORKERS)


def test_nothing_of_a_worker_listens_beyond_loopback(fleet: Fleet) -> None:
    for name in ("redis", *WORKERS):
        parent = psutil.Process(fleet.running[name].pid)
        for process in [parent, *parent.children(recursive=True)]:
            heard = [c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
            assert set(heard) <= {"127.0.0.1"}, f"{name}: {heard}"


def test_no_command_line_shows_a_secret(fleet: Fleet) -> None:
    settings = fleet.stack.settings
    secrets = [settings.secret("redis_password"), settings.secret("warehouse_loader_password")]
    for name in ("redis", *WORKERS):
        parent = psutil.Process(fleet.running[name].pid)
        for process in [parent, *parent.children(recursive=True)]:
            assert not [secret for secret in secrets if secret in " ".join(process.cmdline())]


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


def test_a_worker_killed_while_it_loads_a_month(fleet: Fleet) -> None:
    month = "2024-05"
    with loads_held_before_their_end(fleet.stack) as wait_for_one:
        run = fleet.stack.start("taxi", "run", "--months", month, "--source", SMALL)
        wait_for_one()
        (killed,) = fleet.workers_of(month, r"month\.load")
        fleet.kill(killed)
    # Its heartbeat is missed after 60 s, and its next try is 15 s later.
    code, output = finish(run, 240)
    assert code == 0, output
    assert "retrying" in output
    assert "was it killed?" in output
    (other,) = set(WORKERS) - {killed}
    assert fleet.workers_of(month, r"month\.load", attempt=2) == {other}
    assert_balanced_once(fleet.stack, [month])
    fleet.start(killed)


def test_a_worker_that_is_stopped_lets_its_task_end(fleet: Fleet) -> None:
    month = "2024-09"
    with loads_held_before_their_end(fleet.stack) as wait_for_one:
        run = fleet.stack.start("taxi", "run", "--months", month, "--source", SMALL)
        wait_for_one()
        (stopped,) = fleet.workers_of(month, r"month\.load")
        fleet.running[stopped].send_signal(signal.SIGTERM)

        def check() -> None:
            if "Warm shutdown" not in fleet.told(stopped):
                raise StackError(f"worker {stopped} does not stop")

        wait_until(check, 30)
        assert fleet.running[stopped].poll() is None
    code, output = finish(run)
    assert code == 0, output
    assert "retrying" not in output
    assert_balanced_once(fleet.stack, [month])
    assert fleet.running[stopped].wait(30) == 0
    fleet.start(stopped)


def test_redis_killed_in_the_middle_of_months(fleet: Fleet) -> None:
    months = [f"2024-0{number}" for number in range(6, 9)]
    run = fleet.stack.start("taxi", "run", "--months", "2024-06..2024-08", "--source", SMALL)

    def check() -> None:
        if not any(fleet.workers_of(month, r"month\.land") for month in months):
            raise StackError("no month is landing yet")

    wait_until(check, 120)
    fleet.kill("redis")
    wait_for_failed_handover(fleet)
    fleet.start("redis")
    code, output = finish(run, 280)
    assert code == 0, output
    assert "retrying" in output
    assert_balanced_once(fleet.stack, months)


def wait_for_failed_handover(fleet: Fleet) -> None:
    """Wait until the scheduler could not hand out a task."""
    log = log_file(find_places(fleet.stack.settings), "airflow-scheduler")

    def check() -> None:
        if "Error sending Celery" not in log.read_text():
            raise StackError("every task was handed out so far")

    wait_until(check, 120)
