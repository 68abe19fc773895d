"""Gold → mart: a month of the schema `wine` becomes what gold is, checked and balanced, in one commit or not at all.

Only rows of that month that differ are written: who reads meanwhile sees the state before, whole.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from flocon import ledger, mart_rows
from flocon.engine import Engine
from flocon.errors import Unbalanced
from flocon.flow import Flow, Outcome
from flocon.mart_rows import Changes, count_rows, mart_tables, timed
from flocon.postgres import Connection, fetch_file, run_file, scalar, set_parameters
from flocon.shelf import Shelf
from flocon.tables import Table, find_table, fingerprint
from flocon.wine.quality import require_passed

log = logging.getLogger(__name__)

_DOMAIN = "wine"
_FACT = "fact_ventes_vin"
_MONTHS = "dim_mois"
# Which gold table each table of the mart shows.
_SHOWN = {
    _FACT: "gold.produits_vin",
    "ca_mensuel": "gold.ca_vin",
    "ecarts": "gold.ecarts_vin",
    "tests_qualite": "gold.tests_vin",
}


def publish(flow: Flow, month: date, *, force: bool = False) -> Outcome:
    """Publish one month of gold, unless the mart shows just this already. Other months stay as they are.

    Raises:
        FloconError: a gold table of the month was never made.
        CheckFailed: a quality test of the month or a check of the mart's tables failed.
        Unbalanced: the mart would show other rows or another revenue than gold has.
    The mart then stays as it was.
    """
    started = time.monotonic()
    with (
        flow.holding_both(f"{_DOMAIN} {month:%Y-%m}") as (warehouse, mart),
        TemporaryDirectory(prefix="flocon-") as scratch,
    ):
        shelf = Shelf(flow, warehouse, _DOMAIN, Path(scratch), month)
        wanted = _wanted(shelf)
        entry = ledger.current(mart, _DOMAIN, "mart", month)
        held = mart_rows.still_shows(mart, _DOMAIN, entry)
        stale = ledger.why_stale(entry, wanted, output_exists=held, force=force)
        warehouse.commit()
        mart.commit()
        if entry is None or stale is not None:
            require_passed(shelf, month)
            with Engine.open(flow.settings, Path(scratch)) as engine:
                entry = _Publication(flow, mart, shelf, engine, month).run(wanted, started)
    return _outcome(entry, month, stale, time.monotonic() - started)


def _outcome(entry: ledger.Entry, month: date, stale: str | None, seconds: float) -> Outcome:
    about, counts = (
        f"{_DOMAIN} {month:%Y-%m}",
        f"{entry.rows:,} products with a revenue of {entry.amount:,} euros",
    )
    if stale is None:
        message = f"{about}: nothing to do, the mart shows these {counts}"
    else:
        written = sum(sum(changes.values()) for changes in entry.facts["changed"].values())
        message = f"{about}: {counts} published in {seconds:.1f} s, {written:,} rows changed ({stale})"
    log.info("%s", message)
    return Outcome("mart", _DOMAIN, month, stale is not None, message, seconds, entry.rows, facts=entry.facts)


def _shown_tables() -> list[tuple[Table, str]]:
    """The tables that show a gold table, with its name, each after those that it refers to."""
    return [(table, _SHOWN[table.name]) for table in mart_tables(_DOMAIN) if table.name in _SHOWN]


def _wanted(shelf: Shelf) -> str:
    """The fingerprint of a publication: gold's bytes and the mart's SQL."""
    gold = " ".join(f"{name} {shelf.identity(name)}" for name in _SHOWN.values())
    return f"gold {gold} model {fingerprint(mart_tables(_DOMAIN))}"


@dataclass
class _Publication:
    """One month of gold on its way to the mart, whose connection is outside a transaction at the start."""

    flow: Flow
    mart: Connection
    shelf: Shelf
    engine: Engine
    month: date
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """What is published, as in `wine 2024-05`."""
        return f"{_DOMAIN} {self.month:%Y-%m}"

    def run(self, wanted: str, started: float) -> ledger.Entry:
        """Do all of it, and return the ledger entry that was committed with it."""
        with self.mart.transaction():
            set_parameters(self.mart, month=self.month, run_id=self.flow.run_id)
            scalar(self.mart, "select flocon.take_turn('wine')")
            changed = self._change()
            self._check()
            rows, amount = self._balance()
            entry = ledger.Entry(
                dataset=_DOMAIN,
                step="mart",
                file_month=self.month,
                input_fingerprint=wanted,
                run_id=self.flow.run_id,
                seconds=time.monotonic() - started,
                rows=rows[_FACT],
                amount=amount,
                facts={"rows": rows, "gold": self._gold(), "changed": changed, "seconds": self.seconds},
            )
            ledger.record(self.mart, entry)
        return entry

    def _gold(self) -> dict[str, str | None]:
        """The SHA-256 of each gold table that is shown."""
        return {gold.removeprefix("gold."): self.shelf.entries(gold)[0].sha256 for gold in _SHOWN.values()}

    def _change(self) -> dict[str, Changes]:
        """Bring the month to what gold is; return how many rows of each table were inserted, updated and deleted."""
        with timed(self.about, "copy", self.seconds):
            run_file(self.mart, find_table(_DOMAIN, "mart", _MONTHS).path / "insertion.sql")
            arrivals = [(table, self._arrive(table, gold)) for table, gold in _shown_tables()]
        with timed(self.about, "replace", self.seconds):
            return {
                table.name: mart_rows.replace(self.mart, table, arrived, self.month)
                for table, arrived in arrivals
            }

    def _arrive(self, table: Table, gold: str) -> str:
        return mart_rows.arrive(self.mart, self.engine, self.shelf, table, gold, self.month)

    def _check(self) -> None:
        """Run what is left for the end: the deferred constraints, then the checks of all tables."""
        with timed(self.about, "checks", self.seconds):
            self.mart.execute("set constraints all immediate")
            mart_rows.check(self.mart, _DOMAIN, self.about)

    def _balance(self) -> tuple[dict[str, int], Decimal]:
        """The month's rows of every table and its revenue, or raise `Unbalanced` when gold has others."""
        shown = {table.name: count_rows(self.mart, table, self.month) for table, _ in _shown_tables()}
        gold = {table.name: self.shelf.entries(name)[0].rows for table, name in _shown_tables()}
        fact = fetch_file(self.mart, find_table(_DOMAIN, "mart", _FACT).path / "balance.sql")[0]
        amount = self.engine.rows("select coalesce(sum(ca), 0) as amount from gold.produits_vin")[0]["amount"]
        if shown != gold or fact["amount"] != amount:
            raise Unbalanced(
                f"{self.about} does not balance, so it was not published and the mart stays as it was: "
                f"gold has {gold} rows and a revenue of {amount}, the mart {shown} rows and {fact['amount']}. "
                "Run the layer gold of the month again with force."
            )
        return shown, fact["amount"]
