"""What the services of docker-compose.yml run is there and has what it needs; docs/deployment.md tells what is so."""

import importlib
import json
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from tests.unit.compose import (
    ROOT,
    SECRETS,
    SERVICES,
    has_secrets,
    published,
    quoted,
    resolved,
    table,
    volumes,
)

from flocon.cli import app
from flocon.deployment import HEALTH
from flocon.errors import SettingsError
from flocon.roles import ROLES
from flocon.settings import PREFIX, Settings, load_settings, project_dir
from flocon.stack.airflow import airflow_env, prepare_airflow

SettingsOf = Callable[[str], Settings]

SECRET_VALUES = {name: secrets.token_hex(8) for name in sorted(SECRETS)}
AIRFLOW = {
    name: each["command"] for name, each in SERVICES.items() if each["image"].startswith("flocon-airflow")
}
PROCESSES = {name: command[2:] for name, command in AIRFLOW.items() if command[1] == "airflow"}


@pytest.fixture
def settings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SettingsOf:
    """The settings that a service has: of its environment alone, with every secret of `.env` known to Compose."""
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)

    def settings(service: str) -> Settings:
        for name, value in resolved(service, SECRET_VALUES).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("FLOCON_ENV_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("FLOCON_PROJECT", str(project_dir()))
        return load_settings(home=tmp_path)

    return settings


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_of_airflow_has_what_it_needs(name: str, settings_of: SettingsOf, tmp_path: Path) -> None:
    settings = settings_of(name)
    env = airflow_env(settings, tmp_path, PROCESSES[name][0])
    assert env["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow-api-server:8080/execution/"
    assert env["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8080"
    assert "@redis:6379/" in env["AIRFLOW__CELERY__BROKER_URL"]
    assert "@postgres-airflow:5432/airflow" in env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]


def test_the_api_server_can_write_the_login_of_its_administrator(
    settings_of: SettingsOf, tmp_path: Path
) -> None:
    prepare_airflow(settings_of("airflow-api-server"), tmp_path)
    [file] = tmp_path.glob("*.json")
    assert json.loads(file.read_text()) == {"admin": SECRET_VALUES["FLOCON_AIRFLOW_ADMIN_PASSWORD"]}


def test_only_the_worker_reaches_data(settings_of: SettingsOf, tmp_path: Path) -> None:
    connections = {"AIRFLOW_CONN_WAREHOUSE", "AIRFLOW_CONN_MART", "AIRFLOW_CONN_LAKE"}
    env = airflow_env(settings_of("airflow-worker"), tmp_path)
    hosts = {json.loads(env[name]).get("host") for name in connections}
    assert hosts == {"data-warehouse", "data-mart", None}
    assert json.loads(env["AIRFLOW_CONN_LAKE"])["extra"]["endpoint_url"] == "http://minio:9000"


@pytest.mark.parametrize("name", sorted(PROCESSES.keys() - {"airflow-worker"}))
def test_other_processes_do_not(name: str, settings_of: SettingsOf, tmp_path: Path) -> None:
    env = airflow_env(settings_of(name), tmp_path)
    assert not {"AIRFLOW_CONN_WAREHOUSE", "AIRFLOW_CONN_MART", "AIRFLOW_CONN_LAKE"} & env.keys()


def test_what_prepares_the_servers_has_every_roles_password(settings_of: SettingsOf) -> None:
    settings = settings_of("airflow-init")
    for server, roles in ROLES.items():
        assert settings.dsn(server, "postgres")
        assert all(settings.secret(password) for password in roles.values())
    assert settings.secret("s3_admin_access_key") != settings.secret("s3_admin_secret_key")


def test_the_api_can_read_the_mart_and_do_nothing_else(settings_of: SettingsOf) -> None:
    settings = settings_of("api")
    assert {"host=data-mart", "port=5432", "user=mart_reader"} <= set(settings.mart_reader_dsn.split())
    with pytest.raises(SettingsError, match="FLOCON_MART_LOADER_PASSWORD"):
        _ = settings.mart_dsn


def test_the_dashboard_asks_the_api(settings_of: SettingsOf) -> None:
    settings = settings_of("dashboard")
    inside = {port for _, _, port in published("api")}
    assert (settings.api_host, {settings.api_port}) == ("api", inside)


def test_commands_of_flocon_exist() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    checks = [each["healthcheck"]["test"][1:] for each in SERVICES.values() if "healthcheck" in each]
    for command in [*AIRFLOW.values(), *(check for check in checks if check[0] == "flocon")]:
        assert command[0] == "flocon"
        assert command[1] in commands
        assert command[1] != "health" or command[2] in HEALTH


def test_airflow_understands_its_commands() -> None:
    """One process for all: importing Airflow takes seconds."""
    code = (
        "import json, sys; from airflow.cli.cli_parser import get_parser; parser = get_parser();"
        "[parser.parse_args(command) for command in json.loads(sys.argv[1])]; print('understood')"
    )
    command = [sys.executable, "-c", code, json.dumps(list(PROCESSES.values()))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip().endswith("understood"), done.stderr


def test_the_programs_of_api_and_dashboard_exist() -> None:
    [target] = [word for word in SERVICES["api"]["command"] if ":" in word]
    module, _, factory = target.partition(":")
    assert callable(getattr(importlib.import_module(module), factory))
    [script] = [word for word in SERVICES["dashboard"]["command"] if word.endswith(".py")]
    assert (ROOT / Path(script).relative_to("/opt/flocon")).exists()
    for name in ("api", "dashboard", "notebooks"):
        lock = "notebooks" if name == "notebooks" else "web"
        program = {"jupyter": "jupyterlab"}.get(SERVICES[name]["command"][0], SERVICES[name]["command"][0])
        text = (ROOT / f"requirements-{lock}.txt").read_text(encoding="utf-8")
        assert re.search(rf"^{program}==", text, re.MULTILINE)


def test_health_is_asked_at_a_port_that_the_service_has() -> None:
    for name, service in SERVICES.items():
        words = " ".join(service.get("healthcheck", {}).get("test", []))
        for port in re.findall(r"127\.0\.0\.1:(\d+)", words):
            assert int(port) in {inside for _, _, inside in published(name)}, name


def test_logs_are_where_airflow_writes_them() -> None:
    text = (ROOT / "deploy" / "airflow" / "Dockerfile").read_text(encoding="utf-8")
    home = re.search(r"FLOCON_HOME=(\S+)", text)
    assert home
    for name in AIRFLOW:
        assert volumes(name) == [("airflow-logs", f"{home[1]}/airflow/logs")]
    assert f"{home[1]}/airflow/logs\n" in text, "the volume takes its owner from the image"


def test_the_table_of_services_tells_what_is_so() -> None:
    rows = {name: row for row in table("Services") for name in quoted(row["service"])}
    assert rows.keys() == SERVICES.keys()
    for name, row in rows.items():
        ports = [f"{default} (`{setting}`)" for setting, default, _ in published(name)]
        assert row["port on the host"] == ", ".join(ports)
        assert row["port inside"] == ", ".join(str(inside) for _, _, inside in published(name))
        assert (row["OS user"], row["memory"]) == (SERVICES[name]["user"], SERVICES[name]["mem_limit"])
        assert quoted(row["profile"]) == set(SERVICES[name].get("profiles", []))


def test_the_table_of_volumes_tells_what_is_so() -> None:
    told = {
        (volume, place, service)
        for row in table("Volumes")
        for volume in quoted(row["volume"])
        for place in quoted(row["is at"])
        for service in quoted(row["used by"])
    }
    assert told == {(volume, place, name) for name in SERVICES for volume, place in volumes(name)}


def test_the_table_of_secrets_tells_who_has_which() -> None:
    told = {name: quoted(row["in"]) for row in table("Secrets") for name in quoted(row["variable"])}
    assert told == {name: {each for each in SERVICES if name in has_secrets(each)} for name in SECRETS}


def test_the_table_of_roles_tells_which_there_are() -> None:
    servers = {"warehouse": "data-warehouse", "mart": "data-mart", "airflow_db": "postgres-airflow"}
    told = {
        (role, row["server"].strip("`")) for row in table("Who may do what") for role in quoted(row["role"])
    }
    made = {(role, servers[server]) for server, roles in ROLES.items() for role in roles}
    assert told == {*made, ("postgres", "all three")}


def test_the_table_of_images_is_complete() -> None:
    told = {name for row in table("Images") for name in quoted(row["image"])}
    ours = {
        each["image"].partition(":")[0] for each in SERVICES.values() if each["image"].startswith("flocon-")
    }
    assert told == ours
