"""The whole stack, Airflow included, as `make up` starts it: what it must do, and what it must survive."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import psutil
import psycopg
import pytest
import requests
from tests.conftest import RunningStack
from tests.processes import command_line, family, listening

from flocon.settings import secret_names
from flocon.stack.places import find_places
from flocon.stack.postgres import postgres_servers
from flocon.stack.status import Line, status
from flocon.stack.supervisor import MARK, Supervisor

pytestmark = pytest.mark.timeout(400)


def lines(stack: RunningStack) -> dict[str, Line]:
    return {line.name: line for line in status(stack.settings)}


def wait_for(what: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def is_healthy(stack: RunningStack) -> bool:
    return all(line.is_healthy for line in lines(stack).values())


def processes(stack: RunningStack) -> list[psutil.Process]:
    """The supervisor and everything below it."""
    return family(Supervisor(find_places(stack.settings)).pid() or 0)


@pytest.fixture(autouse=True)
def whole(stack: RunningStack) -> None:
    """Each test finds everything healthy, whatever the one before it did."""
    if not is_healthy(stack):
        started = stack.flocon("up")
        assert started.returncode == 0, started.stdout + started.stderr


@pytest.fixture
def row(stack: RunningStack) -> Iterator[tuple[str, int]]:
    """A row in the mart that was committed before whatever the test does."""
    with psycopg.connect(stack.settings.mart_dsn) as mart:
        mart.execute("create schema if not exists survival")
        mart.execute("create table if not exists survival.row as select 1 as a")
        mart.commit()
    yield "select a from survival.row", 1
    with psycopg.connect(stack.settings.mart_dsn) as mart:
        mart.execute("drop schema survival cascade")


def test_everything_is_healthy_and_says_where_it_is(stack: RunningStack) -> None:
    shown = stack.flocon("status")
    assert shown.returncode == 0, shown.stdout
    assert shown.stdout.count(" healthy") == 8
    s = stack.settings
    for port in (s.warehouse_port, s.mart_port, s.airflow_db_port, s.s3_port, s.airflow_port):
        assert f"127.0.0.1:{port}" in shown.stdout


def test_a_second_up_starts_nothing(stack: RunningStack) -> None:
    before = {name: line.pid for name, line in lines(stack).items()}
    again = stack.flocon("up")
    assert again.returncode == 0
    assert "already running" in again.stdout
    assert {name: line.pid for name, line in lines(stack).items()} == before


def test_nothing_listens_beyond_loopback(stack: RunningStack) -> None:
    heard = [listening(process) for process in processes(stack)]
    assert len(list(filter(None, heard))) >= 5
    assert set().union(*heard) == {"127.0.0.1"}


def test_no_secret_on_a_command_line_or_in_a_log(stack: RunningStack) -> None:
    secrets = {name: stack.settings.secret(name) for name in secret_names()}
    commands = "\n".join(map(command_line, processes(stack)))
    places = find_places(stack.settings)
    logs = [
        file
        for folder in (places.logs, places.airflow / "logs")
        for file in folder.rglob("*")
        if file.is_file()
    ]
    assert len(logs) >= 8
    said = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in logs)
    assert not [name for name, secret in secrets.items() if secret in commands or secret in said]


def test_files_with_secrets_are_private(stack: RunningStack) -> None:
    secrets = [stack.settings.secret(name).encode() for name in secret_names()]
    home = stack.settings.home_dir
    skipped = home / "postgres", home / "lake"  # the servers' own: directories of mode 0700
    for file in home.rglob("*"):
        if not file.is_file() or any(file.is_relative_to(folder) for folder in skipped):
            continue
        if any(secret in file.read_bytes() for secret in secrets):
            assert file.stat().st_mode & 0o077 == 0, f"{file} can be read by others"
    for folder in (home / "lake", home / "run", home / "airflow", home / "log", home / "postgres" / "mart"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_airflow_wants_the_password_of_the_settings(stack: RunningStack) -> None:
    url = f"http://127.0.0.1:{stack.settings.airflow_port}"
    login = {"username": "admin", "password": stack.settings.secret("airflow_admin_password")}
    token = requests.post(f"{url}/auth/token", json=login, timeout=10)
    assert token.status_code == 201
    wrong = requests.post(f"{url}/auth/token", json={**login, "password": "wrong"}, timeout=10)
    assert wrong.status_code == 401
    assert requests.get(f"{url}/api/v2/dags", timeout=10).status_code == 401
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    dags = requests.get(f"{url}/api/v2/dags", headers=bearer, timeout=10)
    assert dags.status_code == 200


def test_buckets_are_there_and_stay_when_emptied(stack: RunningStack) -> None:
    s = stack.settings
    client = boto3.client(
        "s3",
        endpoint_url=s.s3_url,
        region_name="us-east-1",
        aws_access_key_id=s.secret("s3_access_key"),
        aws_secret_access_key=s.secret("s3_secret_key"),
    )
    client.put_object(Bucket="reports", Key="a/b", Body=b"c")
    client.delete_object(Bucket="reports", Key="a/b")
    names = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    assert names == {"bronze", "silver", "gold", "quarantine", "sources", "reports"}


def test_servers_have_the_settings_for_bulk_loading(stack: RunningStack) -> None:
    for server in postgres_servers(stack.settings, find_places(stack.settings)):
        with psycopg.connect(server.admin_dsn) as admin:
            for name, value in (("fsync", "on"), ("full_page_writes", "on"), ("wal_level", "minimal")):
                assert admin.execute(f"show {name}").fetchone() == (value,)
            pending = admin.execute("select name from pg_settings where pending_restart").fetchall()
            wrong = admin.execute(
                "select name, error from pg_file_settings where error is not null"
            ).fetchall()
        assert (pending, wrong) == ([], [])


@pytest.mark.parametrize("name", ["warehouse", "mart", "airflow_db", "s3", "airflow-scheduler"])
def test_a_killed_server_comes_back_by_itself(stack: RunningStack, row: tuple[str, int], name: str) -> None:
    victim = lines(stack)[name].pid
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: lines(stack)[name].pid not in (0, victim) and is_healthy(stack), 90)
    with psycopg.connect(stack.settings.mart_reader_dsn) as reader:
        assert reader.execute(row[0]).fetchone() == (row[1],)


def test_up_recovers_from_a_killed_supervisor(stack: RunningStack, row: tuple[str, int]) -> None:
    places = find_places(stack.settings)
    before = processes(stack)
    os.kill(Supervisor(places).pid() or 0, signal.SIGKILL)
    wait_for(lambda: not Supervisor(places).is_running(), 10)
    started = stack.flocon("up")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "lost their supervisor" in started.stdout
    assert not [process for process in before if process.is_running()], "nothing of the old life is left"
    with psycopg.connect(stack.settings.mart_reader_dsn) as reader:
        assert reader.execute(row[0]).fetchone() == (row[1],)


def test_down_stops_its_own_and_only_that_and_data_survives(
    stack: RunningStack, row: tuple[str, int], server_home: Path
) -> None:
    # A process of another stack, and one that merely mentions this home.
    sleep = [sys.executable, "-c", "import time; time.sleep(600)", str(stack.settings.home_dir)]
    others = [
        subprocess.Popen(sleep, env={**os.environ, MARK: "another"}),
        subprocess.Popen(sleep, env=dict(os.environ)),
    ]
    own = processes(stack)
    try:
        stopped = stack.flocon("down")
        assert stopped.returncode == 0, stopped.stderr
        assert not [process for process in own if process.is_running()]
        assert all(other.poll() is None for other in others)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert stack.flocon("down").stdout == "not running\n"
    assert stack.flocon("status").returncode == 1

    started = stack.flocon("up")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "tables created" not in started.stdout, "Airflow's database is not migrated again"
    with psycopg.connect(stack.settings.mart_reader_dsn) as reader:
        assert reader.execute(row[0]).fetchone() == (row[1],)


def test_the_stack_outlives_the_terminal_that_started_it(stack: RunningStack) -> None:
    supervisor = processes(stack)[0]
    assert os.getsid(supervisor.pid) == supervisor.pid
    assert supervisor.terminal() is None


def test_clean_refuses_while_the_servers_run(stack: RunningStack) -> None:
    refused = stack.flocon("clean", "--data")
    assert refused.returncode == 1
    assert "make down" in refused.stderr
    assert is_healthy(stack)


def test_logs_show_a_servers_last_lines(stack: RunningStack) -> None:
    shown = stack.flocon("logs", "mart", "-n", "1000")
    assert "ready to accept connections" in shown.stdout
    assert "airflow-scheduler" in stack.flocon("logs", "no-such-server").stderr
