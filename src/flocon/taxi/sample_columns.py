"""Generated trips as the columns of a publisher's file, in the types that its month has."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flocon.taxi.sample_recipe import Flags
from flocon.taxi.sample_trips import Columns

# Column of the file: column of a trip (see sample_trips).
_CODES = {
    "VendorID": "vendor",
    "PULocationID": "pickup_zone",
    "DOLocationID": "dropoff_zone",
    "payment_type": "payment",
    "passenger_count": "passengers",
    "RatecodeID": "rate_code",
    "trip_type": "trip_type",
}
_HUNDREDTHS = {
    "trip_distance": "distance",
    "fare_amount": "fare",
    "extra": "extra",
    "mta_tax": "mta_tax",
    "tip_amount": "tip",
    "tolls_amount": "tolls",
    "improvement_surcharge": "improvement",
    "total_amount": "total",
    "congestion_surcharge": "congestion",
    "airport_fee": "airport",
    "Airport_fee": "airport",
    "cbd_congestion_fee": "cbd",
}
_TIMES = {"pickup_datetime": "pickup", "dropoff_datetime": "dropoff"}
# The publisher does not say what request_source holds: its two values are made up.
_TEXTS = {"store_and_fwd_flag": ("is_stored", ("N", "Y")), "request_source": ("is_by_app", ("hail", "app"))}

_NULL_IN_BLOCK = {
    "passenger_count",
    "RatecodeID",
    "store_and_fwd_flag",
    "congestion_surcharge",
    "airport_fee",
    "Airport_fee",
    "trip_type",
}


def to_batch(trips: Columns, schema: pa.Schema) -> pa.RecordBatch:
    """The trips with the columns and types of `schema`, those of the null block with their gaps."""
    # Yellow marks these trips by payment type 0; green has no payment type for them.
    is_green = "trip_type" in schema.names
    return pa.RecordBatch.from_arrays([_array(trips, field, is_green) for field in schema], schema=schema)


def _array(trips: Columns, field: "pa.Field[Any]", is_green: bool) -> "pa.Array[Any]":
    name, kind = field.name, field.type
    array: pa.Array[Any]
    if pa.types.is_null(kind) or name == "ehail_fee":
        array = pa.nulls(len(trips["is_null"]), kind)
        return array
    is_gap = name in _NULL_IN_BLOCK or (name == "payment_type" and is_green)
    mask = trips["is_null"] if is_gap else None
    if name in _TEXTS:
        column, words = _TEXTS[name]
        indices = _wrap(trips[column].view(np.int8), pa.int8(), mask)
        return pa.DictionaryArray.from_arrays(indices, _words(words)).cast(kind)
    numbers = _numbers(trips, name)
    if not pa.types.is_timestamp(kind):
        numbers = numbers.astype(kind.to_pandas_dtype(), copy=False)
    return _wrap(numbers, kind, mask)


def _numbers(trips: Columns, name: str) -> npt.NDArray[Any]:
    if name in _CODES:
        return trips[_CODES[name]]
    if name in _HUNDREDTHS:
        return trips[_HUNDREDTHS[name]] / 100.0
    return trips[_TIMES[name.split("_", 1)[1]]] * 1_000_000


def _wrap(values: npt.NDArray[Any], kind: "pa.DataType", mask: Flags | None) -> "pa.Array[Any]":
    """The values as an Arrow array of that type, uncopied, null where `mask` is true.

    `pa.array` would load pandas for it, which takes longer than a million trips.
    """
    validity = None if mask is None else _buffer(np.packbits(~mask, bitorder="little"))
    array: pa.Array[Any] = pa.Array.from_buffers(kind, len(values), [validity, _buffer(values)])
    return array


def _words(words: tuple[str, ...]) -> pa.StringArray:
    ends = np.cumsum([0, *map(len, words)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(words), _buffer(ends), pa.py_buffer("".join(words).encode()))


def _buffer(values: npt.NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(values.data)
