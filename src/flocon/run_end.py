"""The end of a run, in the words that its log line, its mail and its webhook have in common."""

from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

_LONGEST_ERROR = 500


@dataclass(frozen=True)
class FailedTask:
    """A task that failed and its error, in one line."""

    task: str
    error: str


@dataclass(frozen=True)
class RunEnd:
    """How a run ended. `state` is success or failed, `reason` Airflow's word for why it ended.

    `month` and `seconds` are None where the run has no month, or Airflow did not say.
    """

    dag: str
    run: str
    state: str
    reason: str
    url: str
    month: str | None = None
    seconds: float | None = None
    failed: list[FailedTask] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, Any]:
        """What programs read: the fields, ready for JSON."""
        return asdict(self)

    @property
    def summary(self) -> str:
        """What is read first: `taxi_monthly 2024-01 failed after 12.3 s`."""
        took = "" if self.seconds is None else f" after {self.seconds:.1f} s"
        return f"{self.dag} {self.month or self.run} {self.state}{took}"

    @property
    def text(self) -> str:
        """What people read: the summary, a line for each failed task, the address of the run."""
        return "\n".join([self.summary, *(f"{each.task}: {each.error}" for each in self.failed), self.url])

    @property
    def html(self) -> str:
        """The text as a mail's body."""
        lines = [escape(line) for line in self.text.splitlines()[:-1]]
        link = f'<a href="{escape(self.url)}">{escape(self.url)}</a>'
        return "".join(f"<p>{line}</p>" for line in [*lines, link])


def one_line(error: BaseException | str | None) -> str:
    """An error as one line of bounded length, with its type where its message alone would not tell."""
    message = " ".join(str(error or "").split())
    if isinstance(error, BaseException):
        message = f"{type(error).__name__}: {message}".rstrip(": ")
    return message if len(message) <= _LONGEST_ERROR else message[: _LONGEST_ERROR - 1] + "…"
