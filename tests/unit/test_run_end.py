"""What is told of a run's end."""

import json

from flocon.run_end import FailedTask, RunEnd, one_line

URL = "http://airflow.example.com/dags/taxi_monthly/runs/manual"
FAILED = RunEnd(
    dag="taxi_monthly",
    run="manual",
    state="failed",
    reason="task_failure",
    url=URL,
    month="2024-01",
    seconds=12.34,
    failed=[
        FailedTask("month.load yellow", "ContractError: <fare> & tip"),
        FailedTask("month.load green", "x"),
    ],
)


def test_programs_read_fields() -> None:
    assert json.loads(json.dumps(FAILED.facts)) == {
        "dag": "taxi_monthly",
        "run": "manual",
        "state": "failed",
        "reason": "task_failure",
        "url": URL,
        "month": "2024-01",
        "seconds": 12.34,
        "failed": [
            {"task": "month.load yellow", "error": "ContractError: <fare> & tip"},
            {"task": "month.load green", "error": "x"},
        ],
    }


def test_people_read_what_failed_and_where_to_look() -> None:
    assert FAILED.summary == "taxi_monthly 2024-01 failed after 12.3 s"
    assert FAILED.text.splitlines() == [
        "taxi_monthly 2024-01 failed after 12.3 s",
        "month.load yellow: ContractError: <fare> & tip",
        "month.load green: x",
        URL,
    ]


def test_a_mail_shows_an_error_as_it_is() -> None:
    assert "<p>month.load yellow: ContractError: &lt;fare&gt; &amp; tip</p>" in FAILED.html
    assert f'<a href="{URL}">' in FAILED.html


def test_a_run_without_a_month_goes_by_its_name() -> None:
    assert (
        RunEnd("sales_medallion", "manual", "success", "success", URL).summary
        == "sales_medallion manual success"
    )


def test_an_error_is_one_line_of_bounded_length() -> None:
    assert one_line(ValueError("first\n  second\tthird")) == "ValueError: first second third"
    assert one_line(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert one_line("said") == "said"
    assert one_line(None) == ""
    assert len(one_line(ValueError("x" * 9000))) == 500
