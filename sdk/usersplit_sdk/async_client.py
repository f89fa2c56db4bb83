"""The client of an application that runs on asyncio: the same client, on an event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from usersplit_sdk.additional import Registered
from usersplit_sdk.async_hits import AsyncHitSink, Batching
from usersplit_sdk.async_queue import LAST_SECONDS, HitQueue
from usersplit_sdk.client import Client
from usersplit_sdk.event_loop import AT_A_TURN, Turns, in_thread
from usersplit_sdk.folder import Folder
from usersplit_sdk.following import FolderStore
from usersplit_sdk.hit_log import HIT_WINDOW_SECONDS
from usersplit_sdk.hits import HitSink
from usersplit_sdk.model import Decision, Environment, User
from usersplit_sdk.reporting import OnError, Reporter
from usersplit_sdk.snapshots import snapshot_of_documents
from usersplit_sdk.store import (
    REFRESH_SECONDS,
    TIMEOUT_SECONDS,
    OnStatus,
    PollSeconds,
    Status,
    Store,
    poll_seconds_for,
)

if TYPE_CHECKING:
    import ssl

CLOSE_SECONDS = 10.0

ClientType = TypeVar("ClientType", bound="AsyncClient")


class AsyncClient:
    """Answers which variant a user gets, on an event loop. It is made without one, and belongs to the one that starts it:

        async with AsyncClient.from_directory("delivery/", hits=sink) as client:
            await client.get_active_variant("green_button", user, request)

    What may log a hit is awaited; what logs nothing is not. Every answer is that of ``client``, a ``Client``, and so are
    the constructors' options. ``hits`` is an ``AsyncHitSink``, which gets its hits as ``batching`` says, or a
    ``HitSink``. A source is read and compiled in worker threads, first by ``start``; until then there are no tests.
    """

    def __init__(
        self,
        store: Store,
        reporter: Reporter,
        environment: str = "production",
        *,
        hits: AsyncHitSink | HitSink | None = None,
        batching: Batching = Batching(),  # noqa: B008 - immutable
        hit_window: float = HIT_WINDOW_SECONDS,
        conditions_module: str | ModuleType | None = None,
    ) -> None:
        self._queue: HitQueue | None = None
        if hasattr(hits, "store"):
            self._queue = HitQueue(cast(AsyncHitSink, hits), batching, reporter)
        self.client = Client(
            store,
            reporter,
            environment,
            hits=cast("HitSink | None", hits) if self._queue is None else self._queue,
            hit_window=hit_window,
            conditions_module=conditions_module,
        )
        self._store = store
        self._loop: asyncio.AbstractEventLoop | None = None
        self._following: asyncio.Task[None] | None = None
        self._closed = False
        self._turns = Turns()

    @classmethod
    def from_directory(  # noqa: PYI019 - Self needs Python 3.11
        cls: type[ClientType],
        path: str | os.PathLike[str],
        environment: str = "production",
        *,
        hits: AsyncHitSink | HitSink | None = None,
        batching: Batching = Batching(),  # noqa: B008 - immutable
        on_error: OnError | None = None,
        on_status: OnStatus | None = None,
        refresh_seconds: float | None = REFRESH_SECONDS,
        hit_window: float = HIT_WINDOW_SECONDS,
        conditions_module: str | ModuleType | None = None,
    ) -> ClientType:
        """A client of a delivery folder, followed once it is started (``refresh_seconds=None``: by hand)."""
        reporter = Reporter(on_error)
        return cls(
            FolderStore(Folder(path), reporter, refresh_seconds, on_status, at_once=False),
            reporter,
            environment,
            hits=hits,
            batching=batching,
            hit_window=hit_window,
            conditions_module=conditions_module,
        )

    @classmethod
    def from_url(  # noqa: PYI019 - Self needs Python 3.11
        cls: type[ClientType],
        url: str,
        token: str,
        environment: str = "production",
        *,
        cache_dir: str | os.PathLike[str] | Literal[False] | None = None,
        poll_seconds: PollSeconds = "auto",
        timeout: float = TIMEOUT_SECONDS,
        ssl_context: ssl.SSLContext | None = None,
        hits: AsyncHitSink | HitSink | None = None,
        batching: Batching = Batching(),  # noqa: B008 - immutable
        on_error: OnError | None = None,
        on_status: OnStatus | None = None,
        hit_window: float = HIT_WINDOW_SECONDS,
        conditions_module: str | ModuleType | None = None,
    ) -> ClientType:
        """A client of a server, followed once it is started. Hits go to the same server, unless ``hits`` says otherwise."""
        from usersplit_sdk.async_http_hits import AsyncHttpHits  # noqa: PLC0415 - HTTP takes long to import
        from usersplit_sdk.http_hits import spool_beside  # noqa: PLC0415
        from usersplit_sdk.remote import RemoteStore  # noqa: PLC0415

        reporter = Reporter(on_error)
        store = RemoteStore(
            url,
            token,
            reporter,
            cache_dir=cache_dir,
            poll_seconds=poll_seconds_for(environment, poll_seconds),
            timeout=timeout,
            on_status=on_status,
            ssl_context=ssl_context,
            at_once=False,
        )
        if hits is None:
            hits = AsyncHttpHits(
                url,
                token,
                spool=spool_beside(cache_dir, url, environment),
                timeout=timeout,
                ssl_context=ssl_context,
                on_error=on_error,
            )
        return cls(
            store,
            reporter,
            environment,
            hits=hits,
            batching=batching,
            hit_window=hit_window,
            conditions_module=conditions_module,
        )

    @classmethod
    def from_documents(  # noqa: PYI019 - Self needs Python 3.11
        cls: type[ClientType],
        tests: Iterable[object] = (),
        groups: Iterable[object] = (),
        environment: str = "production",
        tests_off: object = None,
        *,
        hits: AsyncHitSink | HitSink | None = None,
        batching: Batching = Batching(),  # noqa: B008 - immutable
        on_error: OnError | None = None,
        hit_window: float = HIT_WINDOW_SECONDS,
        conditions_module: str | ModuleType | None = None,
    ) -> ClientType:
        """A client of test files given as dicts."""
        reporter = Reporter(on_error)
        return cls(
            Store(snapshot_of_documents(tests, groups, tests_off), reporter),
            reporter,
            environment,
            hits=hits,
            batching=batching,
            hit_window=hit_window,
            conditions_module=conditions_module,
        )

    # ---- checks that may log a hit -----------------------------------------------------------------------

    async def get_active_variant(
        self, key: str, user: User | None = None, request: Environment | None = None, log_hit: bool = True
    ) -> str | None:
        """The user's variant of the test, or None. Logs a hit if there is one, once per user and ``hit_window``.

        Waits for nothing but the loop's next turn, after many checks in this one, and for room in the queue of hits, if
        there is a hit and it is full. Cancelled, it has logged nothing.
        """
        self._turns.taken += 1
        if self._turns.taken > AT_A_TURN:
            await self._turns.next()
        if (
            log_hit
            and self._is_full()
            and self.client.get_active_variant(key, user, request, False) is not None
        ):
            await self._room()
        return self.client.get_active_variant(key, user, request, log_hit)

    async def payload(
        self, key: str, user: User | None = None, request: Environment | None = None, *, log_hit: bool = False
    ) -> object:
        """The JSON payload of the user's variant (a copy), None without one. Logs no hit unless told to."""
        await self._before(log_hit)
        return self.client.payload(key, user, request, log_hit=log_hit)

    async def text(
        self,
        token: str,
        user: User | None = None,
        request: Environment | None = None,
        *,
        language: str,
        default: str,
        log_hit: bool = True,
    ) -> str:
        """The token's text in the user's variant and language, else ``default``; never another variant's text."""
        await self._before(log_hit)
        return self.client.text(token, user, request, language=language, default=default, log_hit=log_hit)

    async def log_hit(
        self, key: str, variant: str, user: User | None = None, request: Environment | None = None
    ) -> bool:
        """Log that the user was shown the variant now, unless it is logged in this ``hit_window`` already.

        Answers False for a test or variant that is unknown, and for a hit that had to be dropped.
        """
        await self._before(log_hit=True)
        return self.client.log_hit(key, variant, user, request)

    # ---- checks that log nothing -------------------------------------------------------------------------

    def explain(
        self,
        key: str,
        user: User | None = None,
        request: Environment | None = None,
        *,
        now: datetime | None = None,
    ) -> Decision:
        """The variant and why. ``now`` asks about another time (without an offset: UTC)."""
        return self.client.explain(key, user, request, now=now)

    def active_variants(
        self, user: User | None = None, request: Environment | None = None, *, now: datetime | None = None
    ) -> dict[str, str]:
        """Every test in which the user has a variant: ``{key: variant}``, by key."""
        return self.client.active_variants(user, request, now=now)

    def is_in_group(
        self,
        key: str,
        user: User | None = None,
        request: Environment | None = None,
        *,
        now: datetime | None = None,
    ) -> bool:
        """Is the user in the user group? An unknown or unusable group has nobody in it."""
        return self.client.is_in_group(key, user, request, now=now)

    def additional_conditions(self, key: str) -> Callable[[Registered], Registered]:
        """Decorate a test's conditions in code, as with ``Client``: plain functions, which must not wait for anything.

        Before the client is started: later on, all tests would be compiled again while the loop waits.
        """
        return self.client.additional_conditions(key)

    # ---- life --------------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """Version, age and present faults."""
        return self.client.status

    @property
    def dropped_hits(self) -> int:
        """Hits that an asynchronous sink did not get: the queue was full, or it refused them, or closing took too long.

        Those that a sink has lost count as well, if it counts them.
        """
        return self.client.dropped_hits

    async def start(self) -> None:
        """Read the source for the first time, follow it from here on, and begin to store hits.

        Raises ``RuntimeError`` for a client that was started before: each event loop needs one of its own.
        """
        if self._loop is not None or self._closed:
            raise RuntimeError(
                "this client was started before; make one for each event loop, and for each start"
            )
        loop = self._loop = self._turns.loop = asyncio.get_running_loop()
        try:
            await in_thread(self._load)
        except BaseException:
            self._loop = None
            raise
        if self._closed:
            return
        if self._queue is not None:
            await self._queue.start()
        if self._store.follows:
            self._following = loop.create_task(self._follow(), name="usersplit-refresh")

    async def refresh(self) -> bool:
        """Read the source now; answers whether the client is up to date with it. Never raises."""
        return await in_thread(self.client.refresh)

    async def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Stop following the source, store the hits that are left, for ``timeout`` seconds at most, and close the sink.

        Checks go on with what is loaded; hits are dropped and counted from here on.
        """
        if self._closed:
            return
        if self._loop not in (None, asyncio.get_running_loop()):
            raise RuntimeError("this client belongs to another event loop; close it there")
        self._closed = True
        if self._following is not None:
            self._following.cancel()
        try:
            if self._queue is not None:
                await self._queue.finish(timeout)
        finally:
            try:
                # A plain sink may write to a disk.
                await asyncio.wait_for(in_thread(self.client.close), max(timeout, LAST_SECONDS))
            except asyncio.TimeoutError:
                self.client.report("hits", "closing took too long; some may not be stored")

    async def __aenter__(self: ClientType) -> ClientType:  # noqa: PYI019 - Self needs Python 3.11
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    # ---- inside ------------------------------------------------------------------------------------------

    def _load(self) -> None:
        self._store.load()
        self.client.prepare()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._store.next_delay())
            # Without threads to be had it goes on with what it has.
            with suppress(RuntimeError):
                await in_thread(self._store.poll)

    async def _before(self, log_hit: bool) -> None:
        self._turns.taken += 1
        if self._turns.taken > AT_A_TURN:
            await self._turns.next()
        if log_hit and self._is_full():
            await self._room()

    def _is_full(self) -> bool:
        return self._queue is not None and self._queue.is_full()

    async def _room(self) -> None:
        if self._queue is not None:
            await self._queue.room()
