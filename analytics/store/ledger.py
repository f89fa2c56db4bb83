"""Which files are live is said by PostgreSQL alone: nobody lists a folder to find out what there is to read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.db.models import Q

from analytics.models import StoredFile


def live_paths(
    streams: Collection[str], since: dt.datetime | None, until: dt.datetime | None
) -> dict[str, list[str]]:
    """The live files of the days that `since <= time < until` touches, below the store's folder, by stream."""
    of_days = Q()
    if since is not None:
        of_days &= Q(day__gte=since.astimezone(dt.UTC).date())
    if until is not None:
        of_days &= Q(day__lte=until.astimezone(dt.UTC).date())
    rows = StoredFile.objects.filter(of_days, stream__in=streams, replaced_at=None).order_by("day", "pk")
    found: dict[str, list[str]] = {stream: [] for stream in streams}
    for stream, path in rows.values_list("stream", "path"):
        found[stream].append(path)
    return found
