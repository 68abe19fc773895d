"""Read sql/**: a table is a folder that holds its metadata, its SQL and its checks.

A folder `sql/<domain>/<layer>/<table>/` with a `metadata.yaml` is a table (or view, or function) of one server, or a
table of the lake: a `file` that is dropped there, or a `select` over the tables before it.
"""

import hashlib
import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flocon.errors import FloconError

Server = Literal["lake", "warehouse", "mart"]

# The lake's relation `rejected.x` are the rows that `silver.x` refuses, as they were received, with the reason.
REJECTED = "rejected"


class Column(BaseModel):
    """One column: `type` is PostgreSQL's name of it; `required` is set only on columns that a published file brings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    description: str = Field(min_length=3)
    unit: str | None = None
    nullable: bool = False
    references: str | None = None
    required: bool | None = None
    aliases: tuple[str, ...] = ()


class QualityTest(BaseModel):
    """What a quality test of the data expects: the most that it may find. One that fails stops what comes after it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    severity: Literal["fail", "warn"]
    expected: Decimal = Field(ge=0, max_digits=18, decimal_places=4)
    why: str = Field(min_length=10)


class Metadata(BaseModel):
    """What `metadata.yaml` states; unknown or missing keys are refused.

    Of the lake's tables: `files` are the patterns of the names under which a file is dropped, `rejects` the reasons for
    which a row is refused, by code and in words, `export` the name of the CSV file that shows the table to users, and
    `tests` what the SELECT finds as its relation `expected`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = Field(min_length=10)
    owner: str
    grain: str
    server: Server
    kind: Literal["table", "view", "partitioned", "function", "file", "select"]
    partition_by: str | None = None
    partition_of: str | None = None
    primary_key: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    rejects: dict[str, str] = Field(default_factory=dict)
    export: str | None = None
    tests: dict[str, QualityTest] = Field(default_factory=dict)
    columns: dict[str, Column] = Field(default_factory=dict)


class Table(BaseModel):
    """A table's folder. Paths that a table need not have are None where the file is absent."""

    model_config = ConfigDict(frozen=True)

    domain: str
    layer: str
    name: str
    path: Path
    metadata: Metadata

    @property
    def server(self) -> Server:
        """The server on which it lives."""
        return self.metadata.server

    @property
    def schema_name(self) -> str:
        """The mart shows a domain's tables under the domain's name, warehouse and lake under their layer's."""
        return self.domain if self.server == "mart" else self.layer

    @property
    def qualified_name(self) -> str:
        """`schema.table`."""
        return f"{self.schema_name}.{self.name}"

    @property
    def creation(self) -> Path:
        """The file that creates it, and changes nothing when it is there already."""
        return self.path / "creation.sql"

    @property
    def query(self) -> Path:
        """The SELECT that makes a lake table."""
        return self.path / "query.sql"

    @property
    def has_as_of(self) -> bool:
        """Whether the SELECT that makes it depends on the run's as-of date."""
        return self.query.is_file() and bool(re.search(r"\bas_of\b", self.query.read_text(encoding="utf-8")))

    @property
    def insertion(self) -> Path | None:
        """The file that fills it, or whose query does."""
        return self._file("insertion.sql")

    @property
    def checks(self) -> Path | None:
        """The file of the rules that its rows must hold."""
        return self._file("checks.sql")

    @property
    def contract_columns(self) -> dict[str, Column]:
        """The columns that a published file brings, in their order; empty for tables that are made from others."""
        return {name: c for name, c in self.metadata.columns.items() if c.required is not None}

    def _file(self, name: str) -> Path | None:
        path = self.path / name
        return path if path.is_file() else None


def sql_root() -> Path:
    """The project's sql/ folder."""
    return Path(__file__).resolve().parents[2] / "sql"


@cache
def load_tables(root: Path | None = None) -> list[Table]:
    """All tables under `root` (default: the project's), each after those of its server that it depends on.

    Raises `FloconError` naming the file when metadata is invalid, a dependency is unknown or circular, or creation.sql
    is absent.
    """
    root = root or sql_root()
    tables = [_read(path.parent, root) for path in sorted(root.glob("*/*/*/metadata.yaml"))]
    return _in_order(tables)


def domain_tables(domain: str) -> list[Table]:
    """The tables of one domain, in the order of creation."""
    return [table for table in load_tables() if table.domain == domain]


def find_table(domain: str, layer: str, name: str) -> Table:
    """The table in `sql/<domain>/<layer>/<name>/`; raises `FloconError` when there is none."""
    for table in load_tables():
        if (table.domain, table.layer, table.name) == (domain, layer, name):
            return table
    raise FloconError(
        f"there is no table {domain}/{layer}/{name} under {sql_root()}: its folder needs a metadata.yaml."
    )


def fingerprint(tables: Iterable[Table]) -> str:
    """SHA-256 (hex) of all SQL and metadata files of these tables; it changes when any rule of theirs does."""
    digest = hashlib.sha256()
    files = {file for table in tables for file in table.path.iterdir() if file.suffix in (".sql", ".yaml")}
    for file in sorted(files, key=lambda file: file.parts[-4:]):
        digest.update("/".join(file.parts[-4:]).encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _read(folder: Path, root: Path) -> Table:
    domain, layer, name = folder.relative_to(root).parts
    file = folder / "metadata.yaml"
    try:
        metadata = Metadata.model_validate(_yaml(file))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors()
        )
        raise FloconError(f"{file}: {problems}.") from error
    unknown = [key for key in metadata.primary_key if key not in metadata.columns]
    if unknown:
        raise FloconError(f"{file}: primary_key names {unknown}, which columns does not have.")
    table = Table(domain=domain, layer=layer, name=name, path=folder, metadata=metadata)
    _require_definition(table)
    return table


def _require_definition(table: Table) -> None:
    """Raise `FloconError` when nothing says how the table comes to be."""
    metadata, is_in_lake = table.metadata, table.server == "lake"
    if is_in_lake != (metadata.kind in ("file", "select")):
        raise FloconError(
            f"{table.path / 'metadata.yaml'}: the {table.server} has no tables of kind {metadata.kind}."
        )
    if metadata.kind == "file":
        if not metadata.files:
            raise FloconError(f"{table.path / 'metadata.yaml'}: a table of kind file needs files.")
        return
    definition = table.query if is_in_lake else table.creation
    if not definition.is_file():
        raise FloconError(
            f"{definition} is missing: {table.qualified_name} has metadata but is never created."
        )


# libyaml's loader where it is there: ten times as fast, and every step of a month reads all metadata.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _yaml(file: Path) -> Any:
    try:
        return yaml.load(file.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 (both are safe loaders)
    except yaml.YAMLError as error:
        raise FloconError(f"{file} is not YAML: {error}") from error


def _place(table: Table) -> str:
    """Where a qualified name means one table: on a server; in the lake, in its domain."""
    return f"lake of {table.domain}" if table.server == "lake" else table.server


def _gives(table: Table) -> list[str]:
    """The relations that a table is, or comes with."""
    return [table.qualified_name, *([f"{REJECTED}.{table.name}"] if table.metadata.rejects else [])]


def _in_order(tables: list[Table]) -> list[Table]:
    known: dict[tuple[str, str], Table] = {(_place(t), name): t for t in tables for name in _gives(t)}
    order: TopologicalSorter[tuple[str, str]] = TopologicalSorter()
    for table in tables:
        place = _place(table)
        for name in table.metadata.depends_on:
            if (place, name) not in known:
                raise FloconError(
                    f"{table.path / 'metadata.yaml'}: depends_on names {name}, which the {place} does not have."
                )
        needs = [known[place, name].qualified_name for name in table.metadata.depends_on]
        order.add((place, table.qualified_name), *((place, name) for name in needs))
    try:
        return [known[key] for key in order.static_order()]
    except CycleError as error:
        circle = " → ".join(name for _, name in error.args[1])
        raise FloconError(f"{sql_root()}: depends_on goes in a circle: {circle}.") from error
