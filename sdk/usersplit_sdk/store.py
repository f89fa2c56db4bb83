"""Holds the current snapshot and keeps it up to date with a delivery folder."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType

from usersplit_sdk.background import Ticker
from usersplit_sdk.errors import InvalidDocument, Problem
from usersplit_sdk.folder import MANIFEST, Folder, Stamp
from usersplit_sdk.reporting import Reporter
from usersplit_sdk.snapshots import Snapshot

OnSnapshot = Callable[[Snapshot], None]


@dataclass(frozen=True, slots=True)
class Status:
    """How a client is doing.

    ``age`` is the number of seconds since the client last saw that it is up to date (None: never, or it has no
    source); ``errors`` are the faults there are now, first of the source, then of single files.
    """

    version: int | None
    published_at: str | None
    age: float | None
    tests: int
    groups: int
    errors: tuple[str, ...]


class Store:
    """``snapshot`` is replaced as a whole by one assignment, so readers need no lock and never see a mix."""

    def __init__(self, snapshot: Snapshot, reporter: Reporter) -> None:
        self.snapshot = Snapshot()
        self._reporter = reporter
        self._subscribers: tuple[Callable[[], OnSnapshot | None], ...] = ()
        # Subscribers hear of the snapshots in their order; a callback may subscribe another one.
        self._publishing = threading.RLock()
        self._take(snapshot)

    @property
    def status(self) -> Status:
        """Version, age and present faults."""
        return self._status(None, None)

    def refresh(self) -> bool:
        """Read the source now; answers whether the snapshot is up to date with it. Never raises."""
        return True

    def subscribe(self, callback: OnSnapshot) -> None:
        """Call ``callback`` with the snapshot there is now, and with each later one, in the thread that loads it.

        A bound method is held weakly, so that a store does not keep its client alive; a function is held for good.
        """
        held: Callable[[], OnSnapshot | None] = (
            weakref.WeakMethod(callback) if isinstance(callback, MethodType) else lambda: callback
        )
        with self._publishing:
            self._subscribers = (*self._subscribers, held)
            self._tell(callback, self.snapshot)

    def republish(self) -> None:
        """Tell the subscribers the snapshot again: for a client whose view depends on more than the snapshot."""
        with self._publishing:
            self._publish()

    def close(self) -> None:
        """Stop following the source; the snapshot stays."""

    def _status(self, source: Problem | None, age: float | None) -> Status:
        snapshot = self.snapshot
        problems = snapshot.problems if source is None else (source, *snapshot.problems)
        return Status(
            version=snapshot.version,
            published_at=snapshot.published_at,
            age=age,
            tests=len(snapshot.tests),
            groups=len(snapshot.groups),
            errors=tuple(str(problem) for problem in problems),
        )

    def _take(self, snapshot: Snapshot) -> None:
        faulty = {problem.where for problem in snapshot.problems}
        self._reporter.forget(
            problem.where for problem in self.snapshot.problems if problem.where not in faulty
        )
        with self._publishing:
            self.snapshot = snapshot
            self._publish()
        for problem in snapshot.problems:
            self._reporter.report(problem)

    def _publish(self) -> None:
        living = [(held, callback) for held in self._subscribers if (callback := held()) is not None]
        self._subscribers = tuple(held for held, _ in living)
        for _, callback in living:
            self._tell(callback, self.snapshot)

    def _tell(self, callback: OnSnapshot, snapshot: Snapshot) -> None:
        try:
            callback(snapshot)
        except Exception as problem:  # noqa: BLE001 - the refreshing thread must outlive its listeners
            self._reporter.report_failure("snapshot", problem)


class FolderStore(Store):
    """Follows a delivery folder: one ``stat`` every ``refresh_seconds`` from a background thread (None: by hand)."""

    def __init__(self, folder: Folder, reporter: Reporter, refresh_seconds: float | None) -> None:
        super().__init__(Snapshot(), reporter)
        self._folder = folder
        self._stamp: Stamp | None = None
        self._problem: Problem | None = None
        self._confirmed: float | None = None
        self._refreshing = threading.Lock()
        self._ticker: Ticker | None = None
        self.refresh()
        if refresh_seconds is not None:
            self._ticker = Ticker(self._poll, refresh_seconds, self._after_fork, "usersplit-refresh")

    @property
    def status(self) -> Status:
        """Version, age and present faults."""
        confirmed = self._confirmed
        return self._status(
            self._problem, None if confirmed is None else max(0.0, time.monotonic() - confirmed)
        )

    def refresh(self) -> bool:
        """Read the folder now; answers whether the snapshot is up to date with it. Never raises."""
        with self._refreshing:
            return self._load(settle=True)

    def close(self) -> None:
        """Stop following the folder; the snapshot stays."""
        if self._ticker is not None:
            self._ticker.stop()

    def _poll(self) -> None:
        with self._refreshing:
            stamp = self._folder.stamp()
            changed = stamp != self._stamp
            if changed or stamp is None or self.snapshot.unsettled:
                # Where nothing moved since, a file that does not agree gets one look a time, without waiting.
                self._load(settle=changed)
            elif self._problem is None:
                self._confirmed = time.monotonic()

    def _load(self, settle: bool) -> bool:
        """Take over the folder's content, or keep the last good one and say why. Called under the lock."""
        # The stamp is older than what is read after it, so that a change in between is seen the next time.
        self._stamp = self._folder.stamp()
        try:
            snapshot = self._folder.load(self.snapshot, settle=settle)
        except FileNotFoundError:
            return self._fail(f"there is none in {self._folder.path}")
        except (OSError, InvalidDocument) as problem:
            return self._fail(str(problem))
        except Exception as problem:  # noqa: BLE001 - the refreshing thread must outlive whatever a folder holds
            return self._fail(f"{type(problem).__name__}: {problem}")
        self._take(snapshot)
        self._problem = None
        self._reporter.forget([MANIFEST] if not snapshot.problems else [])
        self._confirmed = time.monotonic()
        return not snapshot.unsettled

    def _fail(self, message: str) -> bool:
        self._problem = Problem(MANIFEST, message)
        self._reporter.report(self._problem)
        return False

    def _after_fork(self) -> None:
        self._refreshing = threading.Lock()
        self._publishing = threading.RLock()
