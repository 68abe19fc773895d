"""The publisher's services and file names."""

import re

from flocon.errors import SettingsError
from flocon.months import Month, month_label, parse_month

SERVICES = ("yellow", "green")
ZONE_TABLE = "taxi_zone_lookup.csv"

_FILE_NAME = re.compile(rf"({'|'.join(SERVICES)})_tripdata_(\d{{4}}-\d{{2}})\.parquet")


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
