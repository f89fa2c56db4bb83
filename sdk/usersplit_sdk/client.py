"""The client: what an application holds on to, one per process, shared by all its threads."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone

from usersplit_sdk import engine
from usersplit_sdk.documents import CompiledTest
from usersplit_sdk.engine import Subject, read_subject
from usersplit_sdk.errors import Problem
from usersplit_sdk.folder import Folder
from usersplit_sdk.hits import HitSink, NullHits
from usersplit_sdk.model import Decision, Environment, Hit, Reason, User
from usersplit_sdk.reporting import OnError, Reporter
from usersplit_sdk.snapshots import Snapshot, find, snapshot_of_documents
from usersplit_sdk.store import FolderStore, Status, Store

REFRESH_SECONDS = 0.5

AdditionalConditions = Callable[[User | None, Environment], bool]


class Client:
    """Answers which variant a user gets. Make one with ``from_directory`` or ``from_documents``.

    Checks read one immutable snapshot, which a refresh replaces as a whole: no locks, no I/O, and no exception
    whatever the user, the request or a test file look like.
    """

    def __init__(self, store: Store, reporter: Reporter, environment: str, hits: HitSink | None) -> None:
        self.environment = environment
        self._store = store
        self._reporter = reporter
        self._hits: HitSink = NullHits() if hits is None else hits
        self._additional: dict[str, AdditionalConditions] = {}

    @classmethod
    def from_directory(
        cls,
        path: str | os.PathLike[str],
        environment: str = "production",
        *,
        hits: HitSink | None = None,
        on_error: OnError | None = None,
        refresh_seconds: float | None = REFRESH_SECONDS,
    ) -> Client:
        """A client of a delivery folder, followed from a background thread (``refresh_seconds=None``: by hand).

        The folder may be missing; the client has no tests then, and picks it up when it appears.
        """
        reporter = Reporter(on_error)
        return cls(FolderStore(Folder(path), reporter, refresh_seconds), reporter, environment, hits)

    @classmethod
    def from_documents(
        cls,
        tests: Iterable[object] = (),
        groups: Iterable[object] = (),
        environment: str = "production",
        tests_off: object = None,
        *,
        hits: HitSink | None = None,
        on_error: OnError | None = None,
    ) -> Client:
        """A client of test files given as dicts; for servers that have them at hand, and for tests.

        ``tests_off`` is ``{"user_ids": […], "device_ids": […]}``.
        """
        reporter = Reporter(on_error)
        store = Store(snapshot_of_documents(tests, groups, tests_off), reporter)
        return cls(store, reporter, environment, hits)

    # ---- checks ------------------------------------------------------------------------------------------

    def get_active_variant(
        self, key: str, user: User | None = None, request: Environment | None = None, log_hit: bool = True
    ) -> str | None:
        """The user's variant of the test, or None; logs a hit if there is one and the test is not finished."""
        return self._shown(key, user, request, log_hit)[0]

    def explain(
        self,
        key: str,
        user: User | None = None,
        request: Environment | None = None,
        *,
        now: datetime | None = None,
    ) -> Decision:
        """The variant and why; logs nothing. ``now`` asks about another time (without an offset: UTC)."""
        return self._decide(key, user, request, now)

    def active_variants(
        self, user: User | None = None, request: Environment | None = None, *, now: datetime | None = None
    ) -> dict[str, str]:
        """Every test in which the user has a variant: ``{key: variant}``, by key; logs nothing."""
        snapshot, moment, subject = self._store.snapshot, _moment(now), read_subject(user, request)
        found = {}
        for key in snapshot.tests:
            variant = self._decide_in(snapshot, key, subject, user, request, moment).variant
            if variant is not None:
                found[key] = variant
        return found

    def test_keys(self) -> tuple[str, ...]:
        """The keys of all tests there are, usable or not, ascending."""
        return tuple(self._store.snapshot.tests)

    def is_in_group(
        self,
        key: str,
        user: User | None = None,
        request: Environment | None = None,
        *,
        now: datetime | None = None,
    ) -> bool:
        """Is the user in the user group? An unknown or unusable group has nobody in it."""
        try:
            entry = find(self._store.snapshot.groups, key)
            if entry is None or entry.test is None:
                return False
            return engine.is_in_group(entry.test, read_subject(user, request), _moment(now))
        except Exception as problem:  # noqa: BLE001 - a check never raises into the host
            self._reporter.report_failure(key, problem)
            return False

    def payload(
        self, key: str, user: User | None = None, request: Environment | None = None, *, log_hit: bool = False
    ) -> object:
        """The JSON payload of the user's variant (a copy), None without one. Logs no hit unless told to:
        it goes with a ``get_active_variant`` that has logged it."""
        variant, test = self._shown(key, user, request, log_hit)
        if variant is None or test is None:
            return None
        try:
            return copy.deepcopy(test.payloads.get(variant))
        except RecursionError as problem:
            self._reporter.report_failure(key, problem)
            return None

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

        The language falls back from ``de-AT`` to ``de``. Where several tests have the token, the first by key
        in which the user has a variant decides. The hit is logged for users who see the default as well.
        """
        snapshot = self._store.snapshot
        for key in find(snapshot.token_tests, token) or ():
            variant, test = self._shown(key, user, request, log_hit)
            if variant is not None and test is not None:
                return _in_language(test.texts.get(token, {}).get(variant, {}), language, default)
        return default

    def log_hit(
        self, key: str, variant: str, user: User | None = None, request: Environment | None = None
    ) -> bool:
        """Log that the user was shown the variant now; answers False for a test or variant that is unknown."""
        entry = find(self._store.snapshot.tests, key)
        test = None if entry is None else entry.test
        if test is None or not test.has_variant(variant):
            return False
        return self._record(test, variant, read_subject(user, request), _moment(None))

    # ---- additional conditions ---------------------------------------------------------------------------

    def additional_conditions(self, key: str) -> Callable[[AdditionalConditions], AdditionalConditions]:
        """Decorate a function of (user, request) that must return True for a user to get a split variant.

        It is called last. An exception in it, or an answer that is no bool, means "not in the test" and is
        reported once.
        """

        def register(function: AdditionalConditions) -> AdditionalConditions:
            self._additional = {**self._additional, key: function}
            return function

        return register

    # ---- life --------------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """Version, age and present faults."""
        return self._store.status

    def refresh(self) -> bool:
        """Read the folder now; answers whether the client is up to date with it. Never raises."""
        return self._store.refresh()

    def report(self, where: str, message: str) -> None:
        """Tell what is wrong with the application's own code about a test; once, to the log and to ``on_error``."""
        self._reporter.report(Problem(where, message))

    def close(self) -> None:
        """Stop following the folder and close the hit sink. Checks go on with what is loaded."""
        self._store.close()
        try:
            self._hits.close()
        except Exception as problem:  # noqa: BLE001 - a sink is the application's code
            self._reporter.report_failure("hits", problem)

    def __enter__(self) -> Client:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # ---- inside ------------------------------------------------------------------------------------------

    def _decide(
        self, key: str, user: User | None, request: Environment | None, now: datetime | None
    ) -> Decision:
        return self._decide_in(
            self._store.snapshot, key, read_subject(user, request), user, request, _moment(now)
        )

    def _decide_in(
        self,
        snapshot: Snapshot,
        key: str,
        subject: Subject,
        user: User | None,
        request: Environment | None,
        now: datetime,
    ) -> Decision:
        try:
            entry = find(snapshot.tests, key)
            if entry is None:
                return Decision(None, Reason.UNKNOWN_TEST)
            if entry.test is None:
                return Decision(None, Reason.INVALID_TEST_FILE, entry.error)
            function = self._additional.get(key)
            additional = None if function is None else lambda: self._call(key, function, user, request)
            return engine.decide(entry.test, subject, self.environment, now, snapshot.tests_off, additional)
        except Exception as problem:  # noqa: BLE001 - a check never raises into the host
            self._reporter.report_failure(key, problem)
            return Decision(None, Reason.INVALID_TEST_FILE, f"the check failed: {type(problem).__name__}")

    def _call(
        self, key: str, function: AdditionalConditions, user: User | None, request: Environment | None
    ) -> bool:
        try:
            environment = request if request is not None else Environment()
            answer = function(user, environment)
            if isinstance(answer, bool):
                return answer
            message = f"its additional conditions returned {type(answer).__name__}, not a bool"
        except Exception as problem:  # noqa: BLE001 - it is the application's code
            message = f"its additional conditions raised {type(problem).__name__}: {problem}"
        self._reporter.report(Problem(key, message))
        return False

    def _shown(
        self, key: str, user: User | None, request: Environment | None, log_hit: bool
    ) -> tuple[str | None, CompiledTest | None]:
        """The variant and its test out of one snapshot, the hit logged if wanted."""
        snapshot, subject, now = self._store.snapshot, read_subject(user, request), _moment(None)
        decision = self._decide_in(snapshot, key, subject, user, request, now)
        if decision.variant is None:
            return None, None
        test = snapshot.tests[key].test
        # Of a finished test too: hits that go on coming tell that it is still in somebody's code.
        if log_hit and test is not None:
            self._record(test, decision.variant, subject, now)
        return decision.variant, test

    def _record(self, test: CompiledTest, variant: str, subject: Subject, now: datetime) -> bool:
        try:
            hit = Hit(
                test=test.key,
                settings_group=test.settings_group,
                variant=variant,
                user_id=subject.user_id,
                device_id=subject.device_id,
                split_group=subject.split_group or None,
                environment=self.environment,
                time=now,
                forced=engine.forced_variant(test, subject, self.environment) is not None,
                test_user=subject.is_test_user,
            )
            self._hits.record(hit)
        except Exception as problem:  # noqa: BLE001 - a sink is the application's code
            self._reporter.report_failure("hits", problem)
            return False
        return True


def _moment(now: datetime | None) -> datetime:
    if not isinstance(now, datetime):
        return datetime.now(timezone.utc)
    return now if now.tzinfo is not None else now.replace(tzinfo=timezone.utc)


def _in_language(texts: Mapping[str, str], language: object, default: str) -> str:
    """``de-AT`` (or ``de_AT``), then ``de``, then the default."""
    if not isinstance(language, str):
        return default
    exact = texts.get(language)
    if exact is None:
        exact = texts.get(language.replace("_", "-").partition("-")[0])
    return default if exact is None else exact
