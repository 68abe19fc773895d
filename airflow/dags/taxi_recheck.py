"""### Months published anew

Publishers replace old files without a word. Once a week this asks, for every month that is loaded, the source that
it came from for its ETag and Last-Modified, and triggers `taxi_monthly` where they differ. Asking downloads nothing.

A source that cannot be asked fails this run, after the others were asked and loaded.
"""

from datetime import timedelta
from typing import Any

import taxi_tasks
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronTriggerTimetable, dag, task
from flocon_airflow import DEFAULT_ARGS


@dag(
    schedule=CronTriggerTimetable("0 6 * * 1", timezone="UTC", run_immediately=timedelta(hours=1)),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args={**DEFAULT_ARGS, "owner": "taxi"},
    tags=["taxi"],
    doc_md=__doc__,
)
def taxi_recheck() -> None:
    @task
    def ask_sources() -> list[dict[str, Any]]:
        return taxi_tasks.republished()

    @task(trigger_rule="none_failed")
    def report_problems() -> None:
        taxi_tasks.report_problems("ask_sources")

    load_again = TriggerDagRunOperator.partial(
        task_id="load_again",
        trigger_dag_id="taxi_monthly",
        logical_date=None,
        fail_when_dag_is_paused=True,
        map_index_template="{{ task.conf['service'] }} {{ task.conf['month'] }}",
    )
    load_again.expand_kwargs(ask_sources()) >> report_problems()


taxi_recheck()
