"""Keeps the current snapshot up to date with a source."""

from __future__ import annotations

import threading
import time

from usersplit_sdk.background import Ticker, call_after_fork
from usersplit_sdk.errors import InvalidDocument, Problem
from usersplit_sdk.folder import Folder
from usersplit_sdk.loading import Keep, Source, load
from usersplit_sdk.manifest import MANIFEST, Manifest
from usersplit_sdk.reporting import Reporter
from usersplit_sdk.snapshots import Entry, Snapshot
from usersplit_sdk.store import OnStatus, Status, Store

RETRY_SECONDS = 0.5
"""A file that does not agree with an unchanged manifest is looked at again this often at first, then more rarely."""


class FollowingStore(Store):
    """Follows a source: from a background thread (``follow``), or whenever somebody calls ``poll``.

    An event loop calls ``load`` and then ``poll`` in a worker thread, each after ``next_delay()`` seconds. ``on_status``
    is called with the status whenever its version, source or errors are others than before.
    """

    def __init__(
        self, source: Source, reporter: Reporter, seconds: float | None, on_status: OnStatus | None
    ) -> None:
        if seconds is not None and not 0 < seconds < threading.TIMEOUT_MAX:
            raise ValueError("the seconds between two refreshes must be more than 0")
        super().__init__(Snapshot(), reporter)
        self._source = source
        self._seconds = seconds
        self._on_status = on_status
        self._told: tuple[object, ...] | None = None
        self._manifest: Manifest | None = None
        self._fetched: dict[str, Entry] = {}
        self._problem: Problem | None = None
        self._confirmed: float | None = None
        self._retries = 0
        self._retry_at = 0.0
        self._refreshing = threading.Lock()
        self._ticker: Ticker | None = None

    @property
    def status(self) -> Status:
        """Version, age and present faults."""
        confirmed = self._confirmed
        age = None if confirmed is None else max(0.0, time.monotonic() - confirmed)
        return self._status(self._source_problems(), age, self._source_name())

    @property
    def follows(self) -> bool:
        """Is the source to be polled again and again?"""
        return self._seconds is not None

    def load(self) -> None:
        """Read the source for the first time. Never raises."""
        self.refresh()

    def follow(self, name: str) -> None:
        """Poll from a background thread of that name from now on, unless it is to be done by hand."""
        if self._seconds is None:
            call_after_fork(self._after_fork)
        else:
            self._ticker = Ticker(self.poll, self.next_delay, self._after_fork, name)

    def refresh(self) -> bool:
        """Read the source now; answers whether the snapshot is up to date with it. Never raises."""
        with self._refreshing:
            settled = self._look(by_hand=True)
        self._tell_status()
        return settled

    def poll(self) -> None:
        """See whether there is news, and take it. Never raises."""
        with self._refreshing:
            self._look(by_hand=False)
        self._tell_status()

    def next_delay(self) -> float:
        """The number of seconds to wait before the next ``poll``."""
        return RETRY_SECONDS if self._seconds is None else self._seconds

    def close(self) -> None:
        """Stop following the source; the snapshot stays."""
        if self._ticker is not None:
            self._ticker.stop()

    # ---- for the kinds of sources ------------------------------------------------------------------------

    def _source_name(self) -> str:
        return self._source.where

    def _source_problems(self) -> tuple[Problem, ...]:
        return () if self._problem is None else (self._problem,)

    def _check(self, manifest: Manifest) -> None:
        """May this manifest be taken over? Raises ``InvalidDocument`` if not."""

    def _keep(self) -> Keep | None:
        """What takes each file that was read."""
        return None

    def _confirm(self) -> None:
        """The snapshot is known to be up to date with the source. Called within the session."""
        self._problem = None
        self._confirmed = time.monotonic()

    def _fail(self, message: str) -> bool:
        """The source cannot be used now; what was loaded stays."""
        self._problem = Problem(MANIFEST, message)
        self._reporter.report(self._problem)
        return False

    # ---- inside ------------------------------------------------------------------------------------------

    def _look(self, *, by_hand: bool) -> bool:
        """Take over the source's content, or keep the last good one and say why. Called under the lock."""
        try:
            with self._source.session():
                self._bring_up_to_date(by_hand=by_hand)
        except FileNotFoundError:
            return self._fail(f"there is none in {self._source.where}")
        except (OSError, InvalidDocument) as problem:
            return self._fail(str(problem))
        except Exception as problem:  # noqa: BLE001 - the refreshing thread must outlive whatever a source holds
            return self._fail(f"{type(problem).__name__}: {problem}")
        return not self.snapshot.unsettled

    def _bring_up_to_date(self, *, by_hand: bool) -> None:
        manifest = self._source.read_manifest()
        changed = manifest is not self._manifest
        # Where nothing moved since, a file that does not agree gets one look a time, ever more rarely.
        again = self.snapshot.unsettled and (by_hand or time.monotonic() >= self._retry_at)
        if changed or again:
            self._check(manifest)
            manifest, snapshot = load(
                self._source,
                manifest,
                self.snapshot,
                self._fetched,
                keep=self._keep(),
                settle=changed or by_hand,
            )
            self._fetched.clear()
            self._retries = self._retries + 1 if snapshot.unsettled and not changed else 0
            pause = min(RETRY_SECONDS * 2.0 ** min(self._retries, 20), self._source.longest_pause)
            self._retry_at = time.monotonic() + pause
            if changed or (snapshot.files, snapshot.problems) != (
                self.snapshot.files,
                self.snapshot.problems,
            ):
                self._take(snapshot)
            # Now, and not before: a version that could not be taken over is news again the next time.
            self._manifest = manifest
        if all(problem.where != MANIFEST for problem in self.snapshot.problems):
            self._reporter.forget([MANIFEST])
        self._confirm()

    def _tell_status(self) -> None:
        if self._on_status is None:
            return
        status = self.status
        now = status.version, status.source, status.errors
        if now == self._told:
            return
        self._told = now
        try:
            self._on_status(status)
        except Exception as problem:  # noqa: BLE001 - it is the application's code
            self._reporter.report_failure("on_status", problem)

    def _after_fork(self) -> None:
        self._refreshing = threading.Lock()
        self.publishing = threading.RLock()
        # The parent may have been in the middle of taking it over.
        self._manifest = None


class FolderStore(FollowingStore):
    """Follows a delivery folder: one ``stat`` every ``refresh_seconds`` (None: by hand).

    ``at_once=False`` leaves reading it, the first time too, to whoever made the store.
    """

    def __init__(
        self,
        folder: Folder,
        reporter: Reporter,
        refresh_seconds: float | None,
        on_status: OnStatus | None = None,
        *,
        at_once: bool = True,
    ) -> None:
        super().__init__(folder, reporter, refresh_seconds, on_status)
        if at_once:
            self.load()
            self.follow("usersplit-refresh")

    def _check(self, manifest: Manifest) -> None:
        # A folder holds what somebody put there: versions that go back are a restored copy, and meant.
        version = self.snapshot.version
        if version is not None and manifest.version < version:
            message = f"its version went back from {version} to {manifest.version}; it is taken all the same"
            self._reporter.report(Problem(MANIFEST, message))
