"""Processes as others see them. One that ends while it is looked at has nothing to show."""

import psutil


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def command_line(process: psutil.Process) -> str:
    """What `ps` shows to everybody."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def listening(process: psutil.Process) -> set[str]:
    """The addresses that it listens on."""
    try:
        found = process.net_connections("inet")
    except psutil.NoSuchProcess:
        return set()
    return {each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN}
