"""What Airflow does in each of its processes, by the name that it looks for: so no DAG can forget it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG, Context

__all__ = ["dag_policy"]  # the rest of this module would go into Airflow's settings


def dag_policy(dag: DAG) -> None:
    """Have the end of every run told, after what the DAG itself does then."""
    dag.on_success_callback = [*_listed(dag.on_success_callback), tell_run_end]
    dag.on_failure_callback = [*_listed(dag.on_failure_callback), tell_run_end]
    dag.has_on_success_callback = dag.has_on_failure_callback = True


def tell_run_end(context: Context) -> None:
    """As `run_ends.tell`, which is imported only where it is called."""
    from run_ends import tell

    tell(context)


def _listed(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _warm_start(**_: Any) -> None:
    from warm_start import import_modules

    import_modules()


# A worker of Celery's asks no listener as it starts, but forks the processes that run tasks, as the scheduler does.
if sys.argv[1:3] == ["celery", "worker"]:
    from celery.signals import worker_init

    worker_init.connect(_warm_start, weak=False)
