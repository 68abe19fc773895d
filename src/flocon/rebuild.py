"""Make the warehouse and the mart again from the lake's bronze, piece by piece; no source is asked."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from flocon.errors import FloconError, SettingsError, TransientError
from flocon.flow import Flow, Outcome
from flocon.migrate import migrate
from flocon.months import Month, month_label
from flocon.postgres import explained

Say: TypeAlias = Callable[[str], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What to make again: `months` None are all; `as_of` None is the date that the ledger knows, else today."""

    months: list[Month] | None = None
    as_of: date | None = None
    force: bool = False

    def wants(self, month: Month) -> bool:
        """Whether a month is asked for."""
        return self.months is None or month in self.months


@dataclass(frozen=True)
class Piece:
    """What is made whole or not at all: a month, or a domain. `make` does it step by step."""

    about: str
    make: Callable[[], Iterable[Outcome]]


@dataclass
class Rebuilt:
    """How many pieces there were, how many steps did something, and what failed, in words."""

    pieces: int = 0
    changed: int = 0
    failures: list[str] = field(default_factory=list)


# What of a domain lies in bronze.
Builder: TypeAlias = Callable[[Flow, Order], Iterable[Piece]]


def rebuild(flow: Flow, builders: Mapping[str, Builder], order: Order, say: Say) -> Rebuilt:
    """Make all pieces of these domains again that are not there as bronze has them, or with `force` all of them.

    One piece that fails does not keep the others from being made.

    Raises:
        SettingsError: bronze has none of the months that are asked for.
        TransientError: a server went away, or another run is at work; what is made stays, run it again.
    """
    with (
        explained("rebuild") as sessions,
        sessions.open("warehouse", flow.warehouse) as warehouse,
        sessions.open("mart", flow.mart) as mart,
    ):
        migrate(warehouse, mart, run_id=flow.run_id)
    done = Rebuilt()
    pieces = [piece for builder in builders.values() for piece in builder(flow, order)]
    if order.months is not None and not pieces:
        months = ", ".join(map(month_label, order.months))
        raise SettingsError(f"the lake's bronze has nothing of {months} for {' and '.join(builders)}")
    for piece in pieces:
        _make(piece, done, say)
    return done


def _make(piece: Piece, done: Rebuilt, say: Say) -> None:
    done.pieces += 1
    try:
        for outcome in piece.make():
            done.changed += outcome.changed
            say(outcome.message)
    except TransientError:
        raise
    except FloconError as error:
        say(f"FAILED {piece.about}: {error}")
        done.failures.append(f"{piece.about}: {error}")
