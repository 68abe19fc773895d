"""The steps of a taxi month, as DAGs and the command line call them: land → load → publish; and the weekly re-check."""

import logging
from dataclasses import dataclass, field
from datetime import date

from flocon import ledger
from flocon.errors import NotYetPublished, SourceError, TransientError
from flocon.flow import Flow, Outcome
from flocon.postgres import explained
from flocon.taxi.land import land, probe, source_fingerprint
from flocon.taxi.load import load
from flocon.taxi.names import SERVICES, file_name
from flocon.taxi.publish import publish

__all__ = ["Flow", "Outcome", "Recheck", "land", "load", "probe", "publish", "republished"]

log = logging.getLogger(__name__)


@dataclass
class Recheck:
    """What the sources now say: `changed` months as (service, month, source), and what could not be asked, in words."""

    changed: list[tuple[str, date, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def republished(flow: Flow) -> Recheck:
    """Ask, for every landed month, its own source for its ETag or Last-Modified, and find those published anew.

    One month that cannot be asked does not keep the others from being asked. A month that its publisher withdrew
    keeps what is loaded.
    """
    with explained("re-check") as sessions, sessions.open("warehouse", flow.warehouse) as warehouse:
        landed = ledger.all_current(warehouse, "lake")
    found = Recheck()
    for entry in landed:
        domain, _, service = entry.dataset.partition(".")
        if domain == "taxi" and service in SERVICES and entry.file_month is not None:
            _ask(flow, service, entry.file_month, entry, found)
    return found


def _ask(flow: Flow, service: str, month: date, landed: ledger.Entry, found: Recheck) -> None:
    source = str(landed.facts["source"])
    try:
        said = source_fingerprint(probe(flow, service, month, source))
    except NotYetPublished as error:
        log.warning(
            "%s: its source no longer has it; what is loaded stays (%s)", file_name(service, month), error
        )
    except (SourceError, TransientError) as error:
        found.problems.append(str(error))
    else:
        if ledger.why_stale(landed, said, output_exists=True, force=False):
            found.changed.append((service, month, source))
