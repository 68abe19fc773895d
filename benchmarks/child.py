"""A piece of work in a fresh process: its seconds and its own peak memory."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.ground import flow_of
from benchmarks.timing import seconds_of
from flocon.flow import Flow
from flocon.settings import Settings, get_settings


class Measured(NamedTuple):
    """Wall-clock seconds and peak resident memory in MB."""

    seconds: float
    peak_rss_mb: float


def measure(module: str, settings: Settings, *arguments: str) -> Measured:
    """Run `python -m <module> <arguments>`, whose `main` ends with `tell`, against the servers of these settings."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **settings.as_env()},
        cwd=Path(__file__).parents[1],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Measured(*json.loads(done.stdout.splitlines()[-1]))


def own_flow() -> Flow:
    """In the child: a flow to the servers that it was started against."""
    return flow_of(get_settings())


def tell(work: Callable[[], object]) -> None:
    """In the child: do the work and print its seconds and this process's peak."""
    seconds = seconds_of(work)
    print(json.dumps([seconds, _high_water_mark_mb()]))


def _high_water_mark_mb() -> float:
    """Of this program only: getrusage's ru_maxrss also counts the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) / 1024
