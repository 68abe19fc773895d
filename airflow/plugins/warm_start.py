"""Tasks that start warm: what they need is imported once, by the process that theirs are forks of.

That is the scheduler with LocalExecutor, and a worker with CeleryExecutor (`airflow_local_settings.py`). Imported by
each task anew these modules cost about a second of processor time, four times a month.
"""

import importlib
import logging
import sys

from airflow.configuration import conf
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

MODULES = (
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.standard.triggers.temporal",
    "flocon.sales.pipeline",
    "flocon.taxi.pipeline",
    "flocon.wine.pipeline",
    "numpy.random",
    "pandas",  # pyarrow imports it when it first converts anything
    "sales_tasks",
    "taxi_tasks",
    "wine_tasks",
)


class WarmStart(AirflowPlugin):
    """Registers `on_starting` below."""

    name = "flocon_warm_start"
    listeners = [sys.modules[__name__]]  # noqa: RUF012 (declared so by Airflow)


@hookimpl
def on_starting() -> None:
    """Called by Airflow as a process starts; with LocalExecutor the scheduler has tasks for children."""
    if "scheduler" in sys.argv and conf.get("core", "executor") == "LocalExecutor":
        import_modules()


def import_modules() -> None:
    """Import what tasks need."""
    for module in MODULES:
        importlib.import_module(module)
    log.debug("imported for the tasks: %s", ", ".join(MODULES))
