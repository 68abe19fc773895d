"""The connections of a run come from Airflow's secrets backend where the environment does not give them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.conftest import Databases

from flocon.lake import Lake
from flocon.settings import Settings
from flocon.stack.airflow import airflow_env

BACKEND = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
SECRETS = ("warehouse_loader_password", "mart_loader_password", "s3_access_key", "s3_secret_key")
ASK = """
import sys
sys.path.append(sys.argv[1])
from flocon_airflow import flow_from_connections
flow = flow_from_connections("manual")
with flow.warehouse() as warehouse, flow.mart() as mart:
    for connection in (warehouse, mart):
        print(*connection.execute("select current_user, current_database()").fetchone())
print(flow.lake.read("bronze", "left/here.txt").decode())
"""


def connections(databases: Databases, settings: Settings) -> dict[str, dict[str, Any]]:
    """What the backend holds."""
    known: dict[str, dict[str, Any]] = {
        "lake": {
            "conn_type": "aws",
            "login": settings.secret("s3_access_key"),
            "password": settings.secret("s3_secret_key"),
            "extra": {"endpoint_url": settings.s3_url, "region_name": settings.s3_region},
        }
    }
    for name, dsn in (("warehouse", databases.warehouse_dsn), ("mart", databases.mart_dsn)):
        at = conninfo_to_dict(dsn)
        login = {"login": at["user"], "password": at["password"], "schema": at["dbname"]}
        known[name] = {"conn_type": "postgres", "host": at["host"], "port": int(at["port"] or 0), **login}
    return known


def ask(settings: Settings, home: Path) -> "subprocess.CompletedProcess[str]":
    """Have a process of Airflow's use the three connections, without their secrets in its environment."""
    without = settings.model_copy(update=dict.fromkeys(SECRETS))
    # Nor has it keys of the machine's own, from ~/.aws or from the cloud that it runs in.
    env = airflow_env(without, home) | {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
    assert not [name for name in env if name in ("AIRFLOW_CONN_WAREHOUSE", "AIRFLOW_CONN_LAKE")]
    command = [sys.executable, "-c", ASK, str(settings.project / "airflow" / "plugins")]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    "in_environment", [None, "postgres://nobody@127.0.0.1:9/nothing"], ids=["alone", "first"]
)
def test_a_run_uses_the_connections_of_a_secrets_backend(
    databases: Databases,
    lake_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_environment: str | None,
) -> None:
    if in_environment:
        monkeypatch.setenv("AIRFLOW_CONN_MART", in_environment)
    (left := tmp_path / "here.txt").write_text("found")
    Lake.of(lake_settings).put_file("bronze", "left/here.txt", left)
    file = tmp_path / "connections.json"
    file.write_text(json.dumps(connections(databases, lake_settings)))
    for section in ("SECRETS__", "WORKERS__SECRETS_"):
        monkeypatch.setenv(f"AIRFLOW__{section}BACKEND", BACKEND)
        monkeypatch.setenv(
            f"AIRFLOW__{section}BACKEND_KWARGS", json.dumps({"connections_file_path": str(file)})
        )
    done = ask(lake_settings, tmp_path)
    assert done.returncode == 0, done.stderr
    warehouse, mart = (
        conninfo_to_dict(dsn)["dbname"] for dsn in (databases.warehouse_dsn, databases.mart_dsn)
    )
    assert done.stdout.splitlines()[-3:] == [f"warehouse_loader {warehouse}", f"mart_loader {mart}", "found"]


def test_without_either_the_connection_is_named(lake_settings: Settings, tmp_path: Path) -> None:
    done = ask(lake_settings, tmp_path)
    assert "SettingsError: the Airflow Connection `lake` is not there or has no access key" in done.stderr
