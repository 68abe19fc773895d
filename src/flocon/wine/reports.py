"""Gold → reports: a month's workbooks and extracts, in `reports/wine/<YYYY-MM>/` and where the setting says besides.

All are made before the first is stored. While a quality test of severity `fail` fails, only the test report is stored.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import xlsxwriter

from flocon import ledger
from flocon.errors import FloconError, TransientError
from flocon.flow import Flow, Outcome
from flocon.lake import Lake
from flocon.postgres import Connection
from flocon.shelf import Shelf, is_held
from flocon.wine.extraction import write_extraction
from flocon.wine.quality import TESTS, failed_tests, require_passed
from flocon.wine.sheets import Row
from flocon.wine.workbook import write_revenue, write_tests

log = logging.getLogger(__name__)

BUCKET = "reports"

_DOMAIN = "wine"
_PRODUCTS, _TOTALS = "gold.produits_vin", "gold.ca_vin"
_GAPS, _SET_ASIDE = "gold.ecarts_vin", "gold.mises_a_part_vin"
# What a report looks like is decided here: when one of these files changes, the reports are made again.
_LAYOUT = ("extraction.py", "reports.py", "sheets.py", "words.py", "workbook.py")


@dataclass(frozen=True)
class Report:
    """A report: the file's path below its month, the gold tables that it shows, and how it is made of them."""

    path: str
    inputs: tuple[str, ...]
    make: Callable[[Path, date, Shelf], int]
    is_always_published: bool = False

    @property
    def dataset(self) -> str:
        """What the ledger calls it."""
        return f"{_DOMAIN}.{Path(self.path).stem}"


def _make_tests(path: Path, month: date, shelf: Shelf) -> int:
    tests, gaps, set_aside = (_rows(shelf, name) for name in (TESTS, _GAPS, _SET_ASIDE))
    return write_tests(path, month, tests, gaps, set_aside)


def _make_revenue(path: Path, month: date, shelf: Shelf) -> int:
    return write_revenue(path, month, _rows(shelf, _PRODUCTS), _rows(shelf, _TOTALS)[0])


def _make_extract(group: str) -> Callable[[Path, date, Shelf], int]:
    def make(path: Path, month: date, shelf: Shelf) -> int:
        columns = list(shelf.table(_PRODUCTS).metadata.columns)
        rows = [row for row in _rows(shelf, _PRODUCTS) if row["classement"] == group]
        return write_extraction(path, columns, rows)

    return make


def _rows(shelf: Shelf, name: str) -> list[Row]:
    (path,) = shelf.paths(name)
    return pq.read_table(path).to_pylist()


REPORTS = (
    Report("debug/rapport_test.xlsx", (TESTS, _GAPS, _SET_ASIDE), _make_tests, is_always_published=True),
    Report("rapport_CA.xlsx", (_PRODUCTS, _TOTALS), _make_revenue),
    Report("extraction_premium.csv", (_PRODUCTS,), _make_extract("premium")),
    Report("extraction_ordinaire.csv", (_PRODUCTS,), _make_extract("ordinaire")),
)


def publish_reports(flow: Flow, month: date, *, force: bool = False) -> list[Outcome]:
    """Make and store the reports of a month that are not there as gold, and their layout, are now.

    Raises:
        FloconError: a gold table of the month was never made.
        CheckFailed: a quality test failed. The test report is stored by then, the others stay as they were.
    """
    with (
        flow.holding(f"{_DOMAIN} {month:%Y-%m}") as warehouse,
        TemporaryDirectory(prefix="flocon-") as scratch,
    ):
        shelf = Shelf(flow, warehouse, _DOMAIN, Path(scratch), month)
        outcomes = _Publication(flow, warehouse, shelf, month, force).run()
        require_passed(shelf, month)
    return outcomes


def fetch_reports(lake: Lake, month: date, folder: Path) -> list[Path]:
    """Write the published reports of a month into a folder, under the paths that they have there; return these.

    Of a month whose quality tests failed from the beginning there is only the test report.

    Raises:
        FloconError: the month has no reports, or the folder cannot be written.
        TransientError: they were being published meanwhile.
    """
    about, prefix = f"{_DOMAIN} {month:%Y-%m}", f"{_DOMAIN}/{month:%Y-%m}/"
    held = lake.list(BUCKET, prefix)
    paths = [report.path for report in REPORTS if prefix + report.path in held]
    if not paths:
        again = f"run `make run DOMAIN={_DOMAIN} MONTHS={month:%Y-%m}` first"
        raise FloconError(f"{about}: there are no reports in {BUCKET}/{prefix}, {again}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
            for path in paths:
                _require_parent(Path(scratch) / path)
                lake.fetch(BUCKET, prefix + path, Path(scratch) / path)
            if lake.list(BUCKET, prefix) != held:
                raise TransientError(f"{about}: the reports were being published; fetch them again.")
            for path in paths:
                _require_parent(folder / path)
                (Path(scratch) / path).replace(folder / path)
    except OSError as error:
        raise FloconError(f"{about}: {folder} cannot be written ({error.strerror}).") from error
    return [folder / path for path in paths]


def _require_parent(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)


@dataclass(frozen=True)
class _Place:
    """Where a report of the month is stored: `step` is what the ledger calls storing it there."""

    report: Report
    step: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True)
class _Judged:
    """A report in its place: the newest entry of the ledger, and why it is to be stored (again)."""

    place: _Place
    entry: ledger.Entry | None
    stale: str | None

    @property
    def report(self) -> Report:
        """The report."""
        return self.place.report


@dataclass
class _Publication:
    """The reports of one month on their way from gold to the lake."""

    flow: Flow
    warehouse: Connection
    shelf: Shelf
    month: date
    force: bool

    def run(self) -> list[Outcome]:
        """Judge all, make those that are stale, then store them; the test report first."""
        failed = failed_tests(self.shelf)
        due = [report for report in REPORTS if report.is_always_published or not failed]
        judged = [self._judge(place) for report in due for place in self._places(report)]
        stale = {each.report.path: each.report for each in judged if each.stale is not None}
        made = {path: self._make(report) for path, report in stale.items()}
        return [self._settle(each, made) for each in judged]

    def _places(self, report: Report) -> list[_Place]:
        months = f"{self.month:%Y-%m}/{report.path}"
        places = [_Place(report, "report", BUCKET, f"{_DOMAIN}/{months}")]
        if self.flow.settings.wine_reports_to:
            bucket, _, prefix = self.flow.settings.wine_reports_to.strip("/").partition("/")
            places.append(_Place(report, "report_copy", bucket, f"{prefix}/{months}".lstrip("/")))
        return places

    def _judge(self, place: _Place) -> _Judged:
        entry = ledger.current(self.warehouse, place.report.dataset, place.step, self.month)
        self.warehouse.commit()
        held = is_held(self.flow, place.bucket, entry)
        stale = ledger.why_stale(entry, self._wanted(place), output_exists=held, force=self.force)
        return _Judged(place, entry, stale)

    def _wanted(self, place: _Place) -> str:
        inputs = " ".join(f"{name} {self.shelf.identity(name)}" for name in place.report.inputs)
        return f"{place} of {inputs} layout {_layout()}"

    def _make(self, report: Report) -> tuple[Path, int]:
        path = self.shelf.folder / Path(report.path).name
        return path, report.make(path, self.month, self.shelf)

    def _settle(self, judged: _Judged, made: dict[str, tuple[Path, int]]) -> Outcome:
        """Store what is to be stored, and say what was done."""
        place, entry, stale = judged.place, judged.entry, judged.stale
        if entry is None or stale is not None:
            entry = self._store(place, *made[place.report.path])
        done = "nothing to do" if stale is None else f"{entry.rows:,} rows, {entry.bytes:,} bytes ({stale})"
        message, name = f"{place}: {done}", Path(place.report.path).name
        log.info("%s", message)
        told = (entry.seconds, entry.rows, entry.sha256, entry.facts)
        return Outcome(place.step, name, self.month, stale is not None, message, *told)

    def _store(self, place: _Place, path: Path, rows: int) -> ledger.Entry:
        started = time.monotonic()
        stored = self.flow.lake.put_file(place.bucket, place.key, path)
        entry = ledger.Entry(
            dataset=place.report.dataset,
            step=place.step,
            file_month=self.month,
            input_fingerprint=self._wanted(place),
            run_id=self.flow.run_id,
            seconds=time.monotonic() - started,
            sha256=stored.sha256,
            rows=rows,
            bytes=stored.bytes,
            facts={"bucket": place.bucket, "key": place.key, "etag": stored.etag},
        )
        ledger.record(self.warehouse, entry)
        self.warehouse.commit()
        return entry


@cache
def _layout() -> str:
    """A digest (hex) of what decides the bytes of a report besides its rows."""
    digest = hashlib.sha256(xlsxwriter.__version__.encode())
    for name in _LAYOUT:
        digest.update(hashlib.sha256((Path(__file__).parent / name).read_bytes()).digest())
    return digest.hexdigest()
