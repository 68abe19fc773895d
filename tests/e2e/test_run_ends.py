"""The end of a run is one line in the dag-processor's log, a mail and a webhook, whatever of these is out of order."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import Mailbox, Stack
from tests.integration.webhook_sink import TOKEN, WebhookSink

from flocon.errors import StackError
from flocon.stack.airflow import airflow_url
from flocon.stack.health import wait_until

SMALL = "sample:rows=3000,seed=7"
BROKEN = "yellow_tripdata_2022-11.parquet"


@pytest.fixture
def sink(webhook_sink: WebhookSink) -> Iterator[WebhookSink]:
    """The webhook, well again after the test."""
    yield webhook_sink
    webhook_sink.close()
    webhook_sink.status = 200
    webhook_sink.open()


def told(stack: Stack, event: str, run_id: str) -> list[dict[str, Any]]:
    """The lines of an event of a run in the dag-processor's log."""
    text = (stack.settings.home_dir / "log" / "airflow-dag-processor.log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if f'"event":"{event}"' in line]
    return [line for line in lines if line["run"] == run_id]


def run_of(stack: Stack, month: str) -> str:
    """The latest run of a month."""
    runs = stack.airflow("GET", "/dags/taxi_monthly/dagRuns?order_by=-id&limit=100")["dag_runs"]
    return str(next(run["dag_run_id"] for run in runs if run["partition_key"] == month))


def wait_for(seen: Any) -> None:
    """Wait until `seen()` is true."""

    def check() -> None:
        if not seen():
            raise StackError("not told yet")

    wait_until(check, 60)


def fail_a_month(stack: Stack, folder: Path) -> str:
    """Have a month's run fail; its name."""
    (folder / BROKEN).write_text("<html>moved</html>")
    code, output = stack.run("taxi", "run", "--months", "2022-11", "--source", str(folder))
    assert code == 1, output
    return run_of(stack, "2022-11")


def test_a_run_that_did_well(stack: Stack, sink: WebhookSink, mailbox: Mailbox) -> None:
    code, output = stack.run("taxi", "run", "--months", "2022-10", "--source", SMALL)
    assert code == 0, output
    run_id = run_of(stack, "2022-10")
    wait_for(lambda: [mail for mail in mailbox.sent_to("ops@example.com") if "2022-10" in mail["Subject"]])

    (line,) = told(stack, "run_ended", run_id)
    expected = {
        "event": "run_ended",
        "dag": "taxi_monthly",
        "run": run_id,
        "month": "2022-10",
        "state": "success",
        "reason": "success",
        "failed": [],
        "url": f"{airflow_url(stack.settings)}/dags/taxi_monthly/runs/{run_id}",
        "seconds": line["seconds"],
    }
    assert expected.items() <= line.items()
    assert line["level"] == "info"
    assert 0 < line["seconds"] < 120

    (document,) = [each for each in sink.documents if each["run"] == run_id]
    assert document.pop("text").startswith("taxi_monthly 2022-10 success after ")
    assert document == {"path": f"/hooks/{TOKEN}", **expected}
    assert told(stack, "notification_failed", run_id) == []


def test_a_run_that_failed_names_task_and_error(
    stack: Stack, sink: WebhookSink, mailbox: Mailbox, tmp_path: Path
) -> None:
    known = len(mailbox.sent_to("ops@example.com"))
    run_id = fail_a_month(stack, tmp_path)
    wait_for(lambda: len(mailbox.sent_to("ops@example.com")) > known)

    (line,) = told(stack, "run_ended", run_id)
    assert (line["level"], line["state"], line["reason"]) == ("error", "failed", "task_failure")
    (failed,) = line["failed"]
    assert failed["task"] == "month.wait_for_publication yellow"
    assert failed["error"].startswith("SourceError: yellow 2022-11")
    assert BROKEN in failed["error"]
    assert "\n" not in failed["error"]

    (document,) = [each for each in sink.documents if each["run"] == run_id]
    assert document["failed"] == [failed]
    mail = mailbox.sent_to("ops@example.com")[-1]
    assert mail["Subject"].startswith("Flocon: taxi_monthly 2022-11 failed after ")
    (body,) = [part.get_payload(decode=True).decode() for part in mail.walk() if not part.is_multipart()]
    assert BROKEN in body
    assert f'<a href="{line["url"]}">' in body


@pytest.mark.parametrize(
    ("status", "said"),
    [(500, "127.0.0.1 answered 500"), (None, "127.0.0.1 did not answer (ConnectionError)")],
    ids=["answers 500", "is down"],
)
def test_a_webhook_out_of_order_is_told_and_keeps_nothing_else(
    stack: Stack, sink: WebhookSink, mailbox: Mailbox, tmp_path: Path, status: int | None, said: str
) -> None:
    if status is None:
        sink.close()
    else:
        sink.status = status
    known = len(mailbox.sent_to("ops@example.com"))
    run_id = fail_a_month(stack, tmp_path)
    wait_for(lambda: len(mailbox.sent_to("ops@example.com")) > known)  # the mail comes after the webhook

    assert len(told(stack, "run_ended", run_id)) == 1
    (line,) = told(stack, "notification_failed", run_id)
    assert (line["channel"], line["level"]) == ("webhook", "warning")
    assert line["error"].endswith(said)
    logs = [
        *(stack.settings.home_dir / "log").glob("*.log"),
        *stack.settings.home_dir.glob("airflow/logs/**/*.log"),
    ]
    assert not [log for log in logs if TOKEN in log.read_text(errors="replace")]


def test_a_mail_that_is_refused_is_told_and_keeps_nothing_else(
    stack: Stack, sink: WebhookSink, mailbox: Mailbox, tmp_path: Path
) -> None:
    mailbox.unknown.add("ops@example.com")
    try:
        run_id = fail_a_month(stack, tmp_path)
        wait_for(lambda: told(stack, "notification_failed", run_id))
    finally:
        mailbox.unknown.clear()
    (line,) = told(stack, "notification_failed", run_id)
    assert line["channel"] == "mail"
    assert "no such user" in line["error"]
    assert len(told(stack, "run_ended", run_id)) == 1
    assert len([each for each in sink.documents if each["run"] == run_id]) == 1


def test_a_task_that_left_no_error_is_told_so(stack: Stack, sink: WebhookSink, tmp_path: Path) -> None:
    conf = {"service": "green", "source": str(tmp_path), "wait_days": 1}
    run = {"dag_run_id": "ended+by+hand", "logical_date": None, "partition_key": "2022-12", "conf": conf}
    stack.airflow("POST", "/dags/taxi_monthly/dagRuns", **run)
    tasks = "/dags/taxi_monthly/dagRuns/ended+by+hand/taskInstances"
    wait = f"{tasks}/month.wait_for_publication/0"
    wait_for(lambda: "deferred" in [task["state"] for task in stack.airflow("GET", tasks)["task_instances"]])
    stack.airflow("PATCH", wait, new_state="failed")

    wait_for(lambda: told(stack, "run_ended", "ended+by+hand"))
    (line,) = told(stack, "run_ended", "ended+by+hand")
    (failed,) = line["failed"]
    assert failed["task"].startswith("month.wait_for_publication")
    assert failed["error"].startswith("it left no error")
    assert line["url"].endswith("/dags/taxi_monthly/runs/ended%2Bby%2Bhand")
