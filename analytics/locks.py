"""What one process at a time does in this package."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import IntEnum
from typing import Final

from core import locks

_SPACE: Final = 0x5553_0020  # first half of two-part locks; any number nobody else in this database uses


class Lock(IntEnum):
    """What one process at a time does."""

    COMPACTION = 1
    COUNTING = 2
    FOLDING = 3


def alone_with(lock: Lock) -> AbstractContextManager[bool]:
    """Whether this connection alone does it; the lock ends with the block or with the process."""
    return locks.alone_with(_SPACE, lock.value)
