"""Events: that a user did something, with a value that may be summed up. Results of tests are told by them."""

from __future__ import annotations

import atexit
import json
import random
import threading
import time
import weakref
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from usersplit_sdk.background import Ticker
from usersplit_sdk.hit_answers import Outcome, Verdict, judge
from usersplit_sdk.hit_batches import new_id
from usersplit_sdk.origin import Connection, NotServed, Origin, Unreachable
from usersplit_sdk.reporting import OnError, Reporter
from usersplit_sdk.store import TIMEOUT_SECONDS

if TYPE_CHECKING:
    import ssl

PATH = "/api/v1/events/"
QUEUE_LIMIT = 100_000
BATCH_SIZE = 1000
BATCH_SECONDS = 1.0
CLOSE_SECONDS = 5.0
BACKOFF_SECONDS = 0.5
BACKOFF_LIMIT = 60.0
_EVENTS = "events"


class Event(NamedTuple):
    """What a user or a device did. ``event`` names it (``order.paid``: a small letter, then up to 63 of a-z, 0-9, _ and
    .); ``time`` is aware."""

    event: str
    user_id: str | None
    device_id: str | None
    environment: str
    time: datetime
    value: float | None = None

    def as_json(self) -> dict[str, object]:
        """The event as it is sent: the same names, the time in ISO 8601."""
        return {**self._asdict(), "time": self.time.isoformat()}


class RecordingEvents:
    """Keeps every event in ``events``, for tests."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        """Append the event."""
        self.events.append(event)

    def close(self) -> None:
        """Keep what was recorded."""


class HttpEvents:
    """Sends events to the server at ``url``, whose ``token`` needs the scope ``ingest``.

    ``record`` only queues, up to ``QUEUE_LIMIT`` events in memory. A thread sends batches every ``batch_seconds``, each under one id
    until the server has it, with growing pauses while it does not answer. ``close``, which an interpreter that ends
    calls by itself, tries once more. ``dropped`` counts what is lost: beyond the bound, not sent by then, or useless to the
    server, which ``on_error`` is told. Raises ``ValueError`` for what cannot be an address or a token.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        batch_seconds: float = BATCH_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
        ssl_context: ssl.SSLContext | None = None,
        on_error: OnError | None = None,
    ) -> None:
        if not 0 < batch_seconds < threading.TIMEOUT_MAX:
            raise ValueError("batch_seconds must be a number of seconds, more than 0")
        self.dropped = 0
        self._origin = Origin(url, token, timeout, ssl_context)
        self._batch_seconds = batch_seconds
        self._reporter = Reporter(on_error)
        self._closed = False
        self._begin_anew()
        self._ticker = Ticker(self._send, self._delay, self._begin_anew, "usersplit-events")
        atexit.register(_close_at_exit, weakref.ref(self))

    def record(self, event: Event) -> None:
        """Queue the event; after ``close``, and while too many wait, it is dropped."""
        if self._closed or len(self._queue) >= QUEUE_LIMIT:
            self.dropped += 1
            return
        self._queue.append(event)

    def close(self) -> None:
        """Send what is left, for ``CLOSE_SECONDS`` at most, and stop."""
        if self._closed:
            return
        self._closed = True
        self._until = time.monotonic() + CLOSE_SECONDS
        self._ticker.stop(CLOSE_SECONDS)
        if self._sending.acquire(timeout=CLOSE_SECONDS):
            self._sending.release()
            self._send()
        left = len(self._queue) + len(self._events)
        if left:
            self.dropped += left
            self._reporter.report_message(_EVENTS, f"{left} events could not be sent before the end")

    def _begin_anew(self) -> None:
        """What is queued before a fork is the parent's, which will send it."""
        self._queue: deque[Event] = deque()
        self._events: list[str] = []
        self._batch_id = ""
        self._failures = 0
        self._until = float("inf")
        self._sending = threading.Lock()
        self._connection = Connection(self._origin, lambda: self._until)

    def _delay(self) -> float:
        if not self._failures:
            return self._batch_seconds
        pause = min(BACKOFF_SECONDS * 2.0 ** min(self._failures, 20), BACKOFF_LIMIT)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

    def _send(self) -> None:
        with self._sending:
            try:
                while self._events or self._queue:
                    if not self._events:
                        self._batch_id = new_id()[0]
                        size = min(len(self._queue), BATCH_SIZE)
                        events = [self._queue.popleft() for _ in range(size)]
                        self._events = [line for event in events if (line := self._written(event))]
                        if not self._events:
                            continue
                    if not self._settle(self._ask()):
                        return
            finally:
                # No fork is to inherit it.
                self._connection.close()

    def _written(self, event: Event) -> str:
        """The event in JSON, "" if there is none of it."""
        try:
            return json.dumps(event.as_json(), allow_nan=False)
        except Exception as problem:  # noqa: BLE001 - who sends must outlive whatever comes
            self.dropped += 1
            self._reporter.report_failure(_EVENTS, problem)
            return ""

    def _ask(self) -> Verdict:
        body = '{"batch_id":"%s","events":[%s]}' % (self._batch_id, ",".join(self._events))  # noqa: UP031 - braces are JSON's
        try:
            posted = self._connection.post(PATH, body.encode("ascii"), {"Content-Type": "application/json"})
        except (Unreachable, NotServed) as problem:
            return Verdict(Outcome.LATER, str(problem))
        return judge(posted, self._batch_id, self._origin.url)

    def _settle(self, verdict: Verdict) -> bool:
        """Whether to go on with the next batch."""
        if verdict.outcome is Outcome.STORED:
            self._failures = 0
            self._reporter.forget([_EVENTS])
            for reason in verdict.reasons:
                self._reporter.report_message("events that the server does not take", reason)
            self.dropped += min(verdict.rejected, len(self._events))
        elif verdict.outcome in (Outcome.USELESS, Outcome.TOO_LARGE):
            self.dropped += len(self._events)
            self._reporter.report_message(_EVENTS, verdict.message)
        else:
            self._failures += 1
            self._reporter.report_message(_EVENTS, verdict.message)
            return False
        self._events = []
        return True


def _close_at_exit(reference: weakref.ref[HttpEvents]) -> None:
    sink = reference()
    if sink is not None:
        sink.close()
