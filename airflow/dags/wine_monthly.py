"""### The wine merchant's month: ERP, web shop and link file reconciled, tested, reported

sources/wine/<month>/ → bronze → silver → gold → reports and mart. A step whose input has not changed does nothing and
is shown as *skipped*; **Force** makes it work all the same.

* **On schedule**: on the 15th of every month at 9 in the morning, the month before.
* **One month**: *Trigger*, and give the month (as the param, or as the partition key in the advanced options).
* A file that is missing or no good stops the run, which names it; nothing of the month changes.
* A quality test of severity `fail` that fails stops the run too: the reports stay as they were, but for
  `debug/rapport_test.xlsx`, which says why.
"""

from datetime import timedelta
from typing import Any

import wine_tasks
from airflow.sdk import Asset, CronPartitionTimetable, chain, dag, task
from flocon_airflow import DEFAULT_ARGS

MART = Asset("wine_mart", uri="x-flocon://mart/wine", group="wine")
# A step that is skipped (nothing to do) must not skip the next.
STEP: dict[str, Any] = {"trigger_rule": "none_failed"}


@dag(
    schedule=CronPartitionTimetable(
        "0 9 15 * *",
        timezone=wine_tasks.TIMEZONE,
        run_offset=-1,
        key_format="%Y-%m",
        run_immediately=timedelta(hours=1),
    ),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=2,
    params=wine_tasks.PARAMS,
    default_args={**DEFAULT_ARGS, "owner": "wine"},
    tags=["wine"],
    doc_md=__doc__,
)
def wine_monthly() -> None:
    has_work = task.short_circuit(wine_tasks.has_work, ignore_downstream_trigger_rules=True)()
    bronze = task(wine_tasks.bronze)()
    silver = task(wine_tasks.silver, **STEP)()
    gold = task(wine_tasks.gold, **STEP)()
    reports = task(wine_tasks.reports, **STEP)()
    mart = task(wine_tasks.mart, outlets=[MART], **STEP)(MART)
    # Mail is for new reports: unchanged ones are not sent again.
    mail = task(wine_tasks.mail)()
    chain(has_work, bronze, silver, gold, reports, mart)
    chain(reports, mail)


wine_monthly()
