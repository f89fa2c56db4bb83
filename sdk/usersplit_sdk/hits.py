"""Where hits go. A sink must return at once: a check never waits for a disk or a network."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from typing import Protocol

from usersplit_sdk.background import Ticker
from usersplit_sdk.model import Hit

QUEUE_LIMIT = 100_000
FLUSH_SECONDS = 0.2


class HitSink(Protocol):
    """Takes hits. ``record`` is called by whatever thread checks and must return at once; ``close`` stores what is left.

    A hit that ``record`` raises for counts as not logged: the user's next check tries again.
    """

    def record(self, hit: Hit) -> None: ...

    def close(self) -> None: ...


class NotTaken(Exception):
    """The hit is dropped."""


class NullHits:
    """Drops every hit."""

    def record(self, hit: Hit) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class RecordingHits:
    """Keeps every hit in ``hits``, for tests."""

    def __init__(self) -> None:
        self.hits: list[Hit] = []

    def record(self, hit: Hit) -> None:
        """Append the hit."""
        self.hits.append(hit)

    def close(self) -> None:
        """Keep what was recorded."""


class FileHits:
    """Appends hits to a file, one JSON object a line, from a background thread.

    Several processes may append to one file, and it may be rotated: it is opened for each batch, and a batch is
    whole lines. While it cannot be written, up to ``QUEUE_LIMIT`` hits wait; ``dropped`` counts those beyond.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        from json import dumps  # noqa: PLC0415 - for those who write files; and not while an interpreter ends

        self.dropped = 0
        self._dumps = dumps
        self._path = os.fspath(path)
        self._queue: deque[Hit] = deque()
        self._unwritten = b""
        self._lock = threading.Lock()
        self._failing = False
        self._closed = False
        self._ticker = Ticker(self._flush_quietly, FLUSH_SECONDS, self._after_fork, "usersplit-hits")
        # At exit daemon threads are gone; a weak reference, so that a forgotten sink is not kept until then.
        atexit.register(_close_at_exit, weakref.ref(self))

    def record(self, hit: Hit) -> None:
        """Queue the hit; after ``close`` it is dropped."""
        if self._closed or len(self._queue) >= QUEUE_LIMIT:
            self.dropped += 1
            return
        self._queue.append(hit)

    def flush(self) -> None:
        """Write what is queued now; raises ``OSError`` if the file cannot be written (nothing is lost then)."""
        with self._lock:
            if not self._unwritten:
                hits = [self._queue.popleft() for _ in range(len(self._queue))]
                lines = [self._dumps(hit.as_json(), separators=(",", ":")) + "\n" for hit in hits]
                self._unwritten = "".join(lines).encode("ascii")
            if self._unwritten:
                self._write()

    def _write(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # A full disk may take half a line; the other half follows when there is room again.
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(descriptor, self._unwritten) :]
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Write what is left and stop; a file that cannot be written is logged, not raised."""
        if self._closed:
            return
        self._closed = True
        self._ticker.stop()
        self._flush_quietly()

    def _flush_quietly(self) -> None:
        try:
            self.flush()
            self._failing = False
        except OSError as problem:
            if not self._failing:
                from logging import getLogger  # noqa: PLC0415 - takes longer to import than all that a check needs

                logger = getLogger("usersplit_sdk")
                logger.warning("hits cannot be written to %s: %s", self._path, problem)
            self._failing = True

    def _after_fork(self) -> None:
        """What is queued is the parent's, which will write it."""
        self._lock = threading.Lock()
        self._queue = deque()
        self._unwritten = b""


def _close_at_exit(reference: weakref.ref[FileHits]) -> None:
    sink = reference()
    if sink is not None:
        sink.close()
