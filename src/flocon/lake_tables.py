"""Lake tables: the SELECTs of a layer, run over the tables before them, stored as Parquet with what they refuse.

A layer is computed, then checked, then stored: what fails before the last of these changes nothing. Each object is
whole or not there, and its ledger entry is written after it, so that a run that was killed is completed by the next.
"""

import hashlib
import logging
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flocon import ledger
from flocon.checks import run_checks
from flocon.engine import Engine
from flocon.errors import Unbalanced
from flocon.flow import Flow, Outcome
from flocon.postgres import Connection, query_of
from flocon.quarantine import BUCKET as QUARANTINE
from flocon.shelf import Shelf, dataset, is_held, lake_tables, object_key, refused
from flocon.tables import REJECTED, Table, fingerprint, sql_root

log = logging.getLogger(__name__)


def build_layer(
    flow: Flow, domain: str, layer: str, as_of: date, *, month: date | None = None, force: bool = False
) -> list[Outcome]:
    """Make the tables of `silver` or `gold` whose inputs, SQL or as-of date changed; the others stay.

    In a domain that is made by months, those of one `month`.

    Raises:
        FloconError: a table of the layer before was never made.
        CheckFailed: a check of severity `fail` found rows; the layer stays as it was.
    """
    with (
        flow.holding(f"{domain} {month:%Y-%m}" if month else domain) as warehouse,
        TemporaryDirectory(prefix="flocon-") as scratch,
        Engine.open(flow.settings, Path(scratch)) as engine,
    ):
        engine.register_run(as_of)
        shelf = Shelf(flow, warehouse, domain, Path(scratch), month)
        return _Layer(flow, warehouse, engine, shelf, lake_tables(domain, layer), as_of).build(force=force)


@dataclass
class _Made:
    """A table that was computed, and why; it is not stored yet. `rejected` has the rows that it refuses."""

    table: Table
    why: str
    entry: ledger.Entry
    path: Path
    rejected: Path | None


@dataclass
class _Layer:
    """One layer on its way from the tables before it to the lake."""

    flow: Flow
    warehouse: Connection
    engine: Engine
    shelf: Shelf
    tables: list[Table]
    as_of: date

    def build(self, *, force: bool) -> list[Outcome]:
        """Compute, check, store."""
        started = time.monotonic()
        outcomes, made = [], []
        for table in self.tables:
            entry, stale = self._judge(table, force=force)
            if entry is None or stale is not None:
                made.append(self._compute(table, stale or "never done"))
                entry = made[-1].entry
            outcomes.append(_outcome(table, entry, stale))
        if made:
            self._check()
        for each in made:
            self._store(each)
        log.info("%d of %d tables made in %.1f s", len(made), len(self.tables), time.monotonic() - started)
        return outcomes

    def _judge(self, table: Table, *, force: bool) -> tuple[ledger.Entry | None, str | None]:
        """The table's newest entry, and why it is stale."""
        entry = ledger.current(self.warehouse, dataset(table), table.layer, self.shelf.month)
        self.warehouse.commit()
        held = is_held(self.flow, table.layer, entry)
        if table.metadata.rejects:
            held = held and is_held(self.flow, QUARANTINE, refused(entry))
        wanted = self._wanted(table, _decisive(self.as_of, entry))
        return entry, ledger.why_stale(entry, wanted, output_exists=held, force=force)

    def _wanted(self, table: Table, as_of: date) -> str:
        inputs = " ".join(self.shelf.identity(name) for name in table.metadata.depends_on)
        wanted = f"sql {fingerprint([table])} inputs {inputs}"
        return f"{wanted} as of {as_of}" if table.has_as_of else wanted

    def _compute(self, table: Table, why: str) -> _Made:
        """Run a table's SELECT into a file, from which the next tables read it."""
        started = time.monotonic()
        for name in table.metadata.depends_on:
            self.engine.register(name, self.shelf.paths(name))
        if table.metadata.tests:
            self.engine.register_expected(table.metadata.tests)
        path = self.shelf.folder / f"{table.qualified_name}.made.parquet"
        facts: dict[str, Any] = {"key": object_key(table, self.shelf.month)}
        rejected = None
        if table.metadata.rejects:
            rows, rejected, judged = self._judge_rows(table, path)
            facts |= judged | {"refused": self._refused(table, rejected, judged["rejected"])}
        else:
            rows = self.engine.write_parquet(query_of(table.query), path)
        if table.has_as_of:
            facts["as_of"] = self.as_of.isoformat()
        seconds = time.monotonic() - started
        entry = ledger.Entry(
            dataset=dataset(table),
            step=table.layer,
            file_month=self.shelf.month,
            input_fingerprint=self._wanted(table, self.as_of),
            run_id=self.flow.run_id,
            seconds=seconds,
            sha256=_sha256(path),
            rows=rows,
            bytes=path.stat().st_size,
            facts=facts,
        )
        made = _Made(table, why, entry, path, rejected)
        self._show(made)
        log.info("%s: %s rows in %.1f s (%s)", table.qualified_name, f"{rows:,}", seconds, why)
        return made

    def _show(self, made: _Made) -> None:
        """Let the next tables read what was made, not what is in the lake."""
        self.engine.register(made.table.qualified_name, [made.path])
        self.shelf.put(made.table.qualified_name, made.entry, made.path)
        refuses = refused(made.entry)
        if made.rejected is not None and refuses is not None:
            self.shelf.put(f"{REJECTED}.{made.table.name}", refuses, made.rejected)

    def _refused(self, table: Table, rejected: Path, by_reason: dict[str, int]) -> dict[str, Any]:
        """What the ledger keeps of the object with the rows that a table refuses."""
        folder, _, name = object_key(table, self.shelf.month).rpartition("/")
        return {
            "key": f"{folder}/{table.layer}/{name}",
            "sha256": _sha256(rejected),
            "rows": sum(by_reason.values()),
            "bytes": rejected.stat().st_size,
        }

    def _judge_rows(self, table: Table, path: Path) -> tuple[int, Path, dict[str, Any]]:
        """Split what a SELECT judges into the rows kept, written to `path`, and those refused; count both.

        Raises:
            Unbalanced: a row that was received is neither kept nor refused, or is both.
        """
        (received,) = [name for name in table.metadata.depends_on if name.startswith("bronze.")]
        judged, rejected = (path.with_suffix(suffix) for suffix in (".judged", ".rejected"))
        self.engine.write_parquet(query_of(table.query), judged)
        self.engine.register("judged", [judged])
        self.engine.register("received", self.shelf.paths(received))
        counted = self.engine.rows(_core("counts"))
        kept = self.engine.write_parquet(_core("kept"), path)
        refused = self.engine.write_parquet(_core("rejected"), rejected)
        rows_in = self.engine.rows("select count(*) as n from received")[0]["n"]
        by_reason = {row["reason"]: row["row_count"] for row in counted if row["reason"] is not None}
        if rows_in != kept + refused or refused != sum(by_reason.values()):
            raise Unbalanced(
                f"{table.qualified_name}: {rows_in:,} rows were received, {kept:,} kept and {refused:,} refused "
                f"({by_reason}), which does not add up. This is a defect of its SQL: please report it."
            )
        again = [row["judged_again_on"] for row in counted if row["judged_again_on"] is not None]
        facts = {
            "rows_in": rows_in,
            "rejected": by_reason,
            "judged_again_on": min(again).isoformat() if again else None,
        }
        return kept, rejected, facts

    def _check(self) -> None:
        """Run the checks of all tables of the layer, since they compare tables with each other."""
        names = {table.qualified_name for table in self.tables}
        names |= {name for table in self.tables for name in table.metadata.depends_on}
        for name in sorted(names):
            self.engine.register(name, self.shelf.paths(name))
        about = f"{self.shelf.about} {self.tables[0].layer}"
        paths = [table.checks for table in self.tables if table.checks is not None]
        run_checks(self.engine.first_rows, paths, about)

    def _store(self, made: _Made) -> None:
        table, key = made.table, made.entry.facts["key"]
        if made.rejected is not None:
            facts = made.entry.facts["refused"]
            facts["etag"] = self.flow.lake.put_file(QUARANTINE, facts["key"], made.rejected).etag
        stored = self.flow.lake.put_file(table.layer, key, made.path)
        made.entry.facts["etag"] = stored.etag
        ledger.record(self.warehouse, made.entry)
        self.warehouse.commit()


def _decisive(as_of: date, entry: ledger.Entry | None) -> date:
    """The as-of date that decides: the one of the table as it is, while nothing in it is to be judged anew by now."""
    if entry is None or "as_of" not in entry.facts:
        return as_of
    before, again = date.fromisoformat(entry.facts["as_of"]), entry.facts.get("judged_again_on")
    is_same = before <= as_of and (again is None or as_of < date.fromisoformat(again))
    return before if is_same else as_of


def _core(name: str) -> str:
    return query_of(sql_root() / "core" / "lake" / f"{name}.sql")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _outcome(table: Table, entry: ledger.Entry, stale: str | None) -> Outcome:
    refused = sum(entry.facts.get("rejected", {}).values())
    counts = f"{entry.rows:,} rows" + (f", {refused:,} refused" if table.metadata.rejects else "")
    if stale is None:
        message = (
            f"{table.qualified_name}: nothing to do, the lake has these {counts} (sha256 {entry.sha256})"
        )
    else:
        message = f"{table.qualified_name}: {counts} in {entry.seconds:.1f} s ({stale})"
    return Outcome(
        table.layer,
        table.name,
        entry.file_month,
        stale is not None,
        message,
        entry.seconds,
        entry.rows,
        entry.sha256,
        entry.facts,
    )
