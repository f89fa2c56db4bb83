"""The base of every background task."""

from __future__ import annotations

from celery import Task


class DurableTask(Task):  # type: ignore[type-arg]  # celery-types makes Task generic, celery itself does not
    """A task that may be killed anywhere and run twice.

    It is acknowledged only after it ran, and goes back to the queue when its worker dies. Every task of this
    kind fetches by id, calls one service and is idempotent.
    """

    abstract = True
    acks_late = True
    reject_on_worker_lost = True
    ignore_result = True
