"""Every run's end is told: one line in the dag-processor's log, and a mail and a webhook where they are set.

Airflow calls `tell` in a process of the dag-processor, once, when a run of any DAG ends (`airflow_local_settings.py`).
What a failed task's error was, only its worker knows: it keeps it as the task's result `error`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import structlog
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

from flocon.run_end import FailedTask, RunEnd, one_line
from flocon.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import Context

    from flocon.settings import Settings

ERROR = "error"
PATIENCE_S = 10  # for the mail, and for the webhook
_NO_ERROR = "it left no error: its process was killed, or it was marked as failed"

log = structlog.get_logger("flocon.run_ends")


class RunEnds(AirflowPlugin):
    """Registers `on_task_instance_failed` below."""

    name = "flocon_run_ends"
    listeners = [sys.modules[__name__]]  # noqa: RUF012 (declared so by Airflow)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
    """Called where a task failed: keep its error. Others (scheduler, API server) call it for tasks that they end."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from airflow.sdk.log import redact

    if isinstance(task_instance, RuntimeTaskInstance):
        told = {"label": task_instance.rendered_map_index, "error": redact(one_line(error))}
        task_instance.xcom_push(ERROR, told)


def tell(context: Context) -> None:
    """Tell a run's end. What cannot be reached is told too, and keeps nothing else from being told."""
    from flocon.webhook import TookTooLong, within

    end = _end_of(context)
    level = log.error if end.state == "failed" else log.info
    level("run_ended", **end.facts)
    for channel, send in _channels(get_settings(), end):
        try:
            with within(PATIENCE_S):
                send()
        except (Exception, TookTooLong) as error:  # noqa: BLE001 - told, whatever it is
            log.warning(
                "notification_failed", channel=channel, dag=end.dag, run=end.run, error=one_line(error)
            )


def _channels(settings: Settings, end: RunEnd) -> Iterator[tuple[str, Callable[[], None]]]:
    if settings.notify_on == "failure" and end.state != "failed":
        return
    if url := settings.notify_webhook_url.get_secret_value():
        yield "webhook", lambda: _post(url, end)
    if addresses := settings.notify_mail_to:
        yield "mail", lambda: _mail(addresses, end)


def _post(url: str, end: RunEnd) -> None:
    from airflow.sdk.log import mask_secret

    from flocon.webhook import post_json

    mask_secret(url)  # should a library log it: its path is a token
    mask_secret(urlsplit(url).path)
    post_json(url, {"event": "run_ended", **end.facts, "text": end.text})  # `text` is what chats show


def _mail(addresses: str, end: RunEnd) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    with SmtpHook("smtp_default") as smtp:
        smtp.send_email_smtp(to=addresses, subject=f"Flocon: {end.summary}", html_content=end.html)


def _end_of(context: Context) -> RunEnd:
    dag, run_id = context["dag"].dag_id, context["run_id"]
    run = context.get("dag_run")  # a run that had not one task comes without
    ended = run and run.start_date and run.end_date
    reason = context["reason"]
    return RunEnd(
        dag=dag,
        run=run_id,
        state="success" if reason == "success" else "failed",
        reason=reason,
        url=f"{_airflow_url()}/dags/{quote(dag)}/runs/{quote(run_id, safe='')}",
        month=(run.partition_key or context["params"].get("month")) if run else None,
        seconds=round((run.end_date - run.start_date).total_seconds(), 1) if ended else None,
        failed=_failed_tasks(context),
    )


def _airflow_url() -> str:
    from airflow.sdk.configuration import conf

    return conf.get("api", "base_url").rstrip("/")


def _failed_tasks(context: Context) -> list[FailedTask]:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    dag, run_id = context["dag"], context["run_id"]
    try:
        states = RuntimeTaskInstance.get_task_states(dag_id=dag.dag_id, run_ids=[run_id]).get(run_id, {})
        names = [name for name, state in sorted(states.items()) if state == "failed"]
        return [_failed_task(dag, run_id, name) for name in names]
    except Exception as error:  # noqa: BLE001 - that the run ended is told all the same
        return [FailedTask("?", f"Airflow did not say which tasks failed: {one_line(error)}")]


def _failed_task(dag: Any, run_id: str, name: str) -> FailedTask:
    """`name` is the task's, with its index behind it where it is mapped."""
    from airflow.sdk.bases.xcom import BaseXCom

    task, map_index = (name, -1) if name in dag.task_dict else _split(name)
    told = BaseXCom.get_one(key=ERROR, dag_id=dag.dag_id, task_id=task, run_id=run_id, map_index=map_index)
    if told is None:
        return FailedTask(name, _NO_ERROR)
    return FailedTask(f"{task} {told['label']}" if told["label"] else name, told["error"])


def _split(name: str) -> tuple[str, int]:
    task, _, index = name.rpartition("_")
    return task, int(index)
