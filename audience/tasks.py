"""Background work on sources of users. Each task fetches by id, calls one service, and may run twice."""

from __future__ import annotations

import logging

from celery import shared_task

from audience.load_history import close_interrupted_loads
from audience.source_loads import due_sources, load_source
from core.errors import DomainError
from core.tasks import DurableTask, enqueue_on_commit

logger = logging.getLogger(__name__)


@shared_task(base=DurableTask)
def load_users_from(source_id: int) -> None:
    """Load one source if it is due or somebody asked for it; another worker that is at it already is left alone."""
    try:
        load_source(source_id, only_due=True)
    except DomainError as error:
        # The history has it, for those who look after the source.
        logger.warning("users could not be loaded from source %s: %s", source_id, error.detail)


@shared_task(base=DurableTask)
def sweep_sources() -> None:
    """Enqueue what is due, or was asked for and lost on its way; close the rows of loads whose process is gone."""
    close_interrupted_loads()
    for source_id in due_sources():
        enqueue_on_commit("audience.tasks.load_users_from", source_id)
