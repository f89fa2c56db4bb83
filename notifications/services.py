"""What people do about notifications: send again, mute, say when they want to hear."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from accounts.actors import Actor
from accounts.models import User
from accounts.own_settings import save_own_settings
from accounts.preferences import is_time_zone
from core import clock
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from experiments.lifecycle import ACTING
from experiments.models import Experiment
from experiments.selectors import standing_of
from notifications.kinds import EventKind
from notifications.models import ChannelKind, Delivery, DeliveryState, Habits, Mute


def may_resend(actor: Actor, delivery: Delivery) -> bool:
    """Superusers, the test's managers, and whoever it was for."""
    if actor.is_superuser or (actor.user is not None and delivery.person_id == actor.user.pk):
        return True
    experiment = delivery.event.experiment
    return experiment is not None and standing_of(actor, experiment) in ACTING


@transaction.atomic
def resend(actor: Actor, delivery_id: int) -> Delivery:
    """Try a delivery that was given up, or waits for its next try, at once. Raises NotFound, NotAllowed, Conflict."""
    delivery = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("event__experiment", "connection")
        .filter(pk=delivery_id)
        .first()
    )
    if delivery is None:
        raise NotFound(gettext("There is no such delivery."))
    if not may_resend(actor, delivery):
        raise NotAllowed(gettext("Only the test's managers and superusers can send this again."))
    if delivery.state not in {DeliveryState.GIVEN_UP, DeliveryState.FAILED}:
        state = delivery.get_state_display().lower()
        raise Conflict(gettext("This is %(state)s; only what failed can be sent again.") % {"state": state})
    if delivery.connection is not None and not delivery.connection.is_active:
        name = delivery.connection.name
        raise Conflict(gettext("%(name)s is switched off: nothing goes out over it.") % {"name": name})
    now = clock.now()
    delivery.state, delivery.not_before = DeliveryState.FAILED, now
    # It gets as many attempts as a new one has, but stays known as one that may have got through.
    delivery.attempts, delivery.created_at = 1, now
    delivery.save(update_fields=["state", "not_before", "attempts", "created_at"])
    return delivery


@transaction.atomic
def mute(person: User, *, experiment: Experiment | None = None, kind: str = "", channel: str = "") -> None:
    """From now on the person does not hear of that. Twice is the same as once. Raises InvalidInput."""
    _require_known(kind, channel)
    if experiment is None and not kind and not channel:
        raise InvalidInput.at("kind", gettext("Say what is to be quiet: an event, a test, or a channel."))
    Mute.objects.get_or_create(person=person, experiment=experiment, kind=kind, channel=channel)
    _end_waiting(person, experiment, kind, channel)


def _end_waiting(person: User, experiment: Experiment | None, kind: str, channel: str) -> None:
    """What quiet hours or a digest still hold back is not told after them; the record says so."""
    held = Q(state=DeliveryState.PENDING, attempts=0) | Q(state=DeliveryState.FAILED)
    waiting = Delivery.objects.filter(held, person=person)
    if experiment is not None:
        waiting = waiting.filter(event__experiment=experiment)
    if kind:
        waiting = waiting.filter(event__kind=kind)
    if channel:
        waiting = waiting.filter(channel=channel)
    waiting.update(state=DeliveryState.MUTED)


def unmute(person: User, *, experiment: Experiment | None = None, kind: str = "", channel: str = "") -> None:
    """The person hears of that again, unless another mute says otherwise."""
    _require_known(kind, channel)
    Mute.objects.filter(person=person, experiment=experiment, kind=kind, channel=channel).delete()


@transaction.atomic
def save_muted_kinds(person: User, muted: Collection[str], *, experiment: Experiment | None = None) -> None:
    """Of this test (of all tests) the person hears of every event but these. Of all tests: what a mail's link ended, too."""
    for kind in muted:
        _require_known(kind, "")
    rows = Mute.objects.filter(person=person, experiment=experiment)
    rows.exclude(kind="").exclude(kind__in=muted).delete()
    for kind in muted:
        mute(person, experiment=experiment, kind=kind)


@transaction.atomic
def save_habits(
    person: User,
    *,
    email: str,
    time_zone: str,
    quiet_from: dt.time | None,
    quiet_until: dt.time | None,
    quiet_weekends: bool,
    digest: bool,
    direct: str,
) -> Habits:
    """Where, when and how the person wants to hear. Raises InvalidInput naming the field."""
    if time_zone and not is_time_zone(time_zone):
        raise InvalidInput.at("time_zone", gettext("Must be the name of a time zone, such as Europe/Berlin."))
    if (quiet_from is None) != (quiet_until is None):
        field = "quiet_from" if quiet_from is None else "quiet_until"
        raise InvalidInput.at(field, gettext("Quiet hours need both ends."))
    if direct not in {ChannelKind.MAIL, ChannelKind.CHAT}:
        raise InvalidInput.at("direct", gettext("Must be mail or chat."))
    try:
        if email:
            validate_email(email)
    except ValidationError as error:
        raise InvalidInput.at("email", gettext("Must be an e-mail address.")) from error
    save_own_settings(person, language=person.language, time_zone=time_zone, email=email)
    habits, _ = Habits.objects.update_or_create(
        person=person,
        defaults={
            "quiet_from": quiet_from,
            "quiet_until": quiet_until,
            "quiet_weekends": quiet_weekends,
            "digest": digest,
            "direct": direct,
        },
    )
    return habits


def _require_known(kind: str, channel: str) -> None:
    if kind and kind not in set(EventKind):
        raise InvalidInput.at(
            "kind", gettext("Must be one of: %(choices)s.") % {"choices": ", ".join(EventKind)}
        )
    if channel and channel not in ChannelKind.values:
        raise InvalidInput.at(
            "channel", gettext("Must be one of: %(choices)s.") % {"choices": ", ".join(ChannelKind.values)}
        )
