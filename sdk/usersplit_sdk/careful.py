"""Decisions with their reasons, where speed is not asked for: explanations, and whatever the quick way could not answer."""

from __future__ import annotations

from usersplit_sdk.engine import read_subject
from usersplit_sdk.model import Decision, Environment, Reason, User
from usersplit_sdk.reporting import Reporter
from usersplit_sdk.snapshots import find
from usersplit_sdk.view import Ready, View


class Careful:
    """Decides by a view and tells the reporter what failed; never raises, whatever the host's objects do."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def decide(
        self, view: View, key: object, user: User | None, request: Environment | None, now: int
    ) -> Decision:
        """Of one test by its key, known or not. ``now`` is in nanoseconds."""
        test = view.test(key)
        if test is not None:
            return self.decide_by(test, view, user, request, now)
        entry = find(view.snapshot.tests, key)
        return (
            Decision(None, Reason.UNKNOWN_TEST)
            if entry is None
            else Decision(None, Reason.INVALID_TEST_FILE, entry.error)
        )

    def decide_by(
        self, test: Ready, view: View, user: User | None, request: Environment | None, now: int
    ) -> Decision:
        """Of a test or user group of this view."""
        try:
            return test.decide(read_subject(user, request), user, request, now, view.snapshot.tests_off)
        except Exception as problem:  # noqa: BLE001 - a check never raises into the host
            self._reporter.report_failure(test.key, problem)
            return Decision(None, Reason.INVALID_TEST_FILE, f"the check failed: {type(problem).__name__}")

    def variants(
        self, view: View, user: User | None, request: Environment | None, now: int
    ) -> dict[str, str]:
        """The variants of the tests that can concern this user, by key. Raises what the host's objects raise."""
        if view.is_off(user, request):
            return self.every_variant(view, user, request, now)
        found: dict[str, str] = {}
        for test in view.candidates(user, request):
            variant = test.check(user, request, now)
            if variant is not None:
                found[test.key] = variant
        return found

    def every_variant(
        self, view: View, user: User | None, request: Environment | None, now: int
    ) -> dict[str, str]:
        """The variants of all tests, by key."""
        decisions = {key: self.decide(view, key, user, request, now) for key in view.snapshot.tests}
        return {key: one.variant for key, one in decisions.items() if one.variant is not None}

    def payload(self, test: Ready, variant: str) -> object:
        """A copy of the variant's payload, None without one."""
        from copy import deepcopy  # noqa: PLC0415 - not every application has payloads

        try:
            return deepcopy(test.test.payloads.get(variant))
        except RecursionError as problem:
            self._reporter.report_failure(test.key, problem)
            return None
