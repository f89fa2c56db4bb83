"""Rooms as they should be: made, with the right people invited, archived when the test is over.

The rows say what is wanted; every step asks the provider for something that may be asked for twice, then writes down
that it is done. Whoever is killed in between is followed by another that asks again.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any, Final, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from accounts.actors import Actor
from changelog.models import Verb
from core import clock
from core.tasks import enqueue_on_commit
from experiments.lifecycle import Status
from experiments.models import Experiment
from experiments.services.ground import note
from notifications.breaker import note_failure, note_success
from notifications.channels.base import ChatChannel, SendFailed
from notifications.channels.registry import channel_of
from notifications.kinds import EventKind
from notifications.models import Delivery, DeliveryState, Event, Room, RoomMember
from notifications.planning import ROOM, tell_new_room
from notifications.sending import ATTEMPTS, MAX_ANSWER, pause_after

logger = logging.getLogger(__name__)

LOOK_AGAIN: Final = dt.timedelta(hours=1)
"""Who was not found, or could not be taken out, is tried again after so long."""
LONGEST_WAIT_FOR_NEWS: Final = dt.timedelta(hours=1)
_STATE = RoomMember.State
_MACHINE: Final = Actor.machine("Notifications")
_LASTING: Final = (Room.State.WANTED, Room.State.OPEN)
_UNSENT: Final = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.FAILED)


def keep_rooms(seconds: float = 20.0) -> int:
    """Bring rooms in step with tests and people; how many were worked on. What is left over comes with the next call."""
    note_who_belongs()
    until, kept = time.monotonic() + seconds, 0
    for room in list(_due_rooms()):
        if time.monotonic() >= until:
            break
        # What one room was told goes for all: asked to rest, or closed after failures.
        if _due_rooms().filter(pk=room.pk).exists():
            _keep(room)
            kept += 1
    return kept


@transaction.atomic
def note_who_belongs() -> None:
    """Managers belong into the room, and who was added by hand; nobody who cannot sign in any more."""
    manages = Experiment.managers.through.objects.filter(
        experiment_id=OuterRef("room__experiment_id"), user_id=OuterRef("person_id")
    )
    lasting = RoomMember.objects.filter(room__state__in=_LASTING)
    lasting.filter(state=_STATE.LEAVING, person__is_active=True).filter(Exists(manages)).update(
        state=_STATE.WANTED, error="", looked_at=None
    )
    strangers = Q(by_hand=False) & ~Exists(manages)
    lasting.filter(Q(person__is_active=False) | strangers).exclude(state=_STATE.LEAVING).update(
        state=_STATE.LEAVING, by_hand=False, error="", looked_at=None
    )
    known = RoomMember.objects.filter(
        room__experiment_id=OuterRef("experiment_id"), person_id=OuterRef("user_id")
    )
    missing = (
        Experiment.managers.through.objects.filter(experiment__room__state__in=_LASTING, user__is_active=True)
        .filter(~Exists(known))
        .values_list("experiment__room__pk", "user_id")
    )
    members = [RoomMember(room_id=room, person_id=person) for room, person in missing]
    RoomMember.objects.bulk_create(members, ignore_conflicts=True)


def _due_rooms() -> QuerySet[Room]:
    """Rooms with something to do, whose provider may be called now."""
    now = clock.now()
    late = Q(looked_at=None) | Q(looked_at__lt=now - LOOK_AGAIN)
    waiting = Q(state=_STATE.WANTED) | (Q(state__in=[_STATE.UNKNOWN, _STATE.LEAVING]) & late)
    members = RoomMember.objects.filter(waiting, room=OuterRef("pk"))
    over = Q(experiment__status=Status.FINISHED)
    return (
        Room.objects.select_related("connection", "experiment")
        .filter(Q(state=Room.State.WANTED) | (Q(state=Room.State.OPEN) & (Exists(members) | over)))
        .filter(Q(connection__closed_until=None) | Q(connection__closed_until__lte=now))
        .filter(connection__is_active=True, not_before__lte=now)
        .order_by("not_before", "pk")
    )


def _keep(room: Room) -> None:
    """Everything that is to do for one room; what goes wrong is written down, and how long to wait."""
    try:
        channel = cast(ChatChannel, channel_of(room.connection))
        if not getattr(channel, "has_rooms", False):
            raise SendFailed("This kind of connection has no rooms.", permanent=True)
        if room.state == Room.State.WANTED:
            _make(room, channel)
        _bring_in_step(room, channel)
        if _is_over(room):
            _archive(room, channel)
    except SendFailed as failure:
        _failed(room, failure)
    except Exception as error:
        logger.exception("Room %s failed in a way that nobody thought of", room.pk)
        _failed(room, SendFailed(f"{type(error).__name__} in our own code; the log says more."))
    else:
        Room.objects.filter(pk=room.pk).update(attempts=0, error="", synced_at=clock.now())
        note_success(room.connection_id)


def _make(room: Room, channel: ChatChannel) -> None:
    """The token is what the provider finds the room by, should the last attempt have got so far."""
    made = channel.create_room(room.name, _topic(room.experiment), room.token)
    room.state, room.room_id, room.url = Room.State.OPEN, made.room_id, made.url
    with transaction.atomic():
        wanted = Room.objects.filter(pk=room.pk, state=Room.State.WANTED)
        if wanted.update(state=room.state, room_id=room.room_id, url=room.url):
            note(_MACHINE, Verb.EDIT, room.experiment, "Made the chat room")
            tell_new_room(room)
            enqueue_on_commit("notifications.tasks.send_chat")


def _topic(experiment: Experiment) -> str:
    page = reverse("experiments:experiment_page", kwargs={"kind": experiment.kind, "key": experiment.key})
    return f"Split test {experiment.key}: {settings.PUBLIC_URL}{page}"


def _bring_in_step(room: Room, channel: ChatChannel) -> None:
    late = clock.now() - LOOK_AGAIN
    for member in list(RoomMember.objects.select_related("person").filter(room=room).order_by("pk")):
        tried_lately = member.looked_at is not None and member.looked_at >= late
        if member.state == _STATE.INVITED or (tried_lately and member.state != _STATE.WANTED):
            continue
        try:
            if member.state == _STATE.LEAVING:
                _take_out(room, member, channel)
            else:
                _invite(room, member, channel)
        except SendFailed as failure:
            # What is wrong with one person holds up no other; what is wrong with the provider does.
            if not failure.permanent or failure.provider_down:
                raise
            _note_member(member, error=failure.answer[:MAX_ANSWER], state=_after_failure(member))


def _after_failure(member: RoomMember) -> str:
    return _STATE.LEAVING if member.state == _STATE.LEAVING else _STATE.UNKNOWN


def _invite(room: Room, member: RoomMember, channel: ChatChannel) -> None:
    person = member.person
    address = channel.find_person(person.email, person.username)
    if address is None:
        raise SendFailed("The chat knows nobody with this e-mail address or user name.", permanent=True)
    # Before the invitation: whoever is to leave after a kill has to be known by it.
    RoomMember.objects.filter(pk=member.pk).update(address=address)
    channel.invite(room.room_id, address)
    _note_member(member, state=_STATE.INVITED, error="")


def _take_out(room: Room, member: RoomMember, channel: ChatChannel) -> None:
    if member.address:
        channel.remove(room.room_id, member.address)
    RoomMember.objects.filter(pk=member.pk, state=_STATE.LEAVING).delete()


def _note_member(member: RoomMember, **what: Any) -> None:
    """Unless somebody has decided otherwise meanwhile."""
    RoomMember.objects.filter(pk=member.pk, state=member.state).update(looked_at=clock.now(), **what)


def _is_over(room: Room) -> bool:
    """The test is finished, and the room has heard of it."""
    experiment = room.experiment
    if experiment.status != Status.FINISHED:
        return False
    if Delivery.objects.filter(recipient=f"{ROOM}{room.pk}", state__in=_UNSENT).exists():
        return False
    told = Event.objects.filter(experiment=experiment, kind=EventKind.FINISHED).exclude(planned_at=None)
    long_ago = clock.now() - LONGEST_WAIT_FOR_NEWS
    return told.exists() or experiment.finished_at is None or experiment.finished_at < long_ago


def _archive(room: Room, channel: ChatChannel) -> None:
    channel.archive(room.room_id)
    with transaction.atomic():
        if Room.objects.filter(pk=room.pk, state=Room.State.OPEN).update(state=Room.State.ARCHIVED):
            note(_MACHINE, Verb.EDIT, room.experiment, "Archived the chat room: the test is finished")


def _failed(room: Room, failure: SendFailed) -> None:
    """Tried again later, less and less often; a room that cannot be made says so, and somebody asks for it again."""
    logger.warning("Room %s: %s", room.pk, failure.answer)
    attempts = room.attempts + 1
    next_try = clock.now() + pause_after(attempts, failure.retry_after)
    hopeless = room.state == Room.State.WANTED and (failure.permanent or attempts >= ATTEMPTS)
    Room.objects.filter(pk=room.pk, state=room.state).update(
        state=Room.State.FAILED if hopeless else room.state,
        attempts=attempts,
        not_before=next_try,
        error=failure.answer[:MAX_ANSWER],
    )
    if failure.provider_down:
        note_failure(room.connection_id, failure.answer)
    if failure.retry_after:
        # Chats count each kind of call by itself (Slack by method, Synapse invitations and new rooms): had messages to
        # rest as well, a pause of a test would be told minutes late because somebody was invited often.
        others = Room.objects.filter(connection_id=room.connection_id, state__in=_LASTING)
        others.filter(not_before__lt=next_try).update(not_before=next_try)
