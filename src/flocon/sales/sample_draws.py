"""Random numbers that are the same everywhere, and tables that give them a distribution."""

from collections.abc import Mapping, Sequence
from math import exp
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

# Part of every seed: raise it with any change that makes other files.
VERSION = 1
# A distribution is a table of so many entries, in which a random 16-bit number looks its value up.
SIZE = 1 << 16

Ints = npt.NDArray[np.int64]


class Draws:
    """The random numbers of one block of rows: raw bits only, which numpy keeps the same from version to version."""

    def __init__(self, key: Sequence[int], count: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence((VERSION, *key)))
        self.count = count

    def u16(self) -> npt.NDArray[np.uint16]:
        """One 16-bit number a row."""
        return self._bits.random_raw(self.count // 4 + 1).view("<u2")[: self.count]

    def below(self, limit: int) -> Ints:
        """One integer a row, 0 to `limit` - 1; `limit` is at most 2^31."""
        numbers = self._bits.random_raw(self.count // 2 + 1).view("<u4")[: self.count]
        return (numbers.astype(np.int64) * limit) >> 32

    def pick(self, table: Ints) -> Ints:
        """One entry of a distribution a row."""
        return table[self.u16()]


def weighted(weights: Mapping[int, float]) -> Ints:
    """A distribution that gives each value as often as its weight says, to 1/65,536."""
    values = np.fromiter(weights, np.int64)
    ends = np.rint(np.cumsum(list(weights.values())) / sum(weights.values()) * SIZE).astype(np.int64)
    return np.repeat(values, np.diff(ends, prepend=0))


def lognormal_weights(count: int, sigma: float) -> dict[int, float]:
    """So many members of a heavy-tailed population, the busiest last: member to weight."""
    quantile = NormalDist().inv_cdf
    return {member: exp(sigma * quantile((member + 0.5) / count)) for member in range(count)}
