"""Deliveries, one after another: claimed with a lease, sent outside of any transaction, and written down.

Whoever is killed in between leaves a lease that ends; the next attempt says to the channel that it may be a repetition.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from core import clock
from notifications.breaker import note_failure, note_rest, note_success
from notifications.channels.base import Message, Receipt, SendFailed
from notifications.channels.registry import channel_for, recipient_address
from notifications.models import ChannelKind, Connection, Delivery, DeliveryState, Habits
from notifications.planning import PERSON, by_mail, is_muted, wanted
from notifications.words import digest_message, message_of

logger = logging.getLogger(__name__)

LEASE: Final = dt.timedelta(minutes=2)
FIRST_PAUSE: Final = 10.0
LONGEST_PAUSE: Final = 3_600.0
ATTEMPTS: Final = 10
PATIENCE: Final = dt.timedelta(days=2)
DIGEST_FROM: Final = 3
"""So many messages for one person at a time come as one."""
MAX_DIGEST: Final = 50
MAX_ANSWER: Final = 2_000

_OPEN: Final = (DeliveryState.PENDING, DeliveryState.FAILED)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is this process's until the lease ends. `told` are the deliveries that it tells, itself the first."""

    delivery: Delivery
    told: list[Delivery]
    repeated: bool


def send_due(channel: ChannelKind, seconds: float = 20.0) -> int:
    """Send what is due on this channel until nothing is, or the time is up; how many were tried."""
    until, tried = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        claimed = claim(channel)
        if claimed is None:
            break
        tried += 1
        attempt(claimed)
    return tried


@transaction.atomic
def claim(channel: ChannelKind) -> Claimed | None:
    """The delivery that has been due longest, those of providers that failed lately last, leased; None if nothing is. Two processes get different ones."""
    now = clock.now()
    while (delivery := _most_due(channel, now)) is not None:
        is_first = delivery.attempts == 0
        repeated = delivery.state == DeliveryState.SENDING or not is_first
        # What was muted after it was planned is not told any more; whoever planned it may not have seen the mute.
        told = wanted([delivery, *(() if is_first else _digested(delivery))])
        if told:
            break
        delivery.state, delivery.leased_until = DeliveryState.MUTED, None
        delivery.save(update_fields=["state", "leased_until"])
    if delivery is None:
        return None
    if is_first:
        told += _together_with(delivery, now)
        # The days of trying begin with the first try, however long quiet hours or missing workers held it.
        delivery.created_at = now
    delivery.state = DeliveryState.SENDING
    delivery.leased_until = now + LEASE
    delivery.attempts += 1
    delivery.save(update_fields=["state", "leased_until", "attempts", "created_at"])
    return Claimed(delivery, told, repeated)


def _most_due(channel: ChannelKind, now: dt.datetime) -> Delivery | None:
    """What is to be tried next, locked."""
    due = Q(state__in=_OPEN, not_before__lte=now) | Q(state=DeliveryState.SENDING, leased_until__lt=now)
    reachable = Q(connection=None) | (
        Q(connection__is_active=True)
        & (Q(connection__closed_until=None) | Q(connection__closed_until__lte=now))
    )
    # Whoever was killed while sending over what was then switched off: it is ended, not left as being sent.
    reachable |= Q(connection__is_active=False, state=DeliveryState.SENDING)
    return (
        Delivery.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("event__experiment", "event__entry", "connection", "person")
        .filter(due, reachable, channel=channel)
        # A provider that hangs holds the others of its channel up once, not until it is known to be dead.
        .order_by("connection__failures", "not_before", "pk")
        .first()
    )


def _together_with(delivery: Delivery, now: dt.datetime) -> list[Delivery]:
    """Others for the same person that wait as well: from here on this delivery tells them, also when it is repeated."""
    if delivery.person_id is None or not _likes_digests(delivery.person_id):
        return []
    others = wanted(
        Delivery.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("event__experiment", "event__entry")
        .filter(
            person_id=delivery.person_id,
            channel=delivery.channel,
            recipient=delivery.recipient,
            state=DeliveryState.PENDING,
            attempts=0,
            not_before__lte=now,
        )
        .exclude(pk=delivery.pk)
        .order_by("pk")[:MAX_DIGEST]
    )
    if len(others) + 1 < DIGEST_FROM:
        return []
    Delivery.objects.filter(pk__in=[other.pk for other in others]).update(
        state=DeliveryState.DIGESTED, digest_of=delivery
    )
    return others


def _likes_digests(person_id: int) -> bool:
    habits = Habits.objects.filter(person_id=person_id).first()
    return habits is None or habits.digest


def _digested(delivery: Delivery) -> list[Delivery]:
    return list(delivery.digested.select_related("event__experiment", "event__entry").order_by("pk"))


def attempt(claimed: Claimed) -> None:
    """Send it and write down what came of it. Whatever the channel raises is an answer, too."""
    delivery = claimed.delivery
    try:
        receipt = _send(claimed)
    except SendFailed as failure:
        _failed(delivery, failure)
    except Exception as error:
        logger.exception("Delivery %s failed in a way that nobody thought of", delivery.pk)
        _failed(delivery, SendFailed(f"{type(error).__name__} in our own code; the log says more."))
    else:
        _sent(delivery, receipt)


def _send(claimed: Claimed) -> Receipt:
    delivery = claimed.delivery
    if delivery.person is not None and not delivery.person.is_active:
        raise SendFailed("This person cannot sign in any more.", permanent=True)
    if delivery.connection is not None and not delivery.connection.is_active:
        raise SendFailed("The connection was switched off before this was sent.", permanent=True)
    channel = channel_for(delivery)
    address = recipient_address(delivery, channel)
    return channel.send(message_for(claimed), address, delivery.token, repeated=claimed.repeated)


def message_for(claimed: Claimed) -> Message:
    """What is said: the event's own message, or the digest of several."""
    zone = "UTC"
    if claimed.delivery.person_id is not None:
        person = User.objects.filter(pk=claimed.delivery.person_id).only("time_zone").first()
        zone = person.time_zone if person and person.time_zone else zone
    messages = [message_of(told.event, zone) for told in claimed.told]
    return messages[0] if len(messages) == 1 else digest_message(messages)


def _mine(delivery: Delivery) -> Q:
    """Still leased by this attempt: whoever was slower than its lease writes nothing over another's result."""
    return Q(pk=delivery.pk, state=DeliveryState.SENDING, attempts=delivery.attempts)


def _sent(delivery: Delivery, receipt: Receipt) -> None:
    now = clock.now()
    Delivery.objects.filter(_mine(delivery)).update(
        state=DeliveryState.SENT,
        sent_at=now,
        leased_until=None,
        answer=receipt.answer[:MAX_ANSWER],
        reference=receipt.reference[:255],
    )
    if delivery.connection_id is not None:
        note_success(delivery.connection_id)


def _failed(delivery: Delivery, failure: SendFailed) -> None:
    now = clock.now()
    # Ten attempts are over in an hour and a half; a provider that is down overnight costs no message.
    spent = delivery.attempts >= ATTEMPTS and not failure.provider_down
    late = now - delivery.created_at > PATIENCE or spent
    # Who is not let in (401, 403) is let in once somebody has mended the account: what was refused until then waits for
    # it. A direct message does not: the mail that takes its place is there at once.
    hopeless = failure.permanent and (not failure.provider_down or _comes_by_mail(delivery))
    over = hopeless or late or _is_switched_off(delivery)
    with transaction.atomic():
        is_mine = Delivery.objects.filter(_mine(delivery)).update(
            state=DeliveryState.GIVEN_UP if over else DeliveryState.FAILED,
            leased_until=None,
            not_before=now if over else now + pause_after(delivery.attempts, failure.retry_after),
            answer=failure.answer[:MAX_ANSWER],
        )
        if over and is_mine:
            _fall_back(delivery)
    if delivery.connection_id is not None and failure.provider_down:
        note_failure(delivery.connection_id, failure.answer)
    if delivery.connection_id is not None and failure.retry_after:
        note_rest(delivery.connection_id, failure.retry_after)


def _is_switched_off(delivery: Delivery) -> bool:
    """Since it was claimed: what is not tried again must not seem to wait."""
    if delivery.connection_id is None:
        return False
    return Connection.objects.filter(pk=delivery.connection_id, is_active=False).exists()


@transaction.atomic
def give_up_all(connection: Connection, answer: str) -> int:
    """What waits for a connection ends with this answer, direct messages come by mail; how many. Asked for when nothing goes out there any more."""
    now = clock.now()
    abandoned = Q(state=DeliveryState.SENDING, leased_until__lt=now)
    waiting = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("event__experiment", "event__entry", "person")
        .filter(Q(state__in=_OPEN) | abandoned, connection=connection)
        .order_by("pk")
    )
    for delivery in waiting:
        delivery.state, delivery.answer, delivery.leased_until = (
            DeliveryState.GIVEN_UP,
            answer[:MAX_ANSWER],
            None,
        )
        delivery.save(update_fields=["state", "answer", "leased_until"])
        _fall_back(delivery)
    return len(waiting)


def hurry(connection: Connection) -> int:
    """The account works again: what failed over it is due now, not in the hour that it was told to wait; how many."""
    resting = Connection.objects.filter(pk=connection.pk, closed_until__gt=clock.now())
    if resting.exists():
        return 0
    waiting = Delivery.objects.filter(connection=connection, state=DeliveryState.FAILED)
    return waiting.filter(not_before__gt=clock.now()).update(not_before=clock.now())


def pause_after(attempts: int, asked: float | None) -> dt.timedelta:
    """What the provider asked for, else twice as long each time; varied, so that not all come back at once."""
    if asked is not None:
        return dt.timedelta(seconds=min(max(asked, 1.0), LONGEST_PAUSE))
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 10))
    return dt.timedelta(seconds=pause * random.uniform(0.75, 1.25))  # noqa: S311 - spreads load, hides nothing


def _comes_by_mail(delivery: Delivery) -> bool:
    """Whether a mail takes the place of this one should it be given up."""
    person = delivery.person
    if person is None or not person.email or not delivery.recipient.startswith(PERSON):
        return False
    return not is_muted(person, delivery.event, ChannelKind.MAIL)


def _fall_back(delivery: Delivery) -> None:
    """A direct message in the chat that could not be sent comes by e-mail, with all that it told."""
    person = delivery.person
    if person is None or not delivery.recipient.startswith(PERSON):
        return
    events = [delivery.event, *(told.event for told in _digested(delivery))]
    mails = [by_mail(event, person) for event in events if not is_muted(person, event, ChannelKind.MAIL)]
    Delivery.objects.bulk_create([mail for mail in mails if mail is not None], ignore_conflicts=True)
