"""The batch that is being filled with hits: on disk where there is one to be had, else in memory."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import suppress

from usersplit_sdk.hit_batches import BATCH_BYTES, Batch, new_id, to_lines
from usersplit_sdk.model import Hit
from usersplit_sdk.reporting import Reporter
from usersplit_sdk.spool import Segment, Spool

DISK_SECONDS = 5.0
"""Between two attempts to write to a disk that refuses."""
NEVER = float("inf")
HITS, SPOOL, REJECTED = "hits", "hit spool", "rejected hits"
DIGITS = re.compile(r"[0-9]+")
TOLD_LIMIT = 20
"""Hits that were rejected are told for so many reasons."""


class Tally:
    """What became of hits, and the telling of it: each problem once."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self._told: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Count from nothing, as a forked child does."""
        self.dropped = self.rejected = self.sent = 0

    def drop(self, hits: int, why: str) -> None:
        """They are lost."""
        self.dropped += hits
        if hits:
            self.reporter.report_message(HITS, f"some are dropped: {why}")

    def reject(self, hits: int, reasons: Sequence[str]) -> None:
        """The server did not take them, for these reasons."""
        self.rejected += hits
        for reason in reasons if hits else ():
            self.tell_once(f"the server rejects some: {reason}")

    def tell_once(self, message: str) -> None:
        """Tell what is wrong with hits themselves, but not without end, nor again for another moment or number."""
        kind = DIGITS.sub("0", message)
        if kind not in self._told and len(self._told) < TOLD_LIMIT:
            self._told.add(kind)
            self.reporter.report_message(REJECTED, message)

    def disk_refuses(self, problem: OSError) -> None:
        """The spool cannot be used now."""
        why = problem.strerror or str(problem)
        self.reporter.report_message(SPOOL, f"it cannot be used, hits wait in memory: {why}")


class Filling:
    """Fills one batch after another, each with ``size`` hits or for ``seconds``. For one thread at a time."""

    def __init__(self, spool: Spool | None, tally: Tally, size: int, seconds: float) -> None:
        self.complete_at = NEVER
        """The monotonic time after which the batch is to be sent, however few hits it has."""
        self._spool = spool
        self._tally = tally
        self._size = size
        self._seconds = seconds
        self._batch: Batch | None = None
        self._segment: Segment | None = None
        self._disk_at = 0.0
        self._is_refused = False

    @property
    def hits(self) -> int:
        """How many the open batch has."""
        return 0 if self._batch is None else self._batch.hits or 0

    def put(self, hits: Sequence[Hit]) -> list[Batch]:
        """Add hits; answers the batches that are complete now."""
        lines, refused = to_lines(hits)
        if refused:
            self._tally.drop(refused, "ids that are too long, or no text")
        found: list[Batch | None] = []
        start = 0
        self._is_refused = False
        if self._segment is None and self._spool is not None and time.monotonic() >= self._disk_at:
            found.append(self.complete())  # the disk may take the next one
        while start < len(lines):
            batch = self._batch or self._begin()
            count, data = self._piece(batch, lines, start)
            if not count:
                found.append(self.complete())
            elif self._append(batch, data, count):
                start += count
                if self.hits >= self._size:
                    found.append(self.complete())
            else:
                found.append(self.complete())
        return [batch for batch in found if batch is not None]

    def complete(self) -> Batch | None:
        """The open batch, to which nothing is added from here on; None if it has no hits."""
        batch = self._batch
        self.let_go()
        if batch is None or batch.hits:
            return batch
        if batch.path is not None:
            with suppress(OSError):
                Spool.remove(batch)
        return None

    def let_go(self) -> None:
        """Forget the open batch; its file stays."""
        if self._segment is not None:
            self._segment.close()
        self._batch = self._segment = None
        self.complete_at = NEVER

    def _begin(self) -> Batch:
        batch = self._batch = Batch(*new_id(), hits=0)
        now = time.monotonic()
        self.complete_at = now + self._seconds
        if self._spool is not None and now >= self._disk_at and not self._is_refused:
            try:
                self._segment = self._spool.begin(batch.id, batch.began)
                batch.path = self._segment.path
            except OSError as problem:
                self._refuse(problem)
        return batch

    def _piece(self, batch: Batch, lines: Sequence[bytes], start: int) -> tuple[int, bytes]:
        """How many of the lines the batch has room for, and they."""
        count = min(self._size - self.hits, len(lines) - start)
        data = b"".join(lines[start : start + count])
        while count and batch.size + len(data) > BATCH_BYTES:
            count //= 2
            data = b"".join(lines[start : start + count])
        return count, data

    def _append(self, batch: Batch, data: bytes, count: int) -> bool:
        """Add lines; False if that has to be done with another batch."""
        if self._segment is None:
            batch.lines += data
        else:
            try:
                self._segment.append(data)
            except FileNotFoundError:
                self._tally.drop(self.hits, "somebody has removed them from the spool")
                self.let_go()
                return False
            except OSError as problem:
                self._refuse(problem)
                return False
            if self._disk_at:
                self._disk_at = 0.0
                self._tally.reporter.forget([SPOOL])
        batch.hits = self.hits + count
        batch.size += len(data)
        return True

    def _refuse(self, problem: OSError) -> None:
        self._is_refused = True
        self._disk_at = time.monotonic() + DISK_SECONDS
        self._tally.disk_refuses(problem)
