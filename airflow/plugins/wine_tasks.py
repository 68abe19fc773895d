"""What the wine DAG's tasks do: read the run's order, call one step of the pipeline, report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param, get_current_context
from airflow.sdk.exceptions import AirflowSkipException
from flocon_airflow import flow_from_connections, month_of, report, report_all

from flocon.settings import get_settings

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

    from flocon.flow import Flow
    from flocon.months import Month

TIMEZONE = "Europe/Paris"  # where the merchant is

PARAMS = {
    "month": Param(
        None,
        type=["null", "string"],
        pattern=r"^\d{4}-\d{2}$",
        title="Month",
        description="The month, as in 2024-05. Empty when the run has a partition key, which is the same.",
    ),
    "source": Param(
        get_settings().wine_source,
        type="string",
        minLength=1,
        examples=["lake"],
        title="Source",
        description="`lake`: the bucket `sources`, under wine/<month>/. Or a folder with erp, web and liaison.",
    ),
    "force": Param(False, type="boolean", title="Force", description="Do also what has not changed."),
}


@dataclass(frozen=True)
class Order:
    """What a run of `wine_monthly` was asked to do."""

    month: Month
    source: str
    force: bool

    @classmethod
    def of(cls, context: Context) -> Order:
        """The order in a run's partition key and params; SettingsError when they name no month, or two."""
        params = context["params"]
        return cls(month_of(context), params["source"], params["force"])


def _running() -> tuple[Order, Flow]:
    context = get_current_context()
    return Order.of(context), flow_from_connections(context["run_id"])


def has_work() -> bool:
    """Whether there is anything to work on; a run on schedule, before any file was dropped, is no failure."""
    from flocon.wine import pipeline

    order, flow = _running()
    is_scheduled = get_current_context()["dag_run"].run_type == "scheduled"
    return not (is_scheduled and pipeline.is_empty(flow, order.source))


def bronze() -> dict[str, Any]:
    """The month's three files to the lake."""
    from flocon.wine import pipeline

    order, flow = _running()
    return report_all(pipeline.bronze(flow, order.month, order.source, force=order.force))


def silver() -> dict[str, Any]:
    """Bronze to silver."""
    from flocon.wine import pipeline

    order, flow = _running()
    return report_all(pipeline.silver(flow, order.month, force=order.force))


def gold() -> dict[str, Any]:
    """Silver to gold."""
    from flocon.wine import pipeline

    order, flow = _running()
    return report_all(pipeline.gold(flow, order.month, force=order.force))


def mart(asset: Asset) -> dict[str, Any]:
    """Gold to mart; a changed month is an event of `asset`."""
    from flocon.wine import pipeline

    order, flow = _running()
    told = report(pipeline.mart(flow, order.month, force=order.force))
    event = get_current_context()["outlet_events"][asset]
    event.add_partitions(f"{order.month:%Y-%m}")
    event.extra.update(told)
    return told


def reports() -> dict[str, Any]:
    """Gold to the month's reports."""
    from flocon.wine import pipeline

    order, flow = _running()
    return report_all(pipeline.reports(flow, order.month, force=order.force))


def mail() -> dict[str, Any]:
    """The month's reports by mail, where addresses are set; sent by Airflow's connection `smtp_default`."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from airflow.providers.smtp.hooks.smtp import SmtpHook

    from flocon.wine.reports import fetch_reports

    order, flow = _running()
    addresses = flow.settings.wine_mail_to
    if not addresses:
        raise AirflowSkipException("nobody to write to: FLOCON_WINE_MAIL_TO is empty")
    month = f"{order.month:%Y-%m}"
    with TemporaryDirectory(prefix="flocon-") as folder, SmtpHook("smtp_default") as smtp:
        paths = fetch_reports(flow.lake, order.month, Path(folder))
        smtp.send_email_smtp(
            to=addresses,
            subject=f"Rapports {month}",
            html_content=f"<p>Les rapports du mois {month} sont joints.</p>",
            files=[str(path) for path in paths],
        )
    return {"changed": True, "message": f"{len(paths)} reports of {month} sent to {addresses}"}
