"""The circuit breaker of a connection: after failures in a row nothing is sent for a while, then one message tries it."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db.models import F, Q

from core import clock
from notifications.models import Connection

FAILURES: Final = 3
FIRST_PAUSE: Final = 30.0
LONGEST_PAUSE: Final = 900.0
MAX_ERROR: Final = 1_000


def note_success(connection_id: int) -> None:
    """The provider answered as it should. The rest that it asked another message for lasts."""
    rows = Connection.objects.filter(pk=connection_id)
    rows.filter(failures__gt=0).update(failures=0, closed_until=None)
    rows.update(last_ok_at=clock.now(), last_error="", last_error_at=None)


def note_failure(connection_id: int, answer: str) -> None:
    """The provider is down, or does not let us in. Whatever else waits for it need not find out by itself."""
    rows = Connection.objects.filter(pk=connection_id)
    rows.update(failures=F("failures") + 1, last_error=answer[:MAX_ERROR], last_error_at=clock.now())
    failures = rows.values_list("failures", flat=True).first() or 0
    if failures >= FAILURES:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - FAILURES, 10))
        rows.update(closed_until=clock.now() + dt.timedelta(seconds=pause))


def note_rest(connection_id: int, seconds: float) -> None:
    """The provider asks to be left alone for so long: by all messages, not only by the one that it said so to."""
    until = clock.now() + dt.timedelta(seconds=min(seconds, LONGEST_PAUSE))
    earlier = Q(closed_until=None) | Q(closed_until__lt=until)
    Connection.objects.filter(earlier, pk=connection_id).update(closed_until=until)
