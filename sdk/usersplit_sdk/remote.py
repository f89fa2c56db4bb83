"""A delivery read from a server, with a copy on disk for the time when the server is down."""

from __future__ import annotations

import os
import random
import re
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal

import usersplit_sdk
from usersplit_sdk.disk_copy import DiskCopy, default_cache_folder
from usersplit_sdk.errors import InvalidDocument, Problem
from usersplit_sdk.following import FollowingStore
from usersplit_sdk.loading import Keep, Mismatch, Source, check_body, load
from usersplit_sdk.manifest import Manifest, ManifestReader
from usersplit_sdk.origin import Connection, Origin, Refused, Unreachable
from usersplit_sdk.reporting import Reporter
from usersplit_sdk.snapshots import Snapshot
from usersplit_sdk.store import POLL_SECONDS, TIMEOUT_SECONDS, OnStatus

if TYPE_CHECKING:
    import ssl

LOAD_SECONDS = 60.0
"""What a refresh may take altogether. What it has fetched by then, the next one need not fetch again."""
BACKOFF_LIMIT = 60.0
JITTER = 0.25
CONNECTIONS = 4
FEW = 4
"""So many files are fetched one after another; more of them over several connections."""
FAILURES_IN_A_ROW = 3
STEP_BACK_SECONDS = 30.0
SAVE_AGAIN_SECONDS = 60.0
FLUSHED = 20
"""So many files a refresh are flushed to disk at once. The thousands of a first load are left to the system, which
does it within half a minute: should it not come to that, their checksums tell."""
COPY = "disk copy"
HIGHEST_VERSION = 2**53
"""A server that has more of them is not ours."""

CacheDir = str | os.PathLike[str] | Literal[False] | None


class Remote(Source):
    """Reads a delivery over HTTP. Connections are open only while it is read, so that no fork inherits one."""

    pauses: tuple[float, ...] = (0.0, 0.25, 0.5)
    longest_pause = 60.0

    def __init__(self, origin: Origin) -> None:
        self.where = origin.url
        self.seconds = LOAD_SECONDS
        self.given_up = False
        self._origin = origin
        self._until = 0.0
        self._connection = Connection(origin, self._deadline)
        self._reader = ManifestReader()
        self._etag: str | None = None
        self._told_as = (0, "")
        self.version = 0
        """The version in use, as the server is told; 0 is none."""
        self.told: int | None = None
        """The version that the server was told last."""

    @contextmanager
    def session(self) -> Iterator[None]:
        """One refresh; it may take ``seconds``."""
        self.given_up = False
        self._until = time.monotonic() + self.seconds
        try:
            yield
        finally:
            self._connection.close()

    def give_up(self) -> None:
        """Ask nothing more in the session there is now; for other threads."""
        self.given_up = True
        self._until = 0.0

    def after_fork(self) -> None:
        """Leave to the parent what a fork in the middle of a session has copied."""
        self._connection = Connection(self._origin, self._deadline)

    def read_manifest(self) -> Manifest:
        """The server's manifest; costs it a 304 while there is no news. Tells it who asks, and what runs here."""
        self.told = self.version
        report = {
            "UserSplit-Instance": self._instance(),
            "UserSplit-Version": str(self.version),
            "UserSplit-SDK": usersplit_sdk.__version__,
        }
        answer = self._connection.get("/api/v1/delivery/manifest", self._etag, report)
        if answer.status == 304:
            return self._reader.again()
        manifest = self._reader.parse(answer.body)
        self._etag = answer.etag
        return manifest

    def read(self, path: str, checksum: str) -> bytes:
        """The bytes of a file that the server has."""
        return self._fetch(self._connection, path)

    def read_each(self, wanted: Mapping[str, str]) -> Iterable[tuple[str, bytes | OSError]]:
        """The bytes of files, or why one cannot be had; raises ``Unreachable`` if it is the server's fault."""
        found = super().read_each(wanted) if len(wanted) <= FEW else self._side_by_side(wanted)
        failures = 0
        for path, body in found:
            failures = failures + 1 if isinstance(body, Unreachable) else 0
            if isinstance(body, Refused) or (isinstance(body, OSError) and failures >= FAILURES_IN_A_ROW):
                raise body
            yield path, body

    def _instance(self) -> str:
        """This process among all others: forked children are new ones."""
        pid = os.getpid()
        if self._told_as[0] != pid:
            host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:64] or "unnamed"
            self._told_as = pid, f"{host}:{pid}:{secrets.token_hex(4)}"
        return self._told_as[1]

    def _fetch(self, connection: Connection, path: str) -> bytes:
        return connection.get(f"/api/v1/delivery/files/{path}").body

    def _deadline(self) -> float:
        return self._until

    def _side_by_side(self, wanted: Mapping[str, str]) -> Iterator[tuple[str, bytes | OSError]]:
        """Fetch over several connections; no more bodies are ahead of who reads them than there are of those."""
        todo = deque(wanted)
        room = threading.Semaphore(2 * CONNECTIONS)
        done: SimpleQueue[tuple[str, bytes | OSError]] = SimpleQueue()

        def work() -> None:
            connection = Connection(self._origin, self._deadline)
            while True:
                room.acquire()
                try:
                    path = todo.popleft()
                except IndexError:
                    break
                done.put((path, self._try_fetch(connection, path)))
            connection.close()

        for _ in range(CONNECTIONS):
            threading.Thread(target=work, name="usersplit-fetch", daemon=True).start()
        try:
            for _ in wanted:
                yield done.get()
                room.release()
        finally:
            todo.clear()
            room.release(CONNECTIONS)

    def _try_fetch(self, connection: Connection, path: str) -> bytes | OSError:
        try:
            return self._fetch(connection, path)
        except OSError as problem:
            return problem
        except Exception as problem:  # noqa: BLE001 - who waits for this answer has to get one
            return Unreachable(f"{type(problem).__name__}: {problem}")


class RemoteStore(FollowingStore):
    """Follows the delivery of the server at ``url``.

    ``cache_dir`` is the folder for the copy on disk: None is the user's cache folder, False is no copy at all.
    ``poll_seconds`` is the mean time between two looks (None: by hand); after failures it doubles up to a minute.
    ``timeout`` is for one exchange; the constructor waits for the first load, but with a copy at hand no longer
    than one ``timeout``. Raises ``ValueError`` for an url or a token that cannot be one. ``at_once=False`` leaves
    reading, the first time too, to whoever made the store.
    """

    def __init__(
        self,
        url: str,
        token: str,
        reporter: Reporter,
        *,
        cache_dir: CacheDir = None,
        poll_seconds: float | None = POLL_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
        on_status: OnStatus | None = None,
        ssl_context: ssl.SSLContext | None = None,
        at_once: bool = True,
    ) -> None:
        self._remote = Remote(Origin(url, token, timeout, ssl_context))
        super().__init__(self._remote, reporter, poll_seconds, on_status)
        self._failures = 0
        self._older_since: float | None = None
        self._from_copy = False
        self._copy = None if cache_dir is False else _copy(cache_dir, self._remote.where)
        self._copy_problem: Problem | None = None
        self._saved: Snapshot | None = None
        self._save_at = 0.0
        self._timeout = timeout
        if at_once:
            self.load()
            self.follow("usersplit-poll")

    def load(self) -> None:
        """Read the server, or the copy if it cannot be had, for the first time. Never raises."""
        self._start_from_copy()
        self._remote.seconds = min(self._timeout, LOAD_SECONDS) if self._from_copy else LOAD_SECONDS
        self.refresh()
        self._remote.seconds = LOAD_SECONDS
        if self._from_copy:
            self._take(self.snapshot)  # what is wrong with the copy matters only now

    def next_delay(self) -> float:
        """The number of seconds to wait before the next ``poll``: with jitter, longer after failures."""
        seconds = POLL_SECONDS if self._seconds is None else self._seconds
        if self._failures:
            seconds = max(seconds, min(seconds * 2.0 ** min(self._failures, 20), BACKOFF_LIMIT))
        return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret

    def close(self) -> None:
        """Stop following the server; the snapshot stays."""
        self._remote.give_up()
        super().close()

    def _source_name(self) -> str:
        return f"{COPY} of {self._remote.where}" if self._from_copy else self._remote.where

    def _source_problems(self) -> tuple[Problem, ...]:
        problems = super()._source_problems()
        return problems if self._copy_problem is None else (*problems, self._copy_problem)

    def _check(self, manifest: Manifest) -> None:
        """A version that goes back is a lagging server or a restored backup: only what lasts is the latter."""
        version = self.snapshot.version
        if self._from_copy or version is None or manifest.version >= version:
            self._older_since = None
            return
        now = time.monotonic()
        if self._older_since is None:
            self._older_since = now
        if now - self._older_since < STEP_BACK_SECONDS:
            raise InvalidDocument(
                "version",
                f"went back from {version} to {manifest.version}; that is taken over once it has lasted for"
                f" {STEP_BACK_SECONDS:g} s",
            )

    def _confirm(self) -> None:
        self._failures = 0
        self._from_copy = False
        super()._confirm()
        self._tell_version()
        self._save()

    def _publish(self, snapshot: Snapshot) -> None:
        super()._publish(snapshot)
        # Only now do checks follow it.
        self._use(snapshot)

    def _use(self, snapshot: Snapshot) -> None:
        # With a file still missing it is not yet the whole version that runs here.
        if not snapshot.unsettled:
            version = snapshot.version or 0
            self._remote.version = version if version < HIGHEST_VERSION else 0

    def _tell_version(self) -> None:
        """Who waits for a delivery should not wait for the next look as well, so news are told at once."""
        if self._remote.told != self._remote.version and not self._remote.given_up:
            # What the answer holds, or that there is none, is seen at the next look.
            with suppress(OSError, InvalidDocument):
                self._remote.read_manifest()

    def _fail(self, message: str) -> bool:
        if self._remote.given_up:
            return False  # we hung up ourselves
        self._failures += 1
        return super()._fail(f"{message}; the copy on disk is used" if self._from_copy else message)

    def _after_fork(self) -> None:
        super()._after_fork()
        self._remote.after_fork()

    # ---- the copy on disk --------------------------------------------------------------------------------

    def _start_from_copy(self) -> None:
        if self._copy is None:
            return
        try:
            manifest = self._copy.read_manifest()
            _, self.snapshot = load(self._copy, manifest, Snapshot(), {}, settle=False)
            self._use(self.snapshot)
            age = self._copy.age()
        except (FileNotFoundError, NotADirectoryError):
            return
        except (OSError, InvalidDocument) as problem:
            self._tell_copy_problem(f"it cannot be read: {problem}")
            return
        self._from_copy = True
        self._confirmed = None if age is None else time.monotonic() - age

    def _keep(self) -> Keep | None:
        copy = self._copy
        if copy is None:
            return None
        kept: list[str] = []

        def keep(checksum: str, body: bytes) -> None:
            if time.monotonic() >= self._save_at:
                kept.append(checksum)
                try:
                    copy.keep(checksum, body, flush=len(kept) <= FLUSHED)
                except OSError as problem:
                    self._cannot_write(problem)

        return keep

    def _save(self) -> None:
        """Bring the copy up to date; a disk that refuses is told of, and tried again later."""
        copy = self._copy
        if copy is None or time.monotonic() < self._save_at:
            return
        try:
            if self._saved is self.snapshot:
                copy.touch()
                return
            self._fetch_missing(copy)
            copy.finish(self.snapshot)
        except FileNotFoundError:
            self._saved = None  # somebody has removed it
        except OSError as problem:
            self._cannot_write(problem)
        else:
            self._saved = self.snapshot
            self._copy_problem = None
            self._reporter.forget([COPY])

    def _fetch_missing(self, copy: DiskCopy) -> None:
        """Files that are known, but not stored: somebody has cleared the folder, or the disk was full."""
        missing = copy.missing(self.snapshot)
        for path, body in self._remote.read_each(missing) if missing else ():
            try:
                sound = check_body(body, missing[path])
            except (OSError, Mismatch):
                continue  # the copy goes without it
            copy.keep(missing[path], sound, flush=False)

    def _cannot_write(self, problem: OSError) -> None:
        self._save_at = time.monotonic() + SAVE_AGAIN_SECONDS
        self._tell_copy_problem(f"it cannot be written: {problem}")

    def _tell_copy_problem(self, message: str) -> None:
        self._copy_problem = Problem(COPY, message)
        self._reporter.report(self._copy_problem)


def _copy(cache_dir: str | os.PathLike[str] | None, url: str) -> DiskCopy:
    return DiskCopy(default_cache_folder() if cache_dir is None else Path(cache_dir), url)
