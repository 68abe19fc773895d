"""Measuring in turns: A B C A B C …, so that a machine that slows down slows all of them."""

import statistics
import time
from collections.abc import Callable


def seconds_of(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(
    contestants: dict[str, Callable[[], float]], rounds: int, settle: Callable[[], None]
) -> dict[str, list[float]]:
    """Run each contestant once a round; return every contestant's seconds, round by round."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(1, rounds + 1):
        for name, run in contestants.items():
            settle()
            seconds[name].append(run())
            print(f"  round {number}/{rounds}  {name:<12} {seconds[name][-1]:8.2f} s", flush=True)
    return seconds


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios round by round."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
