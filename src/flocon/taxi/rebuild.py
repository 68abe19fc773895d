"""Bronze → warehouse → mart: taxi months out of the objects that the lake holds, also when no ledger knows them."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from flocon import ledger
from flocon.errors import FloconError, SourceError, TransientError
from flocon.flow import Flow, Outcome
from flocon.lake import LakeObject
from flocon.months import month_label
from flocon.postgres import Connection, explained, scalar
from flocon.rebuild import Order, Piece
from flocon.taxi import zones
from flocon.taxi.land import BUCKET, held_object, is_held, schema_seen, source_fingerprint
from flocon.taxi.load import load
from flocon.taxi.names import ZONE_TABLE, describe, file_name, parse_file_name
from flocon.taxi.publish import publish
from flocon.taxi.published import Published
from flocon.taxi.sample import is_synthetic
from flocon.taxi.sample_source import SampleSource

log = logging.getLogger(__name__)

# Where months lie. A month that is in both, and of which no ledger says which one was loaded, is the published one.
_PREFIXES = ("tlc", SampleSource.lake_prefix)


def pieces(flow: Flow, order: Order) -> Iterator[Piece]:
    """The zone table, and every month of bronze."""
    found: dict[tuple[date, str], list[str]] = defaultdict(list)
    for prefix in _PREFIXES:
        there = flow.lake.list(BUCKET, f"{prefix}/")
        if f"{prefix}/{ZONE_TABLE}" in there:
            yield Piece(ZONE_TABLE, partial(_zones, flow, prefix, order.force))
        for key in there:
            parsed = parse_file_name(key.removeprefix(f"{prefix}/"))
            if parsed is not None and order.wants(parsed[1]):
                found[parsed[1], parsed[0]].append(key)
    for (month, service), keys in sorted(found.items()):
        yield Piece(f"{service} {month_label(month)}", partial(_month, flow, service, month, keys, order))


def _month(flow: Flow, service: str, month: date, keys: list[str], order: Order) -> Iterable[Outcome]:
    yield adopt(flow, service, month, keys, force=order.force)
    yield load(flow, service, month, force=order.force)
    yield publish(flow, service, month, force=order.force or not _has_rejected(flow, service, month))


def adopt(flow: Flow, service: str, month: date, keys: list[str], *, force: bool = False) -> Outcome:
    """Have the ledger know a month's object as landed, one of `keys`, unless it does; no byte of it is moved.

    Raises:
        SourceError: the object is no month.
        FloconError: the ledgers know a published month, and this one is generated, or the reverse; not with `force`.
    """
    started = time.monotonic()
    with flow.holding_both(f"{service} {month_label(month)}") as (warehouse, mart):
        entry = ledger.current(warehouse, f"taxi.{service}", "lake", month)
        shown = ledger.current(mart, f"taxi.{service}", "mart", month)
        warehouse.commit()
        mart.commit()
        is_known = is_held(flow, entry)
        if entry is None or not is_known:
            key = _choose(keys, entry)
            entry = _Found.of(flow, file_name(service, month), key).entry(flow, entry or shown, force=force)
            entry = replace(
                entry, dataset=f"taxi.{service}", file_month=month, seconds=time.monotonic() - started
            )
            ledger.record(warehouse, entry)
            warehouse.commit()
    what = "is as the ledger knows it" if is_known else "was taken up by the ledger"
    message = f"{service} {month_label(month)}: {BUCKET}/{held_object(entry)[0]}, {entry.rows:,} rows, {what}"
    log.info("%s", message)
    seconds = time.monotonic() - started
    return Outcome("lake", service, month, not is_known, message, seconds, entry.rows, entry.sha256)


def _choose(keys: list[str], entry: ledger.Entry | None) -> str:
    """The object that the ledger speaks of, if there is one; else the first, which is the published one."""
    known = None if entry is None else held_object(entry)[0]
    return known if known in keys else keys[0]


@dataclass(frozen=True)
class _Found:
    """An object that was read to its end, and its footer."""

    name: str
    key: str
    held: LakeObject
    sha256: str
    footer: pq.FileMetaData

    @classmethod
    def of(cls, flow: Flow, name: str, key: str) -> "_Found":
        held = flow.lake.head(BUCKET, key)
        sha256 = flow.lake.sha256(BUCKET, key)
        try:
            with flow.lake.open_parquet(BUCKET, key) as file:
                footer = file.metadata
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{describe(name)}: the lake's {BUCKET}/{key} is no Parquet file ({error}); run the month again."
            ) from error
        if held is None or flow.lake.head(BUCKET, key) != held:
            raise TransientError(
                f"{describe(name)}: the lake's {BUCKET}/{key} was changed while it was read."
            )
        if footer.num_rows == 0:
            raise SourceError(
                f"{describe(name)}: the lake's {BUCKET}/{key} holds no rows; run the month again."
            )
        return cls(name, key, held, sha256, footer)

    def entry(self, flow: Flow, known: ledger.Entry | None, *, force: bool) -> ledger.Entry:
        """What the ledger is to say of it; where it came from is told by `known`, if that is of these bytes."""
        synthetic = is_synthetic(self.footer.metadata)
        if known is not None and known.is_synthetic != synthetic and not force:
            raise FloconError(
                f"{describe(self.name)}: what is loaded is {'published' if synthetic else 'generated'}, but the lake's "
                f"{BUCKET}/{self.key} is {'generated' if synthetic else 'published'}. If that is meant, add FORCE=1."
            )
        spec, published = self._origin(flow, known)
        return ledger.Entry(
            dataset="",
            step="lake",
            input_fingerprint=source_fingerprint(published) or f"sha256 {self.sha256}",
            run_id=flow.run_id,
            seconds=0,
            source_url=published.url,
            etag=published.etag,
            last_modified=published.last_modified,
            sha256=self.sha256,
            is_synthetic=synthetic,
            rows=self.footer.num_rows,
            bytes=self.held.bytes,
            schema_seen=schema_seen(self.footer),
            facts={"source": spec, "lake_key": self.key, "lake_etag": self.held.etag},
        )

    def _origin(self, flow: Flow, known: ledger.Entry | None) -> tuple[str, Published]:
        """The source, and what it said of the file."""
        if known is not None and known.sha256 == self.sha256 and known.facts.get("source"):
            said = Published(str(known.source_url), known.etag, known.last_modified, self.held.bytes)
            return str(known.facts["source"]), said
        if self.key.startswith(f"{SampleSource.lake_prefix}/"):
            labels = self.footer.metadata or {}
            rows, seed = (int(labels[b"flocon.sample_" + name]) for name in (b"rows", b"seed"))
            source = SampleSource(rows, seed)
            return source.spec, source.probe(self.name)
        # Nobody knows any more. The weekly re-check will ask this source, and fetch the month once.
        spec = flow.settings.taxi_source
        is_other_kind = spec.partition(":")[0] == SampleSource.lake_prefix
        return "tlc" if is_other_kind else spec, Published(f"{BUCKET}/{self.key}", None, None, None)


def _has_rejected(flow: Flow, service: str, month: date) -> bool:
    """Whether the warehouse has the rows that the mart's month, if it is there, was published without."""
    about = f"{service} {month_label(month)}"
    with (
        explained(about) as sessions,
        sessions.open("warehouse", flow.warehouse) as warehouse,
        sessions.open("mart", flow.mart) as mart,
    ):
        shown = ledger.current(mart, f"taxi.{service}", "mart", month)
        return shown is None or shown.facts["rows_rejected"] == _rejected(warehouse, service, month)


def _rejected(warehouse: Connection, service: str, month: date) -> int:
    query = (
        "select count(*) from rejected.trip inner join reference.service using (service_id)"
        " where service = %s and file_month = %s"
    )
    return int(scalar(warehouse, query, service, month))


@dataclass(frozen=True)
class _Bronze:
    """The lake itself as the source of the zone table; see `published.Source`."""

    flow: Flow
    lake_prefix: str
    spec: str
    is_synthetic: bool = False

    def probe(self, file_name: str) -> Published:
        key = f"{self.lake_prefix}/{file_name}"
        return Published(f"{BUCKET}/{key}", None, None, None)

    def stream(self, file_name: str, published: Published) -> Iterator[bytes]:
        yield self.flow.lake.read(BUCKET, f"{self.lake_prefix}/{file_name}")


def _zones(flow: Flow, prefix: str, force: bool) -> Iterable[Outcome]:
    """Bring `reference.zone` up to the zone table in bronze, unless the ledger knows that it is."""
    started = time.monotonic()
    with flow.holding("zone table") as warehouse:
        entry = ledger.current(warehouse, zones.DATASET, "warehouse")
        changed = force or not zones.is_held(flow, entry)
        if changed:
            spec = (entry.facts if entry else {}).get("source", flow.settings.taxi_source)
            source = _Bronze(flow, prefix, spec)
            zones.replace_zones(flow, warehouse, source, source.probe(ZONE_TABLE))
            warehouse.commit()
    state = "read again" if changed else "as the ledger knows it"
    message = f"{BUCKET}/{prefix}/{ZONE_TABLE}: {state}"
    yield Outcome("zones", "zone", None, changed, message, time.monotonic() - started)
