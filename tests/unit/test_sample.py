"""Generated months: the publisher's schemas, the rates of what is wrong with real months, the same bytes each time."""

import hashlib
import io
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flocon.cli import app
from flocon.errors import SettingsError, SourceError
from flocon.taxi import sample
from flocon.taxi.sample_faults import spoil
from flocon.taxi.sample_recipe import Draws, Recipe
from flocon.taxi.sample_schema import FIRST_MONTH, schema_of
from flocon.taxi.sample_trips import COMPONENTS

JUNE = date(2026, 6, 1)
ROWS = 400_000
# Official files, where the machine has them: beside the project, not in it.
OFFICIAL = Path(__file__).parents[2] / "../shared/data/tlc"


def make(service: str, month: date, rows: int, seed: int = 7) -> bytes:
    return b"".join(sample.month_chunks(service, month, rows, seed))


def read(data: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(data))


@pytest.fixture(scope="module")
def june() -> pa.Table:
    return read(make("yellow", JUNE, ROWS))


def share(table: pa.Table, condition: pa.Array) -> float:
    return (pc.sum(pc.fill_null(condition, False)).as_py() or 0) / table.num_rows


# --- schema ---------------------------------------------------------------------------------------------

# What the files of each month were seen to hold; "-" where the file has no such column.
YELLOW_TYPES = {
    "2011-01": {"VendorID": "int64", "passenger_count": "int64", "RatecodeID": "int64", "congestion_surcharge": "null",
                "airport_fee": "null", "Airport_fee": "-", "store_and_fwd_flag": "string"},
    "2014-07": {"improvement_surcharge": "double"},
    "2014-08": {"improvement_surcharge": "null"},
    "2014-09": {"improvement_surcharge": "double"},
    "2018-06": {"passenger_count": "int64", "RatecodeID": "int64"},
    "2018-07": {"passenger_count": "double", "RatecodeID": "double", "congestion_surcharge": "null"},
    "2018-12": {"congestion_surcharge": "null"},
    "2019-01": {"congestion_surcharge": "double"},
    "2020-10": {"airport_fee": "null"},
    "2020-11": {"airport_fee": "double"},
    "2023-01": {"VendorID": "int64", "PULocationID": "int64", "DOLocationID": "int64", "passenger_count": "double",
                "RatecodeID": "double", "airport_fee": "double", "Airport_fee": "-", "store_and_fwd_flag": "string"},
    "2023-02": {"VendorID": "int32", "PULocationID": "int32", "DOLocationID": "int32", "passenger_count": "int64",
                "RatecodeID": "int64", "airport_fee": "-", "Airport_fee": "double",
                "store_and_fwd_flag": "large_string"},
    "2024-12": {"cbd_congestion_fee": "-"},
    "2025-01": {"cbd_congestion_fee": "double", "request_source": "-"},
    "2026-06": {"cbd_congestion_fee": "double", "request_source": "large_string"},
}  # fmt: skip
GREEN_TYPES = {
    "2013-08": {"VendorID": "int64", "congestion_surcharge": "null", "ehail_fee": "null"},
    "2023-01": {"VendorID": "int64", "ehail_fee": "null", "payment_type": "double", "trip_type": "double"},
    "2023-02": {"VendorID": "int32", "ehail_fee": "double", "payment_type": "double", "RatecodeID": "double"},
    "2024-01": {"payment_type": "int64", "trip_type": "int64", "airport_fee": "-", "Airport_fee": "-"},
    "2025-01": {"cbd_congestion_fee": "double", "request_source": "-"},
    "2026-06": {"request_source": "large_string"},
}
HISTORY = [
    (service, month, types)
    for service, history in (("yellow", YELLOW_TYPES), ("green", GREEN_TYPES))
    for month, types in history.items()
]


@pytest.mark.parametrize(("service", "month", "types"), HISTORY, ids=[f"{s}-{m}" for s, m, _ in HISTORY])
def test_a_file_has_the_types_of_its_month(service: str, month: str, types: dict[str, str]) -> None:
    schema = pq.read_schema(io.BytesIO(make(service, date.fromisoformat(f"{month}-01"), 100)))
    found = {name: str(schema.field(name).type) if name in schema.names else "-" for name in types}
    assert found == types


@pytest.mark.parametrize("month", ["2023-01", "2023-02"])
def test_green_has_the_schema_of_the_official_file(month: str) -> None:
    official = OFFICIAL / f"green_tripdata_{month}.parquet"
    if not official.exists():
        pytest.skip(f"no official file at {official}")
    ours = schema_of("green", date.fromisoformat(f"{month}-01"))
    assert [(f.name, f.type) for f in ours] == [(f.name, f.type) for f in pq.read_schema(official)]


@pytest.mark.parametrize("service", ["yellow", "green"])
def test_nothing_is_made_before_the_first_month(service: str) -> None:
    before = date(FIRST_MONTH[service].year - 1, 12, 1)
    with pytest.raises(SourceError, match=f"{service} {before:%Y-%m}: nothing is generated before"):
        make(service, before, 1)


# --- contents -------------------------------------------------------------------------------------------


def test_anomalies_come_at_the_rates_of_real_months(june: pa.Table) -> None:
    fare, distance = june["fare_amount"], june["trip_distance"]
    pickup, dropoff = june["tpep_pickup_datetime"], june["tpep_dropoff_datetime"]
    assert share(june, pc.is_null(june["passenger_count"])) == pytest.approx(0.26, abs=0.001)
    assert share(june, pc.less(fare, 0)) == pytest.approx(0.005, rel=0.1)
    assert share(june, pc.equal(distance, 0)) == pytest.approx(0.032, rel=0.05)
    assert share(june, pc.equal(pickup, dropoff)) == pytest.approx(0.0125, rel=0.1)
    assert share(june, pc.equal(june["RatecodeID"], 99)) == pytest.approx(0.026, rel=0.05)
    assert 0 < share(june, pc.less(dropoff, pickup)) < 100e-6


def test_pickups_outside_the_month_are_few_and_some_are_absurd() -> None:
    rows = 4_000_000
    recipe = Recipe("yellow", JUNE, rows, 7)
    trips = {
        name: np.zeros(rows, np.int64) for name in (*COMPONENTS, "total", "payment", "distance", "duration")
    }
    trips |= {"pickup": np.full(rows, recipe.start + 86_400), "is_null": np.zeros(rows, np.bool_)}
    spoil(trips, recipe, Draws(recipe, 0, rows))
    pickup, dropoff = trips["pickup"], trips["dropoff"]
    has_lost_clock = pickup < recipe.start - 86_400
    straddles = (pickup < recipe.start) & ~has_lost_clock
    assert 3e-6 < has_lost_clock.mean() < 8e-6
    assert 5e-6 < straddles.mean() < 15e-6
    assert (dropoff[straddles] >= recipe.start).all()
    assert 5e-6 < (pickup >= recipe.end).mean() < 15e-6
    assert 10e-6 < (dropoff < pickup).mean() < 30e-6
    assert 1_000_000 < trips["distance"].max() < 33_000_000


def test_the_null_block_is_one_and_the_same_rows(june: pa.Table) -> None:
    gaps = {name: june[name].is_null() for name in june.column_names if june[name].null_count}
    block = {"passenger_count", "RatecodeID", "store_and_fwd_flag", "congestion_surcharge", "Airport_fee"}
    assert set(gaps) == block
    unpaid = pc.equal(june["payment_type"], 0)
    assert all(is_null.equals(unpaid) for is_null in gaps.values())


def test_green_has_no_payment_type_in_its_null_block() -> None:
    table = read(make("green", JUNE, 10_000))
    assert table["payment_type"].null_count == table["trip_type"].null_count == 2_600
    assert table["ehail_fee"].null_count == 10_000
    assert pc.min(table["payment_type"]).as_py() == 1


def test_a_negative_fare_takes_back_the_row_before(june: pa.Table) -> None:
    refunds = np.flatnonzero(june["fare_amount"].to_numpy() < 0)
    for name in ("fare_amount", "total_amount", "extra"):
        amounts = june[name].to_numpy()
        assert np.array_equal(amounts[refunds], -amounts[refunds - 1])
    for name in ("tpep_pickup_datetime", "tpep_dropoff_datetime", "PULocationID", "trip_distance"):
        values = june[name].to_numpy()
        assert np.array_equal(values[refunds], values[refunds - 1])
    assert set(june["payment_type"].to_numpy()[refunds]) <= {0, 3, 4}


def test_exact_duplicates(june: pa.Table) -> None:
    distinct = june.group_by(june.column_names).aggregate([]).num_rows
    assert 1 - distinct / june.num_rows == pytest.approx(0.001, rel=0.25)


def test_totals_are_not_the_sum_of_their_parts_by_vendor(june: pa.Table) -> None:
    names = ("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge",
             "congestion_surcharge", "Airport_fee", "cbd_congestion_fee")  # fmt: skip
    parts = sum(np.nan_to_num(june[name].to_numpy()) for name in names)
    differs = np.abs(parts - june["total_amount"].to_numpy()) > 0.005
    vendor = june["VendorID"].to_numpy()
    assert differs.mean() == pytest.approx(0.367, abs=0.02)
    assert differs[vendor == 1].mean() > 2 * differs[vendor == 2].mean()


def test_amounts_are_whole_cents(june: pa.Table) -> None:
    for name in ("fare_amount", "tip_amount", "total_amount"):
        amounts = june[name].to_numpy()
        assert np.array_equal(amounts, np.round(amounts, 2))


def test_trips_look_like_a_city(june: pa.Table) -> None:
    fare, distance = june["fare_amount"].to_numpy(), june["trip_distance"].to_numpy()
    hour = pc.hour(june["tpep_pickup_datetime"]).to_numpy()
    by_hour = np.bincount(hour, minlength=24) / len(hour)
    assert 1.5 < np.median(distance) < 2.5
    assert 10 < np.median(fare) < 16
    assert by_hour.argmax() == 18
    assert by_hour.argmin() == 4
    assert np.corrcoef(fare[distance < 100], distance[distance < 100])[0, 1] > 0.8
    zones = june["PULocationID"].to_numpy()
    assert zones.min() >= 1
    assert zones.max() == 265
    assert 0.03 < (zones == 132).mean() < 0.07


# --- bytes ----------------------------------------------------------------------------------------------


def test_the_same_recipe_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from datetime import date; from flocon.taxi import sample\n"
        "chunks = sample.month_chunks('yellow', date(2026, 6, 1), 200_000, 7)\n"
        "print(hashlib.sha256(b''.join(chunks)).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert other.stdout.strip() == hashlib.sha256(make("yellow", JUNE, 200_000)).hexdigest()


def test_service_month_and_seed_give_other_trips() -> None:
    def pickups(service: str, month: date, seed: int) -> list[object]:
        table = read(make(service, month, 100, seed))
        return [moment.replace(month=1) for moment in table.column(1).to_pylist()]

    first = pickups("yellow", date(2024, 1, 1), 7)
    assert first != pickups("yellow", date(2024, 1, 1), 8)
    assert first != pickups("green", date(2024, 1, 1), 7)
    assert first != pickups("yellow", date(2024, 3, 1), 7)


def test_fingerprints_differ_where_the_bytes_may() -> None:
    recipes = [("yellow", JUNE, 10, 7), ("green", JUNE, 10, 7), ("yellow", date(2026, 5, 1), 10, 7),
               ("yellow", JUNE, 11, 7), ("yellow", JUNE, 10, 8)]  # fmt: skip
    prints = [sample.fingerprint(*recipe) for recipe in recipes]
    assert len(set(prints)) == len(recipes)
    assert prints[0] == sample.fingerprint(*recipes[0])


def test_the_file_says_that_it_is_synthetic() -> None:
    metadata = pq.read_metadata(io.BytesIO(make("yellow", JUNE, 5))).metadata
    assert sample.is_synthetic(metadata)
    assert metadata[b"flocon.synthetic"] == b"true"
    assert (metadata[b"flocon.sample_rows"], metadata[b"flocon.sample_seed"]) == (b"5", b"7")
    assert not sample.is_synthetic(None)
    assert not sample.is_synthetic({b"pandas": b"{}"})


def test_row_groups_and_compression_are_the_publishers() -> None:
    metadata = pq.read_metadata(io.BytesIO(make("yellow", date(2024, 1, 1), sample.ROW_GROUP + 1)))
    assert [metadata.row_group(i).num_rows for i in range(2)] == [1_048_576, 1]
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    older = pq.read_metadata(io.BytesIO(make("yellow", date(2023, 1, 1), 10)))
    assert older.row_group(0).column(0).compression == "SNAPPY"


@pytest.mark.parametrize("rows", [1, 2, 3, 7, sample.BLOCK - 1, sample.BLOCK, sample.BLOCK + 1])
def test_any_number_of_rows(rows: int) -> None:
    assert read(make("green", JUNE, rows)).num_rows == rows


@pytest.mark.parametrize(("rows", "seed"), [(0, 1), (-1, 1), (1, -1)])
def test_impossible_sizes_are_refused(rows: int, seed: int) -> None:
    with pytest.raises(SourceError, match="rows from 1, seed from 0"):
        make("yellow", JUNE, rows, seed)


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(SettingsError, match="not a service"):
        make("fhv", JUNE, 1)


def test_a_file_appears_whole_under_the_publishers_name(tmp_path: Path) -> None:
    path = sample.sample_file(tmp_path / "new", "yellow", JUNE, 1_000, 7)
    assert path.name == "yellow_tripdata_2026-06.parquet"
    assert path.read_bytes() == make("yellow", JUNE, 1_000)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failed_month_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "yellow_tripdata_2009-01.parquet"
    path.write_bytes(b"before")
    with pytest.raises(SourceError):
        sample.write_month(path, "yellow", date(2009, 1, 1), 10, 7)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_says_that_its_files_are_synthetic(tmp_path: Path) -> None:
    options = ["--months", "2024-01..2024-02", "--rows", "500", "--seed", "7", "--to", str(tmp_path)]
    result = CliRunner().invoke(app, ["taxi", "sample", *options])
    assert result.exit_code == 0, result.output
    assert result.output.count("500 SYNTHETIC trips") == 2
    assert "not published by TLC" in result.output
    names = ["yellow_tripdata_2024-01.parquet", "yellow_tripdata_2024-02.parquet"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (tmp_path / names[0]).read_bytes() == make("yellow", date(2024, 1, 1), 500)
