"""Months through the real scheduler, by the commands that a user gives. Each test has months of its own."""

import re
from pathlib import Path

import pytest
from tests.conftest import settings_for
from tests.e2e.conftest import Stack, finish, interrupt_at

from flocon.errors import StackError
from flocon.months import parse_month
from flocon.settings import project_dir
from flocon.stack.health import wait_until
from flocon.taxi.sample import sample_file

SMALL = "sample:rows=3000,seed=7"
OFFICIAL = project_dir() / "../shared/data/tlc"


def rows(stack: Stack, service: str, month: str) -> list[dict[str, object]]:
    query = f"select * from ledger.reconciliation where service = '{service}' and file_month = '{month}-01'"
    return stack.mart(query)


def steps(output: str, word: str) -> set[str]:
    """The steps that the live lines end with this word."""
    return set(re.findall(rf" s  \S+  \S+ +(\w+) +{word}\b", output))


def test_months_are_loaded_once(stack: Stack) -> None:
    command = ("taxi", "run", "--months", "2024-01..2024-02", "--service", "both", "--source", SMALL)
    code, output = stack.run(*command)
    assert code == 0, output
    assert {"land", "load", "publish"} <= steps(output, "done")
    assert "2 runs in" in output
    for service in ("yellow", "green"):
        for month in ("2024-01", "2024-02"):
            (row,) = rows(stack, service, month)
            assert row["is_balanced"]
            assert row["is_synthetic"]
            assert row["rows_source"] == 3000

    code, output = stack.run(*command)
    assert code == 0, output
    assert steps(output, "unchanged") == {"land", "load", "publish"}
    assert "nothing had to be done" in output


def test_a_changed_month_is_an_event_with_its_facts_and_an_unchanged_one_is_none(stack: Stack) -> None:
    for _ in range(2):
        code, output = stack.run("taxi", "run", "--months", "2024-03", "--source", SMALL)
        assert code == 0, output
    events = stack.airflow("GET", "/assets/events?limit=100")["asset_events"]
    (extra,) = [event["extra"] for event in events if event["partition_key"] == "2024-03"]
    assert extra["service"] == "yellow"
    assert extra["month"] == "2024-03"
    assert extra["rows"] > 2900
    assert re.fullmatch("[0-9a-f]{64}", extra["sha256"])


def test_a_month_that_fails_names_task_error_and_log(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "yellow_tripdata_2024-04.parquet").write_text("<html>moved</html>")
    code, output = stack.run("taxi", "run", "--months", "2024-04", "--source", str(tmp_path))
    assert code == 1
    assert "FAILED 2024-04 yellow wait_for_publication" in output
    assert "yellow_tripdata_2024-04.parquet" in output
    (log,) = re.findall(r"^  log: (\S+)$", output, re.M)
    assert "SourceError" in Path(log).read_text()
    assert rows(stack, "yellow", "2024-04") == []


def test_an_unpublished_month_fails_at_once_without_retries(stack: Stack, tmp_path: Path) -> None:
    code, output = stack.run("taxi", "run", "--months", "2024-05", "--source", str(tmp_path))
    assert code == 1
    assert "FAILED 2024-05 yellow wait_for_publication (try 1)" in output
    assert "NotYetPublished" in output


def test_the_same_month_twice_at_once(stack: Stack) -> None:
    command = ("taxi", "run", "--months", "2024-06", "--source", SMALL, "--force")
    both = [stack.start(*command) for _ in range(2)]
    for process in both:
        code, output = finish(process)
        assert code == 0, output
    (row,) = rows(stack, "yellow", "2024-06")
    assert row["is_balanced"]
    (count,) = stack.mart("select count(*) as n from taxi.fact_trip where file_month = '2024-06-01'")
    assert count["n"] == row["rows_fact"]


def test_backfill_fills_a_range(stack: Stack) -> None:
    command = ("taxi", "backfill", "--months", "2023-11..2023-12", "--source", SMALL)
    code, output = stack.run(*command)
    assert code == 0, output
    assert "backfill" in output
    assert [rows(stack, "yellow", month)[0]["is_balanced"] for month in ("2023-11", "2023-12")] == [
        True,
        True,
    ]
    code, output = stack.run(*command)
    assert code == 0, output
    assert "nothing had to be done" in output


def test_backfill_takes_one_range(stack: Stack) -> None:
    code, output = stack.run("taxi", "backfill", "--months", "2023-01,2023-03", "--source", SMALL)
    assert code == 1
    assert "2023-01 is not followed by 2023-03" in output


def test_recheck_loads_what_was_published_anew(stack: Stack, tmp_path: Path) -> None:
    source = tmp_path / "source"
    month = parse_month("2023-05")
    sample_file(source, "yellow", month, 2000, 1)
    sample_file(source, "yellow", parse_month("2023-06"), 2000, 1)
    code, output = stack.run("taxi", "run", "--months", "2023-05..2023-06", "--source", str(source))
    assert code == 0, output
    sample_file(source, "yellow", month, 2500, 2)

    code, output = stack.run("taxi", "recheck")
    assert code == 0, output
    assert "months published anew: 1" in output
    assert rows(stack, "yellow", "2023-05")[0]["rows_source"] == 2500
    assert rows(stack, "yellow", "2023-06")[0]["rows_source"] == 2000

    source.rename(tmp_path / "elsewhere")  # a source that cannot be asked is said, and keeps what is loaded
    code, output = stack.run("taxi", "recheck")
    (tmp_path / "elsewhere").rename(source)
    assert code == 1
    assert "FAILED report_problems" in output
    assert str(source) in output
    assert rows(stack, "yellow", "2023-06")[0]["is_balanced"]


def test_ctrl_c_leaves_the_runs_going(stack: Stack) -> None:
    process = stack.start("taxi", "run", "--months", "2023-07", "--source", SMALL)
    code, output = interrupt_at(process, "1 run at")
    assert code == 130
    assert "what was triggered goes on in Airflow" in output
    code, output = stack.run("taxi", "run", "--months", "2023-07", "--source", SMALL)
    assert code == 0, output
    assert rows(stack, "yellow", "2023-07")[0]["is_balanced"]


def test_a_paused_dag_is_said(stack: Stack) -> None:
    stack.airflow("PATCH", "/dags/taxi_monthly", is_paused=True)
    try:
        code, output = stack.run("taxi", "run", "--months", "2024-01", "--source", SMALL)
    finally:
        stack.airflow("PATCH", "/dags/taxi_monthly", is_paused=False)
    assert code == 1
    assert "taxi_monthly is paused" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--months", "2024-13"), "'2024-13' is not a month"),
        (("--months", "2010-12"), "the first month of yellow taxis that can be loaded is 2011-01"),
        (("--months", "2999-01"), "2999-01 has not begun"),
        (("--months", "2024-01", "--service", "fhv"), "'fhv' is not a service"),
        (("--months", "2024-01", "--source", "nowhere"), "'nowhere' is not a source"),
    ],
)
def test_what_cannot_be_asked(stack: Stack, arguments: tuple[str, ...], said: str) -> None:
    code, output = stack.run("taxi", "run", *arguments)
    assert code == 1
    assert said in output


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    nothing = Stack(settings_for(tmp_path), tmp_path)
    code, output = nothing.run("taxi", "run", "--months", "2024-01", "--source", "sample")
    assert code == 1
    assert output.count("\n") == 1
    assert "make up" in output


def test_a_month_not_yet_published_is_waited_for_without_a_worker(stack: Stack, tmp_path: Path) -> None:
    conf = {"service": "green", "source": str(tmp_path), "wait_days": 1}
    run = {"dag_run_id": "waits", "logical_date": None, "partition_key": "2024-07", "conf": conf}
    stack.airflow("POST", "/dags/taxi_monthly/dagRuns", **run)
    try:
        wait_until(lambda: is_deferred(stack, "waits"), 60)
    finally:
        stack.airflow("PATCH", "/dags/taxi_monthly/dagRuns/waits", state="failed")


def is_deferred(stack: Stack, run_id: str) -> None:
    """Raise StackError until the run's wait is one."""
    tasks = stack.airflow("GET", f"/dags/taxi_monthly/dagRuns/{run_id}/taskInstances")["task_instances"]
    states = {task["task_id"]: task["state"] for task in tasks}
    if states["month.wait_for_publication"] != "deferred":
        raise StackError(f"not waiting: {states}")


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason=f"no official files in {OFFICIAL}")
def test_the_official_green_months_balance_to_the_row_and_the_cent(stack: Stack) -> None:
    command = ("taxi", "run", "--service", "green", "--months", "2023-01..2023-02", "--source", str(OFFICIAL))
    code, output = stack.run(*command)
    assert code == 0, output
    for month, published in (("2023-01", 68_211), ("2023-02", 64_809)):
        (row,) = rows(stack, "green", month)
        assert row["rows_source"] == row["rows_warehouse"] == published
        assert row["is_balanced"]
        assert not row["is_synthetic"]
    code, output = stack.run(*command)
    assert code == 0, output
    assert "nothing had to be done" in output
