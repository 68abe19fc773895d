"""Months, as commands and runs name them. A month is the `date` of its first day."""

import re
from collections.abc import Iterator
from datetime import date
from typing import TypeAlias

from flocon.errors import SettingsError

Month: TypeAlias = date

_MONTH = re.compile(r"(\d{4})-(\d{2})")


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
