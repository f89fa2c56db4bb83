"""Background work of hits and events."""

from __future__ import annotations

import datetime as dt
import logging

from celery import current_app, shared_task
from django.conf import settings

from analytics import folding, ledger, tallies, watching, watching_hits
from analytics.store import StoreError, get_store
from core import clock
from core.tasks import DurableTask

logger = logging.getLogger(__name__)


@shared_task(base=DurableTask)
def fold() -> None:
    """Move hits and events from the inbox to the store and count them. Runs when some came, and as a sweep."""
    try:
        more = folding.fold()
    except StoreError as error:
        # What waits goes on waiting, and the next sweep is a retry.
        logger.error("%s", error.detail)  # noqa: TRY400 - the sentence says it all, every time
    else:
        if more:
            current_app.send_task(fold.name, expires=10)


@shared_task(base=DurableTask)
def prune_ledger() -> None:
    """Forget the batches whose items would be refused by now, and what else is too old to be asked for."""
    ledger.prune()


@shared_task(base=DurableTask)
def count_users() -> None:
    """Count different users anew where hits were added since; what is left, or rests, is the next sweep's."""
    tallies.count_stale_users()


@shared_task(base=DurableTask)
def compact() -> None:
    """Merge small files of the store, so that questions open few."""
    get_store().compact(None)


@shared_task(base=DurableTask)
def keep_store() -> None:
    """At night: drop what is too old, and make one file of each finished day."""
    today = clock.now().date()
    get_store().prune(today - dt.timedelta(days=settings.HITS_KEEP_DAYS))
    get_store().compact(today)


@shared_task(base=DurableTask)
def watch_sample_ratios() -> None:
    """Look whether users are divided over the variants of each test as they should be, and raise the alarm where not."""
    watching.watch_sample_ratios()


@shared_task(base=DurableTask)
def watch_hits() -> None:
    """Tell what hits say about the code of tests."""
    watching_hits.watch_hits()
