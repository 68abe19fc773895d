"""A real Redis: its append-only file keeps what it was told, as in docker-compose.yml."""

import shutil
from pathlib import Path

import pytest
import redis

from flocon.errors import StackError
from flocon.settings import Settings
from flocon.stack.program import Program, base_env, write_private

INSTALL = "apt-get install redis-server"


def redis_program(settings: Settings, folder: Path) -> Program:
    """The server at the settings' address, with its data in `folder`; a test is skipped where it is not installed."""
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip(f"no redis-server on PATH: {INSTALL}")
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "redis.conf"
    told = {
        "bind": settings.redis_host,
        "port": settings.redis_port,
        "requirepass": settings.secret("redis_password"),
        "dir": folder,
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
    }
    write_private(config, "".join(f"{name} {value}\n" for name, value in told.items()))
    return Program("redis", (command, str(config)), folder, base_env())


def check_redis(settings: Settings) -> None:
    """Raise StackError unless it answers."""
    try:
        with redis.Redis(
            settings.redis_host, settings.redis_port, password=settings.secret("redis_password")
        ) as client:
            client.ping()
    except redis.RedisError as error:
        raise StackError(f"Redis does not answer: {error}") from error
