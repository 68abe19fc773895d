"""The end of every run is told: no DAG can forget it."""

from pathlib import Path
from typing import Any

import pytest
from tests.dags.conftest import DAGS

OWN = """
from airflow.sdk import dag, task

def first(context):
    pass

@dag(on_failure_callback=first, on_success_callback=[first])
def has_its_own():
    task(lambda: None, task_id="only")()

@dag()
def has_none():
    task(lambda: None, task_id="only")()

has_its_own()
has_none()
"""


def read(folder: Path) -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(folder)
    assert bag.import_errors == {}
    return dict(bag.dags)


def called(callbacks: Any) -> list[str]:
    return [callback.__name__ for callback in callbacks]


def test_every_dag_has_the_end_of_its_runs_told() -> None:
    dags = read(DAGS)
    assert len(dags) == len(list(DAGS.glob("*.py")))
    for dag in dags.values():
        assert called(dag.on_success_callback) == ["tell_run_end"]
        assert called(dag.on_failure_callback) == ["tell_run_end"]
        assert dag.has_on_success_callback
        assert dag.has_on_failure_callback


def test_the_scheduler_knows_it() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in read(DAGS).values():
        known = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert known.has_on_success_callback
        assert known.has_on_failure_callback


def test_a_new_dag_has_it_without_a_word_and_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text(OWN)
    dags = read(tmp_path)
    for callbacks in (dags["has_its_own"].on_success_callback, dags["has_its_own"].on_failure_callback):
        assert called(callbacks) == ["first", "tell_run_end"]
    assert called(dags["has_none"].on_success_callback) == ["tell_run_end"]


def test_only_a_task_that_ran_keeps_its_error() -> None:
    """The scheduler and the API server call the listener too, with a task that has no worker to speak through."""
    from airflow.models.taskinstance import TaskInstance
    from run_ends import on_task_instance_failed

    ended_elsewhere = TaskInstance.__new__(TaskInstance)
    on_task_instance_failed(None, ended_elsewhere, "marked as failed")


@pytest.mark.parametrize(
    ("notify_on", "state", "told"),
    [("failure", "success", False), ("all", "success", True), ("failure", "failed", True)],
)
def test_who_is_told_of_what(notify_on: str, state: str, told: bool) -> None:
    from run_ends import _channels

    from flocon.run_end import RunEnd
    from flocon.settings import load_settings

    settings = load_settings(
        notify_on=notify_on, notify_webhook_url="http://127.0.0.1:9/x", notify_mail_to="ops@example.com"
    )
    end = RunEnd("taxi_monthly", "manual", state, "reason", "http://127.0.0.1")
    assert [name for name, _ in _channels(settings, end)] == (["webhook", "mail"] if told else [])
    assert not list(_channels(load_settings(notify_on="all"), end))
