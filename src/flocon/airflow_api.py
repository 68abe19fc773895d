"""Airflow's REST API: what is needed to trigger runs, to follow them and to say why a task failed."""

from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from flocon.errors import FloconError, StackError
from flocon.settings import Settings
from flocon.stack.airflow import ADMIN, airflow_url

PAGE = 100
_TIMEOUT_S = 30
ENDED = ("success", "failed")


@dataclass(frozen=True)
class Run:
    """A DAG run. `month` is its partition key or, in runs that have none, its param `month`; else empty."""

    dag: str
    id: str
    state: str
    month: str


@dataclass(frozen=True)
class Task:
    """A task of a run, as it stands. `service` is its label in a mapped task, else empty; `seconds` of its last try."""

    run: Run
    name: str
    map_index: int
    service: str
    state: str
    tries: int
    seconds: float

    @property
    def group(self) -> str:
        """The group that the task is in, or nothing."""
        return self.name.rpartition(".")[0]

    @property
    def step(self) -> str:
        """The task's name without its group."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Failure:
    """Why a task's last try failed: the error as the task's log has it, and where that log is."""

    error: str
    log: str


class AirflowApi:
    """One Airflow, as its administrator."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._login = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False  # Airflow is ours and near: no proxy, no .netrc

    @classmethod
    def connect(cls, settings: Settings) -> "AirflowApi":
        """Log in to the stack's Airflow; StackError when it does not answer."""
        api = cls(airflow_url(settings), ADMIN, settings.secret("airflow_admin_password"))
        api._log_in()
        # From here on an outage is a restart of the server by its supervisor, which is worth waiting for.
        retry = Retry(connect=8, read=0, status=0, other=0, backoff_factor=0.5)
        api._session.mount(api.url, HTTPAdapter(max_retries=retry))
        return api

    def _log_in(self) -> None:
        answer = self._send("POST", "/auth/token", json=self._login)
        if answer.status_code == requests.codes.unauthorized:
            raise StackError(
                f"{self.url}: Airflow refuses the login of `{self._login['username']}`: is it another stack's?"
            )
        self._session.headers["Authorization"] = f"Bearer {_json(answer)['access_token']}"

    def _send(self, method: str, path: str, **given: Any) -> requests.Response:
        try:
            return self._session.request(method, self.url + path, timeout=_TIMEOUT_S, **given)
        except requests.RequestException as error:
            raise StackError(
                f"Airflow does not answer at {self.url}: start the servers with `make up`"
            ) from error

    def _call(self, method: str, path: str, **given: Any) -> Any:
        answer = self._send(method, f"/api/v2{path}", **given)
        if answer.status_code == requests.codes.unauthorized:  # the token is a day old
            self._log_in()
            answer = self._send(method, f"/api/v2{path}", **given)
        return _json(answer)

    def dag(self, dag: str) -> dict[str, Any] | None:
        """What Airflow knows of a DAG, or None when it has not (yet) read its file."""
        try:
            found: dict[str, Any] = self._call("GET", f"/dags/{dag}")
        except NotFound:
            return None
        return None if found["is_stale"] else found

    def import_errors(self) -> list[str]:
        """What is wrong with DAG files that cannot be read."""
        errors = self._call("GET", "/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip()}" for error in errors]

    def trigger(
        self, dag: str, run_id: str, conf: dict[str, Any], partition_key: str | None = None
    ) -> dict[str, Any]:
        """Queue a run; return what Airflow knows of it."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf, "partition_key": partition_key}
        made: dict[str, Any] = self._call("POST", f"/dags/{dag}/dagRuns", json=body)
        return made

    def planned_backfill(self, request: dict[str, Any]) -> list[str]:
        """The partition keys for which a backfill would make runs; others have a run under way."""
        answer = self._call("POST", "/backfills/dry_run", json=request)
        return [planned["partition_key"] for planned in answer["backfills"]]

    def backfill(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have Airflow make the runs of a backfill and return it; `Conflict` while the DAG has another."""
        made: dict[str, Any] = self._call("POST", "/backfills", json=request)
        return made

    def runs(self, dag: str, **filters: str) -> list[Run]:
        """The runs of a DAG that the filters of Airflow's API let through, oldest first."""
        found: list[Run] = []
        while True:
            page = {"limit": PAGE, "offset": len(found), "order_by": "id", **filters}
            answer = self._call("GET", f"/dags/{dag}/dagRuns", params=page)
            found += [_run(each) for each in answer["dag_runs"]]
            if len(found) >= answer["total_entries"] or not answer["dag_runs"]:
                return found

    def tasks(self, runs: list[Run]) -> list[Task]:
        """The tasks of some runs, a mapped one once for each of its inputs."""
        by_id = {run.id: run for run in runs}
        asked = {"dag_ids": list({run.dag for run in runs}), "dag_run_ids": list(by_id), "page_limit": PAGE}
        found: list[Task] = []
        while runs:
            page = {**asked, "page_offset": len(found)}
            answer = self._call("POST", "/dags/~/dagRuns/~/taskInstances/list", json=page)
            found += [_task(by_id[each["dag_run_id"]], each) for each in answer["task_instances"]]
            if len(found) >= answer["total_entries"] or not answer["task_instances"]:
                break
        return found

    def result(self, task: Task) -> dict[str, Any]:
        """What a task returned, when that is a dictionary; else an empty one."""
        try:
            answer = self._call(
                "GET", f"{_path(task)}/xcomEntries/return_value", params={"map_index": task.map_index}
            )
        except NotFound:
            return {}
        value = answer["value"]
        return value if isinstance(value, dict) else {}

    def failure(self, task: Task) -> Failure:
        """Why a task's last try failed, from its log."""
        params = {"map_index": task.map_index, "full_content": True}
        content = self._call("GET", f"{_path(task)}/logs/{task.tries}", params=params)["content"]
        events = [event for event in content if isinstance(event, dict)]
        # The first lines of the answer name the log's file; they are the only ones without a time.
        files = [e["event"] for e in events if "timestamp" not in e and not e["event"].startswith("::")]
        return Failure(_error(events), ", ".join(files) or "no log was written")


class NotFound(FloconError):
    """Airflow has no such thing."""


class Conflict(FloconError):
    """Airflow has something that stands in the way."""


def _path(task: Task) -> str:
    return f"/dags/{task.run.dag}/dagRuns/{task.run.id}/taskInstances/{task.name}"


def _run(found: dict[str, Any]) -> Run:
    month = found["partition_key"] or (found["conf"] or {}).get("month") or ""
    return Run(found["dag_id"], found["dag_run_id"], found["state"], month)


def _task(run: Run, found: dict[str, Any]) -> Task:
    index, label = found["map_index"], found["rendered_map_index"]
    # Before its label is rendered, a mapped task shows its index.
    service = label if label and label != str(index) else ""
    state, seconds = found["state"] or "none", found["duration"] or 0.0
    return Task(run, found["task_id"], index, service, state, found["try_number"], seconds)


def _error(events: list[dict[str, Any]]) -> str:
    """The last error that a log tells: the exception that ended the task, else the last line of level error."""
    errors = [event for event in events if event.get("level") in ("error", "critical")]
    for event in reversed(errors):
        if details := event.get("error_detail"):
            return f"{details[0]['exc_type']}: {details[0]['exc_value']}"
    return str(errors[-1]["event"]) if errors else "its process ended without a word: was it killed?"


def _json(answer: requests.Response) -> Any:
    if answer.status_code == requests.codes.not_found:
        raise NotFound(f"{answer.url}: {answer.text}")
    if answer.status_code == requests.codes.conflict:
        raise Conflict(f"Airflow refuses: {_detail(answer)}")
    if not answer.ok:
        raise FloconError(f"Airflow refuses ({answer.status_code}): {_detail(answer)}")
    return answer.json()


def _detail(answer: requests.Response) -> str:
    """The reason that Airflow gives, without its schema dump."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text.strip()[:500]
    return str(detail).partition("\n")[0]
