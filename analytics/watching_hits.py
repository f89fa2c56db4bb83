"""What hits say about the code: it is in production, it fell silent, it is still there after the finish. Each is told once an occasion.

What was told stands in the changelog, so that is where this looks: there is no second memory that could disagree with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from accounts.actors import Actor
from accounts.models import Environment
from analytics.selectors import span_of
from analytics.silence import silent_since
from changelog.models import Entry, SubjectKind, Verb
from changelog.services import record
from experiments.lifecycle import Status
from experiments.models import Experiment

MACHINE: Final = Actor.machine("Hits")


def watch_hits() -> int:
    """Look at all tests that hits can say something about; of how many something was told.

    Whoever's hits they are: test users and forced users run the same code.
    """
    return sum(
        [
            *map(_tell_first, _those(Status.DEV)),
            *map(_tell_silence, _those(Status.RUNNING)),
            *map(_tell_leftover, _those(Status.FINISHED)),
        ]
    )


def _those(status: Status) -> Iterable[Experiment]:
    return Experiment.objects.tests().filter(status=status).select_related("current").order_by("pk")


def _tell_first(experiment: Experiment) -> bool:
    first = span_of(experiment, Environment.PRODUCTION).first_at
    if first is None:
        return False
    message = f"The first hits from production have come ({first:%Y-%m-%d %H:%M} UTC): its code is there, it can be started"
    return _tell(experiment, Status.DEV, Verb.FIRST_HIT, experiment.published_at, message)


def _tell_silence(experiment: Experiment) -> bool:
    resumed = Entry.objects.filter(
        subject_kind=SubjectKind.TEST, subject_id=experiment.pk, verb__in=[Verb.START, Verb.RESUME]
    ).aggregate(at=Max("at"))["at"]
    last = span_of(experiment, Environment.PRODUCTION).last_at
    begins = experiment.current.starts_at if experiment.current else None
    ends = experiment.current.ends_at if experiment.current else None
    since = silent_since(ends, last, resumed, experiment.started_at, begins)
    if since is None:
        return False
    when = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "since its start"
    message = (
        f"No hits have come from production {when}: perhaps its code is gone, or app servers cannot send"
    )
    return _tell(experiment, Status.RUNNING, Verb.NO_HITS, since, message)


def _tell_leftover(experiment: Experiment) -> bool:
    grace = dt.timedelta(days=settings.HITS_AFTER_FINISH_DAYS)
    last = span_of(experiment, Environment.PRODUCTION).last_at
    if experiment.finished_at is None or last is None or last - experiment.finished_at < grace:
        return False
    message = f"Hits still come, the latest at {last:%Y-%m-%d %H:%M} UTC: cut the test out of the code"
    return _tell(experiment, Status.FINISHED, Verb.STILL_HITS, experiment.finished_at, message)


@transaction.atomic
def _tell(
    experiment: Experiment, status: Status, verb: Verb, since: dt.datetime | None, message: str
) -> bool:
    """Write the entry unless there is one of this occasion, which began at `since`, or the test has moved on."""
    row = Experiment.objects.select_for_update().filter(pk=experiment.pk, status=status).first()
    told = Entry.objects.filter(subject_kind=SubjectKind.TEST, subject_id=experiment.pk, verb=verb)
    if row is None or (told.filter(at__gte=since) if since else told).exists():
        return False
    record(MACHINE, verb, SubjectKind.TEST, row.key, message, subject_id=row.pk)
    return True
