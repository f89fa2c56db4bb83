"""Counting prepared settings again: asked for by a row, done in the background, old counts removed.

The row stays until the count is stored, so that neither a broker that was down nor a killed worker loses it.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext

from accounts.actors import Actor
from audience.warehouse import get_warehouse
from core import clock
from core.errors import Conflict
from core.tasks import enqueue_on_commit
from experiments.counting import count_audience, full_hour
from experiments.models import (
    AudienceCount,
    Experiment,
    PreparationState,
    RecountRequest,
    SettingsGroup,
)
from experiments.models.audience import COUNTS_KEPT
from experiments.plans import plan_of
from experiments.selectors import live_settings_groups, settings_group_of
from experiments.services.ground import require_acting
from experiments.services.locks import Lock, session_lock
from experiments.services.preparation import pack_counts_of

logger = logging.getLogger(__name__)

# Two seconds, four, eight… and then every hour: about eight hours in all, as a warehouse may be down for a night.
MOST_ATTEMPTS = 18
LONGEST_WAIT = 3600.0


def request_recount(actor: Actor, experiment: Experiment, number: int) -> None:
    """Have prepared settings counted again, in the background. Raises Conflict when they are not prepared yet."""
    require_acting(actor, experiment)
    settings_group = settings_group_of(experiment, number)
    if settings_group.preparation.state != PreparationState.READY:
        raise Conflict(gettext("Settings group %(number)s is not prepared yet.") % {"number": number})
    _request([settings_group.pk])


def request_all_recounts() -> int:
    """Have the current settings of all unfinished tests and user groups counted again; how many."""
    current = Experiment.objects.unfinished().exclude(current=None).order_by("pk")
    ids = list(current.values_list("current_id", flat=True))
    _request(ids)
    return len(ids)


def _request(settings_group_ids: list[int]) -> None:
    with transaction.atomic():
        RecountRequest.objects.bulk_create(
            [RecountRequest(settings_group_id=pk) for pk in settings_group_ids],
            update_conflicts=True,
            unique_fields=["settings_group"],
            update_fields=["requested_at", "attempts", "retry_at", "given_up", "error"],
        )
        for pk in settings_group_ids:
            enqueue_on_commit("experiments.tasks.recount", pk)


def serve_recount(settings_group_id: int) -> AudienceCount | None:
    """Do what a request asks for; None when there is none (any more) or somebody else is at it. Raises WarehouseError."""
    requests = RecountRequest.objects.filter(settings_group_id=settings_group_id, given_up=False)
    with session_lock(Lock.RECOUNT, settings_group_id) as is_mine:
        request = requests.first() if is_mine else None
        if request is None:
            return None
        count = _count(settings_group_id)
        with transaction.atomic():
            count.save()
            # Asked for again while it was counted: that is another one.
            requests.filter(requested_at=request.requested_at).delete()
    return count


def postpone_recount(settings_group_id: int, reason: str) -> None:
    """It failed for a reason that may pass: the sweep takes it up later and later, and in the end it is given up."""
    request = RecountRequest.objects.filter(settings_group_id=settings_group_id)
    request.update(attempts=F("attempts") + 1, error=reason)
    for attempts in request.values_list("attempts", flat=True):
        if attempts >= MOST_ATTEMPTS:
            request.update(given_up=True, retry_at=None)
        else:
            request.update(retry_at=clock.now() + dt.timedelta(seconds=min(2.0**attempts, LONGEST_WAIT)))


def recount_settings_group(settings_group_id: int) -> AudienceCount:
    """Count a prepared settings group again, with the users and the other tests of now. What it was drawn with is kept."""
    count = _count(settings_group_id)
    count.save()
    return count


def _count(settings_group_id: int) -> AudienceCount:
    settings_group = SettingsGroup.objects.select_related("experiment__current", "copied_from").get(
        pk=settings_group_id
    )
    plan = plan_of(settings_group)
    others = plan.others()
    counts = count_audience(plan.conditions, [other.settings_group for other in others])
    return pack_counts_of(settings_group_id, counts, others)


def prune_counts() -> int:
    """Remove counts that nothing was drawn with and that are not among the newest COUNTS_KEPT of their settings group; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM experiments_audiencecount count
            USING (
                SELECT id, row_number() OVER (PARTITION BY settings_group_id ORDER BY id DESC) AS place
                FROM experiments_audiencecount
            ) ranked
            WHERE ranked.id = count.id AND ranked.place > %s
            AND NOT EXISTS (SELECT 1 FROM experiments_draw draw WHERE draw.count_id = count.id)
            """,
            [COUNTS_KEPT],
        )
        return int(cursor.rowcount)


def keep_live_matches(done: str = "") -> str:
    """Have the matches of all live settings at hand, so that counts are quick after new users were loaded and in a new hour.

    Answers a word for what it was done for; nothing is done when that is `done`, the answer of the time before.
    Raises WarehouseError.
    """
    warehouse, now = get_warehouse(), full_hour()
    wanted = f"{warehouse.version()} {now}"
    if wanted == done:
        return done
    current = Experiment.objects.unfinished().exclude(current=None)
    conditions = list(current.values_list("current__conditions", flat=True))
    conditions += [group.conditions for group in live_settings_groups()]
    report = warehouse.keep_matches(conditions, now)
    if report.problem:
        logger.warning("Matches are not kept: %s", report.problem)
        return ""
    return wanted
