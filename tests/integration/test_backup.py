"""Backups of both servers: of one moment, whole or none; restored whole or not at all, elsewhere too."""

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.conftest import Databases, Servers, settings_for
from tests.integration.cluster import Cluster, make_cluster
from tests.integration.conftest import JANUARY, assert_reads_only, flow_to, run_month
from tests.integration.everything import everything
from tests.integration.sales_shop import Shop
from tests.integration.stopped import wait_until_stopped
from tests.integration.wine_cellar import MAY, Cellar
from tests.processes import command_line

from flocon import ledger
from flocon.backup.manifest import read_manifest, sha256_of
from flocon.backup.restore import restore
from flocon.backup.take import take_backup
from flocon.errors import Busy, FloconError, TransientError
from flocon.flow import Flow
from flocon.postgres import new_partition, scalar
from flocon.tables import domain_tables
from flocon.wine.mart import publish as publish_wine

SMALL = "sample:rows=2000,seed=1"
OTHER = "sample:rows=2000,seed=2"
FEBRUARY = date(2024, 2, 1)


@pytest.fixture
def databases(servers: Servers) -> Iterator[Databases]:
    """Databases without any schema."""
    with servers.databases() as made:
        yield made


def dsns(databases: Databases) -> dict[str, str]:
    return {"warehouse": databases.warehouse_dsn, "mart": databases.mart_dsn}


def back_up(databases: Databases, to: Path) -> Path:
    return take_backup(dsns(databases), to, lambda line: None, patience_s=30)


def put_back(databases: Databases, folder: Path, *, force: bool = False) -> list[str]:
    told: list[str] = []
    restore(dsns(databases), folder, told.append, force=force)
    return told


def content(databases: Databases) -> dict[str, dict[str, list[str]]]:
    """All of both servers, but for the entry that a restore adds to a ledger."""
    return {server: everything(dsn) for server, dsn in dsns(databases).items()}


def forget_restore(databases: Databases) -> None:
    for dsn in dsns(databases).values():
        with psycopg.connect(dsn) as connection:
            connection.execute("delete from ledger.step_run where step = 'restore'")
            connection.execute(
                "select setval('ledger.step_run_step_run_id_seq', max(step_run_id)) from ledger.step_run"
            )


@contextmanager
def lock(dsn: str, table: str, mode: str = "access exclusive") -> Iterator[psycopg.Connection[Any]]:
    """A time in which others have to wait for a table, until the connection is rolled back."""
    with psycopg.connect(dsn) as holder:
        holder.execute(f"lock table {table} in {mode} mode")
        yield holder


def kill_child(name: str, dsn: str) -> None:
    """SIGKILL to the client program of ours that is at work on a database."""
    given = conninfo_to_dict(dsn)
    wanted = (name, given["dbname"], given["user"])
    for child in psutil.Process().children(recursive=True):
        env = child.environ()
        if (child.name(), env.get("PGDATABASE"), env.get("PGUSER")) == wanted:
            child.kill()
            return
    raise AssertionError(f"no {name} is at work")


@pytest.fixture(scope="module")
def cluster(server_home: Path) -> Iterator[Cluster]:
    """The servers that are backed up."""
    running = make_cluster(settings_for(server_home / "backed-up"), server_home / "backed-up")
    yield running
    running.stop()


def domains(cluster: Cluster, databases: Databases) -> Flow:
    """A taxi month, a shop and a wine month in databases of the cluster."""
    flow = flow_to(databases, cluster.lake(), cluster.settings)
    assert run_month(flow, SMALL) == [True, True, True]
    Shop.of(10, 40).publish(flow, "2024-01-01")
    cellar = Cellar.of(10)
    cellar.put(flow, MAY)
    assert publish_wine(flow, MAY).changed
    return flow


@pytest.fixture(scope="module")
def origin(cluster: Cluster) -> Databases:
    """What no test of this module changes."""
    databases = cluster.servers.new_databases()
    domains(cluster, databases)
    return databases


@pytest.fixture(scope="module")
def backup(origin: Databases, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its backup."""
    return back_up(origin, tmp_path_factory.mktemp("backups"))


@pytest.fixture
def copied(backup: Path, tmp_path: Path) -> Path:
    """The backup, in a folder where it may be damaged."""
    return Path(shutil.copytree(backup, tmp_path / "copy"))


# What is in it.


def test_restored_elsewhere_everything_is_the_same(
    origin: Databases, databases: Databases, backup: Path
) -> None:
    before = content(origin)
    assert "raw.yellow_trip_2024_01" in before["warehouse"]
    assert "wine.fact_ventes_vin" in before["mart"]
    put_back(databases, backup)
    forget_restore(databases)
    assert content(databases) == before


def test_the_reader_of_restored_servers_can_only_read(databases: Databases, backup: Path) -> None:
    put_back(databases, backup)
    assert_reads_only(databases, [table for table in domain_tables("wine") if table.server == "mart"])
    with psycopg.connect(databases.mart_dsn) as loader:
        loader.execute("create table taxi.later as select 1 as n")
    with psycopg.connect(databases.mart_reader_dsn) as reader:
        assert scalar(reader, "select n from taxi.later") == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            scalar(reader, "select flocon.try_lock('yellow 2024-01')")


def test_restored_servers_go_on(cluster: Cluster, databases: Databases, backup: Path) -> None:
    put_back(databases, backup)
    flow = flow_to(databases, cluster.lake(), cluster.settings)
    assert run_month(flow, SMALL) == [False, False, False]
    assert run_month(flow, SMALL, month=FEBRUARY) == [True, True, True]
    assert run_month(flow, OTHER) == [True, True, True]


def test_only_its_owner_can_read_it(backup: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    files = sorted(backup.iterdir())
    assert [file.name for file in files] == ["backup.json", "mart.dump", "warehouse.dump"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_it_says_what_it_is(origin: Databases, backup: Path) -> None:
    told = json.loads((backup / "backup.json").read_text(encoding="utf-8"))
    assert backup.name == f"{datetime.fromisoformat(told['taken_at']):%Y%m%dT%H%M%SZ}"
    for server, dsn in dsns(origin).items():
        dumped = told["servers"][server]
        with psycopg.connect(dsn) as connection:
            query = "select count(*) from ledger.step_run where step <> 'migrate'"
            assert dumped["ledger"]["entries"] == scalar(connection, query)
            assert dumped["postgres"] == connection.info.server_version
        assert dumped["bytes"] == (backup / dumped["file"]).stat().st_size


def test_no_password_is_shown(origin: Databases, tmp_path: Path) -> None:
    password = conninfo_to_dict(origin.mart_dsn)["password"]
    with lock(origin.mart_admin_dsn, "taxi.dim_zone") as holder, ThreadPoolExecutor(1) as thread:
        taking = thread.submit(back_up, origin, tmp_path)
        wait_until_stopped(origin.mart_admin_dsn)
        shown = [command_line(child) for child in psutil.Process().children(recursive=True)]
        assert any("pg_dump" in line for line in shown)
        assert not [line for line in shown if str(password) in line]
        holder.rollback()
        folder = taking.result()
    assert all(str(password).encode() not in file.read_bytes() for file in folder.iterdir())


# Taken while runs are at work.


def test_a_month_that_loads_meanwhile_is_in_it_or_not(
    cluster: Cluster, databases: Databases, tmp_path: Path
) -> None:
    """Months are replaced by others while backups are taken: each backup is one of the states between."""
    there = cluster.servers.new_databases()
    flow = flow_to(there, cluster.lake(), cluster.settings)
    run_month(flow, SMALL)
    is_over = threading.Event()

    def replace_again_and_again() -> int:
        rounds = 0
        while not is_over.is_set():
            for rows in (500, 700):
                run_month(flow, f"sample:rows={rows},seed={rounds}")
            rounds += 1
        return rounds

    with ThreadPoolExecutor(1) as thread:
        at_work = thread.submit(replace_again_and_again)
        try:
            folders = [back_up(there, tmp_path / str(number)) for number in range(4)]
        finally:
            is_over.set()
        assert at_work.result() >= 1
    for folder in folders:
        put_back(databases, folder, force=True)
        assert_agrees(databases)
    assert len({read_manifest(folder).servers["mart"].ledger.digest for folder in folders}) > 1


def assert_agrees(databases: Databases) -> None:
    """The ledgers, the warehouse's month, its rejected rows and the mart are of the same bytes."""
    with psycopg.connect(databases.warehouse_dsn) as warehouse, psycopg.connect(databases.mart_dsn) as mart:
        loaded = ledger.current(warehouse, "taxi.yellow", "warehouse", JANUARY)
        shown = ledger.current(mart, "taxi.yellow", "mart", JANUARY)
        assert loaded is not None
        assert shown is not None
        assert scalar(warehouse, "select count(*) from raw.yellow_trip") == loaded.rows
        assert scalar(mart, "select count(*) from taxi.fact_trip") == shown.rows
        if loaded.sha256 == shown.sha256:
            rejected = scalar(warehouse, "select count(*) from rejected.trip")
            assert rejected == shown.facts["rows_rejected"]
            assert shown.rows + rejected == loaded.rows
        assert scalar(mart, "select bool_and(is_balanced) from ledger.reconciliation")


def test_a_month_in_the_midst_of_its_load_is_not_waited_for(
    cluster: Cluster, databases: Databases, tmp_path: Path
) -> None:
    there = cluster.servers.new_databases()
    flow = flow_to(there, cluster.lake(), cluster.settings)
    run_month(flow, SMALL)
    before = content(there)
    with psycopg.connect(there.warehouse_dsn) as loader:
        leaf = new_partition(loader, "raw.yellow_trip", FEBRUARY)
        loader.execute(f"truncate {leaf}")
        folder = back_up(there, tmp_path)
    put_back(databases, folder)
    forget_restore(databases)
    assert content(databases) == before


def test_a_run_that_keeps_changing_tables_is_waited_for_only_so_long(
    origin: Databases, tmp_path: Path
) -> None:
    with psycopg.connect(origin.mart_dsn, application_name="flocon run-17") as publisher:
        scalar(publisher, "select flocon.take_turn('taxi')")
        with pytest.raises(Busy, match="still changing the mart after 1 s; no backup was taken"):
            take_backup(dsns(origin), tmp_path, print, patience_s=1)
    assert not list(tmp_path.iterdir())


# Not taken.


def test_without_tables_there_is_nothing_to_back_up(databases: Databases, tmp_path: Path) -> None:
    with pytest.raises(FloconError, match="the mart has no tables yet, so there is nothing to back up"):
        back_up(databases, tmp_path)


def test_a_wrong_password_is_told(origin: Databases, backup: Path, tmp_path: Path) -> None:
    wrong = dsns(origin) | {"mart": make_conninfo(origin.mart_dsn, password="wrong")}
    with pytest.raises(TransientError, match=r"the mart server failed.*password authentication failed"):
        take_backup(wrong, tmp_path, print, patience_s=1)
    with pytest.raises(TransientError, match=r"the mart server failed.*password authentication failed"):
        restore(wrong, backup, print)


def test_a_folder_that_cannot_be_written_is_told(origin: Databases, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(FloconError, match="cannot hold a backup"):
        back_up(origin, tmp_path / "file")


def test_a_dump_that_fails_leaves_no_backup(origin: Databases, tmp_path: Path) -> None:
    with lock(origin.mart_admin_dsn, "taxi.dim_zone"), ThreadPoolExecutor(1) as thread:
        taking = thread.submit(back_up, origin, tmp_path)
        wait_until_stopped(origin.mart_admin_dsn)
        kill_child("pg_dump", origin.mart_dsn)
        with pytest.raises(FloconError, match=r"could not be dumped .*; no backup was taken"):
            taking.result()
    assert not list(tmp_path.iterdir())


# Not restored.


def refuse(databases: Databases, folder: Path, message: str) -> None:
    before = content(databases)
    with pytest.raises(FloconError, match=message):
        put_back(databases, folder)
    assert content(databases) == before


def test_a_damaged_dump_is_refused(databases: Databases, copied: Path) -> None:
    dump = copied / "mart.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-1000])
    refuse(databases, copied, "the dump of the mart, is damaged")
    dump.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    refuse(databases, copied, "the dump of the mart, is damaged")
    dump.unlink()
    refuse(databases, copied, "the dump of the mart, is missing")


def test_an_unfinished_backup_is_refused(databases: Databases, copied: Path, backup: Path) -> None:
    (copied / "backup.json").unlink()
    refuse(databases, copied, "is no finished backup, it has no backup.json")
    refuse(databases, backup.parent, f"backups there: {backup.name}")
    (copied / "backup.json").write_text('{"format": 1', encoding="utf-8")
    refuse(databases, copied, "cannot be read as a backup's")


@pytest.mark.parametrize(("name", "value"), [("format", 2), ("flocon", "99.0.0")])
def test_a_backup_of_a_newer_version_is_refused(
    databases: Databases, copied: Path, name: str, value: object
) -> None:
    file = copied / "backup.json"
    told = json.loads(file.read_text(encoding="utf-8")) | {name: value}
    file.write_text(json.dumps(told), encoding="utf-8")
    refuse(databases, copied, "Restore it with that version or a later one")


def test_nothing_is_restored_while_a_run_is_at_work(flow: Flow, databases: Databases, backup: Path) -> None:
    with flow.holding("yellow 2024-01"), pytest.raises(Busy, match="`flocon test` is at work"):
        put_back(databases, backup)
    put_back(databases, backup)


def test_no_run_begins_while_servers_are_restored(flow: Flow, databases: Databases, backup: Path) -> None:
    run_month(flow, SMALL)
    impatient = replace(flow, settings=flow.settings.model_copy(update={"lock_patience_s": 0.5}))
    with lock(databases.mart_admin_dsn, "pg_trigger", "share") as holder, ThreadPoolExecutor(1) as thread:
        restoring = thread.submit(put_back, databases, backup, force=True)
        wait_until_stopped(databases.mart_admin_dsn)
        with pytest.raises(Busy, match="`flocon restore` is still at work on it"):
            run_month(impatient, SMALL)
        with psycopg.connect(databases.mart_reader_dsn) as reader:  # who reads sees what was there
            assert scalar(reader, "select count(*) from wine.fact_ventes_vin") == 0
        holder.rollback()
        restoring.result()
    with psycopg.connect(databases.mart_reader_dsn) as reader:
        assert scalar(reader, "select count(*) from wine.fact_ventes_vin") == 10


def test_newer_work_is_not_lost_unnoticed(cluster: Cluster, tmp_path: Path) -> None:
    there = cluster.servers.new_databases()
    flow = flow_to(there, cluster.lake(), cluster.settings)
    run_month(flow, SMALL)
    folder = back_up(there, tmp_path)
    put_back(there, folder)  # nothing was done since
    put_back(there, folder)
    run_month(flow, SMALL, month=FEBRUARY)
    refuse(there, folder, "would lose what was done since")
    with pytest.raises(FloconError) as refused:
        put_back(there, folder)
    for told in (
        "the warehouse has 2 steps that the backup does not have:",
        "taxi.yellow 2024-02, step lake",
        "taxi.yellow 2024-02, step warehouse",
        "the mart has 1 step that the backup does not have:",
        "taxi.yellow 2024-02, step mart",
        "add FORCE=1",
    ):
        assert told in str(refused.value)
    assert any("gone:" in line for line in put_back(there, folder, force=True))
    assert run_month(flow, SMALL) == [False, False, False]


def test_the_servers_of_others_are_not_overwritten_unnoticed(
    flow: Flow, databases: Databases, backup: Path
) -> None:
    run_month(flow, OTHER)  # as many entries as the backup's, and older ones than later backups'
    refuse(databases, backup, "would lose what was done since")


@pytest.mark.parametrize("victim", ["pg_restore", "psql"])
def test_killed_in_the_midst_nothing_changed(
    flow: Flow, databases: Databases, backup: Path, victim: str
) -> None:
    run_month(flow, OTHER)
    before = content(databases)
    with lock(databases.mart_admin_dsn, "pg_namespace", "share") as holder, ThreadPoolExecutor(1) as thread:
        restoring = thread.submit(put_back, databases, backup, force=True)
        wait_until_stopped(databases.mart_admin_dsn)
        kill_child(victim, databases.mart_dsn)
        holder.rollback()
        with pytest.raises(FloconError, match="Both servers are as they were before"):
            restoring.result()
    assert content(databases) == before


def test_a_dump_that_cannot_be_read_back_changes_nothing(
    flow: Flow, databases: Databases, copied: Path
) -> None:
    run_month(flow, OTHER)
    dump, file = copied / "mart.dump", copied / "backup.json"
    dump.write_bytes(dump.read_bytes()[:-20_000])
    told = json.loads(file.read_text(encoding="utf-8"))
    told["servers"]["mart"] |= {"bytes": dump.stat().st_size, "sha256": sha256_of(dump)}
    file.write_text(json.dumps(told), encoding="utf-8")
    before = content(databases)
    with pytest.raises(
        FloconError, match=r"the mart could not be restored .*Both servers are as they were before"
    ):
        put_back(databases, copied, force=True)
    assert content(databases) == before


def test_what_a_server_refuses_changes_nothing(flow: Flow, databases: Databases, backup: Path) -> None:
    run_month(flow, OTHER)
    before = content(databases)
    with psycopg.connect(databases.mart_admin_dsn) as admin:
        name = admin.info.dbname
        admin.execute(f"revoke create on database {name} from mart_loader")
    with pytest.raises(FloconError, match=r"the mart could not be restored .*permission denied"):
        put_back(databases, backup, force=True)
    assert content(databases) == before


def test_a_server_that_is_killed_afterwards_has_all_of_it(cluster: Cluster, backup: Path) -> None:
    there = cluster.servers.new_databases()
    put_back(there, backup)
    before = content(there)
    for server in ("warehouse", "mart"):
        cluster.kill(server)
    cluster.start("warehouse", "mart")
    assert rows_of(content(there)) == rows_of(before)
    flow = flow_to(there, cluster.lake(), cluster.settings)
    assert run_month(flow, SMALL, month=FEBRUARY) == [True, True, True]


def rows_of(found: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
    """Without the sequences: after a crash PostgreSQL skips some numbers."""
    return {server: {k: v for k, v in all_.items() if k != "sequences"} for server, all_ in found.items()}


# From the command line.


def test_the_commands(cluster: Cluster, tmp_path: Path) -> None:
    settings = cluster.settings
    for server in (cluster.servers.warehouse, cluster.servers.mart):
        server.ensure_database()
    there = Databases(
        settings.warehouse_dsn,
        settings.mart_dsn,
        settings.mart_reader_dsn,
        cluster.servers.warehouse.admin_dsn_of("warehouse"),
        cluster.servers.mart.admin_dsn_of("mart"),
    )

    def flocon(*arguments: str) -> tuple[int, str]:
        env = {**os.environ, **settings.as_env(), "FLOCON_ENV_FILE": str(tmp_path / ".env")}
        command = [sys.executable, "-m", "flocon.cli", *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    domains(cluster, there)
    code, told = flocon("backup", "--to", str(tmp_path / "kept"))
    assert (code, "both servers as they were at" in told) == (0, True), told
    (folder,) = (tmp_path / "kept").iterdir()
    run_month(flow_to(there, cluster.lake(), settings), SMALL, month=FEBRUARY)
    code, told = flocon("restore", "--from", str(folder))
    assert (code, "taxi.yellow 2024-02, step mart" in told) == (1, True), told
    code, told = flocon("restore", "--from", str(folder), "--force")
    assert (code, "they agree" in told) == (0, True), told
    assert "bronze/sample/yellow_tripdata_2024-02.parquet" in told  # which no entry knows any more
    code, told = flocon("rebuild", "--domain", "taxi", "--months", "2024-02")
    assert (code, "looked at: 1; steps that had work to do: 3" in told) == (0, True), told
    with psycopg.connect(settings.warehouse_dsn) as warehouse:
        warehouse.execute(
            "update ledger.step_run set sha256 = 'other' where dataset = 'taxi.yellow' and step = 'lake'"
        )
    code, told = flocon("verify")
    assert (code, "disagreements: 2" in told) == (1, True), told
    assert "make run DOMAIN=taxi MONTHS=2024-02 SERVICE=yellow" in told
