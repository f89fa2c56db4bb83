"""A chat with rooms in memory, in which any call can fail, or be the last thing that somebody does before a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from notifications.channels.base import CheckReport, Message, Receipt, RoomRef, SendFailed


class Killed(BaseException):
    """No handler catches it, as none catches kill -9."""


@dataclass
class Chat:
    """`rooms` by token: who is in. `fails` says what a call (its verb and argument) raises; `kill_at` counts calls down."""

    people: dict[str, str]
    rooms: dict[str, set[str]] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    fails: Callable[[str, str], SendFailed | None] = lambda verb, argument: None
    kill_at: int | None = None
    has_rooms: bool = True

    def send(self, message: Message, recipient: str, token: UUID, *, repeated: bool) -> Receipt:
        self._called("send", recipient)
        return Receipt("ok")

    def check(self) -> CheckReport:
        return CheckReport(())

    def create_room(self, name: str, topic: str, token: UUID) -> RoomRef:
        self._called("create", name, lambda: self.rooms.setdefault(token.hex, set()))
        return RoomRef(token.hex, f"https://chat.example.org/{token.hex}")

    def find_person(self, email: str, username: str) -> str | None:
        self._called("find", username)
        return self.people.get(username)

    def invite(self, room_id: str, address: str) -> None:
        self._called("invite", address, lambda: self.rooms[room_id].add(address))

    def remove(self, room_id: str, address: str) -> None:
        self._called("remove", address, lambda: self.rooms[room_id].discard(address))

    def archive(self, room_id: str) -> None:
        self._called("archive", room_id, lambda: self.archived.add(room_id))

    def verbs(self) -> list[str]:
        """What was asked for since the last question."""
        asked = [verb for verb, _ in self.calls]
        self.calls.clear()
        return asked

    def _called(self, verb: str, argument: str, do: Callable[[], object] = lambda: None) -> None:
        self.calls.append((verb, argument))
        failure = self.fails(verb, argument)
        if failure is not None:
            raise failure
        do()
        if self.kill_at is not None:
            self.kill_at -= 1
            if self.kill_at < 0:
                self.kill_at = None
                raise Killed
