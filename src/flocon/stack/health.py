"""Is a server doing its work? Each check asks the server itself and says in words what is wrong."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import boto3
import psycopg
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from flocon.errors import StackError
from flocon.s3 import name_on_server
from flocon.settings import Settings

Check = Callable[[], None]

_PAUSE_S = 0.05


class Refused(StackError):
    """The server answers, and refuses us: waiting will not help."""


def check_postgres(dsn: str, data: str) -> None:
    """Connect and ask; `data` names the data directory in the message.

    Raises:
        StackError: the server does not answer.
        Refused: it answers and has another password.
    """
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        if "password authentication failed" in str(error):
            raise Refused(
                f"the data in {data} was made with another password than FLOCON_POSTGRES_PASSWORD: "
                "bring back the .env of that time, or start anew with `make clean DATA=1`"
            ) from error
        raise StackError(str(error).strip()) from error


def check_s3(settings: Settings) -> None:
    """Look into a bucket. Raises StackError when the server does not answer or refuses the keys."""
    config = Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 0}, signature_version="s3v4")
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_url,
        region_name=settings.s3_region,
        aws_access_key_id=settings.secret("s3_access_key"),
        aws_secret_access_key=settings.secret("s3_secret_key"),
        config=config,
    )
    try:
        client.list_objects_v2(Bucket=name_on_server("bronze", settings.s3_bucket_prefix), MaxKeys=1)
    except (ClientError, BotoCoreError) as error:
        raise StackError(str(error)) from error


def check_airflow(url: str, component: str, since: datetime) -> None:
    """Ask the API server for a component's health: api_server, scheduler, dag_processor or triggerer.

    Raises:
        StackError: it does not answer, is not healthy, or its last heartbeat is older than `since`.
    """
    health = _ask(f"{url}/api/v2/monitor/health", timeout_s=10)
    if component == "api_server":
        # The API that tasks report to is built at its first request, for longer than a task waits for an answer.
        _ask(f"{url}/execution/health", timeout_s=60)
    part = health["metadatabase" if component == "api_server" else component]
    if part["status"] != "healthy":
        raise StackError(f"Airflow says that {component} is {part['status'] or 'not there'}")
    beat = part.get(f"latest_{component}_heartbeat")
    if component != "api_server" and (beat is None or datetime.fromisoformat(beat) < since):
        raise StackError(f"{component} has not sent a heartbeat yet")


def _ask(url: str, timeout_s: float) -> dict[str, Any]:
    try:
        answer = requests.get(url, timeout=timeout_s)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise StackError(f"Airflow's API at {url} does not answer ({type(error).__name__})") from error
    said: dict[str, Any] = answer.json()
    return said


def wait_until(check: Check, seconds: float, is_alive: Callable[[], bool] = lambda: True) -> None:
    """Repeat a check until it passes.

    Raises:
        StackError: what the check found last, after `seconds`, or at once when `is_alive` says no.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except Refused:
            raise
        except StackError:
            if time.monotonic() >= deadline or not is_alive():
                raise
        time.sleep(_PAUSE_S)
