"""Where tests of an application put something in the place of what is delivered, for every client of the process.

A client asks for it when it takes over a snapshot, never in a check. ``usersplit_sdk.testing`` makes the stand-ins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from typing import Protocol

    from usersplit_sdk.client import Client
    from usersplit_sdk.view import View

    class StandIn(Protocol):
        """Answers what checks of a client shall read."""

        def view_of(self, client: Client, delivered: View) -> View:
            """What to read instead of what is delivered to the client."""


current: StandIn | None = None
# By address: what an application makes of our client may have an equality of its own, and no hash.
_living: dict[int, ref[Client]] = {}


def remember(client: Client) -> None:
    """Count a new client among the living."""
    address, living = id(client), _living

    def forget(gone: ref[Client]) -> None:
        # Another client may have been made at the same place by now.
        if living.get(address) is gone:
            del living[address]

    living[address] = ref(client, forget)


def living_clients() -> list[Client]:
    """All clients there are in this process."""
    # A list made at once: other threads make clients meanwhile.
    return [client for held in list(_living.values()) if (client := held()) is not None]
