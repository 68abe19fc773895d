"""What the taxi DAGs' tasks do: read the run's order, call one step of the pipeline, report."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Param, get_current_context
from flocon_airflow import flow_from_connections, month_of, report

from flocon.errors import FloconError, NotYetPublished, SourceError, TransientError
from flocon.months import Month, month_label
from flocon.settings import get_settings
from flocon.taxi.names import SERVICES

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

    from flocon.flow import Flow

log = logging.getLogger(__name__)

PARAMS = {
    "month": Param(
        None,
        type=["null", "string"],
        pattern=r"^\d{4}-\d{2}$",
        title="Month",
        description="The month to load, as in 2024-01. Empty when the run has a partition key, which says the same.",
    ),
    "service": Param("both", enum=["both", *SERVICES], title="Service", description="Which taxis."),
    "source": Param(
        get_settings().taxi_source,
        type="string",
        minLength=1,
        examples=["tlc", "sample"],
        title="Source",
        description="`tlc`: as published. `sample`: generated, synthetic. Or a folder or http(s) address of files.",
    ),
    "force": Param(
        False,
        type="boolean",
        title="Force",
        description="Load even what has not changed, and let synthetic and published months replace each other.",
    ),
    "wait_days": Param(
        60,
        type="integer",
        minimum=0,
        maximum=90,
        title="Days to wait",
        description="How long to wait for a file that is not published yet; 0: not at all.",
    ),
}


@dataclass(frozen=True)
class Order:
    """What a run of `taxi_monthly` was asked to do."""

    month: Month
    services: tuple[str, ...]
    source: str
    force: bool
    wait: timedelta

    @classmethod
    def of(cls, context: Context) -> Order:
        """The order in a run's partition key and params; SettingsError when they name no month, or two."""
        params = context["params"]
        return cls(
            month=month_of(context),
            services=SERVICES if params["service"] == "both" else (params["service"],),
            source=params["source"],
            force=params["force"],
            wait=timedelta(days=params["wait_days"]),
        )


def services() -> list[str]:
    """The services of the running task's run."""
    return list(Order.of(get_current_context()).services)


def land(service: str) -> dict[str, Any]:
    """Source to lake, for the month of the running task's run."""
    from flocon.taxi import pipeline

    order, flow = _running()
    return report(pipeline.land(flow, service, order.month, order.source, force=order.force))


def load(service: str) -> dict[str, Any]:
    """Lake to warehouse, for the month of the running task's run."""
    from flocon.taxi import pipeline

    order, flow = _running()
    return report(pipeline.load(flow, service, order.month, force=order.force))


def publish(service: str, asset: Asset) -> dict[str, Any]:
    """Warehouse to mart, for the month of the running task's run; a changed month is an event of `asset`."""
    from flocon.taxi import pipeline

    order, flow = _running()
    told = report(pipeline.publish(flow, service, order.month, force=order.force))
    event = get_current_context()["outlet_events"][asset]
    event.add_partitions(month_label(order.month))
    event.extra.update(told)
    return told


def _running() -> tuple[Order, Flow]:
    context = get_current_context()
    return Order.of(context), flow_from_connections(context["run_id"])


def republished() -> list[dict[str, Any]]:
    """One trigger of `taxi_monthly` for each month that its source has published anew.

    Sources that could not be asked are kept for `report_problems`: they must not keep the others from being loaded.
    """
    from flocon.taxi import pipeline

    context = get_current_context()
    found = pipeline.republished(flow_from_connections(context["run_id"]))
    context["ti"].xcom_push("problems", found.problems)
    stamp = context["dag_run"].run_after.strftime("%Y%m%dT%H%M%S")
    return [
        {
            "trigger_run_id": f"recheck_{stamp}_{service}_{month_label(month)}",
            "conf": {"month": month_label(month), "service": service, "source": source, "wait_days": 0},
        }
        for service, month, source in found.changed
    ]


def report_problems(task_id: str) -> None:
    """Raise SourceError with what `republished`, run as the task `task_id`, could not ask."""
    problems = get_current_context()["ti"].xcom_pull(task_ids=task_id, key="problems")
    if problems:
        raise SourceError("\n".join(problems))


class WaitForPublication(BaseOperator):
    """Waits, deferred, until the source has a service's month; gives up `wait_days` after the run's start.

    A worker asks, not the triggerer: between two questions the wait is a row in Airflow's database and nothing else.
    """

    template_fields: Sequence[str] = ("service",)

    def __init__(self, *, service: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service = service

    def execute(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Ask; return what the source says, or defer until the next time to ask, which calls this again."""
        from flocon.taxi import pipeline

        order, flow = _running()
        try:
            published = pipeline.probe(flow, self.service, order.month, order.source)
        except (NotYetPublished, TransientError) as error:
            self._defer_or(error, context["dag_run"].start_date or datetime.now(UTC), order.wait)
        log.info("%s %s is published: %s", self.service, month_label(order.month), published)
        return {"message": f"published at {published.url}"}

    def _defer_or(self, error: FloconError, started: datetime, wait: timedelta) -> None:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        now = datetime.now(UTC)
        if now >= started + wait:
            raise type(error)(f"{error} It was waited for {wait.days} days.") if wait else error
        again = min(now + pause_after(now - started), started + wait)
        log.info("%s Asking again at %s, for the last time at %s.", error, again, started + wait)
        self.defer(trigger=DateTimeTrigger(again), method_name="execute")


def pause_after(waited: timedelta) -> timedelta:
    """The pause before the next question: a quarter of the wait so far, between 15 minutes and 6 hours."""
    return min(max(waited / 4, timedelta(minutes=15)), timedelta(hours=6))
