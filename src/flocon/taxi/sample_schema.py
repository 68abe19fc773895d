"""The types that the publisher's files have had, column by column and month by month."""

from dataclasses import dataclass
from datetime import date
from functools import cache

import pyarrow as pa

from flocon.errors import SourceError
from flocon.months import Month, month_label, parse_month

_INT64, _INT32, _DOUBLE, _NULL = pa.int64(), pa.int32(), pa.float64(), pa.null()
_STRING, _LARGE_STRING = pa.string(), pa.large_string()
_TIMESTAMP = pa.timestamp("us")

FIRST_MONTH = {"yellow": date(2011, 1, 1), "green": date(2013, 8, 1)}


@dataclass(frozen=True)
class Column:
    """A column's name in the file and its types, each with the month it begins in; None: not in the file."""

    name: str
    types: tuple[tuple[str, pa.DataType | None], ...]

    def type_in(self, month: Month) -> pa.DataType | None:
        """The type in a month's file; None where the column is not in it."""
        begun = [kind for since, kind in self.types if parse_month(since) <= month]
        return begun[-1] if begun else None


def _column(name: str, first: pa.DataType, **later: pa.DataType | None) -> Column:
    """`later` is keyed by month, `since_2023_02`."""
    changes = ((key.removeprefix("since_").replace("_", "-"), kind) for key, kind in later.items())
    return Column(name, (("2000-01", first), *changes))


def _new(name: str, since: str, kind: pa.DataType) -> Column:
    return Column(name, ((since, kind),))


_YELLOW = (
    _column("VendorID", _INT64, since_2023_02=_INT32),
    _column("tpep_pickup_datetime", _TIMESTAMP),
    _column("tpep_dropoff_datetime", _TIMESTAMP),
    _column("passenger_count", _INT64, since_2018_07=_DOUBLE, since_2023_02=_INT64),
    _column("trip_distance", _DOUBLE),
    _column("RatecodeID", _INT64, since_2018_07=_DOUBLE, since_2023_02=_INT64),
    _column("store_and_fwd_flag", _STRING, since_2023_02=_LARGE_STRING),
    _column("PULocationID", _INT64, since_2023_02=_INT32),
    _column("DOLocationID", _INT64, since_2023_02=_INT32),
    _column("payment_type", _INT64),
    _column("fare_amount", _DOUBLE),
    _column("extra", _DOUBLE),
    _column("mta_tax", _DOUBLE),
    _column("tip_amount", _DOUBLE),
    _column("tolls_amount", _DOUBLE),
    _column("improvement_surcharge", _DOUBLE, since_2014_08=_NULL, since_2014_09=_DOUBLE),
    _column("total_amount", _DOUBLE),
    _column("congestion_surcharge", _NULL, since_2019_01=_DOUBLE),
    # One column under two names: the publisher changed its case.
    _column("airport_fee", _NULL, since_2020_11=_DOUBLE, since_2023_02=None),
    _new("Airport_fee", "2023-02", _DOUBLE),
    _new("cbd_congestion_fee", "2025-01", _DOUBLE),
    _new("request_source", "2026-06", _LARGE_STRING),
)

# The published files of 2023-01 and 2023-02 were read for this; other months are as public write-ups tell.
_GREEN = (
    _column("VendorID", _INT64, since_2023_02=_INT32),
    _column("lpep_pickup_datetime", _TIMESTAMP),
    _column("lpep_dropoff_datetime", _TIMESTAMP),
    _column("store_and_fwd_flag", _STRING, since_2023_03=_LARGE_STRING),
    _column("RatecodeID", _INT64, since_2018_07=_DOUBLE, since_2023_03=_INT64),
    _column("PULocationID", _INT64, since_2023_02=_INT32),
    _column("DOLocationID", _INT64, since_2023_02=_INT32),
    _column("passenger_count", _INT64, since_2018_07=_DOUBLE, since_2023_03=_INT64),
    _column("trip_distance", _DOUBLE),
    _column("fare_amount", _DOUBLE),
    _column("extra", _DOUBLE),
    _column("mta_tax", _DOUBLE),
    _column("tip_amount", _DOUBLE),
    _column("tolls_amount", _DOUBLE),
    _column("ehail_fee", _NULL, since_2023_02=_DOUBLE),
    _column("improvement_surcharge", _DOUBLE),
    _column("total_amount", _DOUBLE),
    _column("payment_type", _DOUBLE, since_2023_03=_INT64),
    _column("trip_type", _DOUBLE, since_2023_03=_INT64),
    _column("congestion_surcharge", _NULL, since_2019_01=_DOUBLE),
    _new("cbd_congestion_fee", "2025-01", _DOUBLE),
    _new("request_source", "2026-06", _LARGE_STRING),
)

HISTORY = {"yellow": _YELLOW, "green": _GREEN}


@cache
def schema_of(service: str, month: Month) -> pa.Schema:
    """The schema of a month's file.

    Raises:
        SourceError: before the first month with these columns (yellow 2011-01, green 2013-08).
    """
    first = FIRST_MONTH[service]
    if month < first:
        what = f"{service} {month_label(month)}"
        raise SourceError(f"{what}: nothing is generated before {month_label(first)}; ask for a later month")
    columns = ((column.name, column.type_in(month)) for column in HISTORY[service])
    return pa.schema([(name, kind) for name, kind in columns if kind is not None])
