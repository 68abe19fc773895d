"""What a generated month is made from: its recipe, and random numbers that are the same everywhere."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from flocon.months import Month, next_month
from flocon.taxi.names import SERVICES
from flocon.taxi.sample_city import SIZE, City, Table, Tariff, city_of, hours_of, tariff_of

# Part of every seed and fingerprint: raise it with any change that makes other trips.
VERSION = 1
# Rows made at a time, each block from random numbers of its own.
BLOCK = 1 << 17
# Share of a month, at the end of its file, of trips that lack passengers, rate code, flag and two fees.
NULL_SHARE = 0.26

Ints = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Recipe:
    """All that a generated month depends on."""

    service: str
    month: Month
    rows: int
    seed: int

    @cached_property
    def start(self) -> int:
        """First second of the month, since 1970."""
        return _epoch(self.month)

    @cached_property
    def end(self) -> int:
        """First second of the month after."""
        return _epoch(next_month(self.month))

    @cached_property
    def ordinary_rows(self) -> int:
        """Rows before the null block."""
        return self.rows - round(self.rows * NULL_SHARE)

    @cached_property
    def hours(self) -> Table:
        """See `sample_hours_of`."""
        return hours_of(self.month, self.city)

    @property
    def city(self) -> City:
        """The service's distributions."""
        return city_of(self.service)

    @property
    def tariff(self) -> Tariff:
        """The month's tariff."""
        return tariff_of(self.month)


class Draws:
    """The random numbers of one block: raw bits only, which numpy keeps the same from version to version."""

    def __init__(self, recipe: Recipe, first: int, count: int) -> None:
        key = (VERSION, recipe.seed, SERVICES.index(recipe.service), recipe.month.toordinal(), first)
        self._bits = np.random.PCG64(np.random.SeedSequence(key))
        self._count = count

    def u16(self) -> npt.NDArray[np.uint16]:
        """One 16-bit number a row."""
        return self._bits.random_raw(self._count // 4 + 1).view("<u2")[: self._count]

    def below(self, limit: int) -> Ints:
        """One integer a row, 0 to `limit` - 1; `limit` is at most 32,768."""
        return (self.u16().astype(np.int32) * np.int32(limit)) >> 16

    def happens(self, share: float) -> Flags:
        """True in that share of the rows, to 1/65,536."""
        return self.u16() < round(share * SIZE)

    def fate(self) -> npt.NDArray[np.float64]:
        """One number a row, evenly from 0 to 1, for what happens less often than once in 65,536."""
        return self._bits.random_raw(self._count // 2 + 1).view("<u4")[: self._count] * 2.0**-32


def _epoch(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
