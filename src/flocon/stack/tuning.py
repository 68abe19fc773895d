"""PostgreSQL's settings: those of `deploy/postgres/*.conf`, and beside them what depends on the machine."""

import os
from dataclasses import dataclass
from pathlib import Path

Value = str | int | bool

_MB = 1 << 20


@dataclass(frozen=True)
class Tuning:
    """What differs between machines: memory of the bulk servers (MB), and whether a crash of the machine matters."""

    shared_buffers_mb: int = 0
    is_durable: bool = True

    def configuration(self, project: Path, server: str, **more: Value) -> str:
        """The text of a server's postgresql.conf: its file in the project, then the machine's values, then `more`."""
        is_small = server == "airflow_db"
        file = project / "deploy" / "postgres" / ("small.conf" if is_small else "bulk.conf")
        buffers = (
            {} if is_small else {"shared_buffers": f"{self.shared_buffers_mb or _default_buffers_mb()}MB"}
        )
        own: dict[str, Value] = {
            **buffers,
            "unix_socket_directories": "",  # one way in, and that one asks for a password
            "dynamic_shared_memory_type": _shared_memory(),
            "fsync": self.is_durable,
            **more,
        }
        return file.read_text(encoding="utf-8") + "".join(
            f"{name} = {_literal(value)}\n" for name, value in own.items()
        )


def _default_buffers_mb() -> int:
    """A twelfth of the machine's memory, between 64 MB and 2 GB: two such servers and Airflow share it.

    From four times a month on (3,000,000 trips are 370 MB), its second scan finds it there: publishing takes 8 % less.
    """
    machine_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MB
    return max(64, min(2048, machine_mb // 12))


def _shared_memory() -> str:
    """Containers often have 64 MB of /dev/shm, which parallel queries overrun; files do instead."""
    shm = Path("/dev/shm")  # noqa: S108 - looked at, not written to
    if not shm.is_dir():
        return "mmap"
    state = os.statvfs(shm)
    return "posix" if state.f_bavail * state.f_frsize >= 512 * _MB else "mmap"


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "'{}'".format(str(value).replace("'", "''"))
