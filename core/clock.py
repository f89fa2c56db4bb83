"""The one place that asks what time it is.

Everything that is written down with a time asks here, so that demo history and tests can be written
"at" another moment without patching the standard library.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_moment: ContextVar[dt.datetime | None] = ContextVar("moment", default=None)


def now() -> dt.datetime:
    """The current moment, aware, in UTC."""
    return _moment.get() or dt.datetime.now(dt.UTC)


@contextmanager
def frozen_at(moment: dt.datetime) -> Iterator[None]:
    """Within the block `now()` answers `moment` (aware) in this thread or task."""
    if moment.tzinfo is None:
        raise ValueError("frozen_at() needs an aware datetime")
    token = _moment.set(moment.astimezone(dt.UTC))
    try:
        yield
    finally:
        _moment.reset(token)
