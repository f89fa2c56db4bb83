"""Background work: the base of every task, and handing work over once it is committed."""

from __future__ import annotations

from celery import Task, current_app
from django.db import transaction


class DurableTask(Task):  # type: ignore[type-arg]  # celery-types makes Task generic, celery itself does not
    """A task that may be killed anywhere and run twice.

    It is acknowledged only after it ran, and goes back to the queue when its worker dies. Every task of this
    kind fetches by id, calls one service and is idempotent.
    """

    abstract = True
    acks_late = True
    reject_on_worker_lost = True
    ignore_result = True


def enqueue_on_commit(task_name: str, *args: object) -> None:
    """Send the named task once the transaction has committed.

    By name, so that services need not know the tasks that call them. A broker that is down does not harm the
    request (robust): preparation and delivery have sweeps that find what was never enqueued; a recount comes every night.
    """
    transaction.on_commit(lambda: _send(task_name, args), robust=True)


def _send(task_name: str, args: tuple[object, ...]) -> None:
    current_app.send_task(task_name, args=args, retry_policy={"max_retries": 1, "interval_start": 0.1})
