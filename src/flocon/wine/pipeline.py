"""The steps of a wine month, as the DAG and the command line call them: bronze → silver → gold → mart → reports."""

from datetime import date

from flocon import inbox
from flocon.flow import Flow, Outcome
from flocon.lake_tables import build_layer
from flocon.wine.bronze import ingest
from flocon.wine.mart import publish
from flocon.wine.reports import publish_reports

__all__ = ["bronze", "gold", "is_empty", "mart", "reports", "silver"]

DOMAIN = "wine"


def is_empty(flow: Flow, source: str) -> bool:
    """Whether no file was ever dropped, neither now in `source` nor at an earlier time."""
    return inbox.is_empty(flow, DOMAIN, source)


def bronze(flow: Flow, month: date, source: str, *, force: bool = False) -> list[Outcome]:
    """The month's three files → lake, as received and as text; all of them or none."""
    return ingest(flow, month, source, force=force)


def silver(flow: Flow, month: date, *, force: bool = False) -> list[Outcome]:
    """Bronze → typed rows; what is set aside stands in quarantine with its reason."""
    return build_layer(flow, DOMAIN, "silver", month, month=month, force=force)


def gold(flow: Flow, month: date, *, force: bool = False) -> list[Outcome]:
    """Silver → the products of both systems, reconciled; what did not meet; the quality tests."""
    return build_layer(flow, DOMAIN, "gold", month, month=month, force=force)


def mart(flow: Flow, month: date, *, force: bool = False) -> Outcome:
    """Gold → the month in the mart, unless a quality test of severity `fail` fails: then the mart stays as it was."""
    return publish(flow, month, force=force)


def reports(flow: Flow, month: date, *, force: bool = False) -> list[Outcome]:
    """Gold → the month's reports; with a failing quality test, the test report alone, and the error that says so."""
    return publish_reports(flow, month, force=force)
