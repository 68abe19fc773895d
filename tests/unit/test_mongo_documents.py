"""Rows as MongoDB documents, and the address of the server, without a server."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bson.decimal128 import Decimal128

from flocon.errors import FloconError, SettingsError
from flocon.publish.mongo_documents import Shape, exact_double
from flocon.publish.mongo_server import connected, host_of
from flocon.stack.scratch import scratch_settings
from flocon.tables import find_table

WEEK = find_table("sales", "gold", "agg_semaine")
ROW = {"annee": 2024, "semaine": 1, "debut": date(2024, 1, 1), "ca_total": Decimal("0.10")}


def documents(
    tmp_path: Path, rows: list[dict[str, Any]], *, has_decimals: bool = True
) -> list[dict[str, Any]]:
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "gold.parquet")
    shape = Shape(WEEK, "abc", has_decimals)
    return [each for batch in shape.batches(tmp_path / "gold.parquet", 2) for each in batch]


def test_a_key_of_two_columns_is_one_text(tmp_path: Path) -> None:
    assert documents(tmp_path, [ROW]) == [
        {
            "_id": "[2024, 1]",
            "annee": 2024,
            "semaine": 1,
            "debut": datetime(2024, 1, 1),  # noqa: DTZ001 (the driver takes it as UTC)
            "ca_total": Decimal128("0.10"),
            "_source_hash": "abc",
        }
    ]


def test_rows_come_in_pieces(tmp_path: Path) -> None:
    rows = [{**ROW, "semaine": n} for n in range(5)]
    assert [each["semaine"] for each in documents(tmp_path, rows)] == [0, 1, 2, 3, 4]
    pieces = list(Shape(WEEK, "abc", has_decimals=True).batches(tmp_path / "gold.parquet", 2))
    assert [len(piece) for piece in pieces] == [2, 2, 1]


def test_a_row_without_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        FloconError, match=r"gold\.agg_semaine: a document needs a key, and semaine is missing"
    ):
        documents(tmp_path, [ROW, {**ROW, "semaine": None}])


def test_a_type_without_a_form_in_mongodb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FloconError, match=r"gold\.agg_semaine\.at: time64\[us\] has no form in MongoDB"):
        documents(tmp_path, [{**ROW, "at": datetime(2024, 1, 1, 12).time()}])  # noqa: DTZ001


def test_amounts_are_exact_as_doubles_or_refused(tmp_path: Path) -> None:
    assert documents(tmp_path, [ROW], has_decimals=False)[0]["ca_total"] == 0.10
    assert exact_double(Decimal("-9999999999999.99"), "x") == -9999999999999.99
    with pytest.raises(FloconError, match=r"x: 9007199254740993\.01 cannot be kept exactly by FerretDB 1"):
        exact_double(Decimal("9007199254740993.01"), "x")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("mongodb://db:27017", "db:27017"),
        ("mongodb://user:secret@db:27017/flocon?authSource=admin", "db:27017"),
        ("mongodb://user:secret@a:1,b:2?replicaSet=x&appName=p@q", "a:1,b:2"),
        ("mongodb+srv://user:secret@cluster.example.org", "cluster.example.org"),
    ],
)
def test_the_host_of_an_address_has_no_password(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "localhost:27017",
        "mongodb://user:se/cret@db",
        "mongodb://user:se@cret@db",
        "mongodb://user:se%cret@db",
    ],
)
def test_an_address_that_makes_no_sense_is_told_without_it(url: str, tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path, mongo_url=url)
    refused = pytest.raises(SettingsError, match="FLOCON_MONGO_URL is not an address of MongoDB")
    with refused as caught, connected(settings, "test"):
        pass
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None
