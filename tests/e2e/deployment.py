"""The deployment without containers: services of docker-compose.yml as processes, with the environment it gives them.

PostgreSQL, S3 and Redis are the same programs as elsewhere in the tests. Every other service is started by its own
command from the compose file, and has of the secrets only those that the file hands to it.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import requests
from tests.e2e.conftest import Stack
from tests.integration.redis_server import check_redis, redis_program
from tests.processes import family
from tests.unit.compose import SERVICES, resolved

from flocon.errors import StackError
from flocon.settings import PREFIX, Settings
from flocon.stack.health import check_postgres, wait_until
from flocon.stack.places import find_places
from flocon.stack.postgres import postgres_servers
from flocon.stack.program import Program, base_env, halt, launch
from flocon.stack.s3 import s3_program
from flocon.stack.tuning import Tuning

WORKERS = ("airflow-worker", "another-worker")

# Where the file has a neighbour's name and port, or what an image has, a process on this machine has these.
_HERE = {
    PREFIX + name.upper()
    for name in (
        *("bind", "warehouse_host", "warehouse_port", "mart_host", "mart_port"),
        *("airflow_db_host", "airflow_db_port", "airflow_host", "airflow_port", "redis_host", "redis_port"),
        *("project", "home"),
    )
}


class Deployment:
    """Starts, kills and stops services by their names in the compose file; workers have names of their own.

    `stack` is the host: `settings` is what `.env` would say there, and commands run against the deployment.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.stack = Stack(settings, folder)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._places = find_places(settings)
        self._programs: dict[str, Program] = {}

    def start_stores(self) -> None:
        """Start the databases, S3 and Redis as fresh as new volumes: databases without roles, and no bucket."""
        settings = self.settings
        servers = postgres_servers(settings, self._places, Tuning(shared_buffers_mb=64, is_durable=False))
        for server in servers:
            server.prepare()
            self._launch(server.program)
        self._launch(s3_program(settings, self._places.lake))
        self._launch(redis_program(settings, self._places.home / "redis"))
        for server in servers:
            wait_until(partial(check_postgres, server.admin_dsn, "the deployment's server"), 60)
            server.create_database(server.database)
        wait_until(partial(_check_answer, settings.s3_url), 30)
        wait_until(partial(check_redis, settings), 30)

    def run(self, service: str) -> str:
        """Run a service that does its work once; its output."""
        return self._ask(service, SERVICES[service]["command"], 180)

    def start(self, service: str, *more: str) -> None:
        """Start a service, with more arguments where given, and wait until its own health check passes."""
        kind, *check = SERVICES[service]["healthcheck"]["test"]
        assert kind == "CMD"
        self._start(self._program(service, service, *more), partial(self._ask, service, check, 60))

    def start_worker(self, name: str) -> None:
        """Start a worker that takes two tasks at a time; the second of this machine goes by its own name."""
        concurrency = ("--concurrency", "2")
        if name == "airflow-worker":
            self.start(name, *concurrency)
            return
        begin = len(self.told(name))

        def is_ready() -> None:
            assert f"celery@{name} ready" in self.told(name)[begin:], f"{name} is not ready"

        program = self._program("airflow-worker", name, *concurrency, "--celery-hostname", name)
        self._start(program, is_ready)

    def start_redis(self) -> None:
        """Start Redis again, with what it had."""
        self._launch(self._programs["redis"])
        wait_until(partial(check_redis, self.settings), 30)

    def kill(self, name: str) -> None:
        """Kill a process and all that it started, at once, as if its machine were gone."""
        process = self.running.pop(name)
        for each in family(process.pid):
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Stop everything: what relies on others first, all of it at the same time."""
        is_store = {name for name, program in self._programs.items() if program.account} | {"s3", "redis"}
        for names in (self.running.keys() - is_store, self.running.keys() & is_store):
            for name in names:
                self.running[name].send_signal(self._programs[name].stop_signal)
            for name in names:
                halt(self._programs[name], self.running[name])

    def told(self, name: str) -> str:
        """What a process has said, in all of its lives; a character a byte."""
        log = self._log(name)
        return log.read_text("ascii", "replace") if log.exists() else ""

    def workers_of(self, month: str, task: str = r"[\w.]+", attempt: int = 1) -> set[str]:
        """The workers that were given tasks of a month."""
        given = re.compile(rf"Executing workload.*_{month}/task_id={task}/.*attempt={attempt}\.log")
        return {name for name in WORKERS if given.search(self.told(name))}

    def _start(self, program: Program, check: Callable[[], object]) -> None:
        process = self._launch(program)

        def is_well() -> None:
            try:
                check()
            except AssertionError as error:
                raise StackError(f"{error}\n{self.told(program.name)[-3000:]}") from error

        wait_until(is_well, 120, lambda: process.poll() is None)

    def _launch(self, program: Program) -> "subprocess.Popen[bytes]":
        self._programs[program.name] = program
        process = self.running[program.name] = launch(program, self._log(program.name))
        return process

    def _program(self, service: str, name: str, *more: str) -> Program:
        command = (*self._here(SERVICES[service]["command"]), *more)
        return Program(name, command, self.stack.folder, self._env(service), stops_as_group=True)

    def _ask(self, service: str, command: list[str], timeout: float) -> str:
        done = subprocess.run(
            self._here(command),
            env=self._env(service),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{service}: {done.stdout}{done.stderr}"
        return done.stdout

    def _here(self, command: list[str]) -> tuple[str, ...]:
        """A command of the image's, run by this Python."""
        assert command[0] == "flocon"
        return (sys.executable, "-m", "flocon.cli", *command[1:])

    def _env(self, service: str) -> dict[str, str]:
        given = self.settings.as_env()
        here = {name: value for name, value in given.items() if name in _HERE}
        here |= {f"{PREFIX}S3_ENDPOINT": self.settings.s3_url, f"{PREFIX}ENV_FILE": "/nowhere"}
        return base_env(**{**resolved(service, given), **here})

    def _log(self, name: str) -> Path:
        return self._places.logs / f"{name}.log"


def _check_answer(url: str) -> None:
    """Raise StackError unless a server answers, whatever it says: it has no bucket yet to be asked for."""
    try:
        requests.get(url, timeout=5)
    except requests.RequestException as error:
        raise StackError(f"{url} does not answer") from error
