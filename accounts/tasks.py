"""Background work: what the API keeps for a while, and the mails of one-time links."""

from __future__ import annotations

import smtplib

from celery import shared_task

from accounts import link_mails
from accounts.idempotency import forget_old_answers
from core.tasks import DurableTask


@shared_task(base=DurableTask)
def forget_answers() -> None:
    """Idempotency keys are kept for a day."""
    forget_old_answers()


# All tries within the time after which the broker would hand the task to another worker as well.
@shared_task(base=DurableTask, autoretry_for=(OSError, smtplib.SMTPException), retry_backoff=2, max_retries=4)
def mail_link(person_id: int) -> None:
    """Mail somebody their link. The superuser who made it has it anyway."""
    link_mails.mail_link(person_id)
