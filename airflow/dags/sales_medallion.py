"""### Shop files, from the drop to dimensions, facts and key figures

sources → bronze → silver → gold → mart, CSV and MongoDB. A layer whose input has not changed does nothing and is shown
as *skipped*; **Force** makes it work all the same.

* **On schedule**: every morning, with what the shops dropped into the lake's `sources/sales/`.
* **One layer**: *Trigger*, and choose it as **Layer**; the others are skipped.
* A file that does not fit the contract is kept in `quarantine/sales/` with its reason. The rest goes on, and the run
  ends as failed at `report_refused`, so that somebody looks.
* Rows that are not kept stand in `quarantine/sales/silver/` with their reason; `sales.qualite` in the mart counts them.
"""

from datetime import timedelta
from typing import Any

import sales_tasks
from airflow.sdk import Asset, CronTriggerTimetable, TaskGroup, chain, dag, task
from flocon_airflow import DEFAULT_ARGS

MART = Asset("sales_mart", uri="x-flocon://mart/sales", group="sales")
# A layer that is skipped (nothing to do, or not asked for) must not skip the next.
STEP: dict[str, Any] = {"trigger_rule": "none_failed"}


@dag(
    schedule=CronTriggerTimetable(
        "0 5 * * *", timezone=sales_tasks.TIMEZONE, run_immediately=timedelta(minutes=10)
    ),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    params=sales_tasks.PARAMS,
    default_args={**DEFAULT_ARGS, "owner": "sales"},
    tags=["sales"],
    doc_md=__doc__,
)
def sales_medallion() -> None:
    has_work = task.short_circuit(sales_tasks.has_work, ignore_downstream_trigger_rules=True)()
    with TaskGroup("bronze") as bronze:
        task(sales_tasks.bronze, task_id="ingest")()
    with TaskGroup("silver") as silver:
        task(sales_tasks.silver, task_id="clean", **STEP)()
    with TaskGroup("gold") as gold:
        task(sales_tasks.gold, task_id="build", **STEP)()
    with TaskGroup("mart") as mart:
        task(sales_tasks.mart, task_id="load", outlets=[MART], **STEP)(MART)
    with TaskGroup("publish") as publish:
        task(sales_tasks.csv, **STEP)()
        task(sales_tasks.mongodb, **STEP)()
    report_refused = task(sales_tasks.report_refused, **STEP)("bronze.ingest")
    chain(has_work, bronze, silver, gold, mart, publish, report_refused)


sales_medallion()
