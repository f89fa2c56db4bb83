"""Batches of hits on their way to a server: kept on disk or in memory, sent one after another, bounded."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from usersplit_sdk.hit_answers import Outcome, Verdict, judge
from usersplit_sdk.hit_batches import Batch, half_ids, pack, sound_lines
from usersplit_sdk.hit_filling import HITS, NEVER, SPOOL, Filling, Tally
from usersplit_sdk.model import Hit
from usersplit_sdk.origin import Connection, NotServed, Origin, Unreachable
from usersplit_sdk.spool import Spool

PATH = "/api/v1/hits/"
MEMORY_LIMIT = 100_000
"""Hits that wait in memory, where there is no disk to be had."""
ADOPT_SECONDS = 60.0
BACKOFF_SECONDS = 0.5
BACKOFF_LIMIT = 60.0
REFUSED_SECONDS = 60.0
REFUSED_LIMIT = 600.0
STRIKES = 10
"""A batch over which the server failed so often, others being stored in between, is at fault, not the server."""


class Until:
    """The monotonic time after which the server is asked nothing more."""

    def __init__(self) -> None:
        self.time = NEVER

    def __call__(self) -> float:
        return self.time


class Outbox:
    """Takes hits (``put``), and sends them (``send_due``, whenever ``delay()`` seconds are over). For any thread.

    A batch is complete with ``size`` hits or after ``seconds``; each attempt then sends the same hits under the same id.
    With a ``spool`` they are on disk when ``put`` returns. Beyond ``spool_bytes``, or ``MEMORY_LIMIT`` hits in memory, the
    oldest batches are dropped. Nothing raises; what is wrong is told.
    """

    def __init__(
        self, origin: Origin, spool: Spool | None, tally: Tally, size: int, seconds: float, spool_bytes: int
    ) -> None:
        self.tally = tally
        self._origin = origin
        self._spool = spool
        self._spool_bytes = spool_bytes
        self._filling = Filling(spool, tally, size, seconds)
        self._begin_anew()

    def _begin_anew(self) -> None:
        # Telling a problem calls the application, which may call us.
        self._lock = threading.RLock()
        self._sending = threading.Lock()
        self._until = Until()
        self._connection = Connection(self._origin, self._until)
        self._waiting: deque[Batch] = deque()
        self._in_flight: Batch | None = None
        self._failures = 0
        self._is_refused = False
        self._retry_at = 0.0
        self._adopt_at = NEVER if self._spool is None else 0.0
        self._stores = 0

    # ---- hits --------------------------------------------------------------------------------------------

    def put(self, hits: Sequence[Hit]) -> bool:
        """Take hits; answers whether that is news for who waits for ``delay()`` to be over."""
        with self._lock:
            begins = not self._filling.hits
            complete = self._filling.put(hits)
            if complete:
                self._waiting += complete
                self._bound()
            return begins or bool(complete)

    def waiting(self) -> int:
        """Hits that are not sent yet; those that a dead process left count once they were read."""
        with self._lock:
            batches = [*self._waiting, *([] if self._in_flight is None else [self._in_flight])]
            return self._filling.hits + sum(batch.hits or 0 for batch in batches)

    def after_fork(self) -> None:
        """What there is is the parent's, which will send it."""
        self.tally.reset()
        self._filling.let_go()
        if self._spool is not None:
            self._spool.after_fork()
        self._begin_anew()

    def _complete(self) -> None:
        batch = self._filling.complete()
        if batch is not None:
            self._waiting.append(batch)

    def _may_adopt(self) -> bool:
        """Half of the room is for our own hits: what others left must not be dropped because we took it."""
        return sum(batch.room for batch in self._waiting) < self._spool_bytes // 2

    def _bound(self) -> None:
        """Drop the oldest batches of those that take too much room."""
        room = sum(batch.room for batch in self._waiting)
        held = sum(batch.hits or 0 for batch in self._waiting if batch.path is None)
        if room <= self._spool_bytes and held <= MEMORY_LIMIT:
            return
        for batch in sorted(self._waiting, key=lambda batch: batch.began):
            if (held > MEMORY_LIMIT) if batch.path is None else (room > self._spool_bytes):
                self._waiting.remove(batch)
                room -= batch.room
                held -= (batch.hits or 0) if batch.path is None else 0
                self._lose(batch, "too many are waiting, and the oldest go first")

    # ---- sending -----------------------------------------------------------------------------------------

    def delay(self) -> float:
        """The number of seconds after which there is something to do, if nothing else happens."""
        with self._lock:
            now = time.monotonic()
            due = now if self._waiting else self._filling.complete_at
            return max(0.0, min(max(due, self._retry_at), self._adopt_at, now + 3600.0) - now)

    def send_due(self) -> None:
        """Send what is complete, if the server is not to be left alone now."""
        with self._sending:
            try:
                self._adopt()
                while time.monotonic() >= self._retry_at and self._send_next():
                    pass
            finally:
                # No fork is to inherit it.
                self._connection.close()

    def finish(self, seconds: float) -> None:
        """Send what is left, for so many seconds at most; leave the rest to others, or, where there is no spool, drop it."""
        until = time.monotonic() + seconds
        with self._lock:
            self._complete()
        if self._sending.acquire(timeout=max(0.0, seconds)):
            self._until.time = until
            try:
                self._send_last(until)
            finally:
                self._connection.close()
                self._sending.release()
        with self._lock:
            self._leave()

    def _adopt(self) -> None:
        if self._spool is None or time.monotonic() < self._adopt_at:
            return
        self._adopt_at = time.monotonic() + ADOPT_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        with self._lock:
            for found in self._spool.adopt(self._may_adopt):
                if isinstance(found, Batch):
                    self._waiting.append(found)
                else:
                    self.tally.reporter.report_failure(SPOOL, found)
            self._bound()

    def _send_next(self) -> bool:
        """Send one batch; False if there is none."""
        with self._lock:
            if not self._waiting and time.monotonic() >= self._filling.complete_at:
                self._complete()
            if not self._waiting:
                return False
            batch = self._in_flight = self._waiting.popleft()
        try:
            lines, damaged = _read(batch)
            verdict = self._ask(batch, lines) if lines else None
        except FileNotFoundError:
            lines, damaged, verdict = [], False, None
        except OSError as problem:
            self.tally.reporter.report_failure(SPOOL, problem)
            lines, damaged, verdict = [], True, None
        except Exception as problem:  # noqa: BLE001 - who sends must outlive whatever comes
            lines, damaged = [], False
            verdict = Verdict(Outcome.LATER, f"{type(problem).__name__}: {problem}")
        with self._lock:
            self._in_flight = None
            if verdict is not None:
                self._settle(batch, lines, verdict, damaged=damaged)
            else:
                self.tally.drop(
                    batch.hits or 0, "they cannot be read from the spool, or somebody has removed them"
                )
                self._put_away(batch, damaged=damaged)
            self._bound()
        return True

    def _ask(self, batch: Batch, lines: Sequence[bytes]) -> Verdict:
        batch.hits = len(lines)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        try:
            posted = self._connection.post(PATH, pack(batch.id, lines), headers)
        except (Unreachable, NotServed) as problem:
            return Verdict(Outcome.LATER, str(problem))
        return judge(posted, batch.id, self._origin.url)

    def _send_last(self, until: float) -> None:
        pause = threading.Event()
        while time.monotonic() < until:
            failures = self._failures
            if not self._send_next():
                return
            if self._failures > failures:
                if self._spool is not None or self._is_refused:
                    return  # what is left is safe where it is, or there is no hope for it
                pause.wait(min(BACKOFF_SECONDS, max(0.0, until - time.monotonic())))

    def _leave(self) -> None:
        """What is in memory goes to the spool at last; what is sent this moment as well, as it has an id."""
        lost = 0
        for batch in [*self._waiting, *([] if self._in_flight is None else [self._in_flight])]:
            if batch.path is None:
                try:
                    if self._spool is None:
                        raise OSError
                    self._spool.write(batch.id, batch.began, batch.lines, batch.hits or 0)
                except OSError:
                    lost += batch.hits or 0
        self.tally.drop(lost, "they could not be sent before the client was closed")
        self._waiting.clear()
        if self._spool is not None:
            self._spool.close()

    # ---- what becomes of a batch -------------------------------------------------------------------------

    def _settle(self, batch: Batch, lines: Sequence[bytes], verdict: Verdict, *, damaged: bool) -> None:
        if verdict.outcome is Outcome.STORED:
            self._stored(batch, verdict, damaged=damaged)
        elif verdict.outcome is Outcome.TOO_LARGE and len(lines) > 1:
            self._halve(batch, lines)
        elif verdict.outcome in (Outcome.TOO_LARGE, Outcome.USELESS):
            self._give_up(batch, verdict.message)
        elif verdict.outcome is Outcome.REFUSED:
            self._put_off(batch, verdict, REFUSED_SECONDS, REFUSED_LIMIT)
        elif verdict.outcome is Outcome.FAULTY and self._strikes_out(batch):
            self._give_up(batch, "the server takes others, but fails over these")
        else:
            self._put_off(batch, verdict, BACKOFF_SECONDS, BACKOFF_LIMIT)

    def _stored(self, batch: Batch, verdict: Verdict, *, damaged: bool) -> None:
        self._stores += 1
        if self._failures:
            self._failures = 0
            self.tally.reporter.forget([HITS])
        rejected = min(verdict.rejected, batch.hits or 0)
        self.tally.sent += (batch.hits or 0) - rejected
        self.tally.reject(rejected, verdict.reasons)
        for what in verdict.unknown:
            self.tally.tell_once(f"the server does not know {what}")
        self._put_away(batch, damaged=damaged)

    def _put_off(self, batch: Batch, verdict: Verdict, seconds: float, limit: float) -> None:
        """Try again later, with ever longer pauses. A batch over which the server fails lets the others go first."""
        if verdict.outcome is Outcome.FAULTY:
            self._waiting.append(batch)
        else:
            self._waiting.appendleft(batch)
        pause = min(seconds * 2.0 ** min(self._failures, 20), limit) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        now = time.monotonic()
        self._failures += 1
        self._is_refused = verdict.outcome is Outcome.REFUSED
        self._retry_at = now + max(pause, verdict.seconds)
        if now < self._until.time:  # else it is ourselves who hung up
            self.tally.reporter.report_message(HITS, verdict.message)

    def _strikes_out(self, batch: Batch) -> bool:
        if batch.stores < self._stores:
            batch.strikes += batch.stores >= 0
            batch.stores = self._stores
        return batch.strikes >= STRIKES

    def _halve(self, batch: Batch, lines: Sequence[bytes]) -> None:
        """Two batches in the place of one that is too large, with ids that follow from its own.

        A server that finds it too large has not stored it, so its hits may go under other ids. While its file is there,
        no half is sent: after a kill in between, the halves are removed, and the whole is tried again.
        """
        middle = len(lines) // 2
        halves: list[Batch] = []
        try:
            for half_id, part in zip(half_ids(batch.id), (lines[:middle], lines[middle:]), strict=True):
                data = b"".join(line + b"\n" for line in part)
                if batch.path is None or self._spool is None:
                    halves.append(Batch(half_id, batch.began, lines=data, hits=len(part), size=len(data)))
                else:
                    halves.append(self._spool.write(half_id, batch.began, data, len(part)))
            Spool.remove(batch)
        except OSError as problem:
            for half in halves:
                self._put_away(half, damaged=False)
            verdict = Verdict(
                Outcome.LATER, f"too many at once, and no room to halve them: {problem.strerror}"
            )
            self._put_off(batch, verdict, BACKOFF_SECONDS, BACKOFF_LIMIT)
        else:
            self._waiting.extendleft(reversed(halves))

    def _lose(self, batch: Batch, why: str) -> None:
        hits = batch.hits
        if hits is None:
            with suppress(OSError):
                hits = len(_read(batch)[0])
        self.tally.drop(hits or 0, why)
        self._put_away(batch, damaged=False)

    def _give_up(self, batch: Batch, why: str) -> None:
        self.tally.drop(batch.hits or 0, why)
        self._put_away(batch, damaged=True)

    def _put_away(self, batch: Batch, *, damaged: bool) -> None:
        """Its file goes, or, for somebody to look at, aside."""
        if self._spool is None or batch.path is None:
            return
        try:
            if damaged:
                where = self._spool.set_aside(batch)
                self.tally.reporter.report_message(
                    SPOOL, f"files that are damaged or useless are set aside in {where}"
                )
            else:
                Spool.remove(batch)
        except OSError as problem:
            self.tally.disk_refuses(problem)


def _read(batch: Batch) -> tuple[list[bytes], bool]:
    """The lines of a batch, and whether some are damaged; raises ``OSError``."""
    return (batch.lines.splitlines(), False) if batch.path is None else sound_lines(Spool.read(batch))
