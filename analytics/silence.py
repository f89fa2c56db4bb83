"""When a running test is silent: the one rule behind the alarm, the home page and the list of tests."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from core import clock


def silent_since(ends_at: dt.datetime | None, *moments: dt.datetime | None) -> dt.datetime | None:
    """Since when a running test waits for a hit from production, or None while it need not have any yet.

    `moments` are those from which the waiting may begin: its last hit, its start, its resumption, its first day. Outside
    its dates nobody gets a variant, so nobody is missed. It is silent after NO_HITS_HOURS.
    """
    now = clock.now()
    since = max((moment for moment in moments if moment is not None), default=None)
    if since is None or (ends_at is not None and ends_at <= now):
        return None
    return since if now - since >= dt.timedelta(hours=settings.NO_HITS_HOURS) else None
