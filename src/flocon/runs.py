"""Follow DAG runs live: a line for each step as its state changes, and why it failed when it did."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer

from flocon.airflow_api import ENDED, AirflowApi, Failure, Run, Task
from flocon.errors import FloconError

Say = Callable[[str], None]

_POLL_S = 0.5
_LONG_S = 3.0
_SILENCE_S = 60.0
_WORDS = {
    "running": "running",
    "success": "done",
    "skipped": "unchanged",
    "failed": "FAILED",
    "up_for_retry": "retrying",
    "deferred": "waiting",
}
_FINISHED = ("success", "skipped")
_UNHAPPY = ("failed", "up_for_retry")


@dataclass
class Followed:
    """How the runs ended. `changed` counts the steps that did something."""

    runs: list[Run] = field(default_factory=list)
    failures: list[tuple[Task, Failure]] = field(default_factory=list)
    changed: int = 0
    seconds: float = 0.0

    def __add__(self, after: "Followed") -> "Followed":
        return Followed(
            self.runs + after.runs,
            self.failures + after.failures,
            self.changed + after.changed,
            self.seconds + after.seconds,
        )

    @property
    def failed(self) -> list[Run]:
        """The runs that failed."""
        return [run for run in self.runs if run.state == "failed"]


def require_dag(api: AirflowApi, dag: str, patience_s: float = 60.0) -> None:
    """Wait for Airflow to have read a DAG, which it does within seconds of its start.

    Raises:
        FloconError: it has not by then, or the DAG is paused, so that its runs would only queue.
    """
    deadline = time.monotonic() + patience_s
    while (found := api.dag(dag)) is None:
        if errors := api.import_errors():
            raise FloconError("Airflow cannot read " + "\n".join(errors))
        if time.monotonic() > deadline:
            raise FloconError(
                f"Airflow has not found the DAG {dag} yet: see the dag-processor's log, `make logs`"
            )
        time.sleep(_POLL_S)
    if found["is_paused"]:
        raise FloconError(
            f"the DAG {dag} is paused, its runs would only queue: unpause it at {api.url}/dags/{dag}"
        )


def follow(api: AirflowApi, say: Say, dag: str, **filters: str) -> Followed:
    """Follow the runs of a DAG that the filters let through until all have ended."""
    follower = _Follower(api, say)
    while not follower.look(api.runs(dag, **filters)):
        time.sleep(_POLL_S)
    return follower.followed()


class _Follower:
    """What has been told so far, so that each change is told once."""

    def __init__(self, api: AirflowApi, say: Say) -> None:
        self._api = api
        self._say = say
        self._started = self._last_news = time.monotonic()
        self._told: dict[tuple[str, str, int], tuple[str, int]] = {}
        self._running_since: dict[tuple[str, str, int], float] = {}
        self._ended: dict[str, Run] = {}
        self._result = Followed()

    def look(self, runs: list[Run]) -> bool:
        """Tell what changed since the last look; True when all runs have ended."""
        # A run that ended meanwhile is looked into once more: its last tasks were not all told.
        active = [run for run in runs if run.id not in self._ended and run.state != "queued"]
        for task in self._api.tasks(active):
            self._notice(task)
        if active:
            self._last_news = time.monotonic()
        elif time.monotonic() - self._last_news > _SILENCE_S:
            self._last_news = time.monotonic()
            self._say(f"{self._elapsed}  still queued: does `make status` show a healthy scheduler?")
        self._ended |= {run.id: run for run in active if run.state in ENDED}
        return all(run.id in self._ended for run in runs)

    def followed(self) -> Followed:
        """The result, once all runs have ended."""
        self._result.runs = list(self._ended.values())
        self._result.seconds = time.monotonic() - self._started
        return self._result

    @property
    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._started:7.1f} s"

    def _notice(self, task: Task) -> None:
        key = (task.run.id, task.name, task.map_index)
        state = (task.state, task.tries)
        if self._told.get(key) == state or task.state not in _WORDS or self._is_dull(key, task):
            return
        self._told[key] = state
        message = self._message(task)
        if message or task.state not in _FINISHED:  # a step without a result of its own has nothing to tell
            self._say(self._line(task, message))

    def _is_dull(self, key: tuple[str, str, int], task: Task) -> bool:
        """That a step runs is dull when it is done as soon as one would read it."""
        since = self._running_since.setdefault(key, time.monotonic())
        return task.state == "running" and time.monotonic() - since < _LONG_S

    def _message(self, task: Task) -> str:
        if task.state in _UNHAPPY:
            failure = self._api.failure(task)
            if task.state == "failed":
                self._result.failures.append((task, failure))
            return failure.error
        if task.state not in _FINISHED:
            return ""
        result = self._api.result(task)
        self._result.changed += bool(result.get("changed"))
        return str(result.get("message", ""))

    def _line(self, task: Task, message: str) -> str:
        took = f"{task.seconds:6.1f} s" if task.state not in ("running", "deferred") else " " * 8
        who = f"{task.run.month:<7}  {task.service or task.group:<7}  {task.step:<20}"
        head = f"{self._elapsed}  {who}  {_WORDS[task.state]:<9}  {took}  "
        return (head + message.replace("\n", "\n" + " " * len(head))).rstrip()


@contextmanager
def leaving_runs(say: Say, url: str) -> Iterator[None]:
    """Ctrl-C ends the command, not what it asked for."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"\nleft alone: what was triggered goes on in Airflow, {url}")
        raise typer.Exit(130) from None


def tell_end(say: Say, followed: Followed) -> None:
    """Say how the runs ended, and for each task that failed its error and its log."""
    for task, failure in followed.failures:
        who = " ".join(filter(None, (task.run.month, task.service, task.step)))
        say(f"\nFAILED {who} (try {task.tries})\n  {failure.error}\n  log: {failure.log}")
    ended = f"{counted(len(followed.runs))} in {followed.seconds:.1f} s"
    if followed.failed:
        say(f"\n{len(followed.failed)} of {ended} failed")
    elif followed.changed:
        say(f"\n{ended}: all done")
    else:
        say(f"\n{ended}: nothing had to be done, everything is as its source has it")


def counted(number: int) -> str:
    """A number of runs, in words."""
    return f"{number} run" if number == 1 else f"{number} runs"
