"""Waiting until app servers run what was just set, so that an autotest never races the delivery."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Final

from delivery.app_servers import live_servers
from delivery.services import publish

MOST_SECONDS: Final = 30.0
# A waiting call occupies one of the web server's few threads (4 per process); the others must stay for everybody else.
MOST_WAITING: Final = 2
MOST_NAMED: Final = 100
_PAUSE: Final = 0.1

_room = BoundedSemaphore(MOST_WAITING)


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The version that holds what was set, how many servers were heard of in the last minute, and which don't run it yet.

    `delivered` is true when all of them run it; without servers nobody can know, so it is false.
    """

    version: int
    servers: int
    waiting_for: tuple[str, ...]

    @property
    def delivered(self) -> bool:
        return self.servers > 0 and not self.waiting_for

    def may_change(self) -> bool:
        """Whether something may come of waiting."""
        return bool(self.waiting_for)


def await_delivery(environment: str | None, seconds: float) -> DeliveryState:
    """Publish the rows, then wait until every server of the environment (None: of all) runs that version, at most `seconds`.

    Call it after the change is committed. Where nothing can come of waiting, or as many calls as a process bears wait already,
    it answers at once with what is true now.
    """
    deadline = time.monotonic() + min(seconds, MOST_SECONDS)
    version = publish().manifest.version
    state = _state(version, environment)
    if not state.may_change() or seconds <= 0 or not _room.acquire(blocking=False):
        return state
    try:
        # Servers that fall silent leave the list by themselves: nobody waits for the dead longer than the rest.
        while state.may_change() and time.monotonic() < deadline:
            time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))
            state = _state(version, environment)
    finally:
        _room.release()
    return state


def _state(version: int, environment: str | None) -> DeliveryState:
    servers = live_servers(environment)
    behind = servers.filter(version__lt=version).order_by("instance").values_list("instance", flat=True)
    return DeliveryState(version, servers.count(), tuple(behind[:MOST_NAMED]))
