"""What runs, and how well."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from flocon.errors import StackError
from flocon.settings import Settings
from flocon.stack.places import find_places
from flocon.stack.servers import Server, Stack, compose
from flocon.stack.supervisor import RUNNING, State, Supervisor


@dataclass(frozen=True)
class Line:
    """One process: the supervisor's word for its state, and what its own check says ("healthy" or the problem)."""

    name: str
    state: str
    health: str
    address: str
    pid: int
    uptime_s: int

    @property
    def is_healthy(self) -> bool:
        """Runs and passes its check."""
        return self.health == "healthy"


def status(settings: Settings) -> list[Line]:
    """A line for each process of the home's stack, whether it runs or not."""
    places = find_places(settings)
    return status_of(compose(settings, places), Supervisor(places))


def status_of(stack: Stack, supervisor: Supervisor) -> list[Line]:
    """The same for a stack at hand; the checks are made at the same time."""
    states = supervisor.states()
    absent = State("not running", 0, 0, "")
    with ThreadPoolExecutor(len(stack.servers)) as pool:
        return list(pool.map(lambda server: _line(server, states.get(server.name, absent)), stack.servers))


def _line(server: Server, state: State) -> Line:
    health = _health(server) if state.state == RUNNING else state.note or "not running"
    return Line(server.name, state.state, health, server.address, state.pid, state.uptime_s)


def _health(server: Server) -> str:
    try:
        server.check()
    except StackError as problem:
        return str(problem).splitlines()[0]
    return "healthy"
