"""A file against the contract: what is cast, kept or refused. Files are real Parquet, in memory."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flocon.errors import ContractError
from flocon.tables import find_table
from flocon.taxi.contract import Fit, fit, prove_lossless

NAME = "yellow_tripdata_2024-01.parquet"
AT = pa.array([1_704_067_200_000_000], pa.timestamp("us"))
PUBLISHED: dict[str, Any] = {
    "VendorID": pa.array([2], pa.int32()),
    "tpep_pickup_datetime": AT,
    "tpep_dropoff_datetime": AT,
    "passenger_count": pa.array([1], pa.int64()),
    "trip_distance": pa.array([1.5]),
    "RatecodeID": pa.array([1], pa.int64()),
    "store_and_fwd_flag": pa.array(["N"], pa.large_string()),
    "PULocationID": pa.array([161], pa.int32()),
    "DOLocationID": pa.array([237], pa.int32()),
    "payment_type": pa.array([1], pa.int64()),
    "fare_amount": pa.array([10.0]),
    "extra": pa.array([0.0]),
    "mta_tax": pa.array([0.5]),
    "tip_amount": pa.array([2.0]),
    "tolls_amount": pa.array([0.0]),
    "improvement_surcharge": pa.array([1.0]),
    "total_amount": pa.array([13.5]),
    "congestion_surcharge": pa.array([2.5]),
    "Airport_fee": pa.array([0.0]),
}


def parquet(without: str = "", **columns: Any) -> pq.ParquetFile:
    """The published file with some columns replaced or added, and one left out."""
    table = pa.table({name: array for name, array in {**PUBLISHED, **columns}.items() if name != without})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return pq.ParquetFile(pa.BufferReader(sink.getvalue()))


def fitted(file: pq.ParquetFile) -> tuple[Fit, dict[str, Any]]:
    """The fit of a file, and its one row after it."""
    found = fit(find_table("taxi", "raw", "yellow_trip"), file, NAME)
    prove_lossless(found, file)
    return found, found.apply(next(file.iter_batches())).to_pylist()[0]


def test_names_are_matched_whatever_their_case() -> None:
    found, row = fitted(parquet())
    assert found.new == {}
    assert row["airport_fee"] == 0.0
    assert row["vendorid"] == 2


def test_optional_columns_of_another_year_are_null() -> None:
    _, row = fitted(parquet(without="congestion_surcharge"))
    assert row["congestion_surcharge"] is None
    assert row["cbd_congestion_fee"] is None


@pytest.mark.parametrize(
    ("column", "array", "expected"),
    [
        ("passenger_count", pa.array([3.0]), 3),
        ("passenger_count", pa.array([None], pa.float64()), None),
        ("passenger_count", pa.nulls(1), None),
        ("PULocationID", pa.array([161], pa.int64()), 161),
        ("Airport_fee", pa.nulls(1), None),
        ("store_and_fwd_flag", pa.array(["Y"]).dictionary_encode(), "Y"),
        ("fare_amount", pa.array([10], pa.int64()), 10.0),
        ("fare_amount", pa.array([10.5], pa.float32()), 10.5),
    ],
)
def test_lossless_casts_are_done(column: str, array: Any, expected: Any) -> None:
    assert fitted(parquet(**{column: array}))[1][column.lower()] == expected


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_timestamps_of_any_unit(unit: str) -> None:
    _, row = fitted(parquet(tpep_pickup_datetime=AT.cast(pa.timestamp(unit))))
    assert row["tpep_pickup_datetime"].isoformat() == "2024-01-01T00:00:00"


@pytest.mark.parametrize(
    ("column", "array"),
    [
        ("passenger_count", pa.array([1.5])),
        ("PULocationID", pa.array([2**40], pa.int64())),
        ("fare_amount", pa.array([2**60 + 1], pa.int64())),
        ("tpep_pickup_datetime", pa.array([1_704_067_200_000_000_001], pa.timestamp("ns"))),
    ],
)
def test_lossy_casts_refuse_the_file_before_it_is_loaded(column: str, array: Any) -> None:
    with pytest.raises(ContractError, match=rf"{NAME}: column {column}.*without loss"):
        fitted(parquet(**{column: array}))


@pytest.mark.parametrize(
    ("column", "array"),
    [
        ("fare_amount", pa.array(["ten"])),
        ("VendorID", pa.array([True])),
        ("tpep_pickup_datetime", pa.array(["2024-01-01"])),
        ("tpep_pickup_datetime", AT.cast(pa.timestamp("us", "UTC"))),
        ("store_and_fwd_flag", pa.array([1])),
    ],
)
def test_impossible_casts_refuse_the_file(column: str, array: Any) -> None:
    with pytest.raises(ContractError, match=rf"{NAME} does not fit .*column {column} is"):
        fitted(parquet(**{column: array}))


def test_all_that_is_missing_is_named_at_once() -> None:
    table = pa.table({"vendor_name": ["CMT"], "Trip_Pickup_DateTime": ["2009-01-01"]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    with pytest.raises(ContractError) as refused:
        fitted(pq.ParquetFile(pa.BufferReader(sink.getvalue())))
    text = str(refused.value)
    assert "tpep_pickup_datetime is missing" in text
    assert "total_amount is missing" in text
    assert "The file has: vendor_name" in text


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array(["app"]), "text"),
        (pa.array([7], pa.int16()), "bigint"),
        (pa.array([0.5], pa.float32()), "double precision"),
        (pa.array([True]), "boolean"),
        (AT, "timestamp"),
    ],
)
def test_a_new_column_is_kept(array: Any, kind: str) -> None:
    found, row = fitted(parquet(Brand_New=array))
    assert found.new == {"brand_new": kind}
    assert row["brand_new"] == array.to_pylist()[0]


def test_two_columns_that_differ_only_by_case() -> None:
    with pytest.raises(ContractError, match="same name but for case"):
        fitted(parquet(airport_fee=pa.array([1.0])))
