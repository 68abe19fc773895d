"""Is a server doing its work? Each check asks the server itself and says in words what is wrong."""

import time
from collections.abc import Callable

import boto3
import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from flocon.errors import StackError
from flocon.settings import Settings

Check = Callable[[], None]

_PAUSE_S = 0.05


def check_postgres(dsn: str) -> None:
    """Connect and ask. Raises StackError when the server does not answer."""
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        raise StackError(str(error).strip()) from error


def check_s3(settings: Settings) -> None:
    """List the buckets. Raises StackError when the server does not answer or refuses the keys."""
    config = Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 0}, signature_version="s3v4")
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_url,
        region_name="us-east-1",
        aws_access_key_id=settings.s3_access_key.get_secret_value(),
        aws_secret_access_key=settings.s3_secret_key.get_secret_value(),
        config=config,
    )
    try:
        client.list_buckets()
    except (ClientError, BotoCoreError) as error:
        raise StackError(str(error)) from error


def wait_until(check: Check, seconds: float, is_alive: Callable[[], bool] = lambda: True) -> None:
    """Repeat a check until it passes.

    Raises:
        StackError: the last problem that the check found, after `seconds`, or at once when `is_alive` says no.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except StackError as problem:
            if time.monotonic() >= deadline or not is_alive():
                raise StackError(f"{problem}") from problem
        time.sleep(_PAUSE_S)
