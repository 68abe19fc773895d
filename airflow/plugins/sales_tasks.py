"""What the sales DAG's tasks do: read the run's order, call one layer of the pipeline, report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import Param, get_current_context
from airflow.sdk.exceptions import AirflowSkipException
from flocon_airflow import flow_from_connections, report, report_all

from flocon.errors import SettingsError, SourceError
from flocon.settings import get_settings

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

    from flocon.flow import Flow

TIMEZONE = "Europe/Paris"  # where the shops are
ALL = "all"
LAYERS = ("bronze", "silver", "gold", "mart", "publish")

PARAMS = {
    "layer": Param(ALL, enum=[ALL, *LAYERS], title="Layer", description="One layer alone, or all of them."),
    "as_of": Param(
        None,
        type=["null", "string"],
        format="date",
        title="As of",
        description="The day the data are looked at from: what is later is in the future. Empty: the run's own day.",
    ),
    "source": Param(
        get_settings().sales_source,
        type="string",
        minLength=1,
        examples=["lake"],
        title="Source",
        description="`lake`: the bucket `sources`, under sales/. Or a folder with the dropped files.",
    ),
    "force": Param(False, type="boolean", title="Force", description="Do also what has not changed."),
}


@dataclass(frozen=True)
class Order:
    """What a run of `sales_medallion` was asked to do."""

    layer: str
    as_of: date
    source: str
    force: bool

    @classmethod
    def of(cls, context: Context) -> Order:
        """The order in a run's params; the as-of date is else the run's day where the shops are."""
        params = context["params"]
        return cls(params["layer"], _as_of(context), params["source"], params["force"])


def _as_of(context: Context) -> date:
    asked = context["params"]["as_of"]
    if not asked:
        run_after = context["dag_run"].run_after
        return run_after.astimezone(ZoneInfo(TIMEZONE)).date()
    try:
        return date.fromisoformat(asked)
    except ValueError as error:
        raise SettingsError(f"as_of {asked!r} is not a date: write it as 2024-12-31.") from error


def _asked(layer: str) -> tuple[Order, Flow]:
    """The run's order and servers; skips the running task when the run was asked for another layer only."""
    context = get_current_context()
    order = Order.of(context)
    if order.layer not in (ALL, layer):
        raise AirflowSkipException(f"only {order.layer} was asked for")
    return order, flow_from_connections(context["run_id"])


def has_work() -> bool:
    """Whether there is anything to work on; a run on schedule, before any file was dropped, is no failure."""
    from flocon.sales import pipeline

    context = get_current_context()
    order = Order.of(context)
    if not pipeline.is_empty(flow_from_connections(context["run_id"]), order.source):
        return True
    if context["dag_run"].run_type == "scheduled":
        return False
    where = "the lake's sources/sales/" if order.source == "lake" else order.source
    raise SourceError(
        f"nothing was ever dropped in {where}: put clients.csv and achats.csv there; "
        "`make sample DOMAIN=sales TO=lake` drops generated ones."
    )


def bronze() -> dict[str, Any]:
    """Dropped files to lake. Refused files are kept for `report_refused`: they must not keep the others from it."""
    from flocon.sales import pipeline

    order, flow = _asked("bronze")
    ingested = pipeline.bronze(flow, order.source, force=order.force)
    get_current_context()["ti"].xcom_push("refused", ingested.refused)
    return report_all(ingested.outcomes)


def report_refused(task_id: str) -> None:
    """Raise SourceError with the files that `bronze`, run as the task `task_id`, refused."""
    refused = get_current_context()["ti"].xcom_pull(task_ids=task_id, key="refused")
    if refused:
        raise SourceError("\n".join(refused))


def silver() -> dict[str, Any]:
    """Bronze to silver."""
    from flocon.sales import pipeline

    order, flow = _asked("silver")
    return report_all(pipeline.silver(flow, order.as_of, force=order.force))


def gold() -> dict[str, Any]:
    """Silver to gold."""
    from flocon.sales import pipeline

    order, flow = _asked("gold")
    return report_all(pipeline.gold(flow, order.as_of, force=order.force))


def mart(asset: Asset) -> dict[str, Any]:
    """Gold to mart; a changed mart is an event of `asset`."""
    from flocon.sales import pipeline

    order, flow = _asked("mart")
    told = report(pipeline.mart(flow, order.as_of, force=order.force))
    get_current_context()["outlet_events"][asset].extra.update(told)
    return told


def csv() -> dict[str, Any]:
    """Gold to CSV files."""
    from flocon.sales import pipeline

    order, flow = _asked("publish")
    return report_all(pipeline.csv(flow, force=order.force))


def mongodb() -> dict[str, Any]:
    """Gold to MongoDB, where one is set."""
    from flocon.sales import pipeline

    order, flow = _asked("publish")
    if not flow.settings.mongo_url.get_secret_value():
        raise AirflowSkipException("no MongoDB is set: FLOCON_MONGO_URL is empty")
    return report_all(pipeline.mongodb(flow, force=order.force))
