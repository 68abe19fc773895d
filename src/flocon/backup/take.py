"""Take a backup: both servers of one moment, each as a dump in `pg_dump`'s custom format.

The folder appears under its name when everything is in it and on the disk: a backup is finished or there is none.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

from flocon.backup.manifest import FORMAT, NAME, Dumped, Manifest, sha256_of
from flocon.backup.moment import Seen, moment_of
from flocon.backup.programs import Running, client_env, program, started
from flocon.errors import FloconError
from flocon.stack.program import write_private

Say = Callable[[str], None]

_NEWS_S = 5.0
# What a load has not attached yet is no part of what is there, and would have to be waited for.
_UNFINISHED = "*.*_[0-9][0-9][0-9][0-9]_[0-9][0-9]_new"


def take_backup(servers: Mapping[str, str], to: Path, say: Say, *, patience_s: float) -> Path:
    """Back up the warehouse and the mart into a new folder below `to`, named after the time; return it.

    `servers` are the connection strings, by name.

    Raises:
        Busy: a run was changing a server for longer than `patience_s`.
        FloconError: a server is empty, or a dump could not be written. There is no backup then.
    """
    begun = time.monotonic()
    with moment_of(servers, patience_s) as seen:
        taken_at = min(each.at for each in seen.values())
        with _appearing(to, f"{taken_at:%Y%m%dT%H%M%SZ}", say) as part:
            _dump(servers, seen, part, say, patience_s)
            dumped = {server: _dumped(part, server, each) for server, each in seen.items()}
            manifest = Manifest(
                format=FORMAT,
                flocon=version("flocon"),
                taken_at=taken_at,
                seconds=round(time.monotonic() - begun, 1),
                servers=dumped,
            )
            write_private(part / NAME, manifest.model_dump_json(indent=2) + "\n")
    for server, each in manifest.servers.items():
        entries = f"{each.ledger.entries:,} entries in its ledger"
        say(f"{server:<10} {each.bytes / 1e6:,.1f} MB, {entries}, sha256 {each.sha256}")
    folder = to / f"{taken_at:%Y%m%dT%H%M%SZ}"
    say(
        f"{folder}: both servers as they were at {taken_at:%Y-%m-%d %H:%M:%S} UTC, in {manifest.seconds:.1f} s"
    )
    return folder


@contextmanager
def _appearing(to: Path, name: str, say: Say) -> Iterator[Path]:
    """A folder to be filled that only we can read; it gets its name at the end of the block, or is removed."""
    part, folder = to / f".{name}.{os.getpid()}.part", to / name
    try:
        to.mkdir(parents=True, exist_ok=True)
        for left in to.glob(".*.part"):
            say(f"{left} is what a backup that was killed left behind; remove it unless one is at work")
        part.mkdir(mode=0o700)
    except OSError as error:
        raise FloconError(f"{to} cannot hold a backup ({error.strerror}); none was taken.") from error
    try:
        yield part
        for path in (*part.iterdir(), part):
            _sync(path)
        part.rename(folder)
        _sync(to)
    except OSError as error:
        raise FloconError(f"{folder} cannot be written ({error.strerror}); no backup was taken.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sync(path: Path) -> None:
    """See a file or a folder safely on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _dump(
    servers: Mapping[str, str], seen: Mapping[str, Seen], part: Path, say: Say, patience_s: float
) -> None:
    """Dump all servers at the same time, and tell how far they are."""
    begun = time.monotonic()
    with ExitStack() as stack:
        running = {}
        for server, each in seen.items():
            command = _command(each, part / _file(server), patience_s)
            # What another account must not read is created so.
            at_work = started(command, client_env(servers[server], "backup"), umask=0o077)
            running[server] = stack.enter_context(at_work)
        while any(each.process.poll() is None for each in running.values()):
            _wait(running)
            _require_no_failure(running)
            sizes = (f"{server} {_size(part / _file(server)) / 1e6:,.1f} MB" for server in running)
            if time.monotonic() - begun > _NEWS_S:
                say(f"{time.monotonic() - begun:6.0f} s  {', '.join(sizes)}")
        _require_no_failure(running)


def _wait(running: Mapping[str, Running]) -> None:
    """Return when one of those at work has ended, or when it is time for news."""
    first = next(each.process for each in running.values() if each.process.poll() is None)
    try:
        first.wait(_NEWS_S)
    except subprocess.TimeoutExpired:
        return


def _require_no_failure(running: Mapping[str, Running]) -> None:
    for server, each in running.items():
        if each.process.poll() not in (None, 0):
            raise FloconError(f"the {server} could not be dumped ({each.complaint}); no backup was taken.")


def _command(seen: Seen, file: Path, patience_s: float) -> list[str]:
    return [
        program("pg_dump"),
        "--no-password",
        "--format=custom",
        "--compress=gzip:1",  # measured: level 6 takes four times as long for a quarter less
        "--statistics",  # so that what is restored need not be analysed
        "--no-owner",
        f"--snapshot={seen.snapshot}",
        f"--exclude-table={_UNFINISHED}",
        f"--lock-wait-timeout={max(1, round(patience_s))}s",
        *(f'--schema="{schema}"' for schema in seen.schemas),
        f"--file={file}",
    ]


def _file(server: str) -> str:
    return f"{server}.dump"


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _dumped(part: Path, server: str, seen: Seen) -> Dumped:
    file = part / _file(server)
    return Dumped(
        file=file.name,
        bytes=file.stat().st_size,
        sha256=sha256_of(file),
        postgres=seen.postgres,
        schemas=seen.schemas,
        ledger=seen.ledger,
    )
