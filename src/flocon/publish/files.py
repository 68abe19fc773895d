"""Gold as CSV, under the names that users know: `gold/csv/<export>.csv`, each whole or as it was."""

import logging
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from flocon import ledger
from flocon.engine import Engine
from flocon.flow import Flow, Outcome
from flocon.shelf import Shelf, dataset, is_held, lake_tables
from flocon.tables import Table

log = logging.getLogger(__name__)

BUCKET = "gold"
STEP = "csv"


def export_csv(flow: Flow, domain: str, *, force: bool = False) -> list[Outcome]:
    """Write each gold table that has an `export` name as UTF-8 CSV with a header, in its own row order.

    Raises:
        FloconError: a gold table was never made.
    """
    with (
        flow.holding(domain) as warehouse,
        TemporaryDirectory(prefix="flocon-") as scratch,
        Engine.open(flow.settings, Path(scratch)) as engine,
    ):
        shelf = Shelf(flow, warehouse, domain, Path(scratch))
        exported = [table for table in lake_tables(domain, BUCKET) if table.metadata.export is not None]
        return [_export(flow, shelf, engine, table, force=force) for table in exported]


def _export(flow: Flow, shelf: Shelf, engine: Engine, table: Table, *, force: bool) -> Outcome:
    started = time.monotonic()
    key = f"csv/{table.metadata.export}.csv"
    wanted = f"{key} of {shelf.identity(table.qualified_name)}"
    entry = ledger.current(shelf.warehouse, dataset(table), STEP)
    held = is_held(flow, BUCKET, entry)
    stale = ledger.why_stale(entry, wanted, output_exists=held, force=force)
    shelf.warehouse.commit()
    if entry is None or stale is not None:
        path = shelf.folder / f"{table.metadata.export}.csv"
        engine.register(table.qualified_name, shelf.paths(table.qualified_name))
        rows = engine.write_csv(f"select * from {table.qualified_name}", path)  # noqa: S608 (a table of sql/)
        stored = flow.lake.put_file(BUCKET, key, path)
        entry = ledger.Entry(
            dataset=dataset(table),
            step=STEP,
            input_fingerprint=wanted,
            run_id=flow.run_id,
            seconds=time.monotonic() - started,
            sha256=stored.sha256,
            rows=rows,
            bytes=stored.bytes,
            facts={"key": key, "etag": stored.etag},
        )
        ledger.record(shelf.warehouse, entry)
        shelf.warehouse.commit()
    about = f"{BUCKET}/{key}: "
    about += "nothing to do" if stale is None else f"{entry.rows:,} rows in {entry.seconds:.1f} s ({stale})"
    log.info("%s", about)
    return Outcome(
        STEP, table.name, None, stale is not None, about, entry.seconds, entry.rows, entry.sha256, entry.facts
    )
