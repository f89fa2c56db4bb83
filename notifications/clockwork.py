"""What time brings: a start or an end is near, a forced user is about to expire. The same moment twice is one event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.conf import settings
from django.db.models import F

from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment, ForcedUser
from notifications.kinds import EventKind
from notifications.models import Event


def plan_time_events() -> int:
    """Make the events that are due by now; how many are new. Whatever is over already is not near any more."""
    now = clock.now()
    events = [*_near_dates(now), *_expiring(now)]
    known = set(Event.objects.filter(key__in=[event.key for event in events]).values_list("key", flat=True))
    new = [event for event in events if event.key not in known]
    Event.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def _near_dates(now: dt.datetime) -> Iterator[Event]:
    ahead = dt.timedelta(hours=settings.NOTIFY_HOURS_BEFORE)
    for kind, column, statuses in (
        (EventKind.START_NEAR, "starts_at", (Status.DEV, Status.RUNNING)),
        (EventKind.END_NEAR, "ends_at", (Status.RUNNING, Status.PAUSED)),
    ):
        moment = f"current__{column}"
        due = Experiment.objects.filter(
            status__in=statuses, **{f"{moment}__gt": now, f"{moment}__lte": now + ahead}
        )
        for pk, status, when in due.order_by("pk").values_list("pk", "status", moment):
            yield Event(
                # The date is part of the key: a test that is put off is near once more.
                key=f"{kind}:{pk}:{when:%Y-%m-%dT%H:%M:%S}",
                kind=kind,
                experiment_id=pk,
                at=when - ahead,
                data={"moment": when.isoformat(), "status": status},
            )


def _expiring(now: dt.datetime) -> Iterator[Event]:
    ahead = dt.timedelta(hours=settings.NOTIFY_HOURS_BEFORE)
    # Who forces somebody for an hour, as autotests do, knows that it ends soon.
    rows = ForcedUser.objects.filter(
        expires_at__gt=now,
        expires_at__lte=now + ahead,
        created_at__lt=F("expires_at") - ahead,
        created_by__isnull=False,
    )
    for forced in rows.exclude(experiment__status=Status.FINISHED).order_by("pk"):
        assert forced.expires_at is not None
        yield Event(
            key=f"{EventKind.FORCED_EXPIRES}:{forced.pk}:{forced.expires_at:%Y-%m-%dT%H:%M:%S}",
            kind=EventKind.FORCED_EXPIRES,
            experiment_id=forced.experiment_id,
            at=forced.expires_at - ahead,
            data={
                "moment": forced.expires_at.isoformat(),
                "who": forced.user_id or forced.device_id,
                "is_device": bool(forced.device_id),
                "variant": forced.variant,
                "environment": forced.environment,
                "person": forced.created_by_id,
            },
        )
