"""Finished lake tables: which objects they consist of, as the ledger describes them, and their bytes."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from flocon import ledger
from flocon.errors import FloconError, TransientError
from flocon.flow import Flow
from flocon.postgres import Connection
from flocon.quarantine import BUCKET as QUARANTINE
from flocon.tables import REJECTED, Table, domain_tables, fingerprint


def lake_tables(domain: str, layer: str) -> list[Table]:
    """The lake tables of one layer, each after those that it reads."""
    return [table for table in domain_tables(domain) if (table.server, table.layer) == ("lake", layer)]


def dataset(table: Table) -> str:
    """What the ledger calls a lake table; of a table of dropped files, each is `<this>:<name of the file>`."""
    return f"{table.domain}.{table.name}"


def object_key(table: Table, month: date | None = None) -> str:
    """Where in its layer's bucket a table made by a SELECT is kept: one object, or one for each month."""
    of_month = f"{month:%Y-%m}/" if month else ""
    return f"{table.domain}/{of_month}{table.name}.parquet"


def is_held(flow: Flow, bucket: str, entry: ledger.Entry | None) -> bool:
    """Whether the lake still has the object that an entry describes, unchanged."""
    if entry is None:
        return False
    held = flow.lake.head(bucket, entry.facts["key"])
    return held is not None and held.etag == entry.facts["etag"]


def refused(entry: ledger.Entry | None) -> ledger.Entry | None:
    """What the entry of a table that judges rows says of those it refuses, as the entry of an object in quarantine."""
    facts = {} if entry is None else entry.facts.get("refused")
    if entry is None or not facts:
        return None
    return replace(entry, sha256=facts["sha256"], rows=facts["rows"], bytes=facts["bytes"], facts=facts)


@dataclass
class Shelf:
    """The finished tables of one domain, by qualified name, fetched into `folder` once when they are asked for.

    `rejected.x` is known besides: what `silver.x` refused. `month` chooses one month's tables, in a domain that is made
    by months.
    """

    flow: Flow
    warehouse: Connection
    domain: str
    folder: Path
    month: date | None = None
    _entries: dict[str, list[ledger.Entry]] = field(default_factory=dict)
    _paths: dict[str, list[Path]] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        """The lake table `name`, as in `silver.achats`, or the one that refused the rows of `rejected.achats`."""
        layer, _, short = name.partition(".")
        layer = "silver" if layer == REJECTED else layer
        return next(table for table in lake_tables(self.domain, layer) if table.name == short)

    def entries(self, name: str) -> list[ledger.Entry]:
        """The ledger's entries of a table's objects: one, or for a table of dropped files one each.

        Raises:
            FloconError: it was never made, or somebody else changed an object since.
        """
        if name not in self._entries:
            self._entries[name] = self._look_up(name)
        return self._entries[name]

    def _look_up(self, name: str) -> list[ledger.Entry]:
        table, bucket = self.table(name), self._bucket(name)
        made = [
            entry
            for entry in ledger.all_current(self.warehouse, table.layer)
            if entry.dataset.partition(":")[0] == dataset(table) and entry.file_month == self.month
        ]
        self.warehouse.commit()
        found = made if bucket == table.layer else [of for of in map(refused, made) if of is not None]
        again = f"run the layer {table.layer} of {self.about} first"
        if not found:
            raise FloconError(f"{name}: there is none yet, {again}.")
        for entry in found:
            if not is_held(self.flow, bucket, entry):
                key = f"{bucket}/{entry.facts['key']}"
                raise FloconError(
                    f"{name}: the lake's {key} is gone or was changed by somebody else, {again}."
                )
        return found

    @property
    def about(self) -> str:
        """Whose tables they are, as in `sales`, or `wine 2024-05`."""
        return f"{self.domain} {self.month:%Y-%m}" if self.month else self.domain

    def _bucket(self, name: str) -> str:
        return QUARANTINE if name.startswith(f"{REJECTED}.") else self.table(name).layer

    def identity(self, name: str) -> str:
        """A digest (hex) of a table's content: it changes when the content may have."""
        digest = hashlib.sha256()
        table = self.table(name)
        if table.metadata.kind == "file":
            digest.update(fingerprint([table]).encode())
        for entry in self.entries(name):
            digest.update(f"{entry.dataset} {entry.sha256}\n".encode())
        return digest.hexdigest()

    def paths(self, name: str) -> list[Path]:
        """A table's Parquet files."""
        if name not in self._paths:
            self._paths[name] = [
                self._fetched(name, number, entry) for number, entry in enumerate(self.entries(name))
            ]
        return self._paths[name]

    def _fetched(self, name: str, number: int, entry: ledger.Entry) -> Path:
        path, bucket, key = self.folder / f"{name}.{number}.parquet", self._bucket(name), entry.facts["key"]
        sha256 = self.flow.lake.fetch(bucket, key, path)
        if self.table(name).metadata.kind == "select" and sha256 != entry.sha256:
            raise TransientError(f"{name}: the lake's {bucket}/{key} was changed while it was read.")
        return path

    def put(self, name: str, entry: ledger.Entry, path: Path) -> None:
        """Know a table by what was just made of it."""
        self._entries[name] = [entry]
        self._paths[name] = [path]
