"""Background work for the API."""

from __future__ import annotations

from celery import shared_task

from accounts.idempotency import forget_old_answers
from core.tasks import DurableTask


@shared_task(base=DurableTask)
def forget_answers() -> None:
    """Idempotency keys are kept for a day."""
    forget_old_answers()
