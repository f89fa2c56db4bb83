"""Questions about what was told, who hears of what, and who may come into a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext

from accounts.actors import Actor
from accounts.models import User
from core.errors import InvalidInput
from core.text import unstorable_text
from experiments.models import Experiment, Kind
from experiments.selectors import visible_experiments
from notifications.kinds import EventKind
from notifications.models import Delivery, DeliveryState, Mute, Room, RoomMember

MOST_PEOPLE: Final = 500
"""So many are proposed; who is not among them can be typed."""
OPEN_STATES: Final = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.FAILED)


def deliveries_for(actor: Actor) -> QuerySet[Delivery]:
    """What this actor may see of the record, the newest first: never of drafts that do not exist for them."""
    rows = Delivery.objects.select_related(
        "event__experiment", "connection", "person", "digest_of"
    ).prefetch_related("event__experiment__managers")
    if not actor.is_superuser:
        visible = Q(event__experiment__in=visible_experiments(actor, Kind.TEST)) | Q(
            event__experiment__in=visible_experiments(actor, Kind.GROUP)
        )
        rows = rows.filter(visible | Q(person=actor.user))
    return rows.order_by("-pk")


def deliveries_of(actor: Actor, experiment: Experiment) -> QuerySet[Delivery]:
    """The record of one test."""
    return deliveries_for(actor).filter(event__experiment=experiment)


def waiting_by_connection() -> dict[int, int]:
    """Of each connection, how many messages still have to go out over it; those without any are not in it."""
    open_ones = Delivery.objects.exclude(connection=None).filter(state__in=OPEN_STATES)
    return dict(open_ones.order_by().values_list("connection_id").annotate(count=Count("pk")))


@dataclass(frozen=True, slots=True)
class Mutes:
    """What somebody does not hear of one test: nothing at all, some events of it, some events of whatever test."""

    whole_test: bool
    kinds: frozenset[EventKind]
    kinds_everywhere: frozenset[EventKind]


def mutes_of(person: User, experiment: Experiment) -> Mutes:
    """Whichever way it would have come; what is muted on one way only (a mail's link) still comes on the other."""
    rows = Mute.objects.filter(person=person, channel="").exclude(kind="")
    whole = Mute.objects.filter(person=person, experiment=experiment, kind="", channel="")
    return Mutes(
        whole.exists(),
        frozenset(map(EventKind, rows.filter(experiment=experiment).values_list("kind", flat=True))),
        frozenset(map(EventKind, rows.filter(experiment=None).values_list("kind", flat=True))),
    )


def invitable_people(room: Room) -> QuerySet[User]:
    """Everybody who can sign in and is not in the room."""
    inside = RoomMember.objects.filter(room=room).exclude(state=RoomMember.State.LEAVING)
    people = User.objects.filter(is_active=True).exclude(pk__in=inside.values("person_id"))
    return people.order_by("username")[:MOST_PEOPLE]


def person_called(name: str) -> User:
    """The person with this user name, whether small or capital letters. Raises InvalidInput."""
    name = name.strip()
    if not name or len(name) > 150 or unstorable_text(name):
        raise InvalidInput.at(
            "person", gettext("Type the user name of the person, or choose one from the list.")
        )
    named = User.objects.filter(username__iexact=name).order_by("pk")
    found = named.filter(username=name).first() or named.first()
    if found is None:
        raise InvalidInput.at("person", gettext("Nobody has the user name “%(name)s”.") % {"name": name})
    return found
