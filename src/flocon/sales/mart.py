"""Gold → mart: the schema `sales` becomes what gold is now, checked and balanced, in one commit or not at all.

Only rows that differ are written, and nothing locks a reader out: who reads meanwhile sees the state before, whole.
"""

import hashlib
import json
import logging
import time
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from flocon import ledger, mart_rows
from flocon.engine import Engine
from flocon.errors import FloconError, Unbalanced
from flocon.flow import Flow, Outcome
from flocon.mart_rows import Changes, count_rows, mart_tables, timed
from flocon.postgres import Connection, fetch_file, run_file, scalar, set_parameters
from flocon.sales.quality import Quality, quality
from flocon.shelf import Shelf, lake_tables
from flocon.tables import Table, find_table, fingerprint

log = logging.getLogger(__name__)

_DOMAIN = "sales"
_FACT = "fact_ventes"
_HISTORY = "dim_clients_historique"


def publish(flow: Flow, *, as_of: date, force: bool = False) -> Outcome:
    """Publish gold and silver's quality report, unless the mart shows just these already.

    `as_of` is the day from which what the history of the clients says anew is valid.

    Raises:
        FloconError: a gold table was never made, or the history already knows a later date than `as_of`.
        CheckFailed: a check of severity `fail` found rows.
        Unbalanced: the mart would show other rows or amounts than gold has.
    The mart then stays as it was.
    """
    started = time.monotonic()
    with (
        flow.holding_both(_DOMAIN) as (warehouse, mart),
        TemporaryDirectory(prefix="flocon-") as scratch,
    ):
        shelf, report = Shelf(flow, warehouse, _DOMAIN, Path(scratch)), quality(warehouse)
        wanted = _wanted(shelf, report)
        entry = ledger.current(mart, _DOMAIN, "mart")
        held = mart_rows.still_shows(mart, _DOMAIN, entry)
        stale = ledger.why_stale(entry, wanted, output_exists=held, force=force)
        warehouse.commit()
        mart.commit()
        if entry is None or stale is not None:
            with Engine.open(flow.settings, Path(scratch)) as engine:
                entry = _Publication(flow, mart, shelf, engine, report, as_of).run(wanted, started)
    return _outcome(entry, stale, time.monotonic() - started)


def _outcome(entry: ledger.Entry, stale: str | None, seconds: float) -> Outcome:
    rows = entry.facts["rows"]
    counts = f"{rows[_FACT]:,} purchases of {rows['dim_clients']:,} clients"
    if stale is None:
        message = f"{_DOMAIN}: nothing to do, the mart shows these {counts}"
    else:
        written = sum(sum(changes.values()) for changes in entry.facts["changed"].values())
        message = f"{_DOMAIN}: {counts} published in {seconds:.1f} s, {written:,} rows changed ({stale})"
    log.info("%s", message)
    return Outcome("mart", _DOMAIN, None, stale is not None, message, seconds, entry.rows, facts=entry.facts)


def _shown_tables() -> list[Table]:
    """The tables that show the gold table of the same name."""
    gold = {table.name for table in lake_tables(_DOMAIN, "gold")}
    return [table for table in mart_tables(_DOMAIN) if table.name in gold]


def _gold(table: Table) -> str:
    """The gold table that a table shows."""
    return f"gold.{table.name}"


def _wanted(shelf: Shelf, report: list[Quality]) -> str:
    """The fingerprint of a publication: gold's bytes, the mart's SQL, and what silver did with the rows."""
    gold = " ".join(f"{table.name} {shelf.identity(_gold(table))}" for table in _shown_tables())
    counts = hashlib.sha256(_told(report).encode()).hexdigest()
    return f"gold {gold} model {fingerprint(mart_tables(_DOMAIN))} quality {counts}"


def _told(report: list[Quality]) -> str:
    """The quality report as the setting `flocon.quality` tells it to the mart's SQL."""
    return json.dumps([row for each in report for row in each.rows()])


@dataclass
class _Publication:
    """One state of gold on its way to the mart, whose connection is outside a transaction at the start."""

    flow: Flow
    mart: Connection
    shelf: Shelf
    engine: Engine
    report: list[Quality]
    as_of: date
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, wanted: str, started: float) -> ledger.Entry:
        """Do all of it, and return the ledger entry that was committed with it."""
        with self.mart.transaction():
            self._begin()
            changed = self._change()
            self._check()
            rows, amount = self._balance()
            facts = {
                "as_of": self.as_of.isoformat(),
                "rows": rows,
                "gold": {table.name: self.shelf.entries(_gold(table))[0].sha256 for table in _shown_tables()},
                "changed": changed,
                "seconds": self.seconds,
            }
            entry = ledger.Entry(
                dataset=_DOMAIN,
                step="mart",
                input_fingerprint=wanted,
                run_id=self.flow.run_id,
                seconds=time.monotonic() - started,
                rows=rows[_FACT],
                amount=amount,
                facts=facts,
            )
            ledger.record(self.mart, entry)
        return entry

    def _begin(self) -> None:
        """Take the turn to change the schema, and refuse to write history backwards."""
        set_parameters(self.mart, as_of=self.as_of, quality=_told(self.report), run_id=self.flow.run_id)
        scalar(self.mart, "select flocon.take_turn('sales')")
        newest = fetch_file(self.mart, find_table(_DOMAIN, "mart", _HISTORY).path / "newest.sql")[0]["newest"]
        if newest is not None and self.as_of < newest:
            raise FloconError(
                f"{_DOMAIN} as of {self.as_of}: the history of the clients already knows what changed on {newest}, and "
                f"is not rewritten backwards. Nothing was changed; publish as of {newest} or later."
            )

    def _change(self) -> dict[str, Changes]:
        """Bring all tables to what gold is; return how many rows of each were inserted, updated and deleted."""
        with timed(_DOMAIN, "copy", self.seconds):
            arrivals = [(table, self._arrive(table)) for table in _shown_tables()]
        with timed(_DOMAIN, "replace", self.seconds):
            changed = {
                table.name: mart_rows.replace(self.mart, table, arrived) for table, arrived in arrivals
            }
        with timed(_DOMAIN, "history", self.seconds):
            for name in (_HISTORY, "qualite"):
                run_file(self.mart, find_table(_DOMAIN, "mart", name).path / "insertion.sql")
        return changed

    def _arrive(self, table: Table) -> str:
        return mart_rows.arrive(self.mart, self.engine, self.shelf, table, _gold(table))

    def _check(self) -> None:
        """Run what is left for the end: the foreign keys, then the checks of all tables."""
        with timed(_DOMAIN, "foreign keys", self.seconds):
            self.mart.execute("set constraints all immediate")
        with timed(_DOMAIN, "checks", self.seconds):
            mart_rows.check(self.mart, _DOMAIN, _DOMAIN)

    def _balance(self) -> tuple[dict[str, int], Decimal]:
        """Rows of every table and the sum of the purchases, or raise `Unbalanced` when gold has others."""
        own = [table for table in mart_tables(_DOMAIN) if table.metadata.kind == "table"]
        rows = {table.name: count_rows(self.mart, table) for table in own}
        gold = {table.name: self.shelf.entries(_gold(table))[0].rows for table in _shown_tables()}
        shown = {name: rows[name] for name in gold}
        fact = fetch_file(self.mart, find_table(_DOMAIN, "mart", _FACT).path / "balance.sql")[0]
        amount = self.engine.rows("select coalesce(sum(montant), 0) as amount from gold.fact_ventes")[0][
            "amount"
        ]
        if shown != gold or fact["amount"] != amount:
            raise Unbalanced(
                f"{_DOMAIN} does not balance, so it was not published and the mart stays as it was: "
                f"gold has {gold} rows and purchases of {amount}, the mart {shown} rows and {fact['amount']}. "
                "Run the layer gold again with force."
            )
        return rows, fact["amount"]
