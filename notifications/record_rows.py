"""Rows of the record as pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext

from accounts.actors import Actor
from notifications.kinds import EVENTS, EventKind
from notifications.models import Delivery, DeliveryState
from notifications.services import may_resend

_COLOURS: Final = {
    DeliveryState.PENDING: "azure",
    DeliveryState.SENDING: "azure",
    DeliveryState.SENT: "green",
    DeliveryState.FAILED: "orange",
    DeliveryState.GIVEN_UP: "red",
    DeliveryState.DIGESTED: "green",
    DeliveryState.MUTED: "secondary",
}
_FAILED: Final = (DeliveryState.FAILED, DeliveryState.GIVEN_UP)


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A delivery, the event in words, whom it is for, and whether this person may have it sent again."""

    delivery: Delivery
    label: str
    whom: str
    colour: str
    may_resend: bool


def record_rows(actor: Actor, deliveries: Iterable[Delivery]) -> list[RecordRow]:
    """As this actor sees them. Asks nothing per row of deliveries fetched with their event, test, managers and room."""
    return [
        RecordRow(
            delivery,
            str(EVENTS[EventKind(delivery.event.kind)].label),
            _whom(delivery),
            # What is in a digest went as the digest did.
            _COLOURS[DeliveryState((delivery.digest_of or delivery).state)],
            delivery.state in _FAILED and may_resend(actor, delivery),
        )
        for delivery in deliveries
    ]


def _whom(delivery: Delivery) -> str:
    """In words: what a delivery calls its recipient is made for programs."""
    where, _, rest = delivery.recipient.partition(":")
    if delivery.person is not None:
        return str(delivery.person)
    if where == "room":
        return gettext("The test's room")
    if where == "hook" and delivery.connection is not None:
        return delivery.connection.name
    return rest if where == "issue" else delivery.recipient
