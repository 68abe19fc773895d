"""Gold → mart: the schema `sales` becomes what gold is now, checked and balanced, in one commit or not at all.

Only rows that differ are written, and nothing locks a reader out: who reads meanwhile sees the state before, whole.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg import sql

from flocon import ledger
from flocon.checks import run_checks
from flocon.engine import Engine
from flocon.errors import FloconError, Unbalanced
from flocon.flow import Flow, Outcome
from flocon.postgres import Connection, fetch_file, first_rows, run_file, scalar, set_parameters
from flocon.sales.quality import Quality, quality
from flocon.shelf import Shelf, lake_tables
from flocon.tables import Table, domain_tables, find_table, fingerprint

log = logging.getLogger(__name__)

_DOMAIN = "sales"
_FACT = "fact_ventes"
_HISTORY = "dim_clients_historique"
_CHUNK_BYTES = 1 << 18


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
        stale = ledger.why_stale(entry, wanted, output_exists=_is_there(mart, entry), force=force)
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


def _mart_tables() -> list[Table]:
    """The tables of the schema, each after those that it refers to."""
    return [table for table in domain_tables(_DOMAIN) if table.server == "mart"]


def _shown_tables() -> list[Table]:
    """The tables that show the gold table of the same name."""
    gold = {table.name for table in lake_tables(_DOMAIN, "gold")}
    return [table for table in _mart_tables() if table.name in gold]


def _gold(table: Table) -> str:
    """The gold table that a table shows."""
    return f"gold.{table.name}"


def _wanted(shelf: Shelf, report: list[Quality]) -> str:
    """The fingerprint of a publication: gold's bytes, the mart's SQL, and what silver did with the rows."""
    gold = " ".join(f"{table.name} {shelf.identity(_gold(table))}" for table in _shown_tables())
    counts = hashlib.sha256(_told(report).encode()).hexdigest()
    return f"gold {gold} model {fingerprint(_mart_tables())} quality {counts}"


def _told(report: list[Quality]) -> str:
    """The quality report as the setting `flocon.quality` tells it to the mart's SQL."""
    return json.dumps([row for each in report for row in each.rows()])


def _is_there(mart: Connection, entry: ledger.Entry | None) -> bool:
    """Whether no table that a publication filled is empty, as one that was dropped and created again is."""
    known = {table.name for table in _mart_tables()}
    filled = [name for name, rows in entry.facts["rows"].items() if rows and name in known] if entry else []
    exists = sql.SQL("select exists (select from {})")
    found = [mart.execute(exists.format(sql.Identifier(_DOMAIN, name))).fetchone() for name in filled]
    return all(row == (True,) for row in found)


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

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[part] = round(time.monotonic() - started, 3)
        log.info("%s: %s took %.2f s", _DOMAIN, part, self.seconds[part])

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

    def _change(self) -> dict[str, dict[str, int]]:
        """Bring all tables to what gold is; return how many rows of each were inserted, updated and deleted."""
        with self._timed("copy"):
            arrivals = [(table, self._arrive(table)) for table in _shown_tables()]
        with self._timed("replace"):
            changed = {table.name: self._replace(table, arrived) for table, arrived in arrivals}
        with self._timed("history"):
            for name in (_HISTORY, "qualite"):
                run_file(self.mart, find_table(_DOMAIN, "mart", name).path / "insertion.sql")
        return changed

    def _arrive(self, table: Table) -> str:
        """Copy a gold table into a temporary table of the mart, which it returns."""
        gold, path = _gold(table), self.shelf.folder / f"{table.name}.csv"
        self.engine.register(gold, self.shelf.paths(gold))
        columns = ", ".join(f'"{name}"' for name in table.metadata.columns)
        self.engine.write_csv(f"select {columns} from {gold}", path)  # noqa: S608 (a table of sql/)
        arriving: str = scalar(self.mart, "select flocon.new_arrival(%s)", table.qualified_name)
        copied = _copy_csv(self.mart, arriving, list(table.metadata.columns), path)
        path.unlink()
        log.info("%s: %s rows came from gold", table.qualified_name, f"{copied:,}")
        return arriving

    def _replace(self, table: Table, arrived: str) -> dict[str, int]:
        query = "select inserted, updated, deleted from flocon.replace_rows(%s, %s)"
        done = self.mart.execute(query, [table.qualified_name, arrived]).fetchone()
        return dict(zip(("inserted", "updated", "deleted"), done or (), strict=True))

    def _check(self) -> None:
        """Run what is left for the end: the foreign keys, then the checks of all tables."""
        with self._timed("foreign keys"):
            self.mart.execute("set constraints all immediate")
        with self._timed("checks"):
            paths = [table.checks for table in _mart_tables() if table.checks is not None]
            run_checks(first_rows(self.mart), paths, _DOMAIN)

    def _balance(self) -> tuple[dict[str, int], Decimal]:
        """Rows of every table and the sum of the purchases, or raise `Unbalanced` when gold has others."""
        shown = {table.name: self._count(table) for table in _shown_tables()}
        gold = {table.name: self.shelf.entries(_gold(table))[0].rows for table in _shown_tables()}
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
        others = [
            table for table in _mart_tables() if table.metadata.kind == "table" and table.name not in shown
        ]
        return shown | {table.name: self._count(table) for table in others}, fact["amount"]

    def _count(self, table: Table) -> int:
        counted = sql.SQL("select count(*) from {}").format(sql.Identifier(table.schema_name, table.name))
        return int(self.mart.execute(counted).fetchall()[0][0])


def _copy_csv(connection: Connection, table: str, columns: list[str], path: Path) -> int:
    """COPY a CSV file, whose header must name the columns in this order, into a table; return the rows stored."""
    statement = sql.SQL("copy {} ({}) from stdin (format csv, header match)").format(
        sql.SQL(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy, path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                copy.write(chunk)
        return cursor.rowcount
