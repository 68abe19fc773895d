"""Warehouse → mart: one month, conformed, checked and balanced, becomes visible in one commit or not at all.

The SELECT runs in the warehouse, so that what crosses to the mart is the finished fact, as one binary COPY stream.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import IsolationLevel
from psycopg.types.json import Jsonb

from flocon import ledger
from flocon.checks import run_checks
from flocon.errors import CheckFailed, FloconError, Unbalanced
from flocon.flow import Flow, Outcome
from flocon.postgres import Connection, copy_across, fetch_file, query_of, run_file, set_parameters
from flocon.tables import Table, domain_tables, find_table, fingerprint
from flocon.taxi.amounts import dollars
from flocon.taxi.dimensions import refresh_dimensions
from flocon.taxi.months import label

log = logging.getLogger(__name__)


def publish(flow: Flow, service: str, month: date, *, force: bool = False) -> Outcome:
    """Publish the loaded month to the mart, unless the mart already shows it as the same bytes and rules give it.

    Raises `CheckFailed` or `Unbalanced` with the mart as it was.
    """
    started = time.monotonic()
    thing = f"{service} {label(month)}"
    with flow.holding(thing) as warehouse, flow.in_mart(thing) as mart:
        loaded = ledger.current(warehouse, f"taxi.{service}", "warehouse", month)
        if loaded is None:
            raise FloconError(
                f"{thing} was never loaded into the warehouse: run the month from its first step."
            )
        before = ledger.current(mart, f"taxi.{service}", "mart", month)
        wanted = f"sha256 {loaded.sha256} rules {fingerprint(_model())} zones {_known_zones(warehouse)}"
        stale = ledger.why_stale(before, wanted, output_exists=_exists(mart, service, month), force=force)
        warehouse.commit()
        mart.commit()
        if stale is not None:
            refresh_dimensions(flow, warehouse, mart)
            before = Publication(flow, warehouse, mart, service, month, loaded).run(wanted, started)
    return _outcome(before, service, month, stale, time.monotonic() - started)


def _outcome(
    entry: ledger.Entry | None, service: str, month: date, stale: str | None, seconds: float
) -> Outcome:
    assert entry is not None  # never stale without an entry, and an entry was just made otherwise
    about = f"{service} {label(month)}"
    if stale is None:
        message = f"{about}: nothing to do, the mart already shows these {entry.rows:,} trips (sha256 {entry.sha256})"
    else:
        rejected = entry.facts["rows_rejected"]
        message = f"{about}: {entry.rows:,} trips published in {seconds:.1f} s, {rejected:,} rejected, balanced ({stale})"
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


def _fact_parent(service: str) -> str:
    return f"taxi.fact_trip_{service}"


def _exists(mart: Connection, service: str, month: date) -> bool:
    query = "select to_regclass(flocon.partition_name(%s::regclass, %s)) is not null"
    row = mart.execute(query, [_fact_parent(service), month]).fetchone()
    return bool(row and row[0])


@dataclass
class Publication:
    """One month on its way from the warehouse to the mart; both connections are outside a transaction at the start."""

    flow: Flow
    warehouse: Connection
    mart: Connection
    service: str
    month: date
    loaded: ledger.Entry

    def run(self, wanted: str, started: float) -> ledger.Entry:
        """Do all of it, and return the ledger entry that was committed with it.

        The warehouse commits first: should the mart then fail, the rejected rows are already those of this month's
        bytes, the mart still shows the old month as a whole, and running again completes it.
        """
        self.seconds: dict[str, float] = {}
        self.warehouse.isolation_level = (
            IsolationLevel.REPEATABLE_READ
        )  # all its queries see the same partition
        with self.mart.transaction(), self.warehouse.transaction():
            for connection in (self.mart, self.warehouse):
                set_parameters(connection, service=self.service, month=self.month, run_id=self.flow.run_id)
            rejected, measured = self._reject(), self._measure()
            rows = self._pipe()
            self._aggregate()
            self._check()
            balance = self._balance(rows, rejected, measured)
            entry = self._entry(wanted, started, balance)
            ledger.record(self.mart, entry)
        return entry

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[part] = round(time.monotonic() - started, 3)
        log.info("%s %s: %s took %.2f s", self.service, label(self.month), part, self.seconds[part])

    def _reject(self) -> dict[str, Any]:
        rejected = find_table("taxi", "rejected", "trip")
        assert rejected.insertion is not None
        with self._timed("reject"):
            run_file(self.warehouse, rejected.insertion)
            return fetch_file(self.warehouse, rejected.path / "balance.sql")[0]

    def _measure(self) -> dict[str, Any]:
        """Count what each rule touched, judge the shares, and return the totals of the warehouse."""
        rules = find_table("taxi", "rejected", "rule").path
        with self._timed("measure"):
            measured = fetch_file(self.warehouse, rules / "measure.sql")
        totals = measured[0]
        shares = [_judged(row, totals["total_rows"]) for row in measured]
        self._enforce(shares)
        arguments = [self.service, self.month, Jsonb(shares)]
        self.mart.execute("select ledger.record_rule_shares(%s, %s, %s)", arguments)
        return totals

    def _enforce(self, shares: list[dict[str, Any]]) -> None:
        about = f"{self.service} {label(self.month)}"
        texts = {
            share[
                "rule"
            ]: f"{share['action']} rule `{share['rule']}` touches {share['share']:.2%} of the rows "
            f"({share['rows']:,}); it warns from {share['warn_share'] or 0:.2%} and fails from {share['fail_share'] or 0:.2%}"
            for share in shares
        }
        for share in shares:
            if share["outcome"] == "warn":
                log.warning("%s: %s", about, texts[share["rule"]])
        failed = [texts[share["rule"]] for share in shares if share["outcome"] == "fail"]
        if failed:
            raise CheckFailed(
                f"{about} was not published and the mart stays as it was: {'; '.join(failed)}. "
                "Look at the rows in the warehouse (staging.trip_*); if they are right, raise the share in sql/taxi/rejected/rule."
            )

    def _pipe(self) -> int:
        """Stream the fact into a table of its own, validate it and put it in the month's place."""
        fact = find_table("taxi", "mart", "fact_trip")
        assert fact.insertion is not None
        parent = _fact_parent(self.service)
        with self._timed("pipe"):
            bounds = fetch_file(self.mart, fact.path / "bounds.sql")[0]
            query = "select flocon.new_partition(%s, %s, 'pickup_date', %s, %s)"
            leaf = self.mart.execute(
                query, [parent, self.month, bounds["first_date"], bounds["last_date"]]
            ).fetchone()
            assert leaf is not None
            rows = copy_across(self.warehouse, query_of(fact.insertion), self.mart, leaf[0])
        with self._timed("foreign keys"):
            self.mart.execute("select flocon.constrain_partition(%s, %s)", [parent, self.month])
        with self._timed("attach"):
            self.mart.execute("select flocon.attach_partition(%s, %s)", [parent, self.month])
        return rows

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
            run_checks(self.mart, paths, f"{self.service} {label(self.month)}")

    def _balance(self, rows: int, rejected: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
        """Write the month's equation, or raise `Unbalanced` when it does not hold."""
        with self._timed("balance"):
            fact = fetch_file(self.mart, find_table("taxi", "mart", "fact_trip").path / "balance.sql")[0]
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
        balanced = self.mart.execute(query, [Jsonb(balance)]).fetchone()
        if rows != fact["rows"] or not (balanced and balanced[0]):
            raise Unbalanced(
                f"{self.service} {label(self.month)} does not balance, so it was not published and the mart stays as it was: "
                f"{rows:,} rows were piped; {balance}. This is a defect of Flocon or of its SQL: please report it."
            )
        return balance

    def _entry(self, wanted: str, started: float, balance: dict[str, Any]) -> ledger.Entry:
        return ledger.Entry(
            dataset=f"taxi.{self.service}",
            file_month=self.month,
            step="mart",
            input_fingerprint=wanted,
            run_id=self.flow.run_id,
            seconds=time.monotonic() - started,
            source_url=self.loaded.source_url,
            etag=self.loaded.etag,
            last_modified=self.loaded.last_modified,
            sha256=self.loaded.sha256,
            is_synthetic=self.loaded.is_synthetic,
            rows=balance["rows_fact"],
            amount=balance["amount_fact"],
            facts={"rows_rejected": balance["rows_rejected"], "seconds": self.seconds},
        )


def _judged(row: dict[str, Any], total: int) -> dict[str, Any]:
    """The share of one rule and what it means: ok, warn or fail."""
    share = row["rows"] / total if total else 0.0
    warn, fail = row["warn_share"], row["fail_share"]
    outcome = (
        "fail"
        if fail is not None and share >= fail
        else "warn"
        if warn is not None and share >= warn
        else "ok"
    )
    return {
        "rule": row["rule"],
        "action": row["action"],
        "rows": row["rows"],
        "share": share,
        "warn_share": warn,
        "fail_share": fail,
        "outcome": outcome,
    }
