"""Hits sent to a server from an event loop: what may wait for a disk or for the server is done in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from usersplit_sdk.background import Ticker
from usersplit_sdk.event_loop import in_thread
from usersplit_sdk.http_hits import (
    BATCH_SECONDS,
    BATCH_SIZE,
    CLOSE_SECONDS,
    SPOOL_BYTES,
    SpoolDir,
    make_outbox,
)
from usersplit_sdk.model import Hit
from usersplit_sdk.origin import Origin
from usersplit_sdk.reporting import OnError
from usersplit_sdk.store import TIMEOUT_SECONDS

if TYPE_CHECKING:
    import ssl


class AsyncHttpHits:
    """An ``AsyncHitSink`` that sends hits to the server at ``url``: the same as ``HttpHits``, and the same options.

    Made without a loop and without a thread. ``store`` returns when the hits are in the spool, so that a check waits for
    room if the disk is slow, but never for the server. The spool may be shared with ``HttpHits``.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        spool: SpoolDir = None,
        spool_bytes: int = SPOOL_BYTES,
        batch_size: int = BATCH_SIZE,
        batch_seconds: float = BATCH_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
        close_seconds: float = CLOSE_SECONDS,
        ssl_context: ssl.SSLContext | None = None,
        on_error: OnError | None = None,
    ) -> None:
        self._outbox = make_outbox(
            Origin(url, token, timeout, ssl_context),
            spool,
            on_error,
            size=batch_size,
            seconds=batch_seconds,
            spool_bytes=spool_bytes,
        )
        if not 0 <= close_seconds < threading.TIMEOUT_MAX:
            raise ValueError("close_seconds must be a number of seconds, 0 or more")
        self._close_seconds = close_seconds
        self._sender: Ticker | None = None
        self._closed = False

    async def start(self) -> None:
        """Send from here on, first what is left from before; ``store`` does it as well."""
        if self._sender is None and not self._closed:
            self._sender = Ticker(self._send, self._delay, self._after_fork, "usersplit-hits")

    async def store(self, hits: Sequence[Hit]) -> None:
        """Return when they are on disk, or, where there is none to be had, ready to be sent."""
        await self.start()
        if await in_thread(lambda: self._outbox.put(hits)) and self._sender is not None:
            self._sender.wake()

    async def close(self) -> None:
        """Send what is left, for ``close_seconds`` at most. What is not sent then is sent by who uses the spool next."""
        if not self._closed:
            self._closed = True
            await in_thread(self._finish)

    @property
    def sent(self) -> int:
        """Hits that the server has taken from this process."""
        return self._outbox.tally.sent

    @property
    def waiting(self) -> int:
        """Hits that are stored, but not sent yet."""
        return self._outbox.waiting()

    @property
    def dropped(self) -> int:
        """Hits that are lost: beyond a bound, useless to the server, or removed from the spool by somebody."""
        return self._outbox.tally.dropped

    @property
    def rejected(self) -> int:
        """Hits that the server did not take, one by one, and has said why."""
        return self._outbox.tally.rejected

    def _finish(self) -> None:
        until = time.monotonic() + self._close_seconds
        if self._sender is not None:
            self._sender.stop(self._close_seconds)
        self._outbox.finish(max(0.0, until - time.monotonic()))

    def _send(self) -> None:
        self._outbox.send_due()

    def _delay(self) -> float:
        return self._outbox.delay()

    def _after_fork(self) -> None:
        self._outbox.after_fork()
