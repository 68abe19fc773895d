"""What every step of every domain is given, and what it answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flocon import ledger
from flocon.lake import Lake
from flocon.postgres import Connection, explained
from flocon.settings import Settings


@dataclass(frozen=True)
class Flow:
    """The connections of one run. `warehouse` and `mart` open a new connection each time they are called."""

    warehouse: Callable[[], Connection]
    mart: Callable[[], Connection]
    lake: Lake
    run_id: str
    settings: Settings

    @contextmanager
    def holding(self, thing: str) -> Iterator[Connection]:
        """A warehouse connection that holds the lock on `thing`: the same thing is worked on by one run at a time."""
        with (
            explained(thing) as sessions,
            sessions.open("warehouse", self.warehouse) as warehouse,
            ledger.exclusive(warehouse, thing, self.run_id, self.settings.lock_patience_s),
        ):
            yield warehouse

    @contextmanager
    def holding_both(self, thing: str) -> Iterator[tuple[Connection, Connection]]:
        """A warehouse connection that holds the lock on `thing`, and a mart connection."""
        with (
            explained(thing) as sessions,
            sessions.open("warehouse", self.warehouse) as warehouse,
            sessions.open("mart", self.mart) as mart,
            ledger.exclusive(warehouse, thing, self.run_id, self.settings.lock_patience_s),
        ):
            yield warehouse, mart


@dataclass(frozen=True)
class Outcome:
    """What a step did: `changed` is False when its input was unchanged and it did nothing.

    `service` is what it was done for, a taxi service or a table; `month` is None where that is not made by months.
    """

    step: str
    service: str
    month: date | None
    changed: bool
    message: str
    seconds: float
    rows: int | None = None
    sha256: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
