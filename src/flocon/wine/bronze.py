"""Source → bronze: a month's three files, Excel or CSV, each as received and as text Parquet; all of them or none."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from flocon import ledger
from flocon.dropped.contract import Unfit, is_for
from flocon.dropped.intake import Fit, fit, wanted
from flocon.errors import ContractError
from flocon.flow import Flow, Outcome
from flocon.inbox import BUCKET, IN_LAKE, Drop, drops
from flocon.months import Month, month_label
from flocon.postgres import Connection
from flocon.quarantine import refuse
from flocon.shelf import dataset, is_held, lake_tables, object_key
from flocon.tables import Table

log = logging.getLogger(__name__)

DOMAIN, LAYER = "wine", "bronze"


def ingest(flow: Flow, month: Month, source: str, *, force: bool = False) -> list[Outcome]:
    """Bring a month's files, dropped in `source` (`lake`, or a folder), into bronze, unless they are there already.

    In the lake they are below `wine/<month>/`; in a folder, in its sub-folder `<month>` where it has one, else in the
    folder itself. Nothing of the month changes unless all three are there and fit their contracts; those that do not
    are copied to quarantine with the reason.

    Raises:
        ContractError: a file is missing, is there twice, or does not fit its contract; each such file is named.
        SourceError: the source cannot be read.
        TransientError: a server cannot be reached.
    """
    with (
        flow.holding(f"{DOMAIN} {month_label(month)}") as warehouse,
        TemporaryDirectory(prefix="flocon-") as scratch,
    ):
        taken = _Month(flow, warehouse, month, Path(scratch))
        return taken.run(taken.find(source), force=force)


def ingest_found(
    flow: Flow, month: Month, found: Sequence[tuple[Table, Drop]], *, force: bool = False
) -> list[Outcome]:
    """Bring a month's files, one for each table, into bronze, as `ingest` does."""
    with (
        flow.holding(f"{DOMAIN} {month_label(month)}") as warehouse,
        TemporaryDirectory(prefix="flocon-") as scratch,
    ):
        return _Month(flow, warehouse, month, Path(scratch)).run(found, force=force)


@dataclass(frozen=True)
class _File:
    """One file of a month, fetched to `received`. `held` is its entry while bronze has it, else `why` says why not."""

    table: Table
    drop: Drop
    received: Path
    sha256: str
    held: ledger.Entry | None
    why: str | None

    @property
    def written(self) -> Path:
        """Where its rows are written before they are stored."""
        return self.received.with_suffix(".parquet")

    @property
    def fingerprint(self) -> str:
        """What its place in bronze is made from; how it is read follows from its name."""
        return f"{wanted(self.table, self.sha256)} file {self.drop.name}"


class _Fitted(NamedTuple):
    """What was found in a file, and how many seconds that took."""

    fit: Fit
    seconds: float


@dataclass(frozen=True)
class _Month:
    """A month on its way into bronze."""

    flow: Flow
    warehouse: Connection
    month: Month
    scratch: Path

    @property
    def label(self) -> str:
        """The month, as folders and people write it."""
        return month_label(self.month)

    def run(self, found: Sequence[tuple[Table, Drop]], *, force: bool) -> list[Outcome]:
        """Look at all files, then store them, then say in one commit that they are there."""
        files = [self._fetch(table, drop, force=force) for table, drop in found]
        fitted = self._fit([file for file in files if file.held is None])
        entries = [file.held or self._store(file, fitted[file.table.name]) for file in files]
        for file, entry in zip(files, entries, strict=True):
            if file.held is None:
                ledger.record(self.warehouse, entry)
        self.warehouse.commit()
        return [self._outcome(file, entry) for file, entry in zip(files, entries, strict=True)]

    def find(self, source: str) -> list[tuple[Table, Drop]]:
        """The file of each table; `ContractError` unless every one is there just once."""
        inbox = f"{DOMAIN}/{self.label}"
        if source != IN_LAKE and (Path(source) / self.label).is_dir():
            source = str(Path(source) / self.label)
        place = f"{BUCKET}/{inbox}" if source == IN_LAKE else source
        there = [drop for drop in drops(self.flow.lake, inbox, source) if "/" not in drop.name]
        tables = lake_tables(DOMAIN, LAYER)
        found = {table.name: [drop for drop in there if is_for(drop.name, table)] for table in tables}
        problems = [text for table in tables if (text := _problem(table, found[table.name]))]
        if problems:
            names = ", ".join(drop.name for drop in there) or "nothing"
            raise ContractError(
                f"{DOMAIN} {self.label} was not taken, nothing of it changed: {'; '.join(problems)} ({place} has "
                f"{names}). Drop each file there once, then run the month again."
            )
        for drop in there:
            if not any(is_for(drop.name, table) for table in tables):
                log.warning("%s: left alone, it is none of a month's files", drop.origin)
        return [(table, found[table.name][0]) for table in tables]

    def _fetch(self, table: Table, drop: Drop, *, force: bool) -> _File:
        """Fetch a file, and ask the ledger whether bronze has it."""
        received = self.scratch / f"{table.name}.received"
        file = _File(table, drop, received, drop.fetch(received), None, None)
        entry = ledger.current(self.warehouse, dataset(table), LAYER, self.month)
        self.warehouse.commit()
        is_there = is_held(self.flow, LAYER, entry) and self._has_raw(entry)
        why = ledger.why_stale(entry, file.fingerprint, output_exists=is_there, force=force)
        return replace(file, held=entry if why is None else None, why=why)

    def _has_raw(self, entry: ledger.Entry | None) -> bool:
        """Whether the lake still has the file as received, unchanged."""
        raw = None if entry is None else self.flow.lake.head(LAYER, entry.facts["raw_key"])
        return entry is not None and raw is not None and raw.etag == entry.facts["raw_etag"]

    def _fit(self, files: Sequence[_File]) -> dict[str, _Fitted]:
        """Hold files against their contracts, by table; `ContractError` when one does not fit, after all were seen."""
        fitted, refused = {}, []
        for file in files:
            started = time.monotonic()
            try:
                found = fit(
                    self.flow.settings,
                    file.table,
                    file.drop.name,
                    file.received,
                    file.written,
                    keeps_empty_rows=False,
                )
                fitted[file.table.name] = _Fitted(found, time.monotonic() - started)
            except Unfit as unfit:
                where = f"{DOMAIN}/{self.label}"
                refused.append(refuse(self.flow, where, file.drop, file.received, file.sha256, unfit.reason))
        if refused:
            raise ContractError(
                f"{DOMAIN} {self.label} was not taken, nothing of it changed. Mend what was refused, drop it again and "
                "run the month again:\n" + "\n".join(refused)
            )
        return fitted

    def _store(self, file: _File, fitted: _Fitted) -> ledger.Entry:
        """Store a file as received and as Parquet; answer what the ledger is to say of it."""
        key = object_key(file.table, self.month)
        raw_key = f"{key.removesuffix('.parquet')}{PurePosixPath(file.drop.name).suffix.lower()}"
        raw = self.flow.lake.put_file(LAYER, raw_key, file.received)
        stored = self.flow.lake.put_file(LAYER, key, file.written)
        keys = {
            "key": key,
            "etag": stored.etag,
            "object_sha256": stored.sha256,
            "raw_key": raw_key,
            "raw_etag": raw.etag,
        }
        return ledger.Entry(
            dataset=dataset(file.table),
            step=LAYER,
            file_month=self.month,
            input_fingerprint=file.fingerprint,
            run_id=self.flow.run_id,
            seconds=fitted.seconds,
            source_url=file.drop.origin,
            sha256=file.sha256,
            rows=fitted.fit.rows,
            bytes=stored.bytes,
            schema_seen=fitted.fit.types,
            facts={**keys, **fitted.fit.facts},
        )

    def _outcome(self, file: _File, entry: ledger.Entry) -> Outcome:
        if file.why is None:
            did = f"nothing to do, bronze has its {entry.rows:,} rows (sha256 {entry.sha256})"
        else:
            empty = entry.facts["empty_rows"]
            also = f", and {empty:,} empty ones that are left out" if empty else ""
            did = f"{entry.rows:,} rows in {entry.seconds:.1f} s ({file.why}){also}"
        message = f"{self.label} {file.drop.name} → {file.table.qualified_name}: {did}"
        log.info("%s", message)
        return Outcome(
            LAYER,
            file.table.name,
            self.month,
            file.why is not None,
            message,
            entry.seconds,
            entry.rows,
            entry.sha256,
            entry.facts,
        )


def _problem(table: Table, found: Sequence[Drop]) -> str | None:
    """What is wrong with the files that were dropped for a table, if anything is."""
    names = " or ".join(table.metadata.files)
    if not found:
        return f"{names} is missing"
    if len(found) > 1:
        return f"{' and '.join(drop.name for drop in found)} are there, of which only one may be"
    return None
