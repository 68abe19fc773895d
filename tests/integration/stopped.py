"""Stop what writes to a table of PostgreSQL, so that a test can look, or kill it, in the middle."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def stopped_at(dsn: str, table: str) -> Iterator[psycopg.Connection[Any]]:
    """A time in which nobody can write to a table, though all can read it."""
    with psycopg.connect(dsn) as holder:
        holder.execute(f"lock table {table} in share mode")
        yield holder


def wait_until_stopped(admin_dsn: str) -> None:
    """Return when somebody waits for a lock in the superuser's database."""
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        deadline = time.monotonic() + 60
        while admin.execute(query).fetchone() == (0,):
            assert time.monotonic() < deadline, "nobody came that far"
            time.sleep(0.01)
