"""The eight processes of the stack, each with its address and the question that tells whether it is well."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from flocon.settings import PREFIX, Settings
from flocon.stack.airflow import airflow_programs, airflow_url
from flocon.stack.health import Check, check_airflow, check_postgres, check_s3
from flocon.stack.places import Places
from flocon.stack.postgres import PostgresServer, postgres_servers
from flocon.stack.program import Program
from flocon.stack.s3 import s3_program


@dataclass(frozen=True)
class Server:
    """A process of the stack. `port` is None where it does not listen; `setting` is the name of the port's setting."""

    program: Program
    check: Check
    host: str = ""
    port: int | None = None
    setting: str = ""
    starts_within_s: int = 60

    @property
    def name(self) -> str:
        """Name in the supervisor, in logs and on the command line."""
        return self.program.name

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{self.host}:{self.port}" if self.port else ""

    @property
    def variable(self) -> str:
        """The environment variable that moves it to another port."""
        return f"{PREFIX}{self.setting.upper()}"


@dataclass(frozen=True)
class Stack:
    """All processes of one home, in the order they start."""

    settings: Settings
    places: Places
    postgres: list[PostgresServer]
    stores: list[Server]
    airflow: list[Server]

    @property
    def servers(self) -> list[Server]:
        """Every process."""
        return [*self.stores, *self.airflow]


def compose(settings: Settings, places: Places, since: datetime | None = None) -> Stack:
    """The stack of a home. Airflow counts as healthy only with heartbeats after `since`."""
    postgres = postgres_servers(settings, places)
    own_lake = [] if settings.s3_endpoint else [_s3(settings, places)]
    stores = [*map(_postgres, postgres), *own_lake]
    airflow = [_airflow(settings, program, since) for program in airflow_programs(settings, places)]
    return Stack(settings, places, postgres, stores, airflow)


def _postgres(server: PostgresServer) -> Server:
    port = server.settings.address(server.name)[1]
    check = partial(check_postgres, server.admin_dsn, str(server.data))
    # After a crash it replays its log before it answers.
    return Server(
        server.program, check, server.settings.bind, port, f"{server.name}_port", starts_within_s=300
    )


def _s3(settings: Settings, places: Places) -> Server:
    check = partial(check_s3, settings)
    return Server(s3_program(settings, places.lake), check, settings.bind, settings.s3_port, "s3_port")


def _airflow(settings: Settings, program: Program, since: datetime | None) -> Server:
    component = program.name.removeprefix("airflow-").replace("-", "_")
    check = partial(check_airflow, airflow_url(settings), component, since or datetime.fromtimestamp(0, UTC))
    if component == "api_server":
        return Server(
            program, check, settings.bind, settings.airflow_port, "airflow_port", starts_within_s=120
        )
    return Server(program, check, starts_within_s=120)
