"""What every way out offers, and what goes over it. No Django here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Account:
    """What a connection holds, the secret in the clear. It lives as long as a call does."""

    url: str
    account: str
    secret: str = field(repr=False)
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One event in words, the same for every channel. `text` is plain and stands alone; `facts` are (label, value)."""

    kind: str
    title: str
    text: str
    url: str
    test: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the provider answered, for the record, and what it calls the message."""

    answer: str
    reference: str = ""


class SendFailed(Exception):
    """The provider did not take it. `answer` is for people and never holds a secret.

    `permanent`: the same again would fail the same way. `retry_after`: seconds that the provider asked for.
    `provider_down`: nothing is wrong with this message; counts for the circuit breaker.
    """

    def __init__(
        self,
        answer: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        provider_down: bool = False,
    ) -> None:
        super().__init__(answer)
        self.answer = answer
        self.permanent = permanent
        self.retry_after = retry_after
        self.provider_down = provider_down


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What the Test button found: steps in order, each with what it did; the first that failed says exactly why."""

    steps: tuple[tuple[str, bool, str], ...]
    found: dict[str, str] = field(default_factory=dict)
    """What the account turned out to be, such as {"account": "@bot:example.org"}."""

    @property
    def is_ok(self) -> bool:
        return all(done for _, done, _ in self.steps)


@dataclass(frozen=True, slots=True)
class RoomRef:
    """A room at a provider: its id there, and an address for people."""

    room_id: str
    url: str = ""


class Channel(Protocol):
    """Sends messages. Called outside of transactions, perhaps twice for one token: the second must not be visible."""

    def send(self, message: Message, recipient: str, token: UUID, *, repeated: bool) -> Receipt:
        """Tell the recipient. `repeated`: an earlier attempt may have got through; look for it where no token helps.

        Raises SendFailed.
        """

    def check(self) -> CheckReport:
        """Try the account without telling anybody. Never raises."""


class ChatChannel(Channel, Protocol):
    """A provider with rooms. Everything may be repeated: what is there already is found, not made again."""

    has_rooms: bool

    def create_room(self, name: str, topic: str, token: UUID) -> RoomRef: ...

    def find_person(self, email: str, username: str) -> str | None:
        """What the provider calls the person, None if it knows nobody like that."""

    def invite(self, room_id: str, address: str) -> None: ...

    def remove(self, room_id: str, address: str) -> None: ...

    def archive(self, room_id: str) -> None: ...
