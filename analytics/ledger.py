"""What waits to be counted, and how long the ledger of batches is kept."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Min, Sum

from analytics.items import AHEAD
from analytics.models import Batch, Part, TotalHits, UnknownHits, WaitingBatch
from core import clock

# A batch that is sent again after it was forgotten holds nothing but items that are refused for their age.
_MARGIN: Final = AHEAD + dt.timedelta(days=1)
PARTS_KEPT: Final = dt.timedelta(days=30)
UNKNOWN_KEPT: Final = dt.timedelta(days=90)
_CHUNK: Final = 20_000

_FORGET: Final = """
DELETE FROM analytics_batch WHERE id IN (
    SELECT id FROM analytics_batch AS batch WHERE received_at < %s
    AND NOT EXISTS (SELECT FROM analytics_waitingbatch AS waiting WHERE waiting.batch_id = batch.id)
    ORDER BY received_at LIMIT %s
)
"""


def oldest_waiting() -> dt.datetime | None:
    """When the batch came that has been waiting longest to be counted; None if none waits. More than a minute ago: look why."""
    found: dt.datetime | None = WaitingBatch.objects.aggregate(oldest=Min("batch__received_at"))["oldest"]
    return found


def prune() -> int:
    """Forget old batches, parts and unknown hits. How many batches."""
    now = clock.now()
    before = now - dt.timedelta(days=settings.HITS_MAX_AGE_DAYS) - _MARGIN
    forgotten = 0
    # Piece by piece, so that no transaction holds up the next for long.
    while chunk := _forget(before):
        forgotten += chunk
    Part.objects.filter(state=Part.State.DONE, done_at__lt=now - PARTS_KEPT).delete()
    UnknownHits.objects.filter(last_at__lt=now - UNKNOWN_KEPT).delete()
    return forgotten


def _forget(before: dt.datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [before, _CHUNK])
        return int(cursor.rowcount)


def counted_hits() -> list[tuple[str, str, int]]:
    """(environment, who, hits) over all settings groups."""
    rows = TotalHits.objects.order_by("environment", "who").values_list("environment", "who")
    return [(environment, who, hits) for environment, who, hits in rows.annotate(Sum("hits"))]


def unknown_hits() -> int:
    """How many hits are for what does not exist."""
    return UnknownHits.objects.aggregate(hits=Sum("hits"))["hits"] or 0


def waiting_batches() -> int:
    """How many batches wait to be counted."""
    return WaitingBatch.objects.count()


def refused_since(moment: dt.datetime) -> int:
    """How many items were refused since then."""
    return Batch.objects.filter(received_at__gte=moment).aggregate(refused=Sum("refused"))["refused"] or 0
