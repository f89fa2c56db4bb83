"""The client: what an application holds on to, one per process, shared by all its threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from importlib import import_module
from time import monotonic, time_ns
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeVar

from usersplit_sdk import stand_ins
from usersplit_sdk.additional import AdditionalConditions, Registered
from usersplit_sdk.careful import Careful
from usersplit_sdk.hit_log import HIT_WINDOW_SECONDS, HitLog
from usersplit_sdk.hits import HitSink, NullHits
from usersplit_sdk.model import Decision, Environment, User
from usersplit_sdk.reporting import OnError, Reporter
from usersplit_sdk.snapshots import Snapshot, plain_text, snapshot_of_documents
from usersplit_sdk.store import REFRESH_SECONDS, TIMEOUT_SECONDS, OnStatus, PollSeconds, Status, Store
from usersplit_sdk.values import asked_nanoseconds
from usersplit_sdk.view import Ready, View

if TYPE_CHECKING:
    import ssl


ClientType = TypeVar("ClientType", bound="Client")


class Client:
    """Answers which variant a user gets. Make one with ``from_directory``, ``from_url`` or ``from_documents``.

    Checks read one immutable view, which a refresh replaces as a whole: no locks, no I/O, and no exception whatever
    the user, the request or a test file look like.

    Options of all constructors: ``hits`` is the sink for hits; ``hit_window`` the seconds within which a user is
    logged once for a variant (0: every time); ``on_error`` is called once with each problem, ``on_status`` with the
    status whenever its version, source or errors are others than before; ``conditions_module`` names
    a module with additional conditions, for the test ``green_button`` a class ``GreenButton`` with a method
    ``check_additional_conditions(user, environment) -> bool``.
    """

    def __init__(
        self,
        store: Store,
        reporter: Reporter,
        environment: str = "production",
        *,
        hits: HitSink | None = None,
        hit_window: float = HIT_WINDOW_SECONDS,
        conditions_module: str | ModuleType | None = None,
    ) -> None:
        self.environment = environment
        self._store = store
        self._reporter = reporter
        self._careful = Careful(reporter)
        self._hits = HitLog(NullHits() if hits is None else hits, environment, hit_window, reporter)
        module = import_module(conditions_module) if isinstance(conditions_module, str) else conditions_module
        # Not a method of the client's, which would keep a forgotten client alive.
        self._additional = AdditionalConditions(reporter.report_message, module)
        self._delivered = View(store.snapshot, environment, self._additional)
        # What checks read: the same, unless a test of the application has put something in its place.
        self._view = self._delivered
        # Of the view; by itself, to be reached in one step.
        self._at_once = self._view.at_once
        stand_ins.remember(self)
        store.subscribe(self._renew)

    @classmethod
    def from_directory(  # noqa: PYI019 - Self needs Python 3.11
        cls: type[ClientType],
        path: str | os.PathLike[str],
        environment: str = "production",
        *,
        hits: HitSink | None = None,
        on_error: OnError | None = None,
        on_status: OnStatus | None = None,
        refresh_seconds: float | None = REFRESH_SECONDS,
        hit_window: float = HIT_WINDOW_SECONDS,
        conditions_module: str | ModuleType | None = None,
    ) -> ClientType:
        """A client of a delivery folder, followed from a background thread (``refresh_seconds=None``: by hand).

        The folder may be missing; the client has no tests then, and picks it up when it appears.
        """
        from usersplit_sdk.folder import Folder  # noqa: PLC0415 - not for clients of documents or of a server
        from usersplit_sdk.following import FolderStore  # noqa: PLC0415

        reporter = Reporter(on_error)
        store = FolderStore(Folder(path), reporter, refresh_seconds, on_status)
        return cls(
            store,
            reporter,
            environment,
            hits=hits,
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
        hits: HitSink | None = None,
        on_error: OnError | None = None,
        on_status: OnStatus | None = None,
        hit_window: float = HIT_WINDOW_SECONDS,
        conditions_module: str | ModuleType | None = None,
    ) -> ClientType:
        """A client of a server, followed from a background thread (``poll_seconds=None``: by hand; ``"auto"``: every 5
        seconds, in the environment ``devel`` every second). Hits go to the same server, unless ``hits`` says otherwise.

        A copy of what it delivered last, and hits that it has not got yet, are kept in ``cache_dir`` (None: the user's
        cache folder; False: nothing is kept on disk). ``timeout``: seconds for one exchange. Raises ``ValueError`` for what
        cannot be an address or a token; a server that cannot be reached is not an error, but in the status.
        """
        from usersplit_sdk.of_server import follow_server  # noqa: PLC0415 - HTTP takes long to import

        reporter = Reporter(on_error)
        store, hits = follow_server(
            url,
            token,
            environment,
            reporter,
            cache_dir=cache_dir,
            poll_seconds=poll_seconds,
            timeout=timeout,
            ssl_context=ssl_context,
            hits=hits,
            on_error=on_error,
            on_status=on_status,
        )
        return cls(
            store,
            reporter,
            environment,
            hits=hits,
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
        hits: HitSink | None = None,
        on_error: OnError | None = None,
        hit_window: float = HIT_WINDOW_SECONDS,
        conditions_module: str | ModuleType | None = None,
    ) -> ClientType:
        """A client of test files given as dicts; for servers that have them at hand, and for tests.

        ``tests_off`` is ``{"user_ids": […], "device_ids": […]}``.
        """
        reporter = Reporter(on_error)
        store = Store(snapshot_of_documents(tests, groups, tests_off), reporter)
        return cls(
            store,
            reporter,
            environment,
            hits=hits,
            hit_window=hit_window,
            conditions_module=conditions_module,
        )

    # ---- checks ------------------------------------------------------------------------------------------

    def get_active_variant(
        self, key: str, user: User | None = None, request: Environment | None = None, log_hit: bool = True
    ) -> str | None:
        """The user's variant of the test, or None. Logs a hit if there is one, once per user and ``hit_window``."""
        try:
            check = self._at_once[key]
            variant = check(user, request)
            if variant is None or not log_hit:
                return variant
            window = self._hits.window
            who = user.id if user is not None else (request.device_id,)  # type: ignore[union-attr]
            if window.shortcuts[check][who] is variant and monotonic() < window.until:
                return variant
        except Exception:  # noqa: BLE001, S110 - asked for the first time, unknown, or the host's objects need care
            pass
        return self._answer(self._view, key, user, request, log_hit)[0]

    def explain(
        self,
        key: str,
        user: User | None = None,
        request: Environment | None = None,
        *,
        now: datetime | None = None,
    ) -> Decision:
        """The variant and why; logs nothing. ``now`` asks about another time (without an offset: UTC)."""
        return self._careful.decide(self._view, key, user, request, asked_nanoseconds(now))

    def active_variants(
        self, user: User | None = None, request: Environment | None = None, *, now: datetime | None = None
    ) -> dict[str, str]:
        """Every test in which the user has a variant: ``{key: variant}``, by key; logs nothing.

        What it costs depends on the tests that own the user's split group, not on how many there are.
        """
        view = self._view
        found: dict[str, str] = {}
        try:
            if now is None:
                group = user._group if user is not None else 0 if request is None else request._group  # noqa: SLF001 - made for checks
                few = view.few.get(group)
                if few is not None:
                    for key, check in few:
                        variant = check(user, request)
                        if variant is not None:
                            found[key] = variant
                    return found
            return self._careful.variants(view, user, request, asked_nanoseconds(now))
        except Exception:  # noqa: BLE001 - the host's objects need care
            return self._careful.every_variant(view, user, request, asked_nanoseconds(now))

    def test_keys(self) -> tuple[str, ...]:
        """The keys of all tests there are, usable or not, ascending."""
        return tuple(self._view.snapshot.tests)

    def control(self, key: str) -> str | None:
        """The name of the test's control; None if it has none, or is unknown."""
        test = self._view.test(key)
        return None if test is None else test.test.control

    def is_in_group(
        self,
        key: str,
        user: User | None = None,
        request: Environment | None = None,
        *,
        now: datetime | None = None,
    ) -> bool:
        """Is the user in the user group? An unknown or unusable group has nobody in it."""
        view = self._view
        at = time_ns() if now is None else asked_nanoseconds(now)
        try:
            return view.groups[key].check(user, request, at) is not None
        except Exception:  # noqa: BLE001 - asked for the first time, unknown, or the host's objects need care
            group = view.group(key)
            if group is None:
                return False
            return self._careful.decide_by(group, view, user, request, at).variant is not None

    def payload(
        self, key: str, user: User | None = None, request: Environment | None = None, *, log_hit: bool = False
    ) -> object:
        """The JSON payload of the user's variant (a copy), None without one. Logs no hit unless told to:
        it goes with a ``get_active_variant`` that has logged it."""
        variant, test = self._answer(self._view, key, user, request, log_hit)
        return None if variant is None or test is None else self._careful.payload(test, variant)

    def text(
        self,
        token: str,
        user: User | None = None,
        request: Environment | None = None,
        *,
        language: str,
        default: str,
        log_hit: bool = True,
    ) -> str:
        """The token's text in the user's variant and language, else ``default``; never another variant's text.

        The language falls back from ``de-AT`` (or ``de_at``) to ``de``. Where several tests have the token, the first by key
        in which the user has a variant decides. The hit is logged for users who see the default as well.
        """
        view = self._view
        name = plain_text(token) or ""
        for key in view.snapshot.token_tests.get(name, ()):
            variant, test = self._answer(view, key, user, request, log_hit)
            if variant is not None and test is not None:
                text = test.test.text(name, variant, plain_text(language) or "")
                return default if text is None else text
        return default

    def has_text(self, token: str) -> bool:
        """Is there a test with texts for the token?"""
        return plain_text(token) in self._view.snapshot.token_tests

    def log_hit(
        self, key: str, variant: str, user: User | None = None, request: Environment | None = None
    ) -> bool:
        """Log that the user was shown the variant now, unless it is logged in this ``hit_window`` already.

        Answers False for a test or variant that is unknown.
        """
        view = self._view
        test = view.test(key)
        name = plain_text(variant)
        if test is None or name is None or not test.test.has_variant(name):
            return False
        return self._hits.log(test.test, view.at_once.get(test.key), name, user, request)

    def additional_conditions(self, key: str) -> Callable[[Registered], Registered]:
        """Decorate a function of (user, environment), or a class with such a method ``check_additional_conditions``,
        that must return True for a user to get a split variant.

        It is called last. An exception in it, or an answer that is no bool, means "not in the test" and is
        reported once.
        """

        def register(conditions: Registered) -> Registered:
            self._additional = self._additional.plus(key, conditions)
            self._store.republish()
            return conditions

        return register

    # ---- life --------------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """Version, age and present faults."""
        return self._store.status

    @property
    def dropped_hits(self) -> int:
        """Hits that the sink has lost, if it counts them: beyond its bounds, or useless to the server."""
        return self._hits.dropped

    def refresh(self) -> bool:
        """Read the source now; answers whether the client is up to date with it. Never raises."""
        return self._store.refresh()

    def prepare(self) -> None:
        """Compile all tests now, and from here on in the thread that refreshes, rather than at the first question.

        For a server that forks after this (the children share what is compiled), and for an event loop, which calls
        it in a worker thread. It takes about half a millisecond of CPU a test. Never raises.
        """
        try:
            self._delivered.prepare()
        except Exception as problem:  # noqa: BLE001 - what cannot be compiled now is told when it is asked for
            self._reporter.report_failure("prepare", problem)

    def report(self, where: str, message: str) -> None:
        """Tell what is wrong with the application's own code about a test; once, to the log and to ``on_error``."""
        self._reporter.report_message(where, message)

    def close(self) -> None:
        """Stop following the source and close the hit sink. Checks go on with what is loaded."""
        self._store.close()
        self._hits.close()

    def __enter__(self: ClientType) -> ClientType:  # noqa: PYI019 - Self needs Python 3.11
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # ---- inside ------------------------------------------------------------------------------------------

    def _renew(self, snapshot: Snapshot) -> None:
        """Take over a snapshot; the store calls this for one at a time."""
        self._delivered = View(snapshot, self.environment, self._additional, self._delivered)
        self._show()

    def _show(self) -> None:
        """Let checks read what is delivered, or what stands in for it; with the store's lock."""
        stand_in = stand_ins.current
        view = self._delivered if stand_in is None else stand_in.view_of(self, self._delivered)
        self._view = view
        self._at_once = view.at_once

    def _answer(
        self, view: View, key: object, user: User | None, request: Environment | None, log_hit: bool
    ) -> tuple[str | None, Ready | None]:
        """The variant and its test out of one view, the hit logged if wanted."""
        test = view.test(key)
        if test is None:
            return None, None
        now = time_ns()
        try:
            view.put_at_hand(test)
            if view.is_off(user, request):
                variant = self._careful.decide_by(test, view, user, request, now).variant
            else:
                variant = test.check(user, request, now)
        except Exception:  # noqa: BLE001 - the host's objects need care
            variant = self._careful.decide_by(test, view, user, request, now).variant
        if variant is not None and log_hit:
            self._hits.log(test.test, view.at_once.get(test.key), variant, user, request)
        return variant, test
