"""The taxi DAGs as Airflow sees them: schedule, params, retries, assets."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.dags.conftest import DAGS

from flocon import errors


@pytest.fixture(scope="module")
def dags() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(DAGS).dags


@pytest.fixture(scope="module")
def monthly(dags: Any) -> Any:
    return dags["taxi_monthly"]


def next_run(dag: Any) -> Any:
    """What the scheduler would do next with a DAG that has never run."""
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import DagSerialization

    read: SerializedDAG = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    return read.next_dagrun_info(last_automated_run_info=None)


def test_a_new_installation_loads_no_month_before_the_first_of_the_next(monthly: Any) -> None:
    info = next_run(monthly)
    assert info.run_after > datetime.now(UTC) - timedelta(hours=1)
    assert info.run_after.day == 1
    assert not monthly.catchup
    assert not monthly.is_paused_upon_creation


def test_the_partition_key_is_the_month_two_months_back(monthly: Any) -> None:
    info = next_run(monthly)
    assert info.partition_key == f"{info.run_after.subtract(months=2):%Y-%m}"


def test_recheck_runs_weekly(dags: Any) -> None:
    info = next_run(dags["taxi_recheck"])
    assert info.run_after > datetime.now(UTC) - timedelta(hours=1)
    assert info.run_after < datetime.now(UTC) + timedelta(days=7)
    assert dags["taxi_recheck"].task_dict["load_again"].partial_kwargs["trigger_dag_id"] == "taxi_monthly"


def test_every_param_explains_itself(monthly: Any) -> None:
    assert list(monthly.params) == ["month", "service", "source", "force", "wait_days"]
    for name in monthly.params:
        param = monthly.params.get_param(name)
        assert param.schema["title"]
        assert param.description
    monthly.params.validate()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("month", "2024-1"),
        ("service", "fhv"),
        ("source", ""),
        ("force", "yes"),
        ("wait_days", 91),
        ("wait_days", -1),
    ],
)
def test_a_wrong_param_is_refused(monthly: Any, name: str, wrong: object) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        monthly.params.get_param(name).resolve(wrong)


def test_tasks_are_retried_with_a_growing_pause_that_ends(dags: Any) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            assert task.retries > 0, task.task_id
            assert task.retry_exponential_backoff > 1, task.task_id
            assert task.max_retry_delay <= timedelta(minutes=15), task.task_id


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (errors.NotYetPublished("x"), "fail"),
        (errors.ContractError("x"), "fail"),
        (errors.CheckFailed("x"), "fail"),
        (errors.TransientError("x"), "default"),
        (errors.Busy("x"), "retry"),
        (ConnectionResetError("x"), "default"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_only_what_may_pass_is_retried(error: Exception, action: str) -> None:
    from flocon_airflow import RETRY_POLICY

    assert RETRY_POLICY.evaluate(error, try_number=1, max_tries=4).action.value == action


def test_publishing_is_an_event_of_the_fact_table(monthly: Any) -> None:
    outlets = {task.task_id: [asset.name for asset in task.outlets] for task in monthly.tasks}
    assert {task: names for task, names in outlets.items() if names} == {"month.publish": ["taxi_fact_trip"]}


def test_waiting_runs_leave_room_for_others_and_heavy_steps_are_limited(monthly: Any) -> None:
    limits = {task.task_id: task.max_active_tis_per_dag for task in monthly.tasks}
    assert monthly.max_active_runs > 4
    assert limits["month.load"] == limits["month.publish"] == 2
    assert limits["month.wait_for_publication"] is None


def test_pauses_grow_from_a_quarter_of_an_hour_to_six_hours() -> None:
    from taxi_tasks import pause_after

    assert pause_after(timedelta()) == timedelta(minutes=15)
    assert pause_after(timedelta(hours=4)) == timedelta(hours=1)
    assert pause_after(timedelta(days=30)) == timedelta(hours=6)


def ordered(partition_key: str | None, **params: object) -> Any:
    from taxi_tasks import Order

    given = {"month": None, "service": "both", "source": "tlc", "force": False, "wait_days": 60, **params}
    return Order.of({"dag_run": SimpleNamespace(partition_key=partition_key), "params": given})


def test_the_month_comes_from_the_partition_key_or_from_the_param() -> None:
    assert ordered("2024-02").month == date(2024, 2, 1)
    assert ordered(None, month="2024-03").month == date(2024, 3, 1)
    assert ordered("2024-03", month="2024-03").month == date(2024, 3, 1)


@pytest.mark.parametrize(("key", "month"), [(None, None), ("2024-01", "2024-02"), ("", None)])
def test_a_run_without_one_month_says_how_to_give_it(key: str | None, month: str | None) -> None:
    with pytest.raises(errors.SettingsError, match="partition key or as the param `month`"):
        ordered(key, month=month)


def test_both_services_or_one() -> None:
    assert ordered("2024-01").services == ("yellow", "green")
    assert ordered("2024-01", service="green").services == ("green",)
