"""Lake → warehouse, beside a raw COPY of a ready file and beside the tools that people reach for."""

from contextlib import closing
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import create_engine

from benchmarks.ground import MONTH, SERVICE, Ground
from benchmarks.timing import seconds_of
from flocon.tables import find_table
from flocon.taxi import pipeline
from flocon.taxi.contract import fit
from flocon.taxi.names import file_name
from flocon.taxi.stream import CopyStream

TABLE = f"raw.{SERVICE}_trip"
TO_SQL_ROWS = 100_000


class LoadBench:
    """What is measured: each method does one whole load into an empty table and returns its seconds."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._parquet = ground.source / file_name(SERVICE, MONTH)
        self._ready = ground.source / "ready.binary"
        self._columns = self._write_ready_file(self._ready)

    def ours(self) -> float:
        """The step as Airflow runs it: from the lake, with contract, ledger and attach."""
        return seconds_of(lambda: pipeline.load(self._ground.flow, SERVICE, MONTH, force=True))

    def copy_limit(self) -> float:
        """COPY BINARY FREEZE of a file that is already encoded, into the same table, and its commit."""
        with (
            closing(psycopg2.connect(self._ground.flow.settings.warehouse_dsn)) as warehouse,
            warehouse.cursor() as cursor,
        ):
            cursor.execute("select flocon.new_partition(%s, %s)", [TABLE, MONTH])
            leaf = cursor.fetchone()[0]
            copy = f"copy {leaf} ({', '.join(self._columns)}) from stdin (format binary, freeze)"

            def copy_and_commit() -> None:
                with self._ready.open("rb") as file:
                    cursor.copy_expert(copy, file, 1 << 20)
                warehouse.commit()

            seconds = seconds_of(copy_and_commit)
            cursor.execute(f"drop table {leaf}")
            warehouse.commit()
        return seconds

    def adbc_ingest(self) -> float:
        """The Arrow database driver: the same file as record batches."""
        self._drop_scratch()

        def ingest() -> None:
            with adbc.connect(self._uri) as connection, connection.cursor() as cursor:
                file = pq.ParquetFile(self._parquet)
                reader = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())
                cursor.adbc_ingest("scratch", reader, mode="create", db_schema_name="raw")
                connection.commit()

        return seconds_of(ingest)

    def to_sql(self) -> float:
        """pandas.to_sql of the first 100,000 rows, scaled to the month: the whole would take minutes."""
        self._drop_scratch()
        frame = next(pq.ParquetFile(self._parquet).iter_batches(batch_size=TO_SQL_ROWS)).to_pandas()
        engine = create_engine(self._uri.replace("postgresql://", "postgresql+psycopg://"))
        seconds = seconds_of(lambda: frame.to_sql("scratch", engine, schema="raw", index=False))
        engine.dispose()
        return seconds * self._ground.rows / len(frame)

    @property
    def _uri(self) -> str:
        settings = self._ground.flow.settings
        password = settings.secret("warehouse_loader_password")
        host, port = settings.address("warehouse")
        return f"postgresql://warehouse_loader:{password}@{host}:{port}/warehouse"

    def _drop_scratch(self) -> None:
        with self._ground.flow.warehouse() as warehouse:
            warehouse.execute("drop table if exists raw.scratch")

    def _write_ready_file(self, path: Path) -> list[str]:
        with pq.ParquetFile(self._parquet) as file:
            fitted = fit(find_table("taxi", "raw", f"{SERVICE}_trip"), file, self._parquet.name)
            with path.open("wb") as ready:
                ready.writelines(CopyStream(file, fitted, MONTH))
        return list(fitted.schema.names)
