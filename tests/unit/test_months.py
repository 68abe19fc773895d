"""Months and file names: what is understood, and what is said when it is not."""

from datetime import date

import pytest

from flocon.errors import SettingsError
from flocon.months import month_label, next_month, parse_month, parse_months
from flocon.taxi.names import check_service, describe, file_name, parse_file_name


def test_a_month_is_its_first_day() -> None:
    assert parse_month(" 2024-02 ") == date(2024, 2, 1)
    assert month_label(date(2024, 2, 1)) == "2024-02"


@pytest.mark.parametrize(
    "text", ["2024-13", "2024-00", "2024", "2024-1", "24-01", "2024-01-01", "", "January", "0000-01"]
)
def test_what_is_not_a_month_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="write it as 2024-01"):
        parse_month(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01", ["2024-01"]),
        ("2023-11..2024-02", ["2023-11", "2023-12", "2024-01", "2024-02"]),
        ("2024-03,2024-01", ["2024-01", "2024-03"]),
        ("2024-01..2024-02, 2024-02..2024-03", ["2024-01", "2024-02", "2024-03"]),
        ("2024-01..2024-01", ["2024-01"]),
    ],
)
def test_months_are_sorted_and_each_once(text: str, expected: list[str]) -> None:
    assert [month_label(month) for month in parse_months(text)] == expected


def test_a_range_that_runs_backwards_is_turned_around_in_the_message() -> None:
    with pytest.raises(SettingsError, match=r"runs backwards: write 2024-01\.\.2024-03"):
        parse_months("2024-03..2024-01")


@pytest.mark.parametrize("text", ["", " , "])
def test_no_month_at_all(text: str) -> None:
    with pytest.raises(SettingsError, match="no month given"):
        parse_months(text)


@pytest.mark.parametrize("text", ["2024-01..", "..2024-01", "2024-01..x", "2024-01,x"])
def test_a_part_that_is_no_month(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a month"):
        parse_months(text)


def test_the_year_ends_with_december() -> None:
    assert next_month(date(2023, 12, 1)) == date(2024, 1, 1)
    assert next_month(date(2024, 1, 1)) == date(2024, 2, 1)


def test_file_names_go_both_ways() -> None:
    name = file_name("green", date(2023, 2, 1))
    assert name == "green_tripdata_2023-02.parquet"
    assert parse_file_name(name) == ("green", date(2023, 2, 1))
    assert describe(name) == "green 2023-02 (green_tripdata_2023-02.parquet)"


@pytest.mark.parametrize(
    "name", ["taxi_zone_lookup.csv", "fhv_tripdata_2023-02.parquet", "green_tripdata_2023-02.csv"]
)
def test_other_files_are_no_months(name: str) -> None:
    assert parse_file_name(name) is None
    assert describe(name) == name


def test_an_unknown_service_is_named() -> None:
    with pytest.raises(SettingsError, match="'fhv' is not a service: choose yellow or green"):
        check_service("fhv")
