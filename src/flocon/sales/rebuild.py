"""Bronze → silver → gold → mart and CSV: the shops' tables out of the objects that the lake holds.

The history of the clients is what publications added to, day by day: nothing in the lake says it. A mart that still
has it keeps it; one that lost it has it from a backup, or begins it anew at the as-of date.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from flocon import ledger
from flocon.dropped.intake import wanted
from flocon.errors import ContractError
from flocon.flow import Flow, Outcome
from flocon.postgres import Connection, explained
from flocon.rebuild import Order, Piece
from flocon.sales import pipeline
from flocon.sales.bronze import DOMAIN, LAYER
from flocon.shelf import dataset, is_held, lake_tables
from flocon.tables import Table

log = logging.getLogger(__name__)

_ADDED = ("_file", "_line")


def pieces(flow: Flow, order: Order) -> Iterator[Piece]:
    """All of the domain, if bronze has any of it; it is not made by months."""
    if order.months is None and flow.lake.list(LAYER, f"{DOMAIN}/"):
        yield Piece(DOMAIN, partial(_all, flow, order))


def _all(flow: Flow, order: Order) -> Iterable[Outcome]:
    yield from adopt(flow)
    as_of = order.as_of or _last_as_of(flow)
    yield from pipeline.silver(flow, as_of, force=order.force)
    yield from pipeline.gold(flow, as_of, force=order.force)
    yield pipeline.mart(flow, as_of, force=order.force)
    yield from pipeline.csv(flow, force=order.force)


def adopt(flow: Flow) -> list[Outcome]:
    """Have the ledger know every object in bronze, unless it does; no byte of them is moved.

    Raises:
        ContractError: an object is none of a shop file's.
    """
    with flow.holding(DOMAIN) as warehouse:
        return [
            _adopt(flow, warehouse, table, key)
            for table in lake_tables(DOMAIN, LAYER)
            for key in flow.lake.list(LAYER, f"{DOMAIN}/{table.name}/")
        ]


def _adopt(flow: Flow, warehouse: Connection, table: Table, key: str) -> Outcome:
    started = time.monotonic()
    try:
        with flow.lake.open_parquet(LAYER, key) as file:
            name = str(file.read_row_group(0, columns=["_file"])["_file"][0].as_py())
            footer = file.metadata
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ContractError(f"{LAYER}/{key} is no shop file as Flocon stores it ({error}).") from error
    entry = ledger.current(warehouse, f"{dataset(table)}:{name}", LAYER)
    warehouse.commit()
    is_known = is_held(flow, LAYER, entry)
    if entry is None or not is_known:
        entry = _entry(flow, table, name, key, footer, entry)
        ledger.record(warehouse, entry)
        warehouse.commit()
    what = "is as the ledger knows it" if is_known else "was taken up by the ledger"
    message = f"{LAYER}/{key}: {entry.rows:,} rows of {name}, {what}"
    log.info("%s", message)
    seconds = time.monotonic() - started
    return Outcome(LAYER, table.name, None, not is_known, message, seconds, entry.rows, entry.sha256)


def _entry(
    flow: Flow, table: Table, name: str, key: str, footer: pq.FileMetaData, known: ledger.Entry | None
) -> ledger.Entry:
    """What the ledger is to say of an object.

    The digest of the file that was dropped is known only from an entry of the same rows. Without one, that of the rows
    stands in its place: should the file still lie in `sources`, the next run takes it once more.
    """
    held, sha256 = flow.lake.head(LAYER, key), flow.lake.sha256(LAYER, key)
    if held is None:
        raise ContractError(f"{LAYER}/{key} was removed while it was read.")
    same = known if known is not None and known.facts.get("object_sha256") == sha256 else None
    received = str(same.sha256) if same is not None else sha256
    columns = {f.name: str(f.type) for f in footer.schema.to_arrow_schema() if f.name not in _ADDED}
    facts = {"extra_columns": [column for column in columns if column not in table.contract_columns]}
    return ledger.Entry(
        dataset=f"{dataset(table)}:{name}",
        step=LAYER,
        input_fingerprint=wanted(table, received),
        run_id=flow.run_id,
        seconds=0,
        source_url=same.source_url if same is not None else f"{LAYER}/{key}",
        sha256=received,
        rows=footer.num_rows,
        bytes=held.bytes,
        schema_seen=same.schema_seen if same is not None else columns,
        facts={
            **(same.facts if same is not None else facts),
            "key": key,
            "etag": held.etag,
            "object_sha256": sha256,
        },
    )


def _last_as_of(flow: Flow) -> date:
    """The date that the mart was last published as of, or silver was made as of; today where no ledger knows."""
    with (
        explained(DOMAIN) as sessions,
        sessions.open("warehouse", flow.warehouse) as warehouse,
        sessions.open("mart", flow.mart) as mart,
    ):
        shown = ledger.current(mart, DOMAIN, "mart")
        made = [entry for entry in ledger.all_current(warehouse, "silver") if "as_of" in entry.facts]
    known = [shown] if shown is not None else [e for e in made if e.dataset.startswith(f"{DOMAIN}.")]
    days = [date.fromisoformat(entry.facts["as_of"]) for entry in known]
    return max(days, default=datetime.now(ZoneInfo("Europe/Paris")).date())
