"""Ordinary generated trips, a block at a time. Money is in cents, distance in 0.01 mile, time in seconds."""

from typing import Any

import numpy as np
import numpy.typing as npt

from flocon.taxi import sample_city as city
from flocon.taxi.sample_recipe import NULL_SHARE, Draws, Ints, Recipe

# Column name to one value a row; the columns of one block have the same length.
Columns = dict[str, npt.NDArray[Any]]

RATE_CODE_UNKNOWN = 0.026
JFK_FLAT, NEWARK, NEGOTIATED, UNKNOWN = 2, 3, 5, 99
CARD = 1
COMPONENTS = ("fare", "extra", "mta_tax", "tip", "tolls", "improvement", "congestion", "airport", "cbd")

_YELLOW_ZONE = city.zone_set(city.YELLOW_ZONES)
_FEE_ZONE = city.zone_set(city.FEE_ZONES)
_AIRPORT = city.zone_set((city.JFK, city.LAGUARDIA))
# Seconds a mile by hour of the day: 9 mph at noon, 16 at night.
_PACE = np.array(
    (250, 240, 230, 225, 225, 230, 265, 330, 375, 390, 390, 395, 400, 400, 410, 415, 420, 425, 400, 360, 325,
     305, 290, 270),
    np.float32,
)  # fmt: skip
_TIP_PERCENT = city.weighted({0: 6, 10: 4, 15: 10, 18: 14, 20: 34, 22: 6, 25: 15, 30: 9, 35: 2})
_TOLL = 694


def ordinary_trips(recipe: Recipe, first: int, draws: Draws) -> Columns:
    """The trips of the rows from `first` on, before anything goes wrong with them."""
    trips: Columns = {}
    _when(trips, recipe, first, draws)
    trips["pickup_zone"] = recipe.city.pickup_zone[draws.u16()]
    trips["dropoff_zone"] = recipe.city.dropoff_zone[draws.u16()]
    _who(trips, recipe, draws)
    _how_far(trips, recipe, draws)
    trips["fare"] = _fare(trips, recipe, draws)
    _surcharges(trips, recipe, draws)
    trips["tip"] = _tip(trips, draws)
    trips["total"] = sum_of_parts(trips)
    # Vendor 1 reports these two within `extra` as well: its totals are not the sum of their parts.
    trips["extra"] += np.where(trips["vendor"] == 1, trips["congestion"] + trips["airport"], 0)
    return trips


def sum_of_parts(trips: Columns) -> Ints:
    """What a trip costs, in cents."""
    total: Ints = np.sum([trips[name] for name in COMPONENTS], axis=0, dtype=np.int32)
    return total


def _when(trips: Columns, recipe: Recipe, first: int, draws: Draws) -> None:
    """Nearly in order of time, once through the month for the ordinary rows and once for the null block."""
    jitter = draws.below(128)
    row = np.arange(first, first + len(jitter), dtype=np.int64)
    is_null = row >= recipe.ordinary_rows
    within = np.where(is_null, row - recipe.ordinary_rows, row)
    size = np.where(is_null, recipe.rows - recipe.ordinary_rows, recipe.ordinary_rows)
    place = np.clip(within * city.SIZE // size + jitter - 64, 0, city.SIZE - 1)
    hour = recipe.hours[place]
    pickup = recipe.start + hour.astype(np.int64) * 3600 + draws.below(3600)
    # Trips of the null block are reported in whole minutes.
    trips["pickup"] = np.where(is_null, pickup - pickup % 60, pickup)
    trips["is_null"] = is_null
    trips["hour"] = hour % 24
    trips["is_working_day"] = (recipe.month.weekday() + hour // 24) % 7 < 5


def _who(trips: Columns, recipe: Recipe, draws: Draws) -> None:
    trips["vendor"] = recipe.city.vendor[draws.u16()]
    trips["passengers"] = recipe.city.passengers[draws.u16()]
    trips["trip_type"] = recipe.city.trip_type[draws.u16()]
    trips["payment"] = np.where(trips["is_null"], 0, recipe.city.payment[draws.u16()])
    trips["is_stored"] = draws.happens(0.004)
    trips["is_by_app"] = draws.happens(0.3)
    to_jfk = (trips["pickup_zone"] == city.JFK) | (trips["dropoff_zone"] == city.JFK)
    trips["rate_code"] = np.select(
        [
            draws.happens(RATE_CODE_UNKNOWN / (1 - NULL_SHARE)),
            to_jfk & draws.happens(0.6),
            trips["dropoff_zone"] == city.NEWARK,
            draws.happens(recipe.city.negotiated_share),
        ],
        [UNKNOWN, JFK_FLAT, NEWARK, NEGOTIATED],
        1,
    )


def _how_far(trips: Columns, recipe: Recipe, draws: Draws) -> None:
    of_airport = _AIRPORT[trips["pickup_zone"]] | _AIRPORT[trips["dropoff_zone"]]
    place = draws.u16()
    distance = np.where(of_airport, recipe.city.airport_distance[place], recipe.city.distance[place])
    distance = np.where(trips["is_null"], distance * 3 // 2, distance)
    luck = np.float32(0.7) + draws.below(1024).astype(np.float32) * np.float32(0.6 / 1024)
    duration = 40 + (distance * _PACE[trips["hour"]] * luck * np.float32(0.01)).astype(np.int32)
    trips["of_airport"] = of_airport
    trips["distance"] = distance
    trips["duration"] = np.where(trips["is_null"], -(-duration // 60) * 60, duration)


def _fare(trips: Columns, recipe: Recipe, draws: Draws) -> Ints:
    tariff = recipe.tariff
    distance, duration = trips["distance"], trips["duration"]
    # The meter counts minutes instead of miles below 12 mph, which is 3 s per 0.01 mile.
    slow_minutes = np.maximum(duration - distance * 3, 0) // 60
    metered = tariff.flag_fall + tariff.unit * (distance // 20 + slow_minutes)
    code = trips["rate_code"]
    agreed = 2000 + draws.below(120) * 100
    fare = np.select([code == JFK_FLAT, code == NEGOTIATED], [tariff.jfk_flat, agreed], metered)
    # Prices agreed upfront are no multiples of the meter's unit.
    upfront = metered - metered // 10 + draws.below(100)
    paid: Ints = np.where(trips["is_null"], upfront, fare).astype(np.int32)
    return paid


def _surcharges(trips: Columns, recipe: Recipe, draws: Draws) -> None:
    tariff, hour = recipe.tariff, trips["hour"]
    is_rush = trips["is_working_day"] & (hour >= 16) & (hour < 20)
    is_night = (hour >= 20) | (hour < 6)
    surcharge = np.select([is_rush, is_night], [tariff.rush, tariff.night], 0)
    trips["extra"] = np.where(trips["is_null"], 0, surcharge).astype(np.int32)
    trips["mta_tax"] = np.full_like(trips["extra"], 50)
    trips["improvement"] = np.full_like(trips["extra"], tariff.improvement)
    congestion = tariff.congestion + (25 if recipe.service == "green" and tariff.congestion else 0)
    trips["congestion"] = _touches(trips, _YELLOW_ZONE) * np.int32(congestion)
    trips["cbd"] = _touches(trips, _FEE_ZONE) * np.int32(tariff.cbd)
    is_airport_fee_due = _AIRPORT[trips["pickup_zone"]] & (recipe.service == "yellow")
    trips["airport"] = is_airport_fee_due * np.int32(tariff.airport)
    crosses = draws.happens(0.003) | (trips["of_airport"] & draws.happens(0.45))
    trips["tolls"] = crosses * np.int32(_TOLL)


def _touches(trips: Columns, zones: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    touched: npt.NDArray[np.bool_] = zones[trips["pickup_zone"]] | zones[trips["dropoff_zone"]]
    return touched


def _tip(trips: Columns, draws: Draws) -> Ints:
    """Tips are known of card payments only, and of the null block's, which are paid in an app."""
    base = trips["fare"] + trips["extra"] + trips["congestion"]
    percent = _TIP_PERCENT[draws.u16()]
    is_known = (trips["payment"] == CARD) | trips["is_null"]
    tip: Ints = np.where(is_known, base * percent // 100, 0).astype(np.int32)
    return tip
