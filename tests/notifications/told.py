"""People with addresses, a channel that remembers, and the record as short lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from accounts.models import User
from notifications.channels.base import CheckReport, Message, Receipt, SendFailed
from notifications.models import Delivery
from notifications.outbox import read_entries
from notifications.planning import plan_events


@dataclass
class RememberingChannel:
    """Keeps what it was given; fails with what stands in `failures`, one after another."""

    sent: list[tuple[str, Message, UUID, bool]] = field(default_factory=list)
    failures: list[SendFailed] = field(default_factory=list)

    def send(self, message: Message, recipient: str, token: UUID, *, repeated: bool) -> Receipt:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((recipient, message, token, repeated))
        return Receipt("ok", "reference")

    def check(self) -> CheckReport:
        return CheckReport(())


def with_mail(*people: User) -> None:
    """Give each the address <user name>@example.org."""
    for person in people:
        person.email = f"{person.username}@example.org"
        person.save(update_fields=["email"])


def told() -> list[tuple[str, str, str]]:
    """(kind, channel, recipient) of everything in the record, in its order."""
    return list(Delivery.objects.order_by("pk").values_list("event__kind", "channel", "recipient"))


def read_and_plan() -> None:
    """What the outbox's task does."""
    read_entries()
    plan_events()
