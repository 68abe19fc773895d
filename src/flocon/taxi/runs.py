"""Taxi months through Airflow, from the command line: ask for runs, follow them, show that the months balance."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import psycopg
from psycopg.rows import dict_row

from flocon.airflow_api import ENDED, AirflowApi, Conflict
from flocon.errors import FloconError, SettingsError
from flocon.months import Month, month_label, next_month
from flocon.runs import Followed, Say, counted, follow, require_dag
from flocon.settings import Settings
from flocon.taxi.names import SERVICES, check_service
from flocon.taxi.sample_schema import FIRST_MONTH
from flocon.taxi.source import resolve

DAG = "taxi_monthly"
RECHECK_DAG = "taxi_recheck"
_BACKFILL_RUNS = 4  # while two months load, two more are fetched


@dataclass(frozen=True)
class Order:
    """Months asked for. `source` is a specification that means the same in any working directory."""

    months: list[Month]
    services: tuple[str, ...]
    source: str
    force: bool = False

    @classmethod
    def of(
        cls, settings: Settings, months: list[Month], service: str, source: str | None, *, force: bool
    ) -> "Order":
        """An order that can be carried out, as far as can be told without asking the source.

        Raises:
            SettingsError: an unknown service, or a month before its first or not yet begun.
            SourceError: `source` is none.
        """
        services = SERVICES if service == "both" else (check_service(service),)
        for month in months:
            _check_time(month, services, datetime.now(UTC).date())
        return cls(months, services, resolve(source or settings.taxi_source, settings).spec, force)

    @property
    def service(self) -> str:
        """The services as the DAG's param has them."""
        return "both" if self.services == SERVICES else self.services[0]

    @property
    def conf(self) -> dict[str, Any]:
        """The params of the runs. Who waits at a terminal is told at once that a file is not published yet."""
        return {"service": self.service, "source": self.source, "force": self.force, "wait_days": 0}

    def __str__(self) -> str:
        first, last = month_label(self.months[0]), month_label(self.months[-1])
        span = first if first == last else f"{first}..{last}"
        return f"{' and '.join(self.services)} {span} from {self.source}" + (", forced" if self.force else "")


def _check_time(month: Month, services: tuple[str, ...], today: date) -> None:
    for service in services:
        if month < FIRST_MONTH[service]:
            first = month_label(FIRST_MONTH[service])
            raise SettingsError(
                f"{service} {month_label(month)}: the first month of {service} taxis that can be loaded is {first}"
            )
    if month > today:
        raise SettingsError(
            f"{month_label(month)} has not begun: the newest months published are about two months old"
        )


def run(settings: Settings, say: Say, order: Order) -> Followed:
    """One run of the DAG for each month, followed until all have ended."""
    api = _connect(settings, DAG)
    # The suffix keeps two that are asked for in the same second apart.
    prefix = f"run_{datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(2)}_"
    for month in order.months:
        api.trigger(
            DAG, f"{prefix}{order.service}_{month_label(month)}", order.conf, partition_key=month_label(month)
        )
    say(f"{order}: {counted(len(order.months))} at {api.url}/dags/{DAG}/runs")
    return follow(api, say, DAG, run_id_prefix_pattern=prefix)


def backfill(settings: Settings, say: Say, order: Order) -> Followed:
    """Airflow's own backfill of the months, followed until its runs have ended.

    A month with a run under way is left to that run. Months that were run before are run again: that a run ended well
    proves nothing for another service or source. What has not changed is still not done again.
    """
    _require_no_gaps(order.months)
    api = _connect(settings, DAG)
    request = _backfill_request(order)
    planned = api.planned_backfill(request)
    for month in map(month_label, order.months):
        if month not in planned:
            say(f"{month}: left to its run that is under way")
    if not planned:
        raise FloconError(
            f"{order}: each of these months has a run under way; follow them at {api.url}/dags/{DAG}/runs"
        )
    made = _start_backfill(api, say, request)
    say(f"{order}: backfill {made['id']}, {counted(len(planned))} at {api.url}/dags/{DAG}/runs")
    span = {"partition_date_gte": request["from_date"], "partition_date_lte": request["to_date"]}
    return follow(api, say, DAG, run_type="backfill", start_date_gte=made["created_at"], **span)


def _start_backfill(api: AirflowApi, say: Say, request: dict[str, Any]) -> dict[str, Any]:
    """Start it; where the one before has ended, wait for Airflow to see that, which takes it up to half a minute."""
    deadline = time.monotonic() + 60
    is_told = False
    while True:
        try:
            return api.backfill(request)
        except Conflict as error:
            under_way = [run for run in api.runs(DAG, run_type="backfill") if run.state not in ENDED]
            if under_way or time.monotonic() > deadline:
                raise FloconError(f"{error}; wait for it to end: {api.url}/dags/{DAG}/backfills") from error
        if not is_told:
            say("waiting for Airflow to close the backfill before this one")
            is_told = True
        time.sleep(1)


def _backfill_request(order: Order) -> dict[str, Any]:
    return {
        "dag_id": DAG,
        "from_date": f"{order.months[0].isoformat()}T00:00:00Z",
        "to_date": f"{order.months[-1].isoformat()}T00:00:00Z",
        "dag_run_conf": order.conf,
        "reprocess_behavior": "completed",
        "max_active_runs": _BACKFILL_RUNS,
    }


def _require_no_gaps(months: list[Month]) -> None:
    for month, following in pairwise(months):
        if next_month(month) != following:
            raise SettingsError(
                f"{month_label(month)} is not followed by {month_label(following)}: a backfill takes one range, as in "
                "2024-01..2024-12; `make run` takes any months"
            )


def recheck(settings: Settings, say: Say) -> Followed:
    """The DAG that asks the sources, then the runs that it triggered."""
    api = _connect(settings, RECHECK_DAG)
    require_dag(api, DAG)
    run_id = f"recheck_{datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(2)}"
    made = api.trigger(RECHECK_DAG, run_id, {})
    say(f"asking the source of every loaded month: {api.url}/dags/{RECHECK_DAG}/runs/{run_id}")
    asked = follow(api, say, RECHECK_DAG, run_id_prefix_pattern=run_id)
    # The DAG names the runs that it triggers after the time of its own.
    prefix = f"recheck_{datetime.fromisoformat(made['run_after']):%Y%m%dT%H%M%S}_"
    say(f"months published anew: {len(api.runs(DAG, run_id_prefix_pattern=prefix))}")
    loaded = follow(api, say, DAG, run_id_prefix_pattern=prefix)
    return asked + loaded


def _connect(settings: Settings, dag: str) -> AirflowApi:
    api = AirflowApi.connect(settings)
    require_dag(api, dag)
    return api


def reconciliation(
    settings: Settings, months: list[Month], services: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The rows of the mart's `ledger.reconciliation` for these months and services, read as its reader."""
    query = "select * from ledger.reconciliation where file_month = any(%s) and service = any(%s)"
    with psycopg.connect(settings.mart_reader_dsn, row_factory=dict_row) as mart:
        return mart.execute(query, [months, list(services)]).fetchall()
