"""The city that generated trips are made in: who rides when, from where, how far and at which tariff.

A distribution is a table of 65,536 entries (`SIZE`) that a random 16-bit number looks its value up in. That
is fast, and the same on every machine: no logarithm is taken per trip, so that no last bit can differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from math import exp
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from flocon.months import Month, next_month

SIZE = 1 << 16
Table = npt.NDArray[np.int32]

JFK, LAGUARDIA, NEWARK = 132, 138, 1
YELLOW_ZONES = (
    4, 12, 13, 24, 43, 45, 48, 50, 68, 79, 87, 88, 90, 100, 107, 113, 114, 125, 137, 140, 141, 142,
    143, 144, 148, 151, 158, 161, 162, 163, 164, 170, 186, 209, 211, 224, 229, 230, 231, 232, 233,
    234, 236, 237, 238, 239, 246, 249, 261, 262, 263,
)  # fmt: skip
# Zones south of 60th Street, where the congestion fee of 2025 is due.
FEE_ZONES = (
    4, 12, 13, 45, 48, 50, 68, 79, 87, 88, 90, 100, 107, 113, 114, 125, 137, 144, 148, 158, 161,
    162, 163, 164, 170, 186, 209, 211, 224, 229, 230, 231, 232, 233, 234, 246, 249, 261,
)  # fmt: skip
LAST_ZONE = 265

# Share of a day's trips by hour, in thousandths.
_YELLOW_HOURS = (28, 19, 13, 9, 6, 7, 15, 28, 40, 44, 47, 50, 54, 56, 60, 61, 62, 69, 72, 63, 57, 56, 50, 38)
_GREEN_HOURS = (17, 13, 10, 8, 7, 6, 14, 38, 47, 52, 53, 54, 54, 59, 64, 73, 78, 77, 77, 62, 49, 37, 30, 23)
# Pickups by zone in thousandths; the rest is spread evenly over the other zones.
_YELLOW_PICKUPS = {
    132: 49, 161: 48, 237: 48, 236: 45, 162: 36, 186: 35, 230: 35, 142: 35, 138: 30, 170: 29,
    239: 28, 163: 28, 48: 26, 68: 26, 234: 25, 141: 24, 79: 23, 249: 22, 238: 21, 164: 21, 140: 21,
    107: 20, 229: 20, 263: 20, 100: 18, 246: 17, 262: 16, 113: 16, 90: 15, 43: 14, 233: 14, 231: 14,
    114: 13, 50: 12, 137: 12, 143: 11, 148: 11, 75: 9, 151: 9, 144: 9, 158: 8, 211: 8, 264: 8,
    87: 7, 74: 7, 166: 6, 125: 6, 13: 5, 261: 5, 265: 1,
}  # fmt: skip
_YELLOW_DROPOFFS = {
    236: 46, 237: 43, 161: 40, 230: 32, 170: 30, 239: 29, 162: 29, 142: 28, 141: 27, 238: 24,
    163: 23, 68: 24, 48: 22, 234: 23, 263: 22, 186: 21, 79: 20, 140: 20, 107: 19, 164: 18, 229: 18,
    249: 18, 262: 17, 132: 9, 138: 12, 231: 14, 246: 15, 113: 13, 90: 13, 143: 12, 137: 12, 151: 12,
    43: 11, 233: 12, 100: 13, 75: 12, 74: 10, 50: 11, 114: 11, 166: 9, 265: 4, 1: 3, 264: 6,
}  # fmt: skip
_GREEN_PICKUPS = {
    74: 182, 75: 136, 166: 65, 41: 62, 95: 55, 82: 42, 43: 40, 97: 31, 42: 29, 244: 28, 7: 24,
    65: 23, 130: 21, 260: 21, 129: 18, 134: 13, 116: 11, 33: 10, 92: 10, 66: 9, 196: 8,
}  # fmt: skip
_GREEN_DROPOFFS = {
    74: 50, 75: 48, 41: 39, 236: 39, 42: 35, 238: 35, 166: 34, 263: 23, 95: 22, 151: 21, 239: 21,
    138: 20, 129: 18, 43: 17, 237: 16, 7: 15, 262: 15, 116: 14, 82: 14, 244: 13, 142: 12,
}  # fmt: skip
# Monday to Sunday.
_WEEKDAYS = (88, 98, 102, 105, 105, 107, 95)


@dataclass(frozen=True)
class City:
    """One service's distributions. Distances are in hundredths of a mile."""

    hours: Sequence[int]
    pickup_zone: Table
    dropoff_zone: Table
    vendor: Table
    passengers: Table
    payment: Table
    trip_type: Table
    distance: Table
    airport_distance: Table
    negotiated_share: float


@dataclass(frozen=True)
class Tariff:
    """What a trip costs from a month on, in cents. `unit` is due per fifth of a mile and per slow minute."""

    since: date
    flag_fall: int
    unit: int
    rush: int
    night: int
    improvement: int
    jfk_flat: int
    airport: int
    congestion: int
    cbd: int


_TARIFFS = (
    Tariff(date(2011, 1, 1), 250, 40, 100, 50, 0, 4500, 0, 0, 0),
    Tariff(date(2012, 9, 1), 250, 50, 100, 50, 0, 5200, 0, 0, 0),
    Tariff(date(2015, 1, 1), 250, 50, 100, 50, 30, 5200, 0, 0, 0),
    Tariff(date(2019, 2, 1), 250, 50, 100, 50, 30, 5200, 0, 250, 0),
    Tariff(date(2022, 7, 1), 250, 50, 100, 50, 30, 5200, 125, 250, 0),
    Tariff(date(2023, 1, 1), 300, 70, 250, 100, 100, 7000, 175, 250, 0),
    Tariff(date(2025, 1, 1), 300, 70, 250, 100, 100, 7000, 175, 250, 75),
)


def tariff_of(month: Month) -> Tariff:
    """The tariff in force in a month."""
    return [tariff for tariff in _TARIFFS if tariff.since <= month][-1]


def weighted(weights: Mapping[int, float]) -> Table:
    """A table that gives each value as often as its weight says, to 1/65,536."""
    values = np.fromiter(weights, np.int32)
    ends = np.rint(np.cumsum(list(weights.values())) / sum(weights.values()) * SIZE).astype(np.int64)
    return np.repeat(values, np.diff(ends, prepend=0))


def hours_of(month: Month, city: City) -> Table:
    """For each 65,536th of a month's trips, taken in order of time: the hour of the month it begins in."""
    days = (next_month(month) - month).days
    weights = {}
    for hour in range(days * 24):
        day = (month + timedelta(hour // 24)).weekday()
        nightlife = 2.0 if hour % 24 < 5 and day >= 5 else 0.7 if hour % 24 < 5 else 1.0
        weights[hour] = city.hours[hour % 24] * _WEEKDAYS[day] * nightlife
    return weighted(weights)


def zone_set(zones: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Membership by zone id, 0 to 265."""
    members = np.zeros(LAST_ZONE + 1, np.bool_)
    members[list(zones)] = True
    return members


@cache
def city_of(service: str) -> City:
    """The distributions of a service."""
    return _yellow() if service == "yellow" else _green()


def _yellow() -> City:
    return City(
        hours=_YELLOW_HOURS,
        pickup_zone=_zones(_YELLOW_PICKUPS),
        dropoff_zone=_zones(_YELLOW_DROPOFFS),
        vendor=weighted({1: 230, 2: 755, 6: 5, 7: 10}),
        passengers=weighted({1: 74, 2: 14.5, 3: 3.6, 4: 2.4, 5: 1.3, 6: 0.9, 0: 1.2}),
        payment=weighted({1: 815, 2: 155, 3: 7, 4: 23}),
        trip_type=weighted({1: 1}),
        distance=_lognormal(median=165, sigma=0.72),
        airport_distance=_lognormal(median=1150, sigma=0.42),
        negotiated_share=0.006,
    )


def _green() -> City:
    return City(
        hours=_GREEN_HOURS,
        pickup_zone=_zones(_GREEN_PICKUPS),
        dropoff_zone=_zones(_GREEN_DROPOFFS),
        vendor=weighted({1: 140, 2: 855, 6: 5}),
        passengers=weighted({1: 85, 2: 8, 3: 1.5, 4: 0.5, 5: 2.7, 6: 1.7, 0: 0.6}),
        payment=weighted({1: 637, 2: 353, 3: 7, 4: 2, 5: 1}),
        trip_type=weighted({1: 978, 2: 22}),
        distance=_lognormal(median=180, sigma=0.8),
        airport_distance=_lognormal(median=900, sigma=0.5),
        negotiated_share=0.024,
    )


def _zones(thousandths: Mapping[int, float]) -> Table:
    others = [zone for zone in range(1, LAST_ZONE + 1) if zone not in thousandths]
    share = (1000 - sum(thousandths.values())) / len(others)
    return weighted({**thousandths, **dict.fromkeys(others, share)})


def _lognormal(median: float, sigma: float) -> Table:
    steps = 4096
    quantile = NormalDist().inv_cdf
    values = [round(median * exp(sigma * quantile((step + 0.5) / steps))) for step in range(steps)]
    return np.repeat(np.array(values, np.int32), SIZE // steps)
