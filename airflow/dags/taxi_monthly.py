"""### One month of NYC taxi trips, from the publisher to the mart

source → lake → warehouse → mart, for yellow and green taxis; a month appears whole or not at all.
A step whose input has not changed does nothing and is shown as *skipped*; **Force** makes it work all the same.

* **On schedule**: on the first of every month, the month two months back, as publication lags by about two months.
  A file that is not there yet is waited for, up to **Days to wait**, without keeping a worker busy.
* **One month**: *Trigger*, and give the month (as the param, or as the partition key in the advanced options).
* **Many months**: *Trigger → Backfill*, or `make backfill MONTHS=2024-01..2024-12`.

A failed task may be cleared, or the month triggered again: what is done already is not done twice.
"""

from datetime import timedelta
from typing import Any

import taxi_tasks
from airflow.sdk import Asset, CronPartitionTimetable, chain, dag, task, task_group
from flocon_airflow import DEFAULT_ARGS

FACT_TRIP = Asset("taxi_fact_trip", uri="x-flocon://mart/taxi/fact_trip", group="taxi")
# A step that is skipped (nothing to do) must not skip the next, which may have work left from a run that was killed.
STEP: dict[str, Any] = {"trigger_rule": "none_failed", "map_index_template": "{{ task.op_kwargs.service }}"}
HEAVY: dict[str, Any] = {**STEP, "max_active_tis_per_dag": 2}  # measured: two months at once are fastest


@dag(
    schedule=CronPartitionTimetable(
        "0 0 1 * *",
        timezone="UTC",
        run_offset=-2,
        key_format="%Y-%m",
        run_immediately=timedelta(hours=1),  # a new installation waits for the first of the month
    ),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=8,  # a run that waits for its file is active, and must not hold up the others
    params=taxi_tasks.PARAMS,
    default_args={**DEFAULT_ARGS, "owner": "taxi"},
    tags=["taxi"],
    doc_md=__doc__,
)
def taxi_monthly() -> None:
    @task
    def services() -> list[str]:
        return taxi_tasks.services()

    @task_group
    def month(service: str) -> None:
        wait = taxi_tasks.WaitForPublication(
            task_id="wait_for_publication", service=service, map_index_template="{{ task.service }}"
        )

        @task(**STEP)
        def land(service: str) -> dict[str, Any]:
            return taxi_tasks.land(service)

        @task(**HEAVY)
        def load(service: str) -> dict[str, Any]:
            return taxi_tasks.load(service)

        @task(**HEAVY, outlets=[FACT_TRIP])
        def publish(service: str) -> dict[str, Any]:
            return taxi_tasks.publish(service, FACT_TRIP)

        chain(wait, land(service=service), load(service=service), publish(service=service))

    month.expand(service=services())


taxi_monthly()
