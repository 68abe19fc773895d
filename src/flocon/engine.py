"""The lake's engine: DuckDB runs the SELECTs of lake tables over named relations, in bounded memory.

A SELECT reads `bronze.achats` or `run`, never a file: what those names mean is registered before it runs.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from flocon.errors import FloconError
from flocon.settings import Settings
from flocon.tables import QualityTest

log = logging.getLogger(__name__)


class Engine:
    """A DuckDB of its own, which spills what its memory limit does not hold into `scratch`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, scratch: Path) -> Iterator["Engine"]:
        """Start one; `scratch` is a folder for what does not fit into `engine_memory_mb`."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{settings.engine_memory_mb}MB",
            "temp_directory": str(scratch / "spilled"),
            "autoinstall_known_extensions": "false",  # nothing is fetched from the network at run time
            "autoload_known_extensions": "false",
        }
        with duckdb.connect(":memory:", config=config) as connection:
            yield cls(connection)

    def register(self, name: str, paths: Sequence[Path]) -> None:
        """Make `name` (as in `bronze.achats`) a view over Parquet files; a column that one lacks is NULL there."""
        schema, _, table = name.rpartition(".")
        if schema:
            self.connection.execute(f'create schema if not exists "{schema}"')
        target = f'"{schema}"."{table}"' if schema else f'"{table}"'
        files = ", ".join(literal(str(path)) for path in paths)
        rows = f"select * from read_parquet([{files}], union_by_name => true)"  # noqa: S608 (the paths are literals)
        self.connection.execute(f"create or replace view {target} as {rows}")

    def register_run(self, as_of: date) -> None:
        """Make the relation `run`: one row with the as-of date."""
        self.connection.register("run", pa.table({"as_of": pa.array([as_of], pa.date32())}))

    def register_expected(self, tests: Mapping[str, QualityTest]) -> None:
        """Make the relation `expected`: the name, severity, expected number and why of each test of a table."""
        self.connection.register(
            "expected",
            pa.table(
                {
                    "name": pa.array(list(tests), pa.string()),
                    "severity": pa.array([test.severity for test in tests.values()], pa.string()),
                    "expected": pa.array([test.expected for test in tests.values()], pa.decimal128(18, 4)),
                    "why": pa.array([test.why for test in tests.values()], pa.string()),
                }
            ),
        )

    def columns(self, query: str) -> dict[str, str]:
        """The columns that a query gives and their DuckDB types, in order; it is planned, not run."""
        described = self.connection.execute(f"describe {query}").fetchall()
        return {name: kind for name, kind, *_ in described}

    def rows(self, query: str) -> list[dict[str, Any]]:
        """All rows of a query whose result is small."""
        return self.first_rows(query, -1)

    def first_rows(self, query: str, most: int) -> list[dict[str, Any]]:
        """The first rows of a query, at most so many (-1: all)."""
        result = self.connection.execute(query)
        names = [column[0] for column in result.description or []]
        found = result.fetchall() if most < 0 else result.fetchmany(most)
        return [dict(zip(names, row, strict=True)) for row in found]

    def write_parquet(self, query: str, path: Path) -> int:
        """Write a query's rows, in its order, as Parquet: the same rows give the same bytes. Returns how many."""
        return self._copy(query, path, "format parquet, compression zstd")

    def write_csv(self, query: str, path: Path) -> int:
        """Write a query's rows, in its order, as CSV with a header, in UTF-8. Returns how many."""
        return self._copy(query, path, "format csv, header")

    def _copy(self, query: str, path: Path, options: str) -> int:
        text = query.strip().removesuffix(";")
        written = self.connection.execute(f"copy ({text}) to {literal(str(path))} ({options})").fetchone()
        if written is None:
            raise FloconError(f"{path.name}: the engine did not say how many rows it wrote.")
        return int(written[0])


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
