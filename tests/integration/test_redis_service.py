"""The deployment's Redis, started by its command in docker-compose.yml: who gets in, what a restart keeps."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from tests.unit.compose import SERVICES

from flocon.errors import StackError
from flocon.stack.health import wait_until
from flocon.stack.scratch import free_ports

PASSWORD = "a-password-to-look-for"


@contextmanager
def started(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The service with its data in `folder`; stopped as Docker stops it."""
    *shell, script = SERVICES["redis"]["command"]
    here = f"dir {folder}\nport {port}\nbind 127.0.0.1\n"
    assert "dir /data\n" in script
    env = {"PATH": os.environ["PATH"], "REDISCLI_AUTH": PASSWORD}
    command = [*shell, script.replace("$$", "$").replace("dir /data\n", here)]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(asked(port), 20, lambda: process.poll() is None)
            yield process
        finally:
            process.terminate()
            assert process.wait(20) == 0


def client(port: int, password: str | None = PASSWORD) -> redis.Redis:
    return redis.Redis(port=port, password=password, decode_responses=True)


def asked(port: int) -> Callable[[], None]:
    def ask() -> None:
        try:
            client(port).ping()
        except redis.ConnectionError as error:
            raise StackError(str(error)) from error

    return ask


@pytest.fixture
def port() -> int:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on PATH: apt-get install redis-server")
    return free_ports(1)[0]


def test_only_who_knows_the_password_gets_in_and_no_list_of_processes_shows_it(
    tmp_path: Path, port: int
) -> None:
    with started(tmp_path, port) as process:
        assert PASSWORD not in Path("/proc", str(process.pid), "cmdline").read_text(encoding="utf-8")
        for wrong in (None, "another"):
            with pytest.raises(redis.AuthenticationError):
                client(port, wrong).ping()


def test_what_is_queued_survives_a_restart(tmp_path: Path, port: int) -> None:
    with started(tmp_path, port):
        client(port).rpush("queue", "a task")
    with started(tmp_path, port):
        assert client(port).lpop("queue") == "a task"
