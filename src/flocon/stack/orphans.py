"""Servers whose supervisor was killed: found by the mark in their environment, and stopped before new ones start."""

import logging
import signal

import psutil

from flocon.stack.places import Places
from flocon.stack.supervisor import MARK

log = logging.getLogger(__name__)

# Without a supervisor to read its output, Airflow hangs on its way out; it is made to be killed, databases are not.
_PATIENCE_S = 5
_DATABASE_PATIENCE_S = 60


def find_orphans(places: Places, supervisor_pid: int | None) -> list[psutil.Process]:
    """What a supervisor of this home started, and the one that runs now (if any) does not look after."""
    looked_after = _family(supervisor_pid) if supervisor_pid else set()
    marked = (process for process in psutil.process_iter() if _mark(process) == places.identity)
    return [process for process in marked if process.pid not in looked_after]


def _family(pid: int) -> set[int]:
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.NoSuchProcess:
        return {pid}


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return None  # gone, or not ours to look at, and so not ours


def stop_orphans(places: Places, supervisor_pid: int | None = None) -> int:
    """Stop them, Airflow before the database that it says goodbye to; return how many there were."""
    orphans = find_orphans(places, supervisor_pid)
    databases = [process for process in orphans if _is_postgres(process)]
    _stop([process for process in orphans if process not in databases], signal.SIGTERM, _PATIENCE_S)
    _stop(databases, signal.SIGINT, _DATABASE_PATIENCE_S)
    return len(orphans)


def _stop(processes: list[psutil.Process], how: signal.Signals, patience_s: int) -> None:
    for process in processes:
        log.debug("stopping pid %d, which lost its supervisor", process.pid)
        _signal(process, how)
    _, left = psutil.wait_procs(processes, patience_s)
    for process in left:
        log.debug("pid %d did not stop within %d s and is killed", process.pid, patience_s)
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, patience_s)


def _is_postgres(process: psutil.Process) -> bool:
    try:
        return process.name() == "postgres"
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, which: signal.Signals) -> None:
    try:
        process.send_signal(which)
    except psutil.NoSuchProcess:
        return  # it went by itself
