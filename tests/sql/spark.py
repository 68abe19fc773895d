"""Lake SELECTs on Spark: sqlglot carries a query over, and a real session runs it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import ErrorLevel
from tests.sql import lake_cases

from flocon.tables import Table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HOW_TO_ENABLE = "needs Spark and Java 17 or 21: uv pip install --python .venv/bin/python 'pyspark>=4.1,<5'"


def to_spark(query: str) -> str:
    """A lake SELECT in Spark's SQL; raises `sqlglot.UnsupportedError` where that has no equivalent."""
    (translated,) = sqlglot.transpile(query, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)
    return translated


def has_spark() -> bool:
    java = shutil.which("java", path=os.environ.get("JAVA_HOME", "") + "/bin") or shutil.which("java")
    try:
        import pyspark  # noqa: F401, PLC0415 (an extra of its own)
    except ImportError:
        return False
    return java is not None


@contextmanager
def spark_session(folder: Path) -> Iterator["SparkSession"]:
    """A Spark on this machine, with ANSI rules: what DuckDB refuses to compute, it refuses as well."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 (an extra of its own)

    options = {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
    }
    session = SparkSession.builder.master("local[2]").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    try:
        yield session
    finally:
        session.stop()


def share(
    lake: duckdb.DuckDBPyConnection, session: "SparkSession", relations: set[str], folder: Path
) -> None:
    """Hand these relations of DuckDB to Spark, under their names, as Parquet."""
    for relation in sorted(relations):
        path = folder / f"{relation}.parquet"
        lake.execute(f"copy {relation} to '{path}' (format parquet)")
        schema, _, _ = relation.rpartition(".")
        if schema:
            session.sql(f"create schema if not exists {schema}")
        session.sql(f"create or replace view {relation} as select * from parquet.`{path}`")


def rows_on_spark(session: "SparkSession", query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.sql(to_spark(query)).collect()]


def types_on_spark(
    session: "SparkSession", table: Table
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The columns that a table's query gives there with their types, and those that its metadata states."""
    columns = lake_cases.output_of(table).items()
    stated = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns)
    queries = (lake_cases.query_text(table), f"select {stated}")
    given, wanted = (session.sql(to_spark(query)).dtypes for query in queries)
    return given, wanted
