"""Hits on their way to an asynchronous sink: a bounded queue that checks fill, and the one task that empties it."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from usersplit_sdk.async_hits import AsyncHitSink, Batching
from usersplit_sdk.hits import NotTaken
from usersplit_sdk.model import Hit
from usersplit_sdk.reporting import Reporter

BACKOFF_SECONDS = 0.1
BACKOFF_LIMIT = 30.0
CLOSING_BACKOFF_LIMIT = 0.5
STRIKES = 10
"""A hit that was refused by itself this often, others being taken in between, is at fault, not the sink."""
LAST_SECONDS = 1.0
"""At least so long has a sink to be cancelled, and as long to close, even if the time for closing is up."""
WHERE = "hits"
NEVER = sys.maxsize


class HitQueue:
    """The sink that a client records into; a task stores what it holds in an asynchronous sink.

    ``record`` may be called in any thread, everything else in that of the event loop.

    A batch that fails goes back to where it was taken from. Its first hit then goes ahead alone, and while that works
    batches grow again: so a sink that is down costs one hit's attempt at a time, and a hit that the sink will never
    take (a device id with a NUL, and a database that has none) is found and does not hold up the others for ever.
    """

    def __init__(self, sink: AsyncHitSink, batching: Batching, reporter: Reporter) -> None:
        size, seconds, limit, patience = batching
        if not (1 <= size <= limit and seconds >= 0 and patience >= 0):
            raise ValueError("batching: 1 <= size <= limit, and neither seconds nor patience below 0")
        self._dropped = 0
        self._sink = sink
        self._batching = batching
        self._reporter = reporter
        self._queue: deque[Hit] = deque()
        self._storing = 0
        self._size = size
        self._failures = 0
        self._stores = 0
        # By the id of a hit: how often it was refused, and how many stores there had been at the last time.
        self._strikes: dict[int, tuple[int, int]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._writer: asyncio.Task[None] | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._lets_wait = False
        self._patience: asyncio.TimerHandle | None = None
        self._closed = False
        self._alarm = asyncio.Event()
        self._alarm_at = NEVER

    # ---- for checks --------------------------------------------------------------------------------------

    def record(self, hit: Hit) -> None:
        """Take the hit, or raise ``NotTaken`` if there is no room for it."""
        if self._closed or len(self._queue) + self._storing >= self._batching.limit:
            self._dropped += 1
            why = "the client is closed" if self._closed else "too many are waiting to be stored"
            raise NotTaken(f"some are dropped: {why}")
        self._queue.append(hit)
        if len(self._queue) >= self._alarm_at:
            self._ring()

    @property
    def dropped(self) -> int:
        """Hits that the sink did not get, and those that it has lost, if it counts them."""
        lost = getattr(self._sink, "dropped", 0)
        return self._dropped + (lost if isinstance(lost, int) else 0)

    def close(self) -> None:
        """Do nothing: what is left is stored by ``finish``."""

    def is_full(self) -> bool:
        """Is a check with a hit to wait for room? Never before writing starts, after it has ended, and while the sink
        has been failing for longer than there is patience."""
        return self._lets_wait and len(self._queue) + self._storing >= self._batching.limit

    async def room(self) -> None:
        """Wait until there is room for a hit, or no point in waiting."""
        if self._loop is None or asyncio.get_running_loop() is not self._loop:
            self._reporter.report_message(WHERE, "a check came from another event loop than the client's")
            return
        while self.is_full():
            place = self._loop.create_future()
            self._waiting.append(place)
            try:
                await place
            finally:
                # Cancelled or not: who was woken wakes the next, for whom there may be room as well.
                self._wake_next()

    # ---- writing -----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to write, on the running loop. A sink that has a ``start`` is told: it may have hits from before."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._lets_wait = not self._closed
        self._writer = self._loop.create_task(self._write(), name="usersplit-hits")
        self._writer.add_done_callback(self._ended)
        start = getattr(self._sink, "start", None)
        if start is not None:
            try:
                await start()
            except Exception as problem:  # noqa: BLE001 - a sink is the application's code
                self._reporter.report_failure(WHERE, problem)

    async def finish(self, seconds: float) -> None:
        """Take no more hits, store what is there, and close the sink, within about so many seconds. The rest is dropped."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        self._closed = True
        self._stop_waiting()
        self._alarm.set()
        if self._writer is None:
            self._drop_all()
        else:
            writer = self._writer
            try:
                await asyncio.wait([writer], timeout=seconds)
            finally:
                writer.cancel()
            await asyncio.wait([writer], timeout=LAST_SECONDS)
        try:
            await asyncio.wait_for(self._sink.close(), max(LAST_SECONDS, until - clock()))
        except Exception as problem:  # noqa: BLE001 - a sink is the application's code
            self._reporter.report_failure(WHERE, problem)

    async def _write(self) -> None:
        while True:
            while not self._queue and not self._closed:
                await self._pause(None, 1)
            if not self._queue:
                return
            await self._pause(self._batching.seconds, self._size)
            await self._store(min(self._size, len(self._queue)))
            if self._failures:
                await self._back_off()

    async def _store(self, size: int) -> None:
        batch = [self._queue.popleft() for _ in range(size)]
        self._storing = size
        if self._patience is None and self._loop is not None:
            self._patience = self._loop.call_later(self._batching.patience, self._stop_waiting)
        try:
            problem = await self._hand_over(batch)
        except BaseException:
            self._queue.extendleft(reversed(batch))
            raise
        finally:
            self._storing = 0
        if problem is None:
            self._stored(batch)
        else:
            self._take_back(batch, problem)
        self._wake_next()

    async def _hand_over(self, batch: Sequence[Hit]) -> BaseException | None:
        """Answers why they are not stored. In a task of its own: what the sink cancels must not be the writing."""
        try:
            storing = asyncio.ensure_future(self._sink.store(batch))
        except Exception as problem:  # noqa: BLE001 - a sink is the application's code
            return problem
        try:
            await asyncio.wait([storing])
        except BaseException:
            storing.cancel()
            # The sink is about to be closed, which it should not be in the middle of storing.
            await asyncio.wait([storing], timeout=LAST_SECONDS)
            storing.add_done_callback(_ignore_failure)
            raise
        return asyncio.CancelledError("by the sink itself") if storing.cancelled() else storing.exception()

    def _stored(self, batch: Sequence[Hit]) -> None:
        for hit in batch if self._strikes else ():
            self._strikes.pop(id(hit), None)
        self._reporter.forget([WHERE])
        self._stores += 1
        self._failures = 0
        self._size = min(2 * self._size, self._batching.size)
        self._lets_wait = not self._closed
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _take_back(self, batch: Sequence[Hit], problem: BaseException) -> None:
        self._reporter.report_failure(WHERE, problem)
        self._failures += 1
        self._size = 1
        if len(batch) > 1:
            self._queue.extendleft(reversed(batch))
            return
        hit = batch[0]
        strikes, stores = self._strikes.pop(id(hit), (0, -1))
        strikes += stores < self._stores
        if strikes < STRIKES:
            self._strikes[id(hit)] = strikes, self._stores
            self._queue.append(hit)
        else:
            self._drop(1, "the sink takes others, but not these")

    async def _back_off(self) -> None:
        seconds = min(BACKOFF_SECONDS * 2.0 ** min(self._failures - 1, 20), BACKOFF_LIMIT)
        seconds *= random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        if self._closed:
            await asyncio.sleep(min(seconds, CLOSING_BACKOFF_LIMIT))
        else:
            await self._pause(seconds, NEVER)

    async def _pause(self, seconds: float | None, hits: int) -> None:
        """Until so many hits wait, the seconds are over, or the client is being closed; now and then less."""
        self._alarm.clear()
        self._alarm_at = hits
        if len(self._queue) >= hits or self._closed or self._loop is None:
            return
        timer = None if seconds is None else self._loop.call_later(seconds, self._alarm.set)
        try:
            await self._alarm.wait()
        finally:
            self._alarm_at = NEVER
            if timer is not None:
                timer.cancel()

    # ---- inside ------------------------------------------------------------------------------------------

    def _wake_next(self) -> None:
        while self._waiting and not self.is_full():
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return

    def _stop_waiting(self) -> None:
        self._lets_wait = False
        self._wake_next()

    def _ring(self) -> None:
        if threading.get_ident() == self._thread:
            self._alarm.set()
        elif self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._alarm.set)

    def _ended(self, writer: asyncio.Task[None]) -> None:
        """Nobody writes any more, so nobody is to wait for it."""
        self._writer = None
        self._stop_waiting()
        if self._patience is not None:
            self._patience.cancel()
        if not writer.cancelled() and (problem := writer.exception()) is not None:
            self._reporter.report_failure(WHERE, problem)
        if self._closed:
            self._drop_all()
        elif self._queue:
            self._reporter.report_message(WHERE, "the event loop ended before the client was closed")

    def _drop_all(self) -> None:
        if self._queue:
            self._drop(len(self._queue), "they could not be stored before the client was closed")
            self._queue.clear()

    def _drop(self, hits: int, why: str) -> None:
        self._dropped += hits
        self._reporter.report_message(WHERE, f"some are dropped: {why}")


def _ignore_failure(storing: asyncio.Future[None]) -> None:
    if not storing.cancelled():
        storing.exception()
