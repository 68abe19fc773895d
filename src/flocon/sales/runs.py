"""The sales layers through Airflow, from the command line: ask for a run and follow it."""

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from flocon.airflow_api import AirflowApi
from flocon.errors import SettingsError
from flocon.inbox import resolve
from flocon.runs import Followed, Say, follow, require_dag
from flocon.settings import Settings

DAG = "sales_medallion"


@dataclass(frozen=True)
class Order:
    """What is asked for. `source` means the same in any working directory; `as_of` None is the run's own day."""

    layer: str
    source: str
    as_of: date | None
    force: bool

    @classmethod
    def of(
        cls, settings: Settings, layer: str, source: str | None, as_of: str | None, *, force: bool
    ) -> "Order":
        """An order that can be carried out, as far as can be told without looking into the files.

        Raises:
            SettingsError: `as_of` is no date.
            SourceError: `source` is neither `lake` nor a folder.
        """
        return cls(
            layer, resolve(source or settings.sales_source), parse_date(as_of) if as_of else None, force
        )

    @property
    def conf(self) -> dict[str, Any]:
        """The params of the run."""
        as_of = self.as_of.isoformat() if self.as_of else None
        return {"layer": self.layer, "source": self.source, "as_of": as_of, "force": self.force}

    def __str__(self) -> str:
        what = "all layers" if self.layer == "all" else f"layer {self.layer}"
        as_of = f", as of {self.as_of}" if self.as_of else ""
        return f"sales, {what}, from {self.source}{as_of}" + (", forced" if self.force else "")


def parse_date(text: str) -> date:
    """A date written as 2024-12-31; SettingsError otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{text!r} is not a date: write it as 2024-12-31") from error


def run(settings: Settings, say: Say, order: Order) -> Followed:
    """One run of the DAG, followed to its end."""
    api = AirflowApi.connect(settings)
    require_dag(api, DAG)
    run_id = f"run_{datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(2)}"
    api.trigger(DAG, run_id, order.conf)
    say(f"{order}: {api.url}/dags/{DAG}/runs/{run_id}")
    return follow(api, say, DAG, run_id_prefix_pattern=run_id)
