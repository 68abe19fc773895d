"""Source → bronze: every dropped file that fits its contract becomes a Parquet file of the lake, as received.

A file that was dropped once stays in bronze when it is gone from the source: shops clear their folders, and the lake is
the memory. To take one back, drop it again without the rows that are to go.
"""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from flocon import ledger
from flocon.dropped.contract import Unfit, table_of
from flocon.dropped.intake import fit, wanted
from flocon.flow import Flow, Outcome
from flocon.inbox import Drop, drops
from flocon.postgres import Connection
from flocon.quarantine import refuse
from flocon.shelf import dataset, is_held, lake_tables
from flocon.tables import Table

log = logging.getLogger(__name__)

DOMAIN, LAYER = "sales", "bronze"


@dataclass(frozen=True)
class Ingested:
    """What became of the dropped files: one outcome for each that is in bronze, one line for each that was refused."""

    outcomes: list[Outcome] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def ingest(flow: Flow, source: str, *, force: bool = False) -> Ingested:
    """Bring every CSV file dropped in `source` (`lake`, or a folder) into bronze, unless it is there already.

    A file that does not fit its contract is copied to quarantine with the reason, each time it is met, and what it
    brought before stays; the others go on. The caller has to fail on `refused` in the end.

    Raises:
        SourceError: the source cannot be read.
        TransientError: a server cannot be reached.
    """
    done = Ingested()
    with flow.holding(DOMAIN) as warehouse, TemporaryDirectory(prefix="flocon-") as scratch:
        for drop in drops(flow.lake, DOMAIN, source):
            if not drop.name.casefold().endswith(".csv"):
                log.warning("%s: left alone, only .csv files are taken", drop.origin)
                continue
            _Intake(flow, warehouse, drop, Path(scratch)).run(done, force=force)
    return done


def _key(table: Table, name: str) -> str:
    """Where a file's rows are: without its ending, unless that is written in another way than the usual one."""
    return f"{DOMAIN}/{table.name}/{name.removesuffix('.csv')}.parquet"


@dataclass(frozen=True)
class _Intake:
    """One dropped file on its way into bronze."""

    flow: Flow
    warehouse: Connection
    drop: Drop
    scratch: Path

    def run(self, done: Ingested, *, force: bool) -> None:
        """Take the file, or refuse it."""
        started = time.monotonic()
        received, written = self.scratch / "received.csv", self.scratch / "written.parquet"
        sha256 = self.drop.fetch(received)
        try:
            table = table_of(self.drop.name, lake_tables(DOMAIN, LAYER))
            entry, stale = self._judge(table, sha256, force=force)
            if entry is None or stale is not None:
                entry = self._take(table, sha256, received, written, started)
            done.outcomes.append(self._outcome(table, entry, stale, time.monotonic() - started))
        except Unfit as unfit:
            done.refused.append(refuse(self.flow, DOMAIN, self.drop, received, sha256, unfit.reason))
        finally:
            received.unlink()
            written.unlink(missing_ok=True)

    def _judge(self, table: Table, sha256: str, *, force: bool) -> tuple[ledger.Entry | None, str | None]:
        """The ledger's entry of the file, and why the file is to be taken again."""
        entry = ledger.current(self.warehouse, self._dataset(table), LAYER)
        self.warehouse.commit()
        held = is_held(self.flow, LAYER, entry)
        return entry, ledger.why_stale(entry, wanted(table, sha256), output_exists=held, force=force)

    def _take(self, table: Table, sha256: str, received: Path, written: Path, started: float) -> ledger.Entry:
        """Hold the file against the contract, write it as Parquet and store that."""
        fitted = fit(self.flow.settings, table, self.drop.name, received, written)
        key = _key(table, self.drop.name)
        stored = self.flow.lake.put_file(LAYER, key, written)
        entry = ledger.Entry(
            dataset=self._dataset(table),
            step=LAYER,
            input_fingerprint=wanted(table, sha256),
            run_id=self.flow.run_id,
            seconds=time.monotonic() - started,
            source_url=self.drop.origin,
            sha256=sha256,
            rows=fitted.rows,
            bytes=stored.bytes,
            schema_seen=fitted.types,
            facts={"key": key, "etag": stored.etag, "object_sha256": stored.sha256, **fitted.facts},
        )
        ledger.record(self.warehouse, entry)
        self.warehouse.commit()
        return entry

    def _dataset(self, table: Table) -> str:
        return f"{dataset(table)}:{self.drop.name}"

    def _outcome(self, table: Table, entry: ledger.Entry, stale: str | None, seconds: float) -> Outcome:
        if stale is None:
            did = f"nothing to do, bronze has its {entry.rows:,} rows (sha256 {entry.sha256})"
        else:
            extra = entry.facts["extra_columns"]
            also = f", with the columns {', '.join(extra)} besides" if extra else ""
            did = f"{entry.rows:,} rows in {seconds:.1f} s ({stale}){also}"
        message = f"{self.drop.name} → {table.qualified_name}: {did}"
        log.info("%s", message)
        return Outcome(
            LAYER,
            table.name,
            None,
            stale is not None,
            message,
            seconds,
            entry.rows,
            entry.sha256,
            entry.facts,
        )
