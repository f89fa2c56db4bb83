"""A snapshot as one client sees it: each test compiled for its environment when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from usersplit_sdk.additional import AdditionalConditions
from usersplit_sdk.documents import CompiledTest
from usersplit_sdk.engine import (
    Additional,
    Check,
    Decide,
    Subject,
    TestsOff,
    compile_check,
    compile_decision,
    forced_in,
    identity,
    needs_time,
)
from usersplit_sdk.index import MANY, Index
from usersplit_sdk.model import Decision, Environment, User
from usersplit_sdk.snapshots import Entry, Snapshot

LARGE = 200
"""A tree with more predicates than this is compiled when it is loaded, not while somebody waits for an answer."""


_NOTHING: Mapping[str, object] = {}


class Ready:
    """One test or user group for one client. Two threads may both compile it: wasteful once, never wrong."""

    __slots__ = ("_additional", "_environment", "check", "decide", "entry", "key", "test", "timed")

    def __init__(
        self, entry: Entry, test: CompiledTest, environment: str, additional: Additional | None
    ) -> None:
        self.entry = entry
        self.test = test
        self.key = test.key
        self.timed = needs_time(test)
        self._environment = environment
        self._additional = additional
        self.check: Check = self._compile_and_check
        self.decide: Decide = self._compile_and_decide

    @property
    def is_compiled(self) -> bool:
        """Was it asked for already?"""
        return self.check != self._compile_and_check

    def compile(self) -> Check:
        """Make the check now rather than at the first question."""
        if not self.is_compiled:
            self.check = compile_check(self.test, self._environment, self._additional)
        return self.check

    def _compile_and_check(self, user: object, request: object, now: int) -> str | None:
        return self.compile()(user, request, now)

    def _compile_and_decide(
        self, subject: Subject, user: object, request: object, now: int, off: TestsOff
    ) -> Decision:
        self.decide = compile_decision(self.test, self._environment, self._additional)
        return self.decide(subject, user, request, now, off)


class View:
    """Everything a check reads, so that one reference to it is one version of all tests.

    ``tests`` and ``groups`` are those that were asked for. ``at_once`` holds the checks of tests that need neither the
    time nor a look at whom tests are off for; ``off`` is None if they are off for nobody.
    """

    __slots__ = (
        "_additional",
        "_environment",
        "_everything",
        "at_once",
        "groups",
        "off",
        "snapshot",
        "tests",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        environment: str,
        additional: AdditionalConditions,
        previous: View | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.off = snapshot.tests_off if any(snapshot.tests_off) else None
        self.tests: dict[str, Ready] = {}
        self.groups: dict[str, Ready] = {}
        self.at_once: dict[str, Check] = {}
        self._environment = environment
        self._additional = additional
        self._everything: tuple[Index, Sequence[Ready]] | None = None
        if previous is not None and previous._additional is additional:  # noqa: SLF001 - of the same class
            self.tests = _kept(previous.tests, snapshot.tests)
            self.groups = _kept(previous.groups, snapshot.groups)
            if self.off is None:
                kept = self.tests
                # A previous view for which tests were off has none, though its tests are compiled.
                self.at_once = {
                    key: one.check for key, one in kept.items() if not one.timed and one.is_compiled
                }
        self._prepare(previous)

    def _prepare(self, previous: View | None) -> None:
        """Do now, in the refreshing thread, what would make a later question wait."""
        for entries, of_tests in ((self.snapshot.tests, True), (self.snapshot.groups, False)):
            for key, entry in entries.items():
                if entry.test is not None and len(entry.test.conditions.predicates) > LARGE:
                    one = self.test(key) if of_tests else self.group(key)
                    if one is not None:
                        one.compile()
        if previous is not None and previous._everything is not None:  # noqa: SLF001 - of the same class
            self._gather()

    def test(self, key: object) -> Ready | None:
        """The test, None if there is none or its file cannot be used."""
        return self._find(self.tests, self.snapshot.tests, key, additional=True)

    def group(self, key: object) -> Ready | None:
        """The user group, None if there is none or its file cannot be used."""
        return self._find(self.groups, self.snapshot.groups, key, additional=False)

    def check_of(self, test: Ready) -> Check:
        """The test's compiled check, at hand for the next question if it can be."""
        check = test.compile()
        if not test.timed and self.off is None:
            self.at_once[test.key] = check
        return check

    def candidates(self, user: User | None, request: Environment | None) -> Sequence[Ready]:
        """The tests that may have a variant for this user, by key. Raises for what has to be read with care."""
        everything = self._everything
        index, tests = self._gather() if everything is None else everything
        split_group = user._group if user is not None else 0 if request is None else request._group  # noqa: SLF001 - made for checks
        owners = index.owners(split_group)
        if len(owners) < MANY:
            return [tests[place] for place in owners]
        profile = _NOTHING if user is None else user._plain  # noqa: SLF001
        environment = _NOTHING if request is None else request._plain  # noqa: SLF001
        if profile is None or environment is None:
            raise TypeError("attributes are no mapping")
        return [tests[place] for place in index.possible(split_group, profile, environment)]

    def is_off(self, user: User | None, request: Environment | None) -> bool:
        """Are tests off for this user or device?"""
        off = self.off
        return off is not None and off.holds(
            None if user is None else identity(user.id),
            None if request is None else identity(request.device_id),
        )

    def _find(
        self, known: dict[str, Ready], entries: Mapping[str, Entry], key: object, *, additional: bool
    ) -> Ready | None:
        if not isinstance(key, str):
            return None
        found = known.get(key)
        if found is None:
            entry = entries.get(key)
            if entry is None or entry.test is None:
                return None
            conditions = self._additional.of(key) if additional else None
            # Should two threads make one each, both go on with the same.
            found = known.setdefault(key, Ready(entry, entry.test, self._environment, conditions))
        return found

    def _gather(self) -> tuple[Index, Sequence[Ready]]:
        tests = [
            one for one in map(self.test, self.snapshot.tests) if one is not None and self._matters(one.test)
        ]
        index = Index([one.test for one in tests], [self._reaches_everybody(one.test) for one in tests])
        self._everything = index, tests
        return self._everything

    def _matters(self, test: CompiledTest) -> bool:
        """Can anybody have a variant of it?"""
        if test.status == "finished":
            return test.outcome is not None and test.outcome.variant is not None
        return test.status != "paused" or any(forced_in(test, self._environment))

    def _reaches_everybody(self, test: CompiledTest) -> bool:
        """Can somebody have a variant whose split group is not the test's, or who does not meet its conditions?"""
        return test.status == "finished" or any(forced_in(test, self._environment))


def _kept(known: dict[str, Ready], entries: Mapping[str, Entry]) -> dict[str, Ready]:
    """What is compiled already and has not changed. A copy first: a check may add one meanwhile."""
    return {key: one for key, one in known.copy().items() if entries.get(key) is one.entry}
