"""Source → lake: one published file, streamed, verified and fingerprinted; it appears whole or not at all."""

import logging
import time
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from flocon import ledger
from flocon.errors import FloconError, SourceError
from flocon.flow import Flow, Outcome
from flocon.lake import Stored
from flocon.months import month_label
from flocon.taxi import zones
from flocon.taxi.names import describe, file_name
from flocon.taxi.published import ASK_PUBLISHER, Published, RestartStream, Source
from flocon.taxi.sample import is_synthetic
from flocon.taxi.source import resolve

log = logging.getLogger(__name__)

BUCKET = "bronze"
_RESTARTS = 3


def probe(flow: Flow, service: str, month: date, source_spec: str) -> Published:
    """What the source says of a month now; raises `NotYetPublished`, `TransientError` or `SourceError`."""
    return resolve(source_spec, flow.settings).probe(file_name(service, month))


def land(flow: Flow, service: str, month: date, source_spec: str, *, force: bool = False) -> Outcome:
    """Copy one service's month from its source into the lake, unless the lake already holds those bytes.

    Raises `NotYetPublished`, `SourceError` (the answer is not an acceptable month) or `TransientError`; the lake then
    holds what it held before.
    """
    started = time.monotonic()
    source = resolve(source_spec, flow.settings)
    name = file_name(service, month)
    with flow.holding(f"{service} {month_label(month)}") as warehouse:
        entry = ledger.current(warehouse, f"taxi.{service}", "lake", month)
        warehouse.commit()
        said = source_fingerprint(source.probe(name))
        stale = ledger.why_stale(entry, said, output_exists=is_held(flow, entry), force=force)
        if entry is None or stale is not None:
            log.info("%s: fetching from %s (%s)", name, source.spec, stale)
            published, footer, stored = _fetch(flow, source, name, None if force else entry)
            entry = ledger.Entry(
                dataset=f"taxi.{service}",
                file_month=month,
                step="lake",
                input_fingerprint=source_fingerprint(published) or f"sha256 {stored.sha256}",
                run_id=flow.run_id,
                seconds=time.monotonic() - started,
                source_url=published.url,
                etag=published.etag,
                last_modified=published.last_modified,
                sha256=stored.sha256,
                is_synthetic=footer.is_synthetic,
                rows=footer.rows,
                bytes=stored.bytes,
                schema_seen=footer.schema_seen,
                facts={"source": source.spec, "lake_key": _key(source, name), "lake_etag": stored.etag},
            )
            ledger.record(warehouse, entry)
            warehouse.commit()
        zones.land_zones(flow, warehouse, source)
    return _outcome(entry, service, month, stale, time.monotonic() - started)


def source_fingerprint(published: Published) -> str | None:
    """What decides whether the source still has the same bytes; another address is another statement."""
    return published.fingerprint and f"{published.url} {published.fingerprint}"


def schema_seen(metadata: pq.FileMetaData) -> dict[str, str]:
    """The columns of a file with their types, as the ledger keeps them."""
    return {field.name: str(field.type) for field in metadata.schema.to_arrow_schema()}


def held_object(entry: ledger.Entry) -> tuple[str, str]:
    """Key and ETag of the lake object that a `lake` entry stands for."""
    return entry.facts["lake_key"], entry.facts["lake_etag"]


def _outcome(entry: ledger.Entry, service: str, month: date, stale: str | None, seconds: float) -> Outcome:
    name = file_name(service, month)
    if stale is None:
        message = f"{name}: nothing to do, the source still has the same bytes (sha256 {entry.sha256})"
    else:
        size = (entry.bytes or 0) / 1e6
        message = (
            f"{name}: {entry.rows:,} rows, {size:.1f} MB in {seconds:.1f} s from {entry.source_url} ({stale})"
        )
    log.info("%s", message)
    return Outcome("lake", service, month, stale is not None, message, seconds, entry.rows, entry.sha256)


def is_held(flow: Flow, entry: ledger.Entry | None) -> bool:
    """Whether the lake still has, untouched, the object that the ledger speaks of."""
    if entry is None:
        return False
    key, etag = held_object(entry)
    held = flow.lake.head(BUCKET, key)
    return held is not None and held.etag == etag


def _key(source: Source, name: str) -> str:
    return f"{source.lake_prefix}/{name}"


def _fetch(
    flow: Flow, source: Source, name: str, replaces: ledger.Entry | None
) -> tuple[Published, "_Footer", Stored]:
    """Stream the file into the lake; when the publisher replaces it meanwhile, start over with the new one."""
    for attempt in Retrying(
        retry=retry_if_exception_type(RestartStream), stop=stop_after_attempt(_RESTARTS), reraise=True
    ):
        with attempt:
            published = source.probe(name)
            footer = _Footer(name, source, replaces)
            stored = flow.lake.put_stream(
                BUCKET, _key(source, name), source.stream(name, published), footer.accept
            )
    return published, footer, stored


class _Footer:
    """Reads the Parquet footer off the end of a stream, before the object is allowed to appear.

    `replaces` is the month that this one would replace; generated months never stand in for published ones unnoticed,
    nor the reverse.
    """

    def __init__(self, name: str, source: Source, replaces: ledger.Entry | None) -> None:
        self._name = name
        self._source = source
        self._replaces = replaces
        self.rows = 0
        self.is_synthetic = False
        self.schema_seen: dict[str, str] = {}

    def accept(self, tail: bytes, size: int) -> None:
        """Raise `SourceError` unless these are the last bytes of a Parquet file with at least one row."""
        try:
            metadata = pq.read_metadata(pa.BufferReader(tail))
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{describe(self._name)}: the {size:,} bytes received do not end in a Parquet footer ({error}). "
                f"Nothing was stored; {ASK_PUBLISHER}."
            ) from error
        if metadata.num_rows == 0:
            raise SourceError(
                f"{describe(self._name)}: the file holds no rows. Nothing was stored; {ASK_PUBLISHER}."
            )
        self.is_synthetic = is_synthetic(metadata.metadata)  # a generated file says so wherever it comes from
        self._refuse_other_kind()
        self.rows = metadata.num_rows
        self.schema_seen = schema_seen(metadata)

    def _refuse_other_kind(self) -> None:
        if self._replaces is None or self._replaces.is_synthetic == self.is_synthetic:
            return
        kinds = {True: "a synthetic (generated) month", False: "a published month"}
        raise FloconError(
            f"{describe(self._name)}: {kinds[not self.is_synthetic]} is loaded (from {self._replaces.source_url}), "
            f"and {self._source.spec} would replace it by {kinds[self.is_synthetic]}. "
            "If that is meant, run it with FORCE=1."
        )
