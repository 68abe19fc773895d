"""Run a table's checks.sql: each query returns the rows that break its rule."""

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from flocon.errors import CheckFailed, FloconError

log = logging.getLogger(__name__)

# The first rows, at most so many, that a query gives: in PostgreSQL or in the lake's engine.
FirstRows: TypeAlias = Callable[[str, int], list[dict[str, Any]]]

_EXAMPLES = 20
_HEADER = re.compile(
    r"^-- check: (?P<name>\w+)\n-- severity: (?P<severity>fail|warn)\n-- why: (?P<why>.+(?:\n--(?! check:).*)*)\n",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Check:
    """One rule: `query` returns the rows that break it; `severity` says whether that stops the publication."""

    name: str
    severity: str
    why: str
    query: str


def read_checks(path: Path) -> list[Check]:
    """The checks of one file; every statement must stand below its three comment lines (check, severity, why)."""
    text = path.read_text(encoding="utf-8")
    headers = list(_HEADER.finditer(text))
    if len(headers) != text.count("-- check:") or not headers:
        raise FloconError(
            f"{path}: each check needs the lines `-- check:`, `-- severity: fail|warn` and `-- why:` above it."
        )
    ends = [header.start() for header in headers[1:]] + [len(text)]
    return [
        Check(
            h["name"],
            h["severity"],
            " ".join(h["why"].replace("\n--", "\n").split()),
            text[h.end() : end].strip().rstrip(";"),
        )
        for h, end in zip(headers, ends, strict=True)
    ]


def run_checks(first_rows: FirstRows, paths: Iterable[Path], about: str) -> None:
    """Run all checks of these files; warn or raise `CheckFailed`, naming each broken rule with an example row.

    `about` says what is being checked, as in `yellow 2024-01`. The caller has published nothing yet.
    """
    failures = []
    for path in paths:
        for check in read_checks(path):
            broken = first_rows(check.query, _EXAMPLES)
            if not broken:
                continue
            text = f"{path.parent.name}.{check.name}: {len(broken)} row(s), such as {broken[0]}; {check.why}"
            if check.severity == "fail":
                failures.append(text)
            else:
                log.warning("%s: %s", about, text)
    if failures:
        raise CheckFailed(
            f"{about} was not published, what is shown stays as it was:\n" + "\n".join(failures)
        )
