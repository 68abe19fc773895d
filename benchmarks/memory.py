"""Peak memory of one load, in a process of its own: python -m benchmarks.memory <settings.json>."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.ground import MONTH, SERVICE, Ground, flow_of
from flocon.settings import PREFIX, load_settings, secret_names
from flocon.taxi import pipeline


def peak_rss_mb(ground: Ground) -> float:
    """Peak resident memory, MB, of a fresh process that loads the landed month once."""
    settings = ground.flow.settings
    given = settings.model_dump(mode="json", exclude=set(secret_names()))
    environment = {
        **os.environ,
        **{f"{PREFIX}{name.upper()}": getattr(settings, name).get_secret_value() for name in secret_names()},
        "BENCH_SETTINGS": json.dumps(given),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory"],
        env=environment,
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def main() -> None:
    """Load once; print the peak of this process."""
    settings = load_settings(**json.loads(os.environ["BENCH_SETTINGS"]))
    pipeline.load(flow_of(settings), SERVICE, MONTH, force=True)
    print(_high_water_mark_mb())


def _high_water_mark_mb() -> float:
    """Of this program only: getrusage's ru_maxrss also counts the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) / 1024


if __name__ == "__main__":
    main()
