"""Holds the current snapshot, and tells who derives something from it."""

import threading
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Literal, NamedTuple

from usersplit_sdk.errors import Problem
from usersplit_sdk.reporting import Reporter
from usersplit_sdk.snapshots import Snapshot

REFRESH_SECONDS = 0.5
"""Between two looks at a folder."""
POLL_SECONDS = 5.0
"""Between two questions to a server."""
DEVEL_POLL_SECONDS = 1.0
"""The same where people try things out, and force variants that a test is to see within seconds."""
TIMEOUT_SECONDS = 10.0
"""For one exchange with a server."""


class Status(NamedTuple):
    """How a client is doing.

    ``age`` is the number of seconds since the client last saw that it is up to date (None: never, or it has no
    source); ``errors`` are the faults there are now, first of the source, then of single files. ``source`` is where
    the content comes from: a folder, an address, ``disk copy of …`` or ``documents``.
    """

    version: int | None
    published_at: str | None
    age: float | None
    tests: int
    groups: int
    errors: tuple[str, ...]
    source: str = "documents"


PollSeconds = float | Literal["auto"] | None


def poll_seconds_for(environment: str, poll_seconds: PollSeconds) -> float | None:
    """The mean seconds between two questions: as given, or as suits the environment."""
    if poll_seconds == "auto":
        return DEVEL_POLL_SECONDS if environment == "devel" else POLL_SECONDS
    return poll_seconds


OnSnapshot = Callable[[Snapshot], None]
OnStatus = Callable[[Status], None]


class Store:
    """``snapshot`` is replaced as a whole by one assignment, so readers need no lock and never see a mix."""

    def __init__(self, snapshot: Snapshot, reporter: Reporter) -> None:
        self.snapshot = Snapshot()
        self._reporter = reporter
        self._subscribers: tuple[Callable[[], OnSnapshot | None], ...] = ()
        # Subscribers hear of the snapshots in their order; a callback may subscribe another one.
        self.publishing = threading.RLock()
        self._take(snapshot)

    @property
    def status(self) -> Status:
        """Version, age and present faults."""
        return self._status((), None, "documents")

    @property
    def follows(self) -> bool:
        """Is the source to be polled again and again?"""
        return False

    def load(self) -> None:
        """Read the source for the first time. Never raises."""

    def refresh(self) -> bool:
        """Read the source now; answers whether the snapshot is up to date with it. Never raises."""
        return True

    def poll(self) -> None:
        """See whether there is news, and take it. Never raises."""

    def next_delay(self) -> float:
        """The number of seconds to wait before the next ``poll``."""
        return REFRESH_SECONDS

    def subscribe(self, callback: OnSnapshot) -> None:
        """Call ``callback`` with the snapshot there is now, and with each later one, in the thread that loads it.

        A bound method is held weakly, so that a store does not keep its client alive; a function is held for good.
        """
        held: Callable[[], OnSnapshot | None] = (
            weakref.WeakMethod(callback) if isinstance(callback, MethodType) else lambda: callback
        )
        with self.publishing:
            self._subscribers = (*self._subscribers, held)
            self._tell(callback, self.snapshot)

    def republish(self) -> None:
        """Tell the subscribers the snapshot again: for a client whose view depends on more than the snapshot."""
        with self.publishing:
            self._publish(self.snapshot)

    def close(self) -> None:
        """Stop following the source; the snapshot stays."""

    def _status(self, problems: tuple[Problem, ...], age: float | None, source: str) -> Status:
        snapshot = self.snapshot
        return Status(
            version=snapshot.version,
            published_at=snapshot.published_at,
            age=age,
            tests=len(snapshot.tests),
            groups=len(snapshot.groups),
            errors=tuple(str(problem) for problem in (*problems, *snapshot.problems)),
            source=source,
        )

    def _take(self, snapshot: Snapshot) -> None:
        faulty = {problem.where for problem in snapshot.problems}
        self._reporter.forget(
            problem.where for problem in self.snapshot.problems if problem.where not in faulty
        )
        with self.publishing:
            # First what is derived from it: who reads the status then finds the checks as new as it says.
            self._publish(snapshot)
            self.snapshot = snapshot
        for problem in snapshot.problems:
            self._reporter.report(problem)

    def _publish(self, snapshot: Snapshot) -> None:
        living = [(held, callback) for held in self._subscribers if (callback := held()) is not None]
        self._subscribers = tuple(held for held, _ in living)
        for _, callback in living:
            self._tell(callback, snapshot)

    def _tell(self, callback: OnSnapshot, snapshot: Snapshot) -> None:
        try:
            callback(snapshot)
        except Exception as problem:  # noqa: BLE001 - the refreshing thread must outlive its listeners
            self._reporter.report_failure("snapshot", problem)
