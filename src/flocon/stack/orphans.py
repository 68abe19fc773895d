"""Servers whose supervisor was killed: found by the mark in their environment, and stopped before new ones start."""

import logging
import signal
from collections.abc import Iterator

import psutil

from flocon.stack.places import Places
from flocon.stack.supervisor import MARK

log = logging.getLogger(__name__)

_PATIENCE_S = 30


def find_orphans(places: Places) -> list[psutil.Process]:
    """The processes that a supervisor of this home started; call it only while no supervisor runs."""
    return [process for process in psutil.process_iter() if _mark(process) == places.identity]


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return None  # gone, or not ours to look at, and so not ours


def stop_orphans(places: Places) -> int:
    """Stop them, PostgreSQL in its own way; return how many there were."""
    orphans = find_orphans(places)
    for process in orphans:
        log.info("stopping %s (pid %d), which lost its supervisor", " ".join(_name(process)), process.pid)
        _signal(process, signal.SIGINT if _is_postgres(process) else signal.SIGTERM)
    _, left = psutil.wait_procs(orphans, _PATIENCE_S)
    for process in left:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, _PATIENCE_S)
    return len(orphans)


def _is_postgres(process: psutil.Process) -> bool:
    return next(_name(process), "") == "postgres"


def _name(process: psutil.Process) -> Iterator[str]:
    try:
        yield process.name()
    except psutil.NoSuchProcess:
        return


def _signal(process: psutil.Process, which: signal.Signals) -> None:
    try:
        process.send_signal(which)
    except psutil.NoSuchProcess:
        return  # it went by itself
