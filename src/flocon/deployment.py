"""What the deployment's services run: make the servers ready, be a process of Airflow, say whether one is well."""

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

import psycopg

from flocon.buckets import ensure_buckets
from flocon.errors import StackError
from flocon.migrate import migrate
from flocon.postgres import explained
from flocon.roles import ROLES, grant_roles
from flocon.settings import Settings
from flocon.stack.airflow import (
    airflow_command,
    airflow_env,
    airflow_url,
    broker_url,
    migrate_metadata,
    prepare_airflow,
)
from flocon.stack.health import check_airflow

Say = Callable[[str], None]

_ANY_TIME = datetime.fromtimestamp(0, UTC)
HEALTH = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")


def prepare(settings: Settings, say: Say) -> None:
    """Bring running servers to where the services can start: roles, schemas, buckets, Airflow's tables.

    Can always run again. The databases exist already; needs the superuser's password and a key that may make buckets.
    """
    for server in ROLES:
        with explained(f"roles of {server}"):
            grant_roles(settings, server)
        say(f"{server}: roles and rights as in sql/roles")
    with (
        explained("schemas") as sessions,
        sessions.open("warehouse", lambda: psycopg.connect(settings.warehouse_dsn)) as warehouse,
        sessions.open("mart", lambda: psycopg.connect(settings.mart_dsn)) as mart,
    ):
        migrate(warehouse, mart)
    say("warehouse, mart: schemas up to date")
    for line in ensure_buckets(settings):
        say(f"lake: {line}")
    home = settings.home_dir / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    migrate_metadata(settings, home, "it says why above")
    say("airflow_db: tables up to date")


def become_airflow(settings: Settings, arguments: list[str]) -> NoReturn:
    """Turn this process into `airflow <arguments>`, configured as the settings say."""
    home = settings.home_dir / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    if arguments[:1] == ["api-server"]:
        prepare_airflow(settings, home)
    command = [airflow_command(), *arguments]
    os.execve(command[0], command, airflow_env(settings, home, arguments[0]))  # noqa: S606 - no shell is wanted


def check_service(settings: Settings, what: str) -> None:
    """Ask whether a process of Airflow (one of HEALTH) is well; a worker is the one on this host.

    Raises:
        StackError: it is not, or does not answer; says what was seen.
    """
    if what == "worker":
        _check_worker(settings)
    elif what in HEALTH:
        check_airflow(airflow_url(settings), what.replace("-", "_"), _ANY_TIME)
    else:
        raise StackError(f"{what}: no such service; one of {', '.join(HEALTH)}")


def _check_worker(settings: Settings) -> None:
    # No other command needs them.
    from celery import Celery  # type: ignore[import-untyped]  # noqa: PLC0415
    from kombu.exceptions import OperationalError  # noqa: PLC0415

    name = f"celery@{socket.gethostname()}"
    with Celery(broker=broker_url(settings)) as app:
        app.conf.broker_transport_options = {"socket_connect_timeout": 5, "socket_timeout": 10}
        try:
            answers = app.control.ping([name], timeout=5)
        except OperationalError as error:
            raise StackError(f"{name}: Redis does not answer ({error})") from error
    if not answers:
        raise StackError(f"{name} does not answer")
