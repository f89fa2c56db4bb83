"""What one process at a time does: nobody is locked out by whoever failed."""

from __future__ import annotations

import contextlib

import pytest
from django.db import DatabaseError, connection, transaction

from core.locks import alone_with

NAME = (0x5553_7E57, 1)


def is_free() -> bool:
    """As another process sees it."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", NAME)
            return bool(cursor.fetchone()[0])
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_a_lock_is_held_until_the_block_ends_and_not_longer_whatever_failed_in_it() -> None:
    with alone_with(*NAME) as alone:
        assert alone
        assert not is_free()
    assert is_free()
    with contextlib.suppress(DatabaseError), alone_with(*NAME), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    assert is_free()
    # The transaction around it is beyond use when the block ends.
    with contextlib.suppress(DatabaseError), transaction.atomic(), alone_with(*NAME):
        connection.cursor().execute("SELECT 1 / 0")
    assert is_free()
