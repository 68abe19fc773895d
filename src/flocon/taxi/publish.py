"""Warehouse → mart: one month, conformed, checked and balanced, becomes visible in one commit or not at all.

The SELECT runs in the warehouse, so that what crosses to the mart is the finished fact, as one binary COPY stream.
"""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from psycopg import IsolationLevel
from psycopg.types.json import Jsonb

from flocon import ledger
from flocon.checks import run_checks
from flocon.errors import FloconError, Unbalanced
from flocon.flow import Flow, Outcome
from flocon.months import month_label
from flocon.postgres import (
    Connection,
    copy_across,
    fetch_file,
    first_rows,
    has_partition,
    new_partition,
    query_of,
    run_file,
    scalar,
    set_parameters,
)
from flocon.tables import Table, domain_tables, find_table, fingerprint
from flocon.taxi.amounts import dollars
from flocon.taxi.dimensions import refresh_dimensions
from flocon.taxi.rules import enforce, judge

log = logging.getLogger(__name__)


def publish(flow: Flow, service: str, month: date, *, force: bool = False) -> Outcome:
    """Publish the loaded month to the mart, unless the mart already shows it as the same bytes and rules give it.

    Raises `CheckFailed` or `Unbalanced` with the mart as it was.
    """
    started = time.monotonic()
    thing = f"{service} {month_label(month)}"
    with flow.holding_both(thing) as (warehouse, mart):
        loaded = ledger.current(warehouse, f"taxi.{service}", "warehouse", month)
        if loaded is None:
            raise FloconError(
                f"{thing} was never loaded into the warehouse: run the month from its first step."
            )
        entry = ledger.current(mart, f"taxi.{service}", "mart", month)
        wanted = f"sha256 {loaded.sha256} rules {fingerprint(_model())} zones {_known_zones(warehouse)}"
        exists = has_partition(mart, _fact(service).qualified_name, month)
        stale = ledger.why_stale(entry, wanted, output_exists=exists, force=force)
        warehouse.commit()
        mart.commit()
        if entry is None or stale is not None:
            refresh_dimensions(flow, warehouse, mart)
            entry = Publication(flow, warehouse, mart, service, month, loaded).run(wanted, started)
    return _outcome(entry, service, month, stale, time.monotonic() - started)


def _outcome(entry: ledger.Entry, service: str, month: date, stale: str | None, seconds: float) -> Outcome:
    about = f"{service} {month_label(month)}"
    rejected = entry.facts["rows_rejected"]
    if stale is None:
        message = f"{about}: nothing to do, the mart shows these {entry.rows:,} trips (sha256 {entry.sha256})"
    else:
        counts = f"{entry.rows:,} trips published, {rejected:,} rejected"
        message = f"{about}: {counts} in {seconds:.1f} s, balanced ({stale})"
    log.info("%s", message)
    return Outcome(
        "mart", service, month, stale is not None, message, seconds, entry.rows, entry.sha256, entry.facts
    )


def _model() -> list[Table]:
    """The tables whose SQL decides what a published month looks like."""
    return [table for table in domain_tables("taxi") if table.layer != "raw"]


def _known_zones(warehouse: Connection) -> str:
    """Changes when the publisher adds a zone: trips there no longer belong to the unknown zone."""
    return str(fetch_file(warehouse, find_table("taxi", "reference", "zone").path / "known.sql")[0]["known"])


def _fact(service: str) -> Table:
    """The service's own part of `taxi.fact_trip`, which has one partition a month."""
    return find_table("taxi", "mart", f"fact_trip_{service}")


@dataclass
class Publication:
    """One month on its way from the warehouse to the mart; both connections are outside a transaction at the start."""

    flow: Flow
    warehouse: Connection
    mart: Connection
    service: str
    month: date
    loaded: ledger.Entry
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, wanted: str, started: float) -> ledger.Entry:
        """Do all of it, and return the ledger entry that was committed with it.

        Once the rows have crossed, the warehouse looks at what was rejected while the mart validates and sums up: two
        servers, two processors. The warehouse commits first: should the mart then fail, the rejected rows are already
        those of this month's bytes, the mart still shows the old month as a whole, and running again completes it.
        """
        leaf = self._new_partition()
        # All queries of the warehouse see the same partition.
        self.warehouse.isolation_level = IsolationLevel.REPEATABLE_READ
        with self.mart.transaction(), self.warehouse.transaction(), ThreadPoolExecutor(1) as in_warehouse:
            self._set_parameters(self.mart, self.warehouse)
            piped = self._pipe(leaf)
            examined = in_warehouse.submit(self._examine)
            self._validate()
            self._aggregate()
            self._attach()
            self._check()
            fact = self._add_up()
            rejected, measured = examined.result()
            self._judge(measured, fact)
            balance = self._balance(piped, fact, rejected, measured[0])
            entry = replace(
                self.loaded,
                step="mart",
                input_fingerprint=wanted,
                run_id=self.flow.run_id,
                seconds=time.monotonic() - started,
                rows=balance["rows_fact"],
                amount=balance["amount_fact"],
                bytes=None,
                facts={
                    "source": self.loaded.facts.get("source"),  # loads of an earlier version did not keep it
                    "rows_rejected": balance["rows_rejected"],
                    "seconds": self.seconds,
                },
            )
            ledger.record(self.mart, entry)
        return entry

    @property
    def thing(self) -> str:
        """How messages and locks call this month."""
        return f"{self.service} {month_label(self.month)}"

    @property
    def _fact(self) -> Table:
        return _fact(self.service)

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[part] = round(time.monotonic() - started, 3)
        log.info("%s: %s took %.2f s", self.thing, part, self.seconds[part])

    def _set_parameters(self, *connections: Connection) -> None:
        for connection in connections:
            set_parameters(connection, service=self.service, month=self.month, run_id=self.flow.run_id)

    def _new_partition(self) -> str:
        """Create the fact's new partition in the mart, in a transaction of its own."""
        self._set_parameters(self.mart)
        bounds = fetch_file(self.mart, find_table("taxi", "mart", "fact_trip").path / "bounds.sql")[0]
        span = ("pickup_date", bounds["first_date"], bounds["last_date"])
        return new_partition(self.mart, self._fact.qualified_name, self.month, *span)

    def _pipe(self, leaf: str) -> int:
        """Stream the fact into its new partition; return its rows."""
        with self._timed("pipe"):
            return copy_across(self.warehouse, query_of(self._fact.path / "insertion.sql"), self.mart, leaf)

    def _examine(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """In the warehouse: keep the rejected rows, and count what each rule touched and what the month adds up to.

        Without parallel workers: the mart is at work on the other processor.
        """
        self.warehouse.execute("set local max_parallel_workers_per_gather = 0")
        rejected = find_table("taxi", "rejected", "trip").path
        with self._timed("reject"):
            run_file(self.warehouse, rejected / "insertion.sql")
            added_up = fetch_file(self.warehouse, rejected / "balance.sql")[0]
        with self._timed("measure"):
            rules = find_table("taxi", "rejected", "rule").path
            return added_up, fetch_file(self.warehouse, rules / "measure.sql")

    def _validate(self) -> None:
        """Validate the foreign keys; from here to the commit, it is this month's turn to change the mart."""
        with self._timed("foreign keys"):
            scalar(
                self.mart, "select flocon.constrain_partition(%s, %s)", self._fact.qualified_name, self.month
            )

    def _attach(self) -> None:
        """Put the new partition in the month's place; from here to the commit, readers wait."""
        with self._timed("attach"):
            scalar(self.mart, "select flocon.attach_partition(%s, %s)", self._fact.qualified_name, self.month)

    def _aggregate(self) -> None:
        with self._timed("aggregates"):
            for table in domain_tables("taxi"):
                if table.name.startswith("agg_") and table.insertion is not None:
                    run_file(self.mart, table.insertion)

    def _check(self) -> None:
        with self._timed("checks"):
            paths = [
                table.checks
                for table in domain_tables("taxi")
                if table.server == "mart" and table.checks is not None
            ]
            run_checks(first_rows(self.mart), paths, self.thing)

    def _add_up(self) -> dict[str, Any]:
        """What the fact holds now: rows, cents, and the rows that each flag rule touches."""
        with self._timed("balance"):
            return fetch_file(self.mart, find_table("taxi", "mart", "fact_trip").path / "balance.sql")[0]

    def _judge(self, measured: list[dict[str, Any]], fact: dict[str, Any]) -> None:
        """Store the share of the month that each rule touched; raise `CheckFailed` when one is too large."""
        flagged = [row | {"rows": fact[row["rule"]]} for row in measured if row["action"] == "flag"]
        shares = [judge(row) for row in [row for row in measured if row["action"] == "reject"] + flagged]
        enforce(shares, self.thing)
        arguments = (self.service, self.month, Jsonb(shares))
        scalar(self.mart, "select ledger.record_rule_shares(%s, %s, %s)", *arguments)

    def _balance(
        self, piped: int, fact: dict[str, Any], rejected: dict[str, Any], measured: dict[str, Any]
    ) -> dict[str, Any]:
        """Write the month's equation, or raise `Unbalanced` when it does not hold."""
        balance = {
            "service": self.service,
            "file_month": self.month.isoformat(),
            "is_synthetic": self.loaded.is_synthetic,
            "source_url": self.loaded.source_url,
            "rows_source": self.loaded.rows,
            "rows_warehouse": measured["total_rows"],
            "rows_fact": fact["rows"],
            "rows_rejected": rejected["rows"],
            "amount_source": str(self.loaded.amount),
            "amount_warehouse": str(dollars(measured["total_cents"])),
            "amount_fact": str(dollars(fact["cents"])),
            "amount_rejected": str(dollars(rejected["cents"])),
            "run_id": self.flow.run_id,
        }
        query = "select is_balanced from ledger.record_balance(%s)"
        if piped != fact["rows"] or not scalar(self.mart, query, Jsonb(balance)):
            raise Unbalanced(
                f"{self.thing} does not balance, so it was not published and the mart stays as it was: "
                f"{piped:,} rows were piped; {balance}. This is a defect of Flocon or of its SQL: please report it."
            )
        return balance
