"""The start of a stack: who waits for whom, and what is said meanwhile."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event

import psycopg

from flocon.buckets import ensure_buckets
from flocon.errors import StackError
from flocon.migrate import migrate
from flocon.stack.airflow import migrate_airflow
from flocon.stack.health import wait_until
from flocon.stack.logs import log_file, tail
from flocon.stack.servers import Server, Stack
from flocon.stack.supervisor import DOWN, Supervisor

Report = Callable[[str], None]


class Startup:
    """Starts what does not run of a stack, in two lines at the same time: Airflow, and the data."""

    def __init__(self, stack: Stack, supervisor: Supervisor, report: Report) -> None:
        self._stack = stack
        self._supervisor = supervisor
        self._report = report
        self._begun = time.monotonic()
        self._given_up = Event()
        self._databases = {server.name: server for server in stack.postgres}
        self._stores = {server.name: server for server in stack.stores}

    def run(self) -> None:
        """Return when everything is healthy.

        Raises:
            StackError: the first server that is not; the others are left as they are.
        """
        with ThreadPoolExecutor(2) as pool:
            try:
                for line in as_completed([pool.submit(self._airflow), pool.submit(self._data)]):
                    line.result()
            except BaseException as error:
                self._given_up.set()  # an interrupt as well: the other line would wait for minutes
                if isinstance(error, KeyboardInterrupt):
                    self._report("interrupted; what did start is left running, `make down` stops it")
                raise

    def _airflow(self) -> None:
        """Airflow is the slow one: its database comes first."""
        self._start([self._stores["airflow_db"]])
        database = self._databases["airflow_db"]
        database.ensure_database()
        if migrate_airflow(self._stack.settings, self._stack.places, database.stamp):
            self._say("airflow_db", "tables created or upgraded")
        self._start(self._stack.airflow)

    def _data(self) -> None:
        self._start([server for name, server in self._stores.items() if name != "airflow_db"])
        for name in ("warehouse", "mart"):
            self._databases[name].ensure_database()
        settings = self._stack.settings
        with psycopg.connect(settings.warehouse_dsn) as warehouse, psycopg.connect(settings.mart_dsn) as mart:
            migrate(warehouse, mart)
        self._say("warehouse, mart", "schemas up to date")
        if settings.s3_endpoint:  # the embedded server's are folders, which are there before it starts
            for line in ensure_buckets(settings):
                self._say("lake", line)

    def _start(self, servers: list[Server]) -> None:
        states = self._supervisor.states()
        for server in servers:
            if states[server.name].state in DOWN:
                self._supervisor.start_program(server.name)
        for server in servers:
            self._wait(server)
            self._say(server.name, f"{server.address:<21} ready")

    def _say(self, name: str, what: str) -> None:
        self._report(f"  {name:<22} {what} ({time.monotonic() - self._begun:.1f} s)")

    def _wait(self, server: Server) -> None:
        def is_worth_it() -> bool:
            return not self._given_up.is_set() and self._supervisor.states()[server.name].state not in DOWN

        try:
            wait_until(server.check, server.starts_within_s, is_worth_it)
        except StackError as problem:
            file = log_file(self._stack.places, server.name)
            raise StackError(
                f"{server.name} is not healthy: {problem}\nlast lines of {file}:\n{tail(file, 15)}\n"
                "What did start is left running: `make status` shows it, `make down` stops it."
            ) from problem
