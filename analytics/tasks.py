"""Background work of hits and events."""

from __future__ import annotations

import logging

from celery import current_app, shared_task

from analytics import folding, ledger
from analytics.store import StoreError
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
