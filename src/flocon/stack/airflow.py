"""Airflow on its own PostgreSQL: configured by environment variables alone, the same ones in both stacks."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from flocon.errors import StackError
from flocon.settings import ADMIN_SECRETS, Settings
from flocon.stack.places import Places
from flocon.stack.program import Program, base_env, write_private

ADMIN = "admin"
_PASSWORDS = "passwords.json"
# scheduler and triggerer would otherwise serve logs on all addresses; the API server reads them from disk.
_PROCESSES: dict[str, tuple[str, ...]] = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
# The way out to the publisher: proxies and certificate stores of the caller.
_OUTWARD = (
    *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
# What a caller may say to Airflow itself: connections, variables, a secrets backend, how mail is sent.
_GIVEN = (
    *("AIRFLOW_CONN_", "AIRFLOW_VAR_", "AIRFLOW__SECRETS__", "AIRFLOW__WORKERS__SECRETS_"),
    *("AIRFLOW__SMTP__", "AIRFLOW__EMAIL__"),
)


def airflow_programs(settings: Settings, places: Places) -> list[Program]:
    """The four processes; need `prepare_airflow` and an up-to-date metadata database."""
    return [
        Program(
            f"airflow-{name}",
            (airflow_command(), name, *options),
            places.airflow,
            airflow_env(settings, places.airflow, name),
            stops_as_group=True,
        )
        for name, options in _PROCESSES.items()
    ]


def airflow_command() -> str:
    """Path of the program `airflow` that belongs to this Python, else the one on PATH."""
    path = f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    found = shutil.which("airflow", path=path)
    if found is None:
        raise StackError("the program `airflow` is not there: install requirements.txt")
    return found


def airflow_url(settings: Settings) -> str:
    """Address of the web interface and of the REST API."""
    return f"http://{settings.airflow_host}:{settings.airflow_port}"


def airflow_env(settings: Settings, home: Path, process: str = "") -> dict[str, str]:
    """The environment of every Airflow process, and so of every task; holds secrets. `home` is AIRFLOW_HOME.

    `process` is the command of `airflow` that it is for, where that makes a difference.
    """
    outward = {name: os.environ[name] for name in _OUTWARD if name in os.environ}
    given = {name: value for name, value in os.environ.items() if name.startswith(_GIVEN)}
    s3_host = urlsplit(settings.s3_url).hostname or ""
    near = {
        settings.bind,
        settings.airflow_host,
        "" if "." in s3_host else s3_host,
    }  # one with a dot may be far away
    local = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1,localhost", *sorted(near)]))
    options = {f"AIRFLOW__{name}": value for name, value in _options(settings, home).items()}
    # The end of every run is a line of its log, for programs to read; the other logs are for people.
    in_json = {"AIRFLOW__LOGGING__JSON_LOGS": "True"} if process == "dag-processor" else {}
    return base_env(
        AIRFLOW_HOME=str(home),
        AWS_REQUEST_CHECKSUM_CALCULATION="when_required",
        AWS_RESPONSE_CHECKSUM_VALIDATION="when_required",
        NO_PROXY=local,
        no_proxy=local,
        PYTHONUNBUFFERED="1",
        SPT_NOENV="1",  # process titles must leave the environment readable: it tells whose process this is
        **outward,
        **given,
        **options,
        **in_json,
        **_connections(settings),
        **settings.as_env(without=ADMIN_SECRETS),
    )


def _options(settings: Settings, home: Path) -> dict[str, str]:
    """Airflow's configuration, section__option."""
    project, url = settings.project / "airflow", airflow_url(settings)
    return {
        "CORE__DAGS_FOLDER": str(project / "dags"),
        "CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "CORE__EXECUTOR": settings.airflow_executor,
        "CORE__PARALLELISM": str(settings.airflow_parallelism),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__FERNET_KEY": settings.secret("airflow_fernet_key"),
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks DNS, which may be slow or away
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / _PASSWORDS),
        "API__HOST": settings.bind,
        "API__PORT": str(settings.airflow_port),
        "API__BASE_URL": settings.airflow_public_url or url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": settings.secret("airflow_secret_key"),
        "API_AUTH__JWT_SECRET": settings.secret("airflow_jwt_secret"),
        "DATABASE__SQL_ALCHEMY_CONN": _metadata_url(settings),
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "LOGGING__DAG_PROCESSOR_LOG_TARGET": "stdout",
        "DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
        "DAG_PROCESSOR__REFRESH_INTERVAL": "15",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
        # The end of runs is told within one such process, with up to 20 s for each run whose mail and webhook hang.
        "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
        # How long the scheduler sleeps when idle. Each step of a run waits for it; this pace costs 0.1 of a core.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
        # A task's end that its supervisor just missed is noticed after this many seconds: 5 by default.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # A task whose process was killed is noticed within a minute, not five.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        **(_celery(settings) if settings.airflow_executor == "CeleryExecutor" else {}),
    }


def _celery(settings: Settings) -> dict[str, str]:
    """How tasks reach the workers (Redis) and what came of them (the metadata database, which outlives Redis)."""
    flower = settings.flower_password
    return {
        "CELERY__BROKER_URL": broker_url(settings),
        "CELERY__RESULT_BACKEND": f"db+{_metadata_url(settings)}",
        # Any one worker can take all tasks that run at a time: none waits for a worker that is gone.
        "CELERY__WORKER_CONCURRENCY": str(settings.airflow_parallelism),
        # How long the scheduler tries to hand out a task, by default 1 s: too short for a machine that is busy loading.
        "CELERY__OPERATION_TIMEOUT": "5",
        # After a day Redis hands out again what no worker has answered for. Airflow starts a killed worker's task anew
        # much earlier, and refuses the old one, so that this has to be longer than any task takes, and no more.
        "CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
        "CELERY__FLOWER_HOST": settings.bind,
        "CELERY__FLOWER_PORT": str(settings.flower_port),
        **({"CELERY__FLOWER_BASIC_AUTH": f"{ADMIN}:{flower.get_secret_value()}"} if flower else {}),
    }


def broker_url(settings: Settings) -> str:
    """Address of the Redis that hands out tasks; holds its password."""
    password = quote(settings.secret("redis_password"), safe="")
    return f"redis://:{password}@{settings.redis_host}:{settings.redis_port}/0"


def _metadata_url(settings: Settings) -> str:
    host, port = settings.address("airflow_db")
    password = quote(settings.secret("airflow_db_password"), safe="")
    return f"postgresql+psycopg2://airflow:{password}@{host}:{port}/airflow"


def _connections(settings: Settings) -> dict[str, str]:
    """The connections that DAGs use by name: warehouse, mart (as their loaders) and lake.

    One whose secret this process is not given is left to Airflow's secrets backend.
    """
    known: dict[str, dict[str, object]] = {}
    for server in ("warehouse", "mart"):
        host, port = settings.address(server)
        if getattr(settings, f"{server}_loader_password") is not None:
            login = {"login": f"{server}_loader", "password": settings.secret(f"{server}_loader_password")}
            known[server] = {"conn_type": "postgres", "host": host, "port": port, "schema": server, **login}
    if settings.s3_access_key is not None:
        known["lake"] = {
            "conn_type": "aws",
            "login": settings.secret("s3_access_key"),
            "password": settings.secret("s3_secret_key"),
            "extra": {"endpoint_url": settings.s3_url, "region_name": settings.s3_region},
        }
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(connection) for name, connection in known.items()}


def prepare_airflow(settings: Settings, home: Path) -> None:
    """Write the login of the web interface into AIRFLOW_HOME."""
    passwords = {ADMIN: settings.secret("airflow_admin_password")}
    write_private(home / _PASSWORDS, json.dumps(passwords))


def migrate_airflow(settings: Settings, places: Places, stamp: Path) -> bool:
    """Create or upgrade the metadata database unless `stamp` says that this version did; whether it did anything.

    Raises:
        StackError: Airflow could not; the log of it is named.
    """
    installed = f"{version('apache-airflow-core')}\n"
    if stamp.exists() and stamp.read_text(encoding="ascii") == installed:
        return False
    log = places.logs / "airflow-db-migrate.log"
    with log.open("ab") as output:
        migrate_metadata(settings, places.airflow, f"see {log}", output)
    stamp.write_text(installed, encoding="ascii")
    return True


def migrate_metadata(settings: Settings, home: Path, reason: str, output: IO[bytes] | None = None) -> None:
    """Create or upgrade the tables of Airflow's database; what Airflow says goes to `output`, else to ours.

    Raises:
        StackError: Airflow could not; `reason` says where it tells why.
    """
    done = subprocess.run(
        [airflow_command(), "db", "migrate"],
        env=airflow_env(settings, home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"Airflow's database could not be migrated (exit {done.returncode}); {reason}")
