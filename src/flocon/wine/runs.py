"""Wine months through Airflow, from the command line: ask for a run each and follow them."""

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from flocon.airflow_api import AirflowApi
from flocon.errors import SettingsError
from flocon.inbox import resolve
from flocon.months import Month, month_label
from flocon.runs import Followed, Say, counted, follow, require_dag
from flocon.settings import Settings

DAG = "wine_monthly"


@dataclass(frozen=True)
class Order:
    """Months asked for. `source` means the same in any working directory."""

    months: list[Month]
    source: str
    force: bool = False

    @classmethod
    def of(cls, settings: Settings, months: list[Month], source: str | None, *, force: bool) -> "Order":
        """An order that can be carried out, as far as can be told without looking into the files.

        Raises:
            SettingsError: a month that has not begun.
            SourceError: `source` is neither `lake` nor a folder.
        """
        for month in months:
            if month > date.today():  # noqa: DTZ011 (a month that begins here may be asked for)
                raise SettingsError(f"{month_label(month)} has not begun")
        return cls(months, resolve(source or settings.wine_source), force)

    @property
    def conf(self) -> dict[str, Any]:
        """The params of the runs."""
        return {"source": self.source, "force": self.force}

    def __str__(self) -> str:
        first, last = month_label(self.months[0]), month_label(self.months[-1])
        span = first if first == last else f"{first}..{last}"
        return f"wine {span} from {self.source}" + (", forced" if self.force else "")


def run(settings: Settings, say: Say, order: Order) -> Followed:
    """One run of the DAG for each month, followed until all have ended."""
    api = AirflowApi.connect(settings)
    require_dag(api, DAG)
    prefix = f"run_{datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(2)}_"
    for month in map(month_label, order.months):
        api.trigger(DAG, f"{prefix}{month}", order.conf, partition_key=month)
    say(f"{order}: {counted(len(order.months))} at {api.url}/dags/{DAG}/runs")
    return follow(api, say, DAG, run_id_prefix_pattern=prefix)
