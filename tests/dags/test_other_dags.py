"""The DAGs of sales and wine as Airflow sees them: schedule, params, order of their steps."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.dags.conftest import DAGS
from tests.dags.test_taxi_dags import next_run

from flocon.errors import SettingsError

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(scope="module")
def dags() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(DAGS).dags


@pytest.mark.parametrize("name", ["sales_medallion", "wine_monthly"])
def test_every_param_explains_itself(dags: Any, name: str) -> None:
    params = dags[name].params
    for each in params:
        param = params.get_param(each)
        assert param.schema["title"]
        assert param.description
    params.validate()


def test_the_shops_are_looked_at_every_morning_in_paris(dags: Any) -> None:
    info = next_run(dags["sales_medallion"])
    assert info.run_after.astimezone(PARIS).hour == 5
    assert datetime.now(UTC) - timedelta(minutes=10) < info.run_after < datetime.now(UTC) + timedelta(days=1)
    assert not dags["sales_medallion"].catchup


def test_the_wine_month_is_the_one_before(dags: Any) -> None:
    info = next_run(dags["wine_monthly"])
    local = info.run_after.astimezone(PARIS)
    assert (local.day, local.hour) == (15, 9)
    assert info.partition_key == f"{info.run_after.subtract(months=1):%Y-%m}"


def test_a_layer_that_is_skipped_does_not_skip_the_next(dags: Any) -> None:
    for name in ("sales_medallion", "wine_monthly"):
        after_the_first = [
            task
            for task in dags[name].task_dict.values()
            if task.task_id not in ("has_work", "bronze.ingest", "bronze", "mail")
        ]
        assert {task.trigger_rule for task in after_the_first} == {"none_failed"}


def test_mail_is_for_new_reports_only(dags: Any) -> None:
    mail = dags["wine_monthly"].task_dict["mail"]
    assert mail.upstream_task_ids == {"reports"}
    assert mail.trigger_rule == "all_success"


def context(**params: Any) -> Any:
    # 23:30 in Greenwich is the next day in Paris.
    dag_run = SimpleNamespace(run_after=datetime(2024, 12, 30, 23, 30, tzinfo=UTC), partition_key=None)
    known = {"layer": "all", "as_of": None, "source": "lake", "force": False, "month": None}
    return {"dag_run": dag_run, "params": known | params}


def test_the_as_of_date_is_the_day_in_paris_unless_given() -> None:
    from sales_tasks import Order

    assert Order.of(context()).as_of == date(2024, 12, 31)
    assert Order.of(context(as_of="2024-06-30")).as_of == date(2024, 6, 30)
    with pytest.raises(SettingsError, match="2024-31-12"):
        Order.of(context(as_of="2024-31-12"))


def test_a_wine_run_is_for_one_month() -> None:
    from wine_tasks import Order

    assert Order.of(context(month="2024-05")).month == date(2024, 5, 1)
    with pytest.raises(SettingsError, match="a run is for one month"):
        Order.of(context())
