"""One gold table and its collection in MongoDB."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from pymongo import ReplaceOne
from pymongo.collection import Collection

from flocon import ledger
from flocon.errors import FloconError, Unbalanced
from flocon.flow import Flow, Outcome
from flocon.publish.mongo_documents import SOURCE_HASH, Shape
from flocon.publish.mongo_server import Document, MongoServer
from flocon.shelf import Shelf, dataset
from flocon.tables import Table

log = logging.getLogger(__name__)

METADATA = "_sync_metadata"
STEP = "mongodb"

_KEY_INDEX = "flocon_key"
_FORMAT = 1  # of the documents: another one makes all collections stale


class ForeignDocuments(FloconError):
    """A collection holds documents that this program did not write."""


@dataclass
class Mirror:
    """One gold table and its collection, which is made the same as the table."""

    flow: Flow
    shelf: Shelf
    server: MongoServer
    table: Table

    @property
    def _collection(self) -> Collection[Document]:
        return self.server.collection(self.table.name)

    @property
    def _metadata(self) -> Collection[Document]:
        return self.server.collection(METADATA)

    def sync(self, *, force: bool) -> Outcome:
        """Write what changed, unless MongoDB itself says that it has these bytes, and has as many documents."""
        started = time.monotonic()
        (gold,) = self.shelf.entries(self.table.qualified_name)
        known = self._known()
        is_whole = known is not None and self._collection.count_documents({}) == known.rows
        wanted = self._wanted(gold)
        stale = ledger.why_stale(known, wanted, output_exists=is_whole, force=force)
        if known is None or stale is not None:
            known = self._write(gold, wanted, started)
        return self._outcome(known, stale)

    def _wanted(self, gold: ledger.Entry) -> str:
        amounts = "decimal" if self.server.has_decimals else "double"
        key = ",".join(self.table.metadata.primary_key)
        return f"sha256 {gold.sha256} key {key} amounts {amounts} format {_FORMAT}"

    def _known(self) -> ledger.Entry | None:
        """What MongoDB itself says of the last sync that ended: our ledger cannot know what became of it since."""
        found = self._metadata.find_one({"_id": self.table.name})
        if found is None:
            return None
        return ledger.Entry(
            dataset=dataset(self.table),
            step=STEP,
            input_fingerprint=found["fingerprint"],
            run_id=found["run_id"],
            seconds=found["seconds"],
            sha256=found["source_hash"],
            rows=found["rows"],
            facts={"refresh_seconds": found["refresh_seconds"]},
        )

    def _write(self, gold: ledger.Entry, wanted: str, started: float) -> ledger.Entry:
        """Make the collection the same as gold; what is killed on the way leaves no metadata."""
        self._refuse_foreign()
        (path,) = self.shelf.paths(self.table.qualified_name)
        shape = Shape(self.table, str(gold.sha256), self.server.has_decimals)
        self._metadata.delete_one({"_id": self.table.name})
        self._require_unique_key()
        self._write_documents(shape.batches(path, self.server.writes_at_once))
        path.unlink()  # the largest of them need not lie together on the scratch disk
        removed = self._remove({"$exists": True, "$ne": shape.source_hash})
        self._require_rows(gold)
        return self._record(gold, wanted, removed, time.monotonic() - started)

    def _write_documents(self, batches: Iterator[list[Document]]) -> None:
        """Replace or add by key; where there is nothing yet, adding does without the search for what to replace."""
        is_empty = self._collection.find_one({}, {"_id": True}) is None
        for documents in batches:
            if is_empty:
                self._collection.insert_many(documents, ordered=False)
            else:
                replacements = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
                self._collection.bulk_write(replacements, ordered=False)

    def _refuse_foreign(self) -> None:
        foreign = self._collection.find_one({SOURCE_HASH: {"$exists": False}}, {"_id": True})
        if foreign is not None:
            raise ForeignDocuments(
                f"{self._place}: holds documents that Flocon did not write, such as _id {foreign['_id']!r}; it was "
                "left as it is. Move them elsewhere, or let FLOCON_MONGO_DATABASE name another database."
            )

    @property
    def _place(self) -> str:
        return f"MongoDB at {self.server.host}, {self._collection.full_name}"

    def _require_unique_key(self) -> None:
        key = list(self.table.metadata.primary_key)
        known = self._collection.index_information().get(_KEY_INDEX)
        if (
            known is not None and [name for name, _ in known["key"]] != key
        ):  # the ids, too, are those of another key
            self._collection.drop_index(_KEY_INDEX)
            self._remove({"$exists": True})
        self._collection.create_index([(name, 1) for name in key], unique=True, name=_KEY_INDEX)

    def _remove(self, source_hash: Document) -> int:
        return self._collection.delete_many({SOURCE_HASH: source_hash}).deleted_count

    def _require_rows(self, gold: ledger.Entry) -> None:
        found = self._collection.count_documents({})
        if found != gold.rows:
            raise Unbalanced(
                f"{self._place}: holds {found:,} documents after the sync, and gold has {gold.rows:,} rows; either its "
                "key is not unique, or somebody else writes there too. Then drop the collection and run again."
            )

    def _record(self, gold: ledger.Entry, wanted: str, removed: int, seconds: float) -> ledger.Entry:
        """The ledger first, which is the history; the metadata last, since it is what the next run believes."""
        now = datetime.now(UTC)
        refresh_seconds = round((now - cast(datetime, gold.finished_at)).total_seconds(), 3)
        entry = ledger.Entry(
            dataset=dataset(self.table),
            step=STEP,
            input_fingerprint=wanted,
            run_id=self.flow.run_id,
            seconds=seconds,
            sha256=gold.sha256,
            rows=gold.rows,
            facts={"refresh_seconds": refresh_seconds, "removed": removed},
        )
        ledger.record(self.shelf.warehouse, entry)
        self.shelf.warehouse.commit()
        metadata = {
            "_id": self.table.name,
            "collection": self.table.name,
            "domain": self.table.domain,
            "source_hash": gold.sha256,
            "rows": gold.rows,
            "last_sync": now,
            "refresh_seconds": refresh_seconds,
            "seconds": seconds,
            "run_id": self.flow.run_id,
            "fingerprint": wanted,
        }
        self._metadata.replace_one({"_id": self.table.name}, metadata, upsert=True)
        return entry

    def _outcome(self, entry: ledger.Entry, stale: str | None) -> Outcome:
        about = f"{self.table.name} in MongoDB: "
        if stale is None:
            message = f"{about}nothing to do, it has these {entry.rows:,} rows (sha256 {entry.sha256})"
        else:
            rows = entry.rows or 0
            speed = f"{rows:,} rows in {entry.seconds:.1f} s ({rows / entry.seconds:,.0f} rows/s)"
            message = f"{about}{speed}, {entry.facts['removed']:,} removed ({stale})"
        log.info("%s", message)
        return Outcome(
            STEP,
            self.table.name,
            None,
            stale is not None,
            message,
            entry.seconds,
            entry.rows,
            entry.sha256,
            entry.facts,
        )
