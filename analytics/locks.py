"""PostgreSQL's advisory locks of this package: they end with the connection that holds them, so a killed worker leaves none behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

from django.db import connection

_SPACE: Final = 0x5553_0020  # first half of two-part locks; any number nobody else in this database uses


class Lock(IntEnum):
    """What one process at a time does."""

    COMPACTION = 1
    COUNTING = 2
    FOLDING = 3


@contextmanager
def alone_with(lock: Lock) -> Iterator[bool]:
    """Whether this connection alone does it; the lock ends with the block or with the process."""
    key = [_SPACE, lock.value]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        is_mine = bool(cursor.fetchone()[0])
    try:
        yield is_mine
    finally:
        # After a lost connection the server has released it already.
        if is_mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
