"""What real months have wrong with them, done to generated trips at the rates of 2026 (yellow, 29.7 M rows).

The rates are the same for every month: what changes with the month is its schema and its tariff.
"""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from flocon.taxi.sample_recipe import Draws, Flags, Recipe
from flocon.taxi.sample_trips import COMPONENTS, Columns

NEGATIVE, DUPLICATE = 0.005, 0.001
ZERO_DISTANCE, ZERO_DURATION = 0.032, 0.0125
OUT_OF_MONTH, STRADDLING, BACKWARDS, ABSURD_DISTANCE = 5e-6, 20e-6, 20e-6, 5e-6

# Taximeters whose clock was lost start again in these years.
_LOST_CLOCKS = np.array(
    [int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2001, 2003, 2008, 2009)]
)
_NO_CHARGE, _DISPUTE = 3, 4


def spoil(trips: Columns, recipe: Recipe, draws: Draws) -> None:
    """Put the faults into a block of trips."""
    _measure_nothing(trips, draws)
    _misdate(trips, recipe, draws)
    trips["dropoff"] = trips["pickup"] + trips["duration"]
    _repeat(trips, draws)


def _measure_nothing(trips: Columns, draws: Draws) -> None:
    """Zero durations, zero distances (some of them both) and a few absurd distances."""
    fate = draws.fate()
    both = ZERO_DURATION / 2
    trips["duration"][fate < ZERO_DURATION] = 0
    trips["distance"][(fate >= both) & (fate < both + ZERO_DISTANCE)] = 0
    absurd = np.flatnonzero(fate > 1 - ABSURD_DISTANCE)
    trips["distance"][absurd] = 1_000_000 + draws.below(31_852)[absurd] * 1000


def _misdate(trips: Columns, recipe: Recipe, draws: Draws) -> None:
    """Lost clocks, trips that straddle an end of the month, drop-offs before their pickup."""
    fate, some = draws.fate(), draws.below(1800).astype(np.int64)
    lost = _take(fate, 0, OUT_OF_MONTH)
    trips["pickup"][lost] = _LOST_CLOCKS[some % len(_LOST_CLOCKS)][lost] + some[lost] * 40
    early = _take(fate, 0.1, STRADDLING / 2)
    trips["pickup"][early] = recipe.start - 1 - some[early]
    trips["duration"][early] = some[early] + 60
    late = _take(fate, 0.2, STRADDLING / 2)
    trips["pickup"][late] = recipe.end + some[late]
    backwards = _take(fate, 0.3, BACKWARDS)
    trips["duration"][backwards] = -1 - some[backwards]


def _take(fate: npt.NDArray[np.float64], start: float, share: float) -> Flags:
    """The rows whose fate falls in this share of all."""
    return (fate >= start) & (fate < start + share)


def _repeat(trips: Columns, draws: Draws) -> None:
    """Exact duplicates, and refunds: the row before once more with its amounts negated, neither tipped."""
    fate = draws.fate()
    is_chosen = fate < NEGATIVE + DUPLICATE
    is_chosen[0] = False
    is_chosen[1:] &= ~is_chosen[:-1]
    copies = np.flatnonzero(is_chosen)
    refunds = copies[fate[copies] < NEGATIVE]
    refunded = refunds - 1
    trips["total"][refunded] -= trips["tip"][refunded]
    trips["tip"][refunded] = 0
    why = np.where(refunds % 2, _NO_CHARGE, _DISPUTE)
    trips["payment"][refunded] = np.where(trips["is_null"][refunded], 0, why)
    for column in trips.values():
        column[copies] = column[copies - 1]
    for name in (*COMPONENTS, "total"):
        trips[name][refunds] *= -1
