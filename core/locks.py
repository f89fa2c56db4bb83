"""PostgreSQL's advisory locks: what one process at a time does. They end with the connection, so a killed worker leaves none behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def alone_with(space: int, number: int) -> Iterator[bool]:
    """Whether this connection alone does it; nobody waits. `space` is the package's own first half of the lock's name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [space, number])
        is_mine = bool(cursor.fetchone()[0])
    try:
        yield is_mine
    finally:
        if is_mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [space, number])
        elif is_mine:
            # Lost, or within a transaction that failed, which would outlive its rollback with the lock: for good, where
            # the process keeps its connection.
            connection.close()
