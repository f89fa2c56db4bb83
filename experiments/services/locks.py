"""PostgreSQL's advisory locks: they end with the connection that holds them, so a killed worker leaves none behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from django.db import connection


class Lock(IntEnum):
    """First halves of two-part locks; any numbers nobody else in this database uses."""

    PREPARATION = 0x5553_0001
    DRAWING = 0x5553_0002
    RECOUNT = 0x5553_0003


@contextmanager
def session_lock(lock: Lock, settings_group_id: int) -> Iterator[bool]:
    """Whether this connection alone works on the settings group; the lock ends with the block or with the process."""
    key = [lock.value, settings_group_id % 2**31]
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


def lock_drawing() -> None:
    """One draw at a time, so that each sees all before it. Held until the end of the transaction: milliseconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [Lock.DRAWING.value, 0])
