"""The three PostgreSQL servers: create, configure, start, and give them their roles."""

import logging
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from flocon.errors import StackError
from flocon.roles import ROLES, grant_roles
from flocon.settings import Settings
from flocon.stack.account import run_as
from flocon.stack.places import Places
from flocon.stack.program import Program, base_env
from flocon.stack.tuning import Tuning

log = logging.getLogger(__name__)

# listen_addresses is what keeps strangers out; whoever gets in needs a password.
_HBA = "host all all all scram-sha-256\n"


@dataclass(frozen=True)
class PostgresServer:
    """One server of the stack: `warehouse`, `mart` or `airflow_db`."""

    name: str
    settings: Settings
    places: Places
    tuning: Tuning

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.places.postgres / self.name

    @property
    def database(self) -> str:
        """The server's one database."""
        return self.name.removesuffix("_db")

    @property
    def admin_dsn(self) -> str:
        """Connection string of the superuser, to the database that always exists."""
        return self.admin_dsn_of("postgres")

    def admin_dsn_of(self, database: str) -> str:
        """Connection string of the superuser to one database."""
        return self.settings.dsn(self.name, "postgres", database)

    @property
    def program(self) -> Program:
        """The server process; needs `prepare` to have run."""
        return Program(
            name=self.name,
            command=(
                str(self.places.postgres_bin / "postgres"),
                "-D",
                str(self.data),
                "-c",
                f"config_file={self._config / 'postgresql.conf'}",
            ),
            directory=self.data,
            env=base_env(),
            account=self.places.account,
            stop_signal=signal.SIGINT,  # "fast": running statements are rolled back, everything is written out
            stop_wait_s=60,
        )

    @property
    def _config(self) -> Path:
        return self.places.postgres / f"{self.name}.conf"

    def prepare(self) -> None:
        """Create the data directory when there is none, and write the configuration that the settings ask for."""
        if not self.data.exists():
            self.stamp.unlink(missing_ok=True)
            self._initdb()
        host, port = self.settings.bind, self.settings.address(self.name)[1]
        hba = self._config / "pg_hba.conf"
        text = self.tuning.configuration(
            self.settings.project, self.name, listen_addresses=host, port=port, hba_file=str(hba)
        )
        self._config.mkdir(exist_ok=True)
        self._config.chmod(0o755)
        for file, content in ((hba, _HBA), (self._config / "postgresql.conf", text)):
            file.write_text(content, encoding="utf-8")
            file.chmod(0o644)  # no secrets in there; the account reads it, only we write it

    def _initdb(self) -> None:
        """Create the data directory beside its place: what a killed initdb leaves must not look complete."""
        part, password = (
            self._own(self.data.with_name(f".{self.name}")),
            self.data.with_name(f".{self.name}.pw"),
        )
        sync = [] if self.tuning.is_durable else ["--no-sync"]
        command = [
            *[str(self.places.postgres_bin / "initdb"), "--pgdata", str(part), "--pwfile", str(password)],
            *["--username=postgres", "--auth=scram-sha-256", "--no-instructions", "--encoding=UTF8"],
            *["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", *sync],
        ]
        try:
            self._write_password(password)
            run_as(self.places.account, command, base_env(), part)
        except subprocess.CalledProcessError as error:
            raise StackError(f"{self.name}: initdb failed in {part}:\n{error.output}") from error
        finally:
            password.unlink(missing_ok=True)
        part.rename(self.data)

    def _own(self, folder: Path) -> Path:
        """An empty folder that belongs to the server's account and to nobody else."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        if account := self.places.account:
            os.chown(folder, account.uid, account.gid)
        return folder

    def _write_password(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            if account := self.places.account:
                os.fchown(stream.fileno(), account.uid, account.gid)
            stream.write(self.settings.secret("postgres_password"))

    @property
    def stamp(self) -> Path:
        """A file that goes when the data goes: marks what was done to the data once."""
        return self._config / "migrated"

    def ensure_database(self) -> None:
        """Create the server's database when it is missing, and bring its roles and their passwords up to date."""
        with psycopg.connect(self.admin_dsn, autocommit=True) as admin:
            found = admin.execute("select 1 from pg_database where datname = %s", [self.database]).fetchone()
        if found is None:
            self.create_database(self.database)
        self.grant_roles(self.database)

    def create_database(self, database: str, template: str = "template1") -> None:
        """Create an empty database, or a copy of another one that nobody is connected to."""
        host, port = self.settings.address(self.name)
        command = [
            *[str(self.places.postgres_bin / "createdb"), "--host", host, "--port", str(port)],
            *["--username=postgres", "--maintenance-db=postgres", "--template", template, database],
        ]
        env = base_env(PGPASSWORD=self.settings.secret("postgres_password"))
        try:
            run_as(None, command, env, Path("/"))
        except subprocess.CalledProcessError as error:
            raise StackError(
                f"{self.name}: the database {database} cannot be created:\n{error.output}"
            ) from error

    def grant_roles(self, database: str) -> None:
        """Bring its roles up to date, as one of its databases wants them."""
        grant_roles(self.settings, self.name, database)


def postgres_servers(
    settings: Settings, places: Places, tuning: Tuning | None = None
) -> list[PostgresServer]:
    """The three servers of a stack."""
    chosen = tuning or Tuning(shared_buffers_mb=settings.shared_buffers_mb)
    return [PostgresServer(name, settings, places, chosen) for name in ROLES]
