"""The taxi zone table: the published one when the source has it, else the project's own reference data."""

import csv
import logging
import time
from collections.abc import Iterator

from flocon import ledger
from flocon.errors import NotYetPublished, SourceError, TransientError
from flocon.flow import Flow
from flocon.postgres import Connection, scalar
from flocon.taxi.names import ZONE_TABLE
from flocon.taxi.published import Published, Source

log = logging.getLogger(__name__)

DATASET = "taxi.zone"
_HEADER = ["LocationID", "Borough", "Zone", "service_zone"]


def land_zones(flow: Flow, warehouse: Connection, source: Source) -> None:
    """Bring `reference.zone` up to the source's zone table, when the source has one; else leave it as it is.

    A source without a zone table is normal (generated months, a folder of months): the project's own 265 zones serve.
    One that cannot be read is warned about and keeps no month from being loaded.
    """
    try:
        published = source.probe(ZONE_TABLE)
        with ledger.exclusive(warehouse, "zone table", flow.run_id, flow.settings.lock_patience_s):
            before = ledger.current(warehouse, DATASET, "warehouse")
            if ledger.why_stale(
                before, published.fingerprint, output_exists=is_held(flow, before), force=False
            ):
                replace_zones(flow, warehouse, source, published)
                warehouse.commit()
    except NotYetPublished:
        log.info("%s: %s has none; the zones already in the warehouse are used", ZONE_TABLE, source.spec)
    except (SourceError, TransientError) as error:
        log.warning("%s: not read, the zones already in the warehouse are used: %s", ZONE_TABLE, error)


def is_held(flow: Flow, entry: ledger.Entry | None) -> bool:
    """Whether the lake still has, untouched, the zone table that the ledger speaks of."""
    if entry is None or "lake_key" not in entry.facts:  # which an earlier version did not keep
        return False
    held = flow.lake.head("bronze", entry.facts["lake_key"])
    return held is not None and held.etag == entry.facts["lake_etag"]


def replace_zones(flow: Flow, warehouse: Connection, source: Source, published: Published) -> None:
    """Store a source's zone table in the lake and merge it into `reference.zone`; the caller commits.

    Raises:
        SourceError: it is no zone table.
    """
    started = time.monotonic()
    body = b"".join(source.stream(ZONE_TABLE, published))
    zones = list(_read(body.decode("utf-8-sig"), published.url))
    key = f"{source.lake_prefix}/{ZONE_TABLE}"
    stored = flow.lake.put_stream("bronze", key, [body])
    arriving = scalar(warehouse, "select flocon.new_arrival('reference.zone')")
    with (
        warehouse.cursor() as cursor,
        cursor.copy(f"copy {arriving} (zone_id, borough, zone, service_zone) from stdin") as copy,
    ):
        for zone in zones:
            copy.write_row(zone)
    changed = scalar(warehouse, "select flocon.merge('reference.zone', %s)", arriving)
    entry = ledger.Entry(
        dataset=DATASET,
        step="warehouse",
        input_fingerprint=published.fingerprint or f"sha256 {stored.sha256}",
        run_id=flow.run_id,
        seconds=time.monotonic() - started,
        source_url=published.url,
        etag=published.etag,
        last_modified=published.last_modified,
        sha256=stored.sha256,
        rows=len(zones),
        bytes=stored.bytes,
        facts={"source": source.spec, "lake_key": key, "lake_etag": stored.etag},
    )
    ledger.record(warehouse, entry)
    log.info("%s: %d zones read, %d of them new or changed", ZONE_TABLE, len(zones), changed)


def _read(text: str, url: str) -> Iterator[tuple[int, str, str, str]]:
    """Rows of the published CSV. `N/A` and `Unknown` in it are text, not nulls."""
    rows = csv.reader(text.splitlines())
    header = next(rows, [])
    if header != _HEADER:
        raise SourceError(f"{ZONE_TABLE} from {url} has the columns {header}, not {_HEADER}.")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(_HEADER) or not row[0].isdigit():
            raise SourceError(f"{ZONE_TABLE} from {url}: line {number} is not a zone: {row}.")
        yield int(row[0]), row[1], row[2], row[3]
