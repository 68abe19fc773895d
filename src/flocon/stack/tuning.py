"""PostgreSQL's settings, in one place: chosen for loading whole months, and no crash loses what was committed."""

import os
from dataclasses import dataclass
from pathlib import Path

Value = str | int | float | bool

_MB = 1 << 20
_COMMON: dict[str, Value] = {
    "unix_socket_directories": "",  # one way in, and that one asks for a password
    "password_encryption": "scram-sha-256",
    "ssl": False,
    # No replicas are fed from here, and then a table created and filled in one transaction is not written twice.
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "fsync": True,
    "full_page_writes": True,
    "jit": False,  # compiling costs more than it saves on queries of a second
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": False,
    "log_min_error_statement": "panic",  # a failing statement may hold data; its error message is logged all the same
}

# Bulk loading: rare, large checkpoints; memory for sorts, index builds and foreign key validation.
_BULK: dict[str, Value] = {
    "max_connections": 60,
    "checkpoint_timeout": "30min",
    "max_wal_size": "8GB",
    "min_wal_size": "512MB",
    "wal_buffers": "64MB",
    "maintenance_work_mem": "256MB",
    "work_mem": "64MB",
    "effective_io_concurrency": 64,
    "random_page_cost": 1.1,
}

# Airflow: many short transactions of a few rows.
_SMALL: dict[str, Value] = {
    "max_connections": 120,
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
}


@dataclass(frozen=True)
class Tuning:
    """What differs between machines: memory of the bulk servers (MB), and whether a crash of the machine matters."""

    shared_buffers_mb: int = 0
    is_durable: bool = True

    def options(self, server: str) -> dict[str, Value]:
        """The settings of one server."""
        if server == "airflow_db":
            own = dict(_SMALL)
        else:
            own = {**_BULK, "shared_buffers": f"{self.shared_buffers_mb or _default_buffers_mb()}MB"}
        return {**_COMMON, **own, "dynamic_shared_memory_type": _shared_memory(), "fsync": self.is_durable}


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


def render(options: dict[str, Value]) -> str:
    """The text of a postgresql.conf."""
    return "".join(f"{name} = {_literal(value)}\n" for name, value in options.items())


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "'{}'".format(str(value).replace("'", "''"))
