"""Tasks that start warm: the scheduler imports what they need once, before LocalExecutor forks its workers.

A task is a fork of a worker, which is a fork of the scheduler, so that it finds these modules loaded; imported by each
task anew they cost about a second of processor time, four times a month.
"""

import importlib
import logging
import sys

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
    """Called by Airflow as a process starts; of those, the scheduler is the one that has tasks for children."""
    if "scheduler" in sys.argv:
        for module in MODULES:
            importlib.import_module(module)
        log.debug("imported for the tasks: %s", ", ".join(MODULES))
