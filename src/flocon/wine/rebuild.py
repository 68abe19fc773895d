"""Bronze → silver → gold → reports and mart: wine months out of the files that the lake holds as they were received."""

from collections.abc import Iterable, Iterator
from functools import partial

import pyarrow as pa

from flocon import ledger
from flocon.errors import ContractError, SettingsError
from flocon.flow import Flow, Outcome
from flocon.inbox import Drop
from flocon.lake import LakeObject
from flocon.months import Month, month_label, parse_month
from flocon.postgres import explained
from flocon.rebuild import Order, Piece
from flocon.shelf import dataset, lake_tables, object_key
from flocon.tables import Table
from flocon.wine import pipeline
from flocon.wine.bronze import DOMAIN, LAYER, ingest_found


def pieces(flow: Flow, order: Order) -> Iterator[Piece]:
    """Every month of bronze."""
    there = flow.lake.list(LAYER, f"{DOMAIN}/")
    for month in sorted({month for key in there if (month := _month_of(key)) is not None}):
        if order.wants(month):
            yield Piece(f"{DOMAIN} {month_label(month)}", partial(_month, flow, month, there, order.force))


def _month_of(key: str) -> Month | None:
    """The month of an object's folder; None for what is in no month's."""
    try:
        return parse_month(key.split("/")[1])
    except SettingsError:
        return None


def _month(flow: Flow, month: Month, there: dict[str, LakeObject], force: bool) -> Iterable[Outcome]:
    found = [(table, _received(flow, table, month, there)) for table in lake_tables(DOMAIN, LAYER)]
    yield from ingest_found(flow, month, found, force=force)
    yield from pipeline.silver(flow, month, force=force)
    yield from pipeline.gold(flow, month, force=force)
    yield from pipeline.reports(flow, month, force=force)
    yield pipeline.mart(flow, month, force=force)


def _received(flow: Flow, table: Table, month: Month, there: dict[str, LakeObject]) -> Drop:
    """The file of a table as it was received, under the name that it had, as if it were dropped again.

    Raises:
        ContractError: bronze does not have it.
    """
    key = object_key(table, month)
    about = f"{DOMAIN} {month_label(month)}: {LAYER}/{key}"
    again = "drop the month's files again and run the month"
    if key not in there:
        raise ContractError(f"{about} is gone; {again}.")
    try:
        with flow.lake.open_parquet(LAYER, key) as file:
            name = str(file.read_row_group(0, columns=["_file"])["_file"][0].as_py())
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ContractError(f"{about} is no table as Flocon stores it ({error}); {again}.") from error
    raw = f"{key.removesuffix('.parquet')}.{name.rpartition('.')[2].lower()}"
    if raw not in there:
        raise ContractError(f"{DOMAIN} {month_label(month)}: {LAYER}/{raw} is gone; {again}.")
    return Drop(
        name, _origin(flow, table, month, raw), there[raw].bytes, partial(flow.lake.fetch, LAYER, raw)
    )


def _origin(flow: Flow, table: Table, month: Month, raw: str) -> str:
    """Where a file was dropped, as far as the ledger knows; else where it is now."""
    with (
        explained(f"{DOMAIN} {month_label(month)}") as sessions,
        sessions.open("warehouse", flow.warehouse) as warehouse,
    ):
        known = ledger.current(warehouse, dataset(table), LAYER, month)
    return str(known.source_url) if known is not None else f"{LAYER}/{raw}"
