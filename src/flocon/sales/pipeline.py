"""The layers of the sales domain, as the DAG and the command line call them: bronze → silver → gold → mart, exports."""

from datetime import date

from flocon import inbox
from flocon.flow import Flow, Outcome
from flocon.lake_tables import build_layer
from flocon.publish.files import export_csv
from flocon.publish.mongo import sync
from flocon.sales.bronze import Ingested, ingest
from flocon.sales.mart import publish
from flocon.sales.quality import Quality, quality

__all__ = [
    "Ingested",
    "Quality",
    "bronze",
    "csv",
    "gold",
    "is_empty",
    "mart",
    "mongodb",
    "quality",
    "silver",
]

DOMAIN = "sales"


def is_empty(flow: Flow, source: str) -> bool:
    """Whether no file was ever dropped, neither now in `source` nor at an earlier time."""
    return inbox.is_empty(flow, DOMAIN, source)


def bronze(flow: Flow, source: str, *, force: bool = False) -> Ingested:
    """Dropped files → lake, as received; what does not fit the contract is refused, and the rest goes on."""
    return ingest(flow, source, force=force)


def silver(flow: Flow, as_of: date, *, force: bool = False) -> list[Outcome]:
    """Bronze → trusted rows; every row that is not kept stands in quarantine with its reason."""
    return build_layer(flow, DOMAIN, "silver", as_of, force=force)


def gold(flow: Flow, as_of: date, *, force: bool = False) -> list[Outcome]:
    """Silver → dimensions, facts and key figures."""
    return build_layer(flow, DOMAIN, "gold", as_of, force=force)


def mart(flow: Flow, as_of: date, *, force: bool = False) -> Outcome:
    """Gold → the mart's schema `sales`, in one transaction, with the history of the clients."""
    return publish(flow, as_of=as_of, force=force)


def csv(flow: Flow, *, force: bool = False) -> list[Outcome]:
    """Gold → CSV files under the names that users know."""
    return export_csv(flow, DOMAIN, force=force)


def mongodb(flow: Flow, *, force: bool = False) -> list[Outcome]:
    """Gold → MongoDB, where one is set."""
    return sync(flow, DOMAIN, force=force)
