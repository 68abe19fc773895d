"""The sales domain: gold out of silver, beside pandas making the same tables."""

import statistics
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.child import Measured, measure
from benchmarks.ground import Ground
from benchmarks.timing import median_ratio, seconds_of
from flocon.sales import pipeline
from flocon.sales.sample import sample_files

AS_OF = date(2024, 12, 31)


def sales(base: Ground, clients: int, rounds: int) -> dict[str, Any]:
    """Ten purchases a client. Each contestant is a process of its own, in turns."""
    settings, folder = base.flow.settings, base.source.parent / "sales"
    print(f"silver -> gold, {clients:,} clients, {10 * clients:,} purchases")
    report = {
        "sales.sample_seconds": round(seconds_of(lambda: sample_files(folder, clients, 10, 1, AS_OF)), 1),
        "sales.bronze_seconds": round(seconds_of(lambda: pipeline.bronze(base.flow, str(folder))), 1),
        "sales.silver_seconds": round(seconds_of(lambda: pipeline.silver(base.flow, AS_OF)), 1),
    }
    silver, gold = _folders(base, folder)
    ours, theirs = [], []
    for number in range(1, rounds + 1):
        ours.append(measure("benchmarks.gold", settings))
        theirs.append(measure("benchmarks.gold_pandas", settings, str(silver), str(gold)))
        for name, measured in (("gold", ours[-1]), ("pandas", theirs[-1])):
            told = f"{measured.seconds:8.2f} s  {measured.peak_rss_mb:8,.0f} MB"
            print(f"  round {number}/{rounds}  {name:<12} {told}", flush=True)
    return report | _figures(ours, theirs)


def _folders(base: Ground, folder: Path) -> tuple[Path, Path]:
    """The silver layer as files, which pandas reads, and a folder for what it writes."""
    silver, gold = folder / "silver", folder / "gold"
    for made in (silver, gold):
        made.mkdir()
    for table in ("clients", "achats"):
        base.flow.lake.fetch("silver", f"sales/{table}.parquet", silver / f"{table}.parquet")
    return silver, gold


def _figures(ours: list[Measured], theirs: list[Measured]) -> dict[str, Any]:
    seconds = [[each.seconds for each in runs] for runs in (ours, theirs)]
    peaks = [max(each.peak_rss_mb for each in runs) for runs in (ours, theirs)]
    return {
        "sales.gold_seconds": round(statistics.median(seconds[0]), 1),
        "sales.gold_peak_rss_mb": round(peaks[0]),
        "sales.pandas_seconds": round(statistics.median(seconds[1]), 1),
        "sales.pandas_peak_rss_mb": round(peaks[1]),
        "sales.gold_vs_pandas": round(median_ratio(seconds[1], seconds[0]), 2),
        "sales.rounds": {"gold": ours, "pandas": theirs},
    }
