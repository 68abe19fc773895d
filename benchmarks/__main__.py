"""Measure, print a table and write reports/bench.json.

ROWS sets the size of the taxi month, CLIENTS of the shop, ROUNDS how often each contestant runs.
"""

import json
import platform
import statistics
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.child import measure
from benchmarks.ground import MONTH, SERVICE, Ground, ground
from benchmarks.load import LoadBench
from benchmarks.mart import MartBench
from benchmarks.sales import sales
from benchmarks.timing import in_turns, median_ratio, seconds_of
from flocon.postgres import scalar
from flocon.taxi import pipeline

REPORT = Path("reports/bench.json")
WANTED = {
    "load.ratio_to_limit": 1.15,
    "mart.ratio_to_limit": 1.7,
    "load.peak_rss_mb": 400,
    "load.peak_rss_growth_4x": 1.2,
}


def main(
    rows: Annotated[int, typer.Option(help="Trips in the month.")] = 3_000_000,
    clients: Annotated[int, typer.Option(help="Clients of the shop; ten purchases each.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(help="How often each contestant runs; medians are reported.")] = 5,
) -> None:
    """Measure a taxi month beside what PostgreSQL itself needs, and the shop's gold beside pandas."""
    with ground(rows) as base:
        report = {"rows": rows, "clients": clients, "rounds": rounds, "machine": _machine(base)}
        base.land()
        report |= _load(base, rounds) | _mart(base, rounds) | _noop(base, rounds)
        small = report["load.peak_rss_mb"] = _load_peak_mb(base)
        report |= sales(base, clients, min(rounds, 3))
    with ground(4 * rows) as base:
        base.land()
        report["load.peak_rss_mb_4x"] = large = _load_peak_mb(base)
        report["load.peak_rss_growth_4x"] = round(large / small, 2)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    _show(report)


def _load(base: Ground, rounds: int) -> dict[str, Any]:
    bench = LoadBench(base)
    print(f"lake -> warehouse, {base.rows:,} rows")
    seconds = in_turns(
        {
            "load": bench.ours,
            "copy limit": bench.copy_limit,
            "adbc": bench.adbc_ingest,
            "to_sql": bench.to_sql,
        },
        rounds,
        base.settle,
    )
    ours = seconds["load"]
    return {
        "load.seconds": round(statistics.median(ours), 2),
        "load.copy_limit_seconds": round(statistics.median(seconds["copy limit"]), 2),
        "load.ratio_to_limit": round(median_ratio(ours, seconds["copy limit"]), 2),
        "load.vs_adbc": round(median_ratio(seconds["adbc"], ours), 1),
        "load.vs_to_sql": round(median_ratio(seconds["to_sql"], ours), 1),
        "load.rounds": seconds,
    }


def _mart(base: Ground, rounds: int) -> dict[str, Any]:
    bench = MartBench(base)
    print(f"warehouse -> mart, {base.rows:,} rows")
    seconds = in_turns({"mart": bench.ours, "pipe limit": bench.pipe_limit}, rounds, base.settle)
    parts = {part: statistics.median(run[part] for run in bench.parts) for part in bench.parts[0]}
    return {
        "mart.seconds": round(statistics.median(seconds["mart"]), 2),
        "mart.pipe_limit_seconds": round(statistics.median(seconds["pipe limit"]), 2),
        "mart.ratio_to_limit": round(median_ratio(seconds["mart"], seconds["pipe limit"]), 2),
        "mart.parts_seconds": parts,
        "mart.rounds": seconds,
    }


def _load_peak_mb(base: Ground) -> int:
    """Peak resident memory, MB, of a fresh process that loads the landed month once."""
    return round(measure("benchmarks.memory", base.flow.settings).peak_rss_mb)


def _noop(base: Ground, rounds: int) -> dict[str, Any]:
    def all_steps() -> None:
        pipeline.land(base.flow, SERVICE, MONTH, str(base.source))
        pipeline.load(base.flow, SERVICE, MONTH)
        pipeline.publish(base.flow, SERVICE, MONTH)

    return {"noop.seconds": round(statistics.median(seconds_of(all_steps) for _ in range(rounds)), 2)}


def _machine(base: Ground) -> dict[str, Any]:
    with base.flow.warehouse() as warehouse:
        postgres = scalar(warehouse, "select current_setting('server_version')")
    return {
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "postgresql": postgres,
    }


def _show(report: dict[str, Any]) -> None:
    table = Table(title=f"{report['rows']:,} rows, medians of {report['rounds']} rounds")
    for heading in ("figure", "value", "wanted"):
        table.add_column(heading)
    for name, value in report.items():
        if isinstance(value, int | float):
            table.add_row(name, f"{value:,}", f"≤ {WANTED[name]}" if name in WANTED else "")
    for part, seconds in report["mart.parts_seconds"].items():
        table.add_row(f"  publish: {part}", f"{seconds:.2f} s", "")
    console = Console()
    console.print(table)
    console.print(f"written to {REPORT}")


if __name__ == "__main__":
    typer.run(main)
