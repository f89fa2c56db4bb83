"""The card of a test: what was told, its chat room, and what one hears of it oneself."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.actors import Actor
from accounts.models import User
from accounts.requests import signed_in_actor, signed_in_person
from core.errors import Conflict, InvalidInput
from core.http import HtmxRequest
from experiments.lifecycle import ACTING, Status
from experiments.models import Experiment
from experiments.selectors import experiment_for, standing_of
from experiments.services.ground import require_acting
from notifications.kinds import EVENTS
from notifications.models import Room, RoomMember
from notifications.planning import direct_connection
from notifications.record_rows import record_rows
from notifications.selectors import deliveries_of, invitable_people, mutes_of, person_called
from notifications.services import mute, save_muted_kinds, unmute
from notifications.services_rooms import add_to_room, ask_for_room, remove_from_room

SHOWN: Final = 5
_SOON: Final = (RoomMember.State.WANTED, RoomMember.State.LEAVING)


@never_cache
@require_safe
def card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The card; without htmx a page of its own."""
    actor = signed_in_actor(request)
    experiment = experiment_for(actor, kind, key)
    context: dict[str, Any] = {
        "experiment": experiment,
        "kind": kind,
        "may_act": standing_of(actor, experiment) in ACTING,
        "rows": record_rows(actor, deliveries_of(actor, experiment)[:SHOWN]),
        **_room(experiment),
        **_hearing(signed_in_person(request), experiment),
    }
    template = "card/card.html" if request.htmx else "card/page.html"
    answer = render(request, f"notifications/{template}", context)
    # The last poll of a room on its way: it is in the changelog and the properties now, and what was told to it in the
    # record. The rest of this card stays: somebody may be typing into it.
    if request.htmx.trigger == "room" and not context["poll"]:
        for event in ("history-changed", "room-changed"):
            trigger_client_event(answer, event)
    return answer


def _room(experiment: Experiment) -> dict[str, Any]:
    room = Room.objects.select_related("connection").filter(experiment=experiment).first()
    managers = {person.pk for person in experiment.managers.all()}
    members = list(room.members.select_related("person").order_by("person__username")) if room else []
    lasts = room is not None and room.state != Room.State.ARCHIVED
    moves = room is not None and (
        room.state == Room.State.WANTED or any(member.state in _SOON for member in members)
    )
    return {
        "room": room,
        "members": [{"member": member, "manages": member.person_id in managers} for member in members],
        "chat": direct_connection() if room is None else None,
        "is_over": experiment.status == Status.FINISHED,
        "people": invitable_people(room) if room is not None and lasts else [],
        "lasts": lasts,
        # Something is about to happen; what already failed is looked at less often.
        "poll": ("15s" if room.error else "2s") if room is not None and lasts and moves else "",
    }


def _hearing(person: User, experiment: Experiment) -> dict[str, Any]:
    mutes = mutes_of(person, experiment)
    return {
        "manages": experiment.managers.filter(pk=person.pk).exists(),
        "is_muted": mutes.whole_test,
        "events": [
            {
                "kind": event.value,
                "spec": spec,
                "wanted": event not in mutes.kinds,
                "never": event in mutes.kinds_everywhere,
            }
            for event, spec in EVENTS.items()
        ],
    }


@require_POST
def room_make(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """Have a room made."""
    actor, experiment = _acting(request, kind, key)
    try:
        ask_for_room(actor, experiment)
    except Conflict as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, gettext("The room is made now, and its managers are invited."))
    return _back(kind, key)


@require_POST
def member_add(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """Have somebody invited."""
    actor, experiment = _acting(request, kind, key)
    try:
        person = person_called(request.POST.get("person", ""))
        add_to_room(actor, experiment, person)
    except InvalidInput as refusal:
        messages.error(request, refusal.errors[0].message)
    except Conflict as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, gettext("%(person)s is invited.") % {"person": person})
    return _back(kind, key)


@require_POST
def member_remove(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """Have somebody taken out again."""
    actor, experiment = _acting(request, kind, key)
    try:
        person = person_called(request.POST.get("person", ""))
        remove_from_room(actor, experiment, person)
    except InvalidInput as refusal:
        messages.error(request, refusal.errors[0].message)
    except Conflict as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, gettext("%(person)s is taken out of the room.") % {"person": person})
    return _back(kind, key)


@require_POST
def mutes_save(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """Mute the test, hear of it again, or choose among its events."""
    person = signed_in_person(request)
    experiment = experiment_for(signed_in_actor(request), kind, key)
    act = request.POST.get("act", "")
    if act == "mute":
        mute(person, experiment=experiment)
        messages.success(request, gettext("You hear nothing of this any more."))
    elif act == "unmute":
        unmute(person, experiment=experiment)
        messages.success(request, gettext("You hear of this again."))
    elif act == "choose":
        wanted = set(request.POST.getlist("wanted"))
        save_muted_kinds(person, set(EVENTS) - wanted, experiment=experiment)
        messages.success(request, gettext("Saved."))
    else:
        messages.error(request, gettext("That is nothing that can be done here."))
    return _back(kind, key)


def _acting(request: HtmxRequest, kind: str, key: str) -> tuple[Actor, Experiment]:
    """For those who change it only: nobody else learns anything about people or rooms. Raises NotFound, NotAllowed."""
    actor = signed_in_actor(request)
    experiment = experiment_for(actor, kind, key)
    require_acting(actor, experiment)
    return actor, experiment


def _back(kind: str, key: str) -> HttpResponse:
    """To the card: htmx follows and gets the fragment, everybody else the page."""
    return redirect("notifications:card", kind=kind, key=key)
