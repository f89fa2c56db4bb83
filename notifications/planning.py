"""Who is told of an event, on which channel, and when. One transaction an event: planned once, whoever plans it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from accounts.models import Role, User
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment
from notifications.kinds import EVENTS, Audience, EventKind, EventSpec
from notifications.models import (
    ChannelKind,
    Connection,
    Delivery,
    DeliveryState,
    Event,
    Habits,
    Mute,
    Provider,
    Room,
)
from notifications.quiet import QuietHours

logger = logging.getLogger(__name__)

BURST: Final = 3
"""So many messages within BURST_TIME come by themselves; what follows waits, and comes as one."""
BURST_TIME: Final = dt.timedelta(minutes=10)
CATCH_UP: Final = dt.timedelta(days=2)
NOBODY: Final = "Nobody wants to hear of it."
ROOM, HOOK, ISSUE, PERSON = "room:", "hook:", "issue:", "person:"


def plan_events(limit: int = 200) -> int:
    """Make the deliveries of events that nobody has planned yet; how many events."""
    planned, failed = 0, set[int]()
    while planned + len(failed) < limit:
        with transaction.atomic():
            event = _next_event(failed)
            if event is None:
                break
            try:
                with transaction.atomic():
                    _plan(event)
            except Exception:
                # It is tried again with every call; what happened after it is told meanwhile.
                logger.exception("Event %s cannot be planned", event.pk)
                failed.add(event.pk)
            else:
                planned += 1
    return planned


def _next_event(but: Collection[int]) -> Event | None:
    """The first that nobody has planned, locked."""
    rows = Event.objects.select_for_update(of=("self",), skip_locked=True).select_related(
        "experiment", "entry"
    )
    return rows.filter(planned_at=None).exclude(pk__in=but).order_by("pk").first()


def _plan(event: Event) -> None:
    spec, now = EVENTS[EventKind(event.kind)], clock.now()
    deliveries = [*_to_places(event, spec), *_to_people(event, spec, now)]
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    event.planned_at = now
    event.skipped = "" if deliveries else NOBODY
    event.save(update_fields=["planned_at", "skipped"])


def _to_places(event: Event, spec: EventSpec) -> Iterator[Delivery]:
    """The test's room, channels of teams, the Jira issue."""
    experiment = event.experiment
    # What a draft is about is for its managers only.
    if experiment is None or experiment.status == Status.DRAFT:
        return
    now = clock.now()
    if spec.room:
        # Locked: a room that is opened meanwhile looks for what was planned before it was there (`tell_new_room`).
        rooms = Room.objects.select_for_update(of=("self",)).filter(experiment=experiment)
        room = rooms.filter(connection__is_active=True).first()
        if room is not None and room.state == Room.State.OPEN:
            yield _to_room(event, room)
        for hook in Connection.objects.filter(provider=Provider.WEBHOOK, is_active=True):
            areas = hook.options.get("areas") or []
            if not areas or experiment.area in areas:
                yield Delivery(
                    event=event,
                    channel=ChannelKind.CHAT,
                    connection=hook,
                    recipient=f"{HOOK}{hook.pk}",
                    not_before=now,
                )
    jira = jira_connection() if spec.issue and experiment.jira_issue else None
    if jira is not None:
        yield Delivery(
            event=event,
            channel=ChannelKind.JIRA,
            connection=jira,
            recipient=f"{ISSUE}{experiment.jira_issue}",
            not_before=now,
        )


def _to_room(event: Event, room: Room) -> Delivery:
    return Delivery(
        event=event,
        channel=ChannelKind.CHAT,
        connection_id=room.connection_id,
        recipient=f"{ROOM}{room.pk}",
        not_before=clock.now(),
    )


def tell_new_room(room: Room) -> None:
    """What happened while the room was being made comes into it; in the transaction that opens it.

    A room that could not be made for weeks hears of the last days only.
    """
    if room.experiment.status == Status.DRAFT:
        return
    since = max(room.created_at, clock.now() - CATCH_UP)
    kinds = [kind.value for kind, spec in EVENTS.items() if spec.room]
    missed = Event.objects.filter(experiment=room.experiment, kind__in=kinds, planned_at__gte=since)
    # What was left untold on purpose, such as the changes of a draft, is not news in the room either.
    missed = missed.filter(skipped__in=["", NOBODY])
    rows = [_to_room(event, room) for event in missed.order_by("pk")]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    missed.filter(skipped=NOBODY).update(skipped="")


def jira_connection() -> Connection | None:
    """The Jira of this installation: the first active one by name."""
    providers = [Provider.JIRA_CLOUD, Provider.JIRA_DATA_CENTER]
    return Connection.objects.filter(provider__in=providers, is_active=True).order_by("name").first()


def direct_connection() -> Connection | None:
    """Where people get direct messages: the first active chat with accounts of its own, by name."""
    providers = [Provider.MATRIX, Provider.SLACK]
    return Connection.objects.filter(provider__in=providers, is_active=True).order_by("name").first()


def _to_people(event: Event, spec: EventSpec, now: dt.datetime) -> Iterator[Delivery]:
    people = list(_audience(event, spec))
    habits = {row.person_id: row for row in Habits.objects.filter(person__in=people)}
    chat = direct_connection()
    for person in people:
        known = habits.get(person.pk) or Habits(person=person)
        delivery = _to_person(event, person, known, chat)
        if delivery is not None and not is_muted(person, event, delivery.channel):
            if not spec.urgent:
                delivery.not_before = _moment_for(person, known, delivery.channel, now)
            yield delivery


def _to_person(event: Event, person: User, habits: Habits, chat: Connection | None) -> Delivery | None:
    now = clock.now()
    if habits.direct == ChannelKind.CHAT and chat is not None:
        return Delivery(
            event=event,
            channel=ChannelKind.CHAT,
            connection=chat,
            person=person,
            recipient=f"{PERSON}{person.pk}",
            not_before=now,
        )
    return by_mail(event, person)


def by_mail(event: Event, person: User) -> Delivery | None:
    """The same by e-mail; None for somebody without an address."""
    if not person.email:
        return None
    recipient = person.email[:255]
    return Delivery(
        event=event, channel=ChannelKind.MAIL, person=person, recipient=recipient, not_before=clock.now()
    )


def _audience(event: Event, spec: EventSpec) -> Iterable[User]:
    """Active people, without whoever did it: they know."""
    who = Q(pk__in=[])
    if spec.audience == Audience.CREATOR:
        who = Q(pk=event.data.get("person"))
    elif event.experiment_id is not None:
        who = Q(pk__in=_managers(event.experiment_id))
        if spec.audience == Audience.APPROVERS:
            who |= Q(role=Role.SUPERUSER)
    people = User.objects.filter(who, is_active=True)
    if event.entry is not None and event.entry.actor_id is not None:
        people = people.exclude(pk=event.entry.actor_id)
    return people.order_by("pk")


def _managers(experiment_id: int) -> Any:
    return Experiment.managers.through.objects.filter(experiment_id=experiment_id).values("user_id")


def is_muted(person: User, event: Event, channel: str) -> bool:
    """Whether the person asked not to hear of this event, of its test, of that event of the test, or on this channel."""
    about = Q(experiment=None) | Q(experiment=event.experiment_id)
    kind = Q(kind="") | Q(kind=event.kind)
    way = Q(channel="") | Q(channel=channel)
    return Mute.objects.filter(about, kind, way, person=person).exists()


def wanted(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Those of them, all for one person or place, that nobody has muted by now; in one query."""
    rows = list(deliveries)
    if not rows or rows[0].person_id is None:
        return rows
    mutes = list(
        Mute.objects.filter(person=rows[0].person_id).values_list("experiment_id", "kind", "channel")
    )
    return [
        row
        for row in rows
        if not any(
            test in {None, row.event.experiment_id}
            and kind in {"", row.event.kind}
            and channel in {"", row.channel}
            for test, kind, channel in mutes
        )
    ]


def _moment_for(person: User, habits: Habits, channel: str, now: dt.datetime) -> dt.datetime:
    """Not in quiet hours; and when much came lately, together with what comes next."""
    quiet = QuietHours(
        person.time_zone or "UTC", habits.quiet_from, habits.quiet_until, habits.quiet_weekends
    )
    moment = quiet.next_moment(now)
    if moment > now or not habits.digest:
        return moment
    recent = Delivery.objects.filter(person=person, channel=channel)
    held = recent.filter(state=DeliveryState.PENDING, attempts=0, not_before__gt=now).order_by("not_before")
    waiting = held.values_list("not_before", flat=True).first()
    if waiting is not None:
        return max(waiting, moment)
    # Told one by one lately; what was in a digest was one message.
    lately = recent.filter(created_at__gt=now - BURST_TIME, digest_of=None).count()
    return now + BURST_TIME if lately >= BURST else moment
