"""Warehouse → mart, beside a bare binary pipe of the finished fact."""

from benchmarks.ground import MONTH, SERVICE, Ground
from benchmarks.timing import seconds_of
from flocon.postgres import copy_across, copy_in, cross_pipe, scalar
from flocon.taxi import pipeline

FACT = f"taxi.fact_trip_{SERVICE}"
FINISHED = "staging.finished_fact"


class MartBench:
    """What is measured: each method publishes the month once and returns its seconds."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.parts: list[dict[str, float]] = []
        pipeline.publish(ground.flow, SERVICE, MONTH)
        self._columns = self._bring_back_the_finished_fact()

    def ours(self) -> float:
        """The step as Airflow runs it: rules, SELECT, pipe, foreign keys, aggregates, checks, balance, commit."""
        outcome = None

        def publish() -> None:
            nonlocal outcome
            outcome = pipeline.publish(self._ground.flow, SERVICE, MONTH, force=True)

        seconds = seconds_of(publish)
        self.parts.append(dict(outcome.facts["seconds"]) if outcome else {})
        return seconds

    def pipe_limit(self) -> float:
        """The finished fact, stored in the warehouse, piped into an empty table of the mart, and the commit."""
        with self._ground.flow.warehouse() as warehouse, self._ground.flow.mart() as mart:
            leaf = scalar(mart, "select flocon.new_partition(%s, %s)", FACT, MONTH)

            def pipe() -> None:
                with cross_pipe(warehouse, f"table {FINISHED}") as chunks:
                    copy_in(mart, leaf, self._columns, chunks)
                mart.commit()

            seconds = seconds_of(pipe)
            mart.execute(f"drop table {leaf}")
        return seconds

    def _bring_back_the_finished_fact(self) -> list[str]:
        """Copy the published partition into the warehouse, column for column as it was piped."""
        with self._ground.flow.warehouse() as warehouse, self._ground.flow.mart() as mart:
            leaf = scalar(mart, "select flocon.partition_name(%s::regclass, %s)", FACT, MONTH)
            stored = mart.execute(
                "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass"
                " and attnum > 0 and attgenerated = '' and attname not in ('service_id', 'file_month') order by attnum",
                [leaf],
            ).fetchall()
            columns = [name for name, _ in stored]
            warehouse.execute(f"create table {FINISHED} ({', '.join(f'{n} {kind}' for n, kind in stored)})")
            copy_across(mart, f"select {', '.join(columns)} from {leaf}", warehouse, FINISHED)
        return columns
