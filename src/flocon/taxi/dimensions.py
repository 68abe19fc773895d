"""Warehouse → mart: the dimensions, merged by key so that facts never lose the row that they point at."""

import logging
import time

from flocon import ledger
from flocon.flow import Flow
from flocon.postgres import Connection, copy_across, query_of, scalar
from flocon.tables import Table, domain_tables, fingerprint

log = logging.getLogger(__name__)

_DATASET = "taxi.dimensions"


def refresh_dimensions(flow: Flow, warehouse: Connection, mart: Connection) -> None:
    """Merge every dimension from `reference.*`, in one transaction of the mart, unless none can have changed."""
    tables = [table for table in domain_tables("taxi") if table.name.startswith("dim_")]
    reference = [table for table in domain_tables("taxi") if table.layer == "reference"]
    with (
        ledger.exclusive(mart, _DATASET, flow.run_id, flow.settings.lock_patience_s),
        warehouse.transaction(),
    ):
        zones = ledger.current(warehouse, "taxi.zone", "warehouse")
        wanted = (
            f"model {fingerprint(tables + reference)} zones {zones.sha256 if zones else 'of the project'}"
        )
        before = ledger.current(mart, _DATASET, "mart")
        if not ledger.why_stale(before, wanted, output_exists=True, force=False):
            return
        _merge_all(flow, warehouse, mart, tables, wanted)
        mart.commit()


def _merge_all(flow: Flow, warehouse: Connection, mart: Connection, tables: list[Table], wanted: str) -> None:
    started = time.monotonic()
    scalar(mart, "select flocon.take_turn('taxi')")
    changed = {table.name: _merge(warehouse, mart, table) for table in tables}
    seconds = time.monotonic() - started
    entry = ledger.Entry(
        dataset=_DATASET,
        step="mart",
        input_fingerprint=wanted,
        run_id=flow.run_id,
        seconds=seconds,
        facts=changed,
    )
    ledger.record(mart, entry)
    log.info(
        "dimensions: %d rows new or changed in %d tables, %.1f s",
        sum(changed.values()),
        len(changed),
        seconds,
    )


def _merge(warehouse: Connection, mart: Connection, table: Table) -> int:
    arriving = scalar(mart, "select flocon.new_arrival(%s)", table.qualified_name)
    copy_across(warehouse, query_of(table.path / "insertion.sql"), mart, arriving)
    return int(scalar(mart, "select flocon.merge(%s, %s)", table.qualified_name, arriving))
