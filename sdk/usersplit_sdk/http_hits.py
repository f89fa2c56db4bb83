"""Hits sent to a server, in batches, from background threads, with a spool on disk for what it does not have yet."""

from __future__ import annotations

import atexit
import hashlib
import os
import threading
import time
import weakref
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from usersplit_sdk.background import Ticker
from usersplit_sdk.disk_copy import default_cache_folder
from usersplit_sdk.hit_batches import BATCH_LIMIT
from usersplit_sdk.hit_filling import Tally
from usersplit_sdk.hits import QUEUE_LIMIT, NotTaken
from usersplit_sdk.model import Hit
from usersplit_sdk.origin import Origin
from usersplit_sdk.outbox import Outbox
from usersplit_sdk.reporting import OnError, Reporter
from usersplit_sdk.spool import Spool
from usersplit_sdk.store import TIMEOUT_SECONDS

if TYPE_CHECKING:
    import ssl

BATCH_SIZE = 1000
BATCH_SECONDS = 1.0
SPOOL_BYTES = 64 * 1024 * 1024
CLOSE_SECONDS = 5.0
PAUSE_SECONDS = 0.02
"""Between two writes to the spool. The first hit after a pause is written at once."""
IDLE_SECONDS = 1.0
"""Between two looks at the queue that nobody asked for."""

SpoolDir = str | os.PathLike[str] | Literal[False] | None


class HttpHits:
    """Sends hits to the server at ``url``, whose ``token`` needs the scope ``ingest``.

    ``record`` only queues. One thread writes what is queued to the ``spool``, a folder (None: below the user's cache folder;
    False: there is none, and hits wait in memory), within some milliseconds; from then on a hit survives the death of
    the process. Another sends batches of up to ``batch_size`` hits, the first of which has waited for ``batch_seconds``,
    until the server has each of them, under one id for all attempts. Any number of processes may share a spool; each
    keeps up to ``spool_bytes`` there, and takes over what dead ones left. ``timeout`` is for one exchange. ``close``,
    which an interpreter that ends calls by itself, goes on sending for up to ``close_seconds``. Beyond the bounds the
    oldest hits are dropped; ``dropped`` counts them, ``on_error`` is told. Raises ``ValueError`` for what makes no sense.
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
        self._queue: deque[Hit] = deque()
        self._overflow = 0
        self._closed = False
        self._flushing = threading.RLock()
        self._pause = threading.Event()
        self._awake = False
        # In this order: in a forked child the first empties everything, and only then threads start.
        self._writer = Ticker(self._write, IDLE_SECONDS, self._after_fork, "usersplit-spool")
        self._sender = Ticker(self._send, self._delay, self._nothing, "usersplit-hits")
        atexit.register(_close_at_exit, weakref.ref(self))

    # ---- for the client ----------------------------------------------------------------------------------

    def record(self, hit: Hit) -> None:
        """Queue the hit; raises ``NotTaken`` after ``close``, and while too many are queued."""
        if self._closed or len(self._queue) >= QUEUE_LIMIT:
            self._overflow += 1
            raise NotTaken(
                "some are dropped: the sink is closed"
                if self._closed
                else "some are dropped: too many at once"
            )
        self._queue.append(hit)
        if not self._awake:
            self._awake = True
            self._writer.wake()

    def flush(self) -> None:
        """Return when all that was recorded is on disk, or, where there is none to be had, ready to be sent. Never raises."""
        with self._flushing:
            news = False
            while self._queue:
                hits = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_LIMIT))]
                news = self._outbox.put(hits) or news
        if news:
            self._sender.wake()

    def close(self) -> None:
        """Send what is left, for ``close_seconds`` at most, and stop. What is not sent then is sent by who uses the spool next."""
        if self._closed:
            return
        self._closed = True
        until = time.monotonic() + self._close_seconds
        self._pause.set()
        self._writer.stop(self._close_seconds)
        self.flush()
        # What it is sending now may be all that is left.
        self._sender.stop(max(0.0, until - time.monotonic()))
        self._outbox.finish(max(0.0, until - time.monotonic()))

    # ---- how it is doing ---------------------------------------------------------------------------------

    @property
    def sent(self) -> int:
        """Hits that the server has taken from this process."""
        return self._outbox.tally.sent

    @property
    def waiting(self) -> int:
        """Hits that are not sent yet."""
        return len(self._queue) + self._outbox.waiting()

    @property
    def dropped(self) -> int:
        """Hits that are lost: beyond a bound, useless to the server, or removed from the spool by somebody."""
        return self._outbox.tally.dropped + self._overflow

    @property
    def rejected(self) -> int:
        """Hits that the server did not take, one by one, and has said why."""
        return self._outbox.tally.rejected

    # ---- threads -----------------------------------------------------------------------------------------

    def _write(self) -> None:
        self._awake = False
        self.flush()
        self._pause.wait(PAUSE_SECONDS)

    def _send(self) -> None:
        self._outbox.send_due()

    def _delay(self) -> float:
        return self._outbox.delay()

    def _after_fork(self) -> None:
        """What is queued is the parent's, which will send it."""
        self._queue = deque()
        self._overflow = 0
        self._flushing = threading.RLock()
        self._pause = threading.Event()
        self._awake = False
        self._outbox.after_fork()

    def _nothing(self) -> None:
        """The other ticker sees to a forked child."""


def make_outbox(
    origin: Origin,
    spool: SpoolDir,
    on_error: OnError | None,
    *,
    size: int,
    seconds: float,
    spool_bytes: int,
) -> Outbox:
    """The outbox of a sink, with the options of one; raises ``ValueError`` for what makes no sense."""
    if not 1 <= size <= BATCH_LIMIT:
        raise ValueError(f"batch_size must be 1 to {BATCH_LIMIT} hits")
    if not 0 <= seconds < threading.TIMEOUT_MAX:
        raise ValueError("batch_seconds must be a number of seconds, 0 or more")
    if not spool_bytes > 0:
        raise ValueError("spool_bytes must be a number of bytes, more than 0")
    folder = spool_beside(None, origin.url) if spool is None else spool
    return Outbox(
        origin,
        None if folder is False else Spool(Path(folder)),
        Tally(Reporter(on_error)),
        size,
        seconds,
        spool_bytes,
    )


def spool_beside(cache_dir: SpoolDir, url: str, environment: str = "") -> Path | Literal[False]:
    """The spool for hits of an environment to a server, where a client of it has its copy of the delivery.

    Each environment has its own: a token is for one, and another's process would send what its own does not accept.
    """
    if cache_dir is False:
        return False
    digest = hashlib.sha256(f"{url} {environment}".encode()).hexdigest()[:16]
    return (default_cache_folder() if cache_dir is None else Path(cache_dir)) / f"hits-{digest}"


def _close_at_exit(reference: weakref.ref[HttpHits]) -> None:
    sink = reference()
    if sink is not None:
        sink.close()
