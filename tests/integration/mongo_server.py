"""Real servers that speak MongoDB's protocol, with authentication on, and a process that syncs to one of them.

`mongod` where it is on PATH, and two that `scripts/mongo-server.sh` makes once and keeps in the user's cache: FerretDB
1, which has no decimals and looks through the whole collection for each document to replace, and SecantusDB.
"""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from flocon.errors import StackError
from flocon.flow import Flow
from flocon.lake import Lake
from flocon.publish.mongo import sync
from flocon.settings import Settings, project_dir
from flocon.stack.health import wait_until
from flocon.stack.program import Program, base_env, running
from flocon.stack.scratch import free_ports

KINDS = [*(["mongod"] if shutil.which("mongod") else []), "ferretdb", "secantusdb"]
DATABASE = "flocon"
USER = "publisher"

_CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class MongoServer:
    """A running server whose only user may read and write the database `flocon`, and nothing else."""

    kind: str
    port: int
    password: str
    client: MongoClient[dict[str, Any]] = field(repr=False)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"mongodb://{USER}:{self.password}@{self.host}/?authSource={DATABASE}"

    @property
    def has_decimals(self) -> bool:
        return self.kind != "ferretdb"

    @property
    def some_seconds_of_rows(self) -> int:
        """So many rows that a sync of them can be killed on its way."""
        return {"mongod": 100_000, "ferretdb": 1_500, "secantusdb": 8_000}[self.kind]

    @property
    def database(self) -> Database[dict[str, Any]]:
        return self.client[DATABASE]


@contextmanager
def mongo_server(kind: str, folder: Path) -> Iterator[MongoServer]:
    """Run a server whose data is in `folder`; skips the test, saying what is missing, where it cannot be had."""
    program, (port,), password = _program(kind), free_ports(1), os.urandom(12).hex()
    (folder / "data").mkdir()
    command = {
        "mongod": [
            program,
            "--dbpath",
            "data",
            "--port",
            str(port),
            "--bind_ip",
            "127.0.0.1",
            "--nounixsocket",
        ],
        "ferretdb": [program, f"--listen-addr=127.0.0.1:{port}"],
        "secantusdb": [program, "-c", _SECANTUSDB, "--standalone", "--storage-path=data", f"--port={port}"],
    }[kind]
    env = base_env(HOME=str(folder))  # not the user's own configuration
    env |= _FERRETDB | {"FERRETDB_SETUP_USERNAME": USER, "FERRETDB_SETUP_PASSWORD": password}
    server = Program(kind, tuple(command), folder, env)
    client = MongoClient[dict[str, Any]](
        f"mongodb://{USER}:{password}@127.0.0.1:{port}/?authSource={DATABASE}", connect=False
    )
    made = MongoServer(kind, port, password, client)
    if kind != "ferretdb":
        _create_user(server, folder, made)
        server = replace(server, command=(*server.command, "--auth"))
    server = replace(server, stop_signal=signal.SIGKILL)  # no farewell: the data is thrown away
    with running(server, folder / "log"), client:
        wait_until(lambda: _ping(made.url), 60)
        yield made


_SECANTUSDB = "import sys; from secantus.cli import main; sys.exit(main())"
_FERRETDB = {
    "FERRETDB_HANDLER": "sqlite",
    "FERRETDB_SQLITE_URL": "file:data/",
    "FERRETDB_STATE_DIR": ".",
    "FERRETDB_DEBUG_ADDR": "-",
    "FERRETDB_LOG_LEVEL": "WARN",
    "FERRETDB_TELEMETRY": "disable",
    "FERRETDB_TEST_ENABLE_NEW_AUTH": "true",
    "FERRETDB_SETUP_DATABASE": DATABASE,
}


def _program(kind: str) -> str:
    if kind == "mongod":
        return kind
    script = ["scripts/mongo-server.sh", kind]
    env = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(script, cwd=project_dir(), env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{done.stderr.strip().splitlines()[-1]}; then run `{' '.join(script)}`")
    return done.stdout.strip()


def _create_user(server: Program, folder: Path, made: MongoServer) -> None:
    """Start without authentication, which these servers need for their first user."""
    url = f"mongodb://{made.host}"
    with running(server, folder / "log"), MongoClient[dict[str, Any]](url, connect=False) as client:
        wait_until(lambda: _ping(url), 60)
        client[DATABASE].command("createUser", USER, pwd=made.password, roles=["readWrite"])


def _ping(url: str) -> None:
    try:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=300) as client:
            client.admin.command("ping")
    except PyMongoError as error:
        raise StackError(str(error)) from error


def start_sync(dsns: tuple[str, str], settings: Settings, domain: str) -> BaseProcess:
    """Start a process that syncs a domain, so that a test can kill it."""
    worker = _CONTEXT.Process(target=_sync, args=(dsns, settings, domain))
    worker.start()
    return worker


def _sync(dsns: tuple[str, str], settings: Settings, domain: str) -> None:
    lake = Lake.of(settings)
    flow = Flow(lambda: psycopg.connect(dsns[0]), lambda: psycopg.connect(dsns[1]), lake, "worker", settings)
    sync(flow, domain)
