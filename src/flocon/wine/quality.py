"""The verdict of a month's quality tests: gold.tests_vin says what each expected, what it found, and what follows."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from flocon.errors import CheckFailed
from flocon.flow import Flow
from flocon.postgres import explained
from flocon.shelf import Shelf

TESTS = "gold.tests_vin"
DOMAIN = "wine"
OK, FAILED = "ok", "échec"


@dataclass(frozen=True)
class Result:
    """One test, as a row of gold.tests_vin: `resultat` is ok, échec (severity fail) or alerte (severity warn)."""

    nom: str
    severite: str
    attendu: str
    trouve: str
    resultat: str
    description: str

    @property
    def failed(self) -> bool:
        """Whether it keeps the month from being published."""
        return self.resultat == FAILED

    def __str__(self) -> str:
        return f"{self.nom}: {self.attendu} expected, {self.trouve} found; {self.description}"


def results(shelf: Shelf) -> list[Result]:
    """All tests of the shelf's month, by name.

    Raises:
        FloconError: gold of the month was never made.
    """
    (path,) = shelf.paths(TESTS)
    columns = [field.name for field in fields(Result)]
    return [Result(**row) for row in pq.read_table(path, columns=columns).to_pylist()]


def results_of(flow: Flow, month: date) -> list[Result]:
    """All tests of a month, by name; raises as `results` does."""
    with (
        explained(f"{DOMAIN} {month:%Y-%m}") as sessions,
        sessions.open("warehouse", flow.warehouse) as warehouse,
        TemporaryDirectory(prefix="flocon-") as scratch,
    ):
        return results(Shelf(flow, warehouse, DOMAIN, Path(scratch), month))


def lines(found: Iterable[Result]) -> list[str]:
    """One line a test for people to read, those that are not ok first: result, name, found and expected."""
    ordered = sorted(found, key=lambda result: (not result.failed, result.resultat == OK, result.nom))
    return [f"{each.resultat:<6}  {each.nom:<28}{each.trouve} ({each.attendu})" for each in ordered]


def failed_tests(shelf: Shelf) -> list[str]:
    """The tests of severity `fail` that failed, each with what it expects and what it found, in the table's order."""
    return [str(result) for result in results(shelf) if result.failed]


def require_passed(shelf: Shelf, month: date) -> None:
    """Return when the month may be published.

    Raises:
        CheckFailed: tests failed; the message names each of them.
    """
    failed = failed_tests(shelf)
    if failed:
        raise CheckFailed(
            f"{DOMAIN} {month:%Y-%m}: {len(failed)} quality test(s) failed, so only the test report is published; the "
            "mart and the other reports stay as they were. Have the files corrected and run the month again:\n"
            + "\n".join(failed)
        )
