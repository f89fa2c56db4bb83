"""Background work on settings groups. Each task fetches by id, calls one service, and may run twice."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.db import connection
from django.db.models import Q
from psycopg.errors import DiskFull

from audience.dialects import NotInThisDialect
from audience.warehouse import WarehouseError
from core import clock
from core.tasks import DurableTask, enqueue_on_commit
from experiments.models import Preparation, RecountRequest
from experiments.services.health import check_split_groups
from experiments.services.preparation import (
    fail_preparation,
    postpone_preparation,
    prepare_settings_group,
)
from experiments.services.recounts import (
    keep_live_matches,
    postpone_recount,
    prune_counts,
    request_all_recounts,
    serve_recount,
)

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 6
# What has been queued for so long was lost on its way to a worker (or the worker with it).
LOST_AFTER = dt.timedelta(seconds=5)
# Recounts come by the hundred, every night: most of those that wait have only not had their turn.
RECOUNT_LOST_AFTER = dt.timedelta(minutes=1)
# Enough to keep workers busy until the next sweep; more would only pile up doubles of what waits its turn anyway.
BATCH = 20


@shared_task(base=DurableTask)
def prepare(settings_group_id: int) -> None:
    """Prepare one settings group; what may pass is tried again, later each time, and in the end given up with a reason."""
    try:
        prepare_settings_group(settings_group_id)
    except WarehouseError as error:
        _try_later(settings_group_id, f"The users could not be counted: {error}")
    except NotInThisDialect as error:
        # These settings never change, so another attempt would end alike.
        fail_preparation(settings_group_id, f"The users could not be counted: {error}.")
    except Exception as error:  # whatever it is: without a word the manager would wait for ever
        logger.exception("Settings group %s could not be prepared", settings_group_id)
        _forget_lost_connection()
        _try_later(settings_group_id, _unexpected(error))


def _try_later(settings_group_id: int, reason: str) -> None:
    attempts = Preparation.objects.values_list("attempts", flat=True).get(settings_group_id=settings_group_id)
    if attempts >= MAX_ATTEMPTS:
        fail_preparation(settings_group_id, reason)
    else:
        # The sweep takes it up again: nothing is lost when this worker dies before then.
        postpone_preparation(settings_group_id, f"{reason}. It is tried again.", 2.0**attempts)


def _forget_lost_connection() -> None:
    """What follows takes a new one."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()


def _unexpected(error: Exception) -> str:
    if isinstance(error.__cause__, DiskFull):
        return "The disk of the database is full; nothing can be saved"
    return f"Something went wrong ({type(error).__name__}); it has been logged"


@shared_task(base=DurableTask)
def sweep_preparations() -> None:
    """Enqueue what nobody seems to be working on. One that is being worked on holds its lock and is left alone."""
    moment = clock.now()
    due = Q(retry_at__lte=moment) | Q(retry_at=None, queued_at__lte=moment - LOST_AFTER)
    for settings_group_id in (
        Preparation.objects.open()
        .filter(due)
        .order_by("queued_at")
        .values_list("settings_group_id", flat=True)[:BATCH]
    ):
        enqueue_on_commit("experiments.tasks.prepare", settings_group_id)


@shared_task(base=DurableTask)
def recount(settings_group_id: int) -> None:
    """Count one prepared settings group again, if that is still asked for."""
    try:
        serve_recount(settings_group_id)
    except (WarehouseError, NotInThisDialect) as error:
        postpone_recount(settings_group_id, f"The users could not be counted: {error}")
    except Exception as error:  # as above
        logger.exception("Settings group %s could not be counted again", settings_group_id)
        _forget_lost_connection()
        postpone_recount(settings_group_id, _unexpected(error))


@shared_task(base=DurableTask)
def sweep_recounts() -> None:
    """Enqueue recounts that were asked for and that no worker has done."""
    moment = clock.now()
    due = Q(retry_at__lte=moment) | Q(retry_at=None, requested_at__lte=moment - RECOUNT_LOST_AFTER)
    waiting = RecountRequest.objects.filter(due, given_up=False).order_by("requested_at", "pk")
    for settings_group_id in waiting.values_list("settings_group_id", flat=True)[:BATCH]:
        enqueue_on_commit("experiments.tasks.recount", settings_group_id)


@shared_task(base=DurableTask)
def recount_all() -> None:
    """Every night: the audiences of all unfinished tests and user groups, with the users of today."""
    request_all_recounts()


@shared_task(base=DurableTask)
def prune() -> None:
    """Every night: counts that are neither among the newest nor what something was drawn with are removed."""
    prune_counts()


@shared_task(base=DurableTask)
def check_health() -> None:
    """Every night, and when somebody asks: whether the split groups are of even size and without marks of past tests."""
    check_split_groups()


# What this process had kept last: most of the time there is nothing to do.
_kept = {"for": ""}


@shared_task(base=DurableTask)
def keep_matches() -> None:
    """After new users were loaded, and every hour: the warehouse keeps the matches of all live settings."""
    try:
        _kept["for"] = keep_live_matches(_kept["for"])
    except (WarehouseError, NotInThisDialect) as error:
        logger.warning("Matches are not kept: %s", error)
