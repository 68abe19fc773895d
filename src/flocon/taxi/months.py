"""Months and the publisher's file names. A month is the `date` of its first day."""

import re
from collections.abc import Iterator
from datetime import date
from typing import TypeAlias

from flocon.errors import SettingsError

Month: TypeAlias = date

SERVICES = ("yellow", "green")
ZONE_TABLE = "taxi_zone_lookup.csv"

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_FILE_NAME = re.compile(rf"({'|'.join(SERVICES)})_tripdata_(\d{{4}}-\d{{2}})\.parquet")


def parse_month(text: str) -> Month:
    """The first day of the month written `2024-01`.

    Raises:
        SettingsError: not of that form, or no such month.
    """
    match = _MONTH.fullmatch(text.strip())
    if not match or not 1 <= int(match[2]) <= 12 or int(match[1]) < 1:
        raise SettingsError(f"{text.strip()!r} is not a month: write it as 2024-01")
    return date(int(match[1]), int(match[2]), 1)


def parse_months(text: str) -> list[Month]:
    """The months of `2024-01`, of a range `2024-01..2024-03` or of a comma list of these: sorted, each once.

    Raises:
        SettingsError: nothing in it, a part that is not a month, or a range that runs backwards.
    """
    months = {month for part in text.split(",") if part.strip() for month in _parse_part(part.strip())}
    if not months:
        raise SettingsError("no month given: write 2024-01, 2024-01..2024-03 or 2024-01,2024-05")
    return sorted(months)


def _parse_part(part: str) -> Iterator[Month]:
    first_text, dots, last_text = part.partition("..")
    first = parse_month(first_text)
    last = parse_month(last_text) if dots else first
    if last < first:
        raise SettingsError(f"{part!r} runs backwards: write {last_text}..{first_text}")
    while first <= last:
        yield first
        first = next_month(first)


def next_month(month: Month) -> Month:
    """The month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_label(month: Month) -> str:
    """The month as `2024-01`."""
    return f"{month:%Y-%m}"


def file_name(service: str, month: Month) -> str:
    """The publisher's name of a month's file, e.g. `yellow_tripdata_2024-01.parquet`.

    Raises:
        SettingsError: an unknown service.
    """
    return f"{check_service(service)}_tripdata_{month_label(month)}.parquet"


def check_service(service: str) -> str:
    """The service, when it is one.

    Raises:
        SettingsError: an unknown service.
    """
    if service not in SERVICES:
        raise SettingsError(f"{service!r} is not a service: choose {' or '.join(SERVICES)}")
    return service


def parse_file_name(name: str) -> tuple[str, Month] | None:
    """Service and month of a publisher's file name; None for any other file (the zone table)."""
    match = _FILE_NAME.fullmatch(name)
    return (match[1], parse_month(match[2])) if match else None


def describe(name: str) -> str:
    """How messages call a file: its service and month, then its name."""
    parsed = parse_file_name(name)
    return f"{parsed[0]} {month_label(parsed[1])} ({name})" if parsed else name
