"""Restore a backup: each server in one transaction, both committed at the very end, or nothing changed.

What is there is renamed out of the way in that transaction, so that everybody else goes on reading it until the commit.
Then a disk that is full, a program that is killed and a dump that is damaged all end the same way: as if not begun.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

import psycopg

from flocon import ledger
from flocon.backup.manifest import Dumped, Manifest, read_manifest, require_whole
from flocon.backup.moment import backup_sql, ledger_state
from flocon.backup.programs import Running, client_env, program, started
from flocon.errors import Busy, FloconError
from flocon.migrate import migrate
from flocon.postgres import Connection, explained, fetch_file, run_file, scalar, set_parameters
from flocon.tables import sql_root

Say = Callable[[str], None]

# The warehouse is committed first: were the mart then lost, it would be behind, and the next run would bring it up.
_ORDER = ("warehouse", "mart")
_SHOWN = 5


def restore(servers: Mapping[str, str], folder: Path, say: Say, *, force: bool = False) -> Manifest:
    """Make the warehouse and the mart what they were when a backup was taken.

    `servers` are the connection strings, by name. With `force`, also where work that was done since is lost.

    Raises:
        Busy: a run is at work.
        FloconError: the backup is unfinished, damaged or of a newer version, would lose newer work, or could not be
            read back. Both servers are then as they were.
    """
    begun = time.monotonic()
    manifest = read_manifest(folder)
    require_whole(folder, manifest)
    say(f"{folder}: whole; both servers as they were at {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC")
    with _everything(servers["warehouse"]):
        lost = [
            line for server in _ORDER for line in _lost(server, servers[server], manifest.servers[server])
        ]
        if lost and not force:
            raise FloconError(
                f"restoring {folder} would lose what was done since. Nothing was changed.\n"
                + "\n".join(lost)
                + "\n"
                "If that is meant, add FORCE=1; `make backup` keeps it before. What lies in the lake's bronze can be "
                "made again afterwards: `make rebuild`."
            )
        _replace(servers, folder, manifest, say)
        _finish(servers, folder, manifest, time.monotonic() - begun)
    for line in lost:
        say(f"gone: {line}")
    say(f"both servers restored in {time.monotonic() - begun:.1f} s")
    return manifest


@contextmanager
def _everything(dsn: str) -> Iterator[None]:
    """Keep every run out. `Busy` when one is at work."""
    name = "flocon restore"
    with (
        explained("restore") as sessions,
        sessions.open("warehouse", lambda: psycopg.connect(dsn, application_name=name)) as connection,
    ):
        run_file(connection, sql_root() / "core" / "lock" / "creation.sql")  # a fresh server has none yet
        connection.commit()
        at_work = scalar(connection, "select flocon.try_lock_everything()")
        connection.commit()
        if at_work is not None:
            raise Busy(f"`{at_work}` is at work; restore when that has ended. Nothing was changed.")
        yield


def _lost(server: str, dsn: str, dumped: Dumped) -> list[str]:
    """What a server has done that the backup does not have, in words; nothing where it only is the backup's past."""
    with explained("restore") as sessions, sessions.open(server, lambda: psycopg.connect(dsn)) as connection:
        if connection.info.server_version // 10_000 < dumped.postgres // 10_000:
            raise FloconError(
                f"the {server} is PostgreSQL {connection.info.server_version // 10_000}, the backup is of "
                f"{dumped.postgres // 10_000}; nothing was restored."
            )
        if scalar(connection, "select to_regclass('ledger.step_run')") is None:
            return []
        has_same_past = ledger_state(connection, dumped.ledger.last_id).digest == dumped.ledger.digest
        return _done_since(server, connection, dumped.ledger.last_id if has_same_past else 0)


def _done_since(server: str, connection: Connection, last_id: int) -> list[str]:
    set_parameters(connection, last_id=last_id)
    rows = fetch_file(connection, backup_sql("done_since"))
    if not rows:
        return []
    lines = []
    for row in rows[:_SHOWN]:
        month = f" {row['file_month']:%Y-%m}" if row["file_month"] else ""
        lines.append(f"  {row['finished_at']:%Y-%m-%d %H:%M:%S}  {row['dataset']}{month}, step {row['step']}")
    what = f"{len(rows):,} steps" if len(rows) > 1 else "1 step"
    more = ["  …"] if len(rows) > _SHOWN else []
    return [f"the {server} has {what} that the backup does not have:", *lines, *more]


def _replace(servers: Mapping[str, str], folder: Path, manifest: Manifest, say: Say) -> None:
    """Fill both servers at the same time; commit when both are filled."""
    with ExitStack() as stack:
        fillings = [stack.enter_context(_filling(server, servers[server])) for server in _ORDER]
        with ThreadPoolExecutor(len(fillings)) as threads:
            filled = [
                threads.submit(each.fill, folder / manifest.servers[each.server].file, say)
                for each in fillings
            ]
            try:
                for one in as_completed(filled):
                    one.result()
            except BaseException:
                for each in fillings:  # the other one need not go on
                    each.psql.process.kill()
                raise
        for each in fillings:
            each.commit()


@contextmanager
def _filling(server: str, dsn: str) -> Iterator["_Filling"]:
    env = client_env(dsn, "restore")
    command = [
        *(program("psql"), "--no-password", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"),
        *("--output=/dev/null", "--file=-"),
    ]
    with started(command, env, stdin=PIPE, stdout=PIPE) as psql:
        yield _Filling(server, env, psql)


@dataclass(frozen=True)
class _Filling:
    """A server on its way back. Only `commit` makes it so: a `psql` that loses us, or the dump, rolls back."""

    server: str
    env: dict[str, str]
    psql: Running

    def fill(self, dump: Path, say: Say) -> None:
        """Do all but the commit."""
        begun = time.monotonic()
        self._tell("begin;\n" + backup_sql("aside").read_text(encoding="utf-8"))
        command = [program("pg_restore"), "--no-owner", "--file=-", str(dump)]
        with started(command, self.env, stdout=self.psql.stdin) as reader:
            code = reader.process.wait()
            if code == -signal.SIGPIPE:  # nobody reads any more: it is `psql` that ends, and knows why
                self.psql.process.wait()
            if self.psql.process.poll() is not None:
                raise self._failed(self.psql.complaint)
            if code != 0:
                raise self._failed(reader.complaint)
        self._tell(backup_sql("replaced").read_text(encoding="utf-8") + "\\echo filled\n")
        if self.psql.answer() != "filled":
            self.psql.process.wait()
            raise self._failed(self.psql.complaint)
        say(f"{self.server:<10} filled in {time.monotonic() - begun:.1f} s")

    def commit(self) -> None:
        """Let everybody see it."""
        self._tell("commit;\n")
        with suppress(BrokenPipeError):
            self.psql.stdin.close()
        if self.psql.process.wait() != 0:
            raise FloconError(
                f"the {self.server} did not confirm that it is restored ({self.psql.complaint}): restore once more."
            )

    def _tell(self, text: str) -> None:
        try:
            self.psql.stdin.write(text.encode())
            self.psql.stdin.flush()
        except BrokenPipeError as error:
            self.psql.process.wait()
            raise self._failed(self.psql.complaint) from error

    def _failed(self, why: str) -> FloconError:
        return FloconError(
            f"the {self.server} could not be restored ({why}). Both servers are as they were before."
        )


def _finish(servers: Mapping[str, str], folder: Path, manifest: Manifest, seconds: float) -> None:
    """Bring a backup of an earlier version up to this one, and have the ledgers say where their content is from."""
    with (
        explained("restore") as sessions,
        sessions.open("warehouse", lambda: psycopg.connect(servers["warehouse"])) as warehouse,
        sessions.open("mart", lambda: psycopg.connect(servers["mart"])) as mart,
    ):
        for server, connection in (("warehouse", warehouse), ("mart", mart)):
            entry = ledger.Entry(
                dataset=server,
                step="restore",
                input_fingerprint=f"sha256 {manifest.servers[server].sha256}",
                run_id="restore",
                seconds=seconds,
                bytes=manifest.servers[server].bytes,
                facts={"backup": folder.name, "taken_at": manifest.taken_at.isoformat()},
            )
            ledger.record(connection, entry)
            connection.commit()
        migrate(warehouse, mart, run_id="restore")
