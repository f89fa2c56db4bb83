"""Where hits go on an event loop: asynchronous sinks, and the batches in which they get the hits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from usersplit_sdk.model import Hit


class AsyncHitSink(Protocol):
    """Stores hits, on the client's event loop, one call at a time.

    What ``store`` raises means that the batch is not stored. Its hits come again, alone or among others, so each is
    stored *at least* once: a sink for which twice is wrong stores them under a unique key. ``store`` is
    cancelled if the time for closing is up; it sees to its own time limits otherwise. ``close`` comes last.
    """

    async def store(self, hits: Sequence[Hit]) -> None: ...

    async def close(self) -> None: ...


class AsyncRecordingHits:
    """Keeps every hit in ``hits`` and the size of every batch in ``batches``, for tests."""

    def __init__(self) -> None:
        self.hits: list[Hit] = []
        self.batches: list[int] = []

    async def store(self, hits: Sequence[Hit]) -> None:
        """Append the hits."""
        self.hits += hits
        self.batches.append(len(hits))

    async def close(self) -> None:
        """Keep what was stored."""


class Batching(NamedTuple):
    """How hits get to an asynchronous sink.

    A batch has up to ``size`` hits, of which the first has waited for ``seconds`` at most. Up to ``limit`` hits wait;
    then checks that have a hit wait for room, unless a sink has been at one batch for longer than ``patience`` seconds:
    hits that find no room are dropped then, until it stores again.
    """

    size: int = 500
    seconds: float = 0.2
    limit: int = 10_000
    patience: float = 10.0
