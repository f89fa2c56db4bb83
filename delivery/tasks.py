"""Background work of delivery."""

from __future__ import annotations

import logging

from celery import shared_task

from core.tasks import DurableTask
from delivery import app_servers, services
from delivery.folder import FolderUnusable

logger = logging.getLogger(__name__)


@shared_task(base=DurableTask)
def deliver() -> None:
    """Deliver what has changed. Runs on every change and as a sweep, which also ends what has expired."""
    try:
        services.deliver()
    except FolderUnusable as error:
        # Nothing to be gained by a retry: the next sweep is one.
        logger.error("%s", error.detail)  # noqa: TRY400 - the sentence says it all, every time


@shared_task(base=DurableTask)
def forget_silent_servers() -> None:
    """Servers that were not heard of for a day leave the list."""
    app_servers.forget_silent_servers()
