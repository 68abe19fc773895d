"""Where every domain's DAGs meet Airflow: the connections of a run, what is worth a retry, how a step reports.

DAG files import this at every parse, so drivers and hooks are imported by the tasks only.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from flocon.errors import SettingsError
from flocon.months import parse_month

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from flocon.flow import Flow, Outcome
    from flocon.lake import Lake
    from flocon.months import Month
    from flocon.postgres import Connection

# The first rule that matches decides. What none names (a server gone, a task killed) has the task's own retries with
# their back-off, as have Flocon's transient errors; its other errors would only fail the same way again.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule("flocon.errors.Busy", RetryAction.RETRY, timedelta(seconds=20), "another run has it"),
        RetryRule("flocon.errors.TransientError", RetryAction.DEFAULT, reason="it may pass by itself"),
        RetryRule("flocon.errors.FloconError", RetryAction.FAIL, reason="a retry would fail the same way"),
    ]
)

DEFAULT_ARGS = {
    "retries": 4,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=15),
    "retry_policy": RETRY_POLICY,
}


def flow_from_connections(run_id: str) -> Flow:
    """The servers of a run, from the Airflow Connections `warehouse`, `mart` and `lake`."""
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    from flocon.flow import Flow
    from flocon.settings import get_settings

    warehouse, mart = (
        cast("Callable[[], Connection]", PostgresHook(name).get_conn) for name in ("warehouse", "mart")
    )
    return Flow(warehouse, mart, _lake(), run_id, get_settings())


def _lake() -> Lake:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    from flocon.lake import Lake
    from flocon.settings import get_settings

    hook = S3Hook("lake")
    found = hook.get_session().get_credentials()
    if found is None:
        raise SettingsError(
            "the Airflow Connection `lake` is not there or has no access key: give it a login and a password"
        )
    keys = found.get_frozen_credentials()
    return Lake.connect(
        hook.conn_config.get_service_endpoint_url("s3"),
        keys.access_key,
        keys.secret_key,
        region=hook.region_name or "us-east-1",
        session_token=keys.token,
        prefix=get_settings().s3_bucket_prefix,
    )


def month_of(context: Context) -> Month:
    """The month of a run: its partition key, or its param `month`; SettingsError when they name none, or two."""
    key, param = context["dag_run"].partition_key, context["params"]["month"]
    asked = {month for month in (key, param) if month}
    if len(asked) != 1:
        raise SettingsError(
            f"partition key {key!r}, param month {param!r}: a run is for one month. Trigger it again with the month, "
            "as in 2024-01, as its partition key or as the param `month`."
        )
    return parse_month(asked.pop())


def report(outcome: Outcome) -> dict[str, Any]:
    """A step's outcome as its task's result.

    A step that had nothing to do ends as skipped, with its result kept, so that the grid shows it.
    """
    return _ended({**asdict(outcome), "month": outcome.month and f"{outcome.month:%Y-%m}"})


def report_all(outcomes: list[Outcome]) -> dict[str, Any]:
    """The outcomes of a step that made several things, as one result; skipped when all of them were as they are."""
    changed = [outcome for outcome in outcomes if outcome.changed]
    message = (
        "\n".join(outcome.message for outcome in changed) or f"nothing to do ({len(outcomes)} looked at)"
    )
    rows = {outcome.service: outcome.rows for outcome in outcomes}
    return _ended({"changed": bool(changed), "message": message, "rows": rows})


def _ended(told: dict[str, Any]) -> dict[str, Any]:
    if not told["changed"]:
        get_current_context()["ti"].xcom_push("return_value", told)
        raise AirflowSkipException(told["message"])
    return told
