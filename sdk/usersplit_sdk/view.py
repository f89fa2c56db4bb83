"""A snapshot as one client sees it: each test compiled for its environment when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time_ns

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
from usersplit_sdk.index import ANY, MANY, Index, Term, terms_of
from usersplit_sdk.model import Decision, Environment, User
from usersplit_sdk.snapshots import Entry, Snapshot, plain_text

LARGE = 200
"""A tree with more predicates than this is compiled when it is loaded, not while somebody waits for an answer."""


_NOTHING: Mapping[str, object] = {}


class Ready:
    """One test or user group for one client. Two threads may both compile it: wasteful once, never wrong."""

    __slots__ = (
        "_additional", "_environment", "_terms", "at_once", "check", "decide", "entry", "is_compiled", "is_for_everybody",
        "is_for_somebody", "key", "test",
    )  # fmt: skip

    def __init__(
        self, entry: Entry, test: CompiledTest, environment: str, additional: Additional | None
    ) -> None:
        self.entry = entry
        self.test = test
        self.key = test.key
        forced = any(forced_in(test, environment))
        has_winner = test.outcome is not None and test.outcome.variant is not None
        # Can somebody have a variant whose split group is not the test's, or who does not meet its conditions?
        self.is_for_everybody = has_winner if test.status == "finished" else forced
        self.is_for_somebody = self.is_for_everybody or test.status in ("dev", "running")
        self._environment = environment
        self._additional = additional
        self._terms: tuple[Term, ...] | None = ANY if self.is_for_everybody else None
        self.is_compiled = False
        self.check: Check = self._compile_and_check
        self.at_once: Check = self._compile_and_check
        self.decide: Decide = self._compile_and_decide

    @property
    def owned(self) -> bytes:
        """Not 0 for the split groups (0..2400) that a variant owns."""
        owners = self.test.owners
        return owners if isinstance(owners, bytes) else bytes(map(bool, owners))

    @property
    def terms(self) -> tuple[Term, ...]:
        """What the conditions allow at most."""
        if self._terms is None:
            self._terms = terms_of(self.test.conditions.root)
        return self._terms

    def compile(self) -> Check:
        """Make the check now rather than at the first question."""
        if not self.is_compiled:
            self.check = compile_check(self.test, self._environment, self._additional)
            self.at_once = _asking_the_clock(self.check) if needs_time(self.test) else self.check
            self.is_compiled = True
        return self.check

    def _compile_and_check(self, user: object, request: object, now: int) -> str | None:
        return self.compile()(user, request, now)

    def _compile_and_decide(
        self, subject: Subject, user: object, request: object, now: int, off: TestsOff
    ) -> Decision:
        self.decide = compile_decision(self.test, self._environment, self._additional)
        return self.decide(subject, user, request, now, off)


def _asking_the_clock(check: Check) -> Check:
    return lambda user, request: check(user, request, time_ns())


class NotAnswered(Exception):
    """Tests are off for this user or device: a decision knows what that means for each test, a check does not."""


class View:
    """Everything a check reads, so that one reference to it is one version of all tests.

    ``tests`` and ``groups`` are those that were asked for. ``at_once`` holds their checks as ``(user, request)``
    functions, which see by themselves to the time and to whom tests are off for; ``few`` holds, for split groups that have few, the
    keys and checks of all their tests; ``off`` is None if tests are off for nobody.
    """

    __slots__ = (
        "_additional",
        "_environment",
        "_everything",
        "at_once",
        "few",
        "groups",
        "is_prepared",
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
        self.few: dict[int, tuple[tuple[str, Check], ...]] = {}
        self._environment = environment
        self._additional = additional
        self._everything: tuple[Index, Sequence[Ready]] | None = None
        self.is_prepared = False
        if previous is not None and previous._additional is additional:  # noqa: SLF001 - of the same class
            self.tests = _kept(previous.tests, snapshot.tests)
            self.groups = _kept(previous.groups, snapshot.groups)
            if self.off is None:
                # Not those of the previous view, which look for tests being off if they were so for anybody.
                self.at_once = {key: one.at_once for key, one in self.tests.items() if one.is_compiled}
        self._prepare(previous)

    def prepare(self) -> None:
        """Compile everything that a check may need, and see to it that the views after this one do so too."""
        self._compile(Snapshot(), larger_than=-1)
        index, _ = self._gather()
        # Of many tests it has more to make ready; which are found does not matter here.
        index.possible(0, _NOTHING, _NOTHING)
        self.is_prepared = True

    def _prepare(self, previous: View | None) -> None:
        """Do now, in the refreshing thread, what would make a later question wait."""
        if previous is not None and previous.is_prepared:
            self.prepare()
            return
        keeps = previous is not None and previous._additional is self._additional  # noqa: SLF001 - of the same class
        self._compile(previous.snapshot if previous is not None and keeps else Snapshot(), LARGE)
        if previous is not None and previous._everything is not None:  # noqa: SLF001
            self._gather()

    def _compile(self, known: Snapshot, larger_than: int) -> None:
        """Compile the tests and groups with more predicates than that, as far as they are news."""
        for find, entries, before in (
            (self.test, self.snapshot.tests, known.tests),
            (self.group, self.snapshot.groups, known.groups),
        ):
            for key in [key for key, entry in entries.items() if before.get(key) is not entry]:
                test = entries[key].test
                if test is not None and len(test.conditions.predicates) > larger_than:
                    one = find(key)
                    if one is not None:
                        one.compile()

    def test(self, key: object) -> Ready | None:
        """The test, None if there is none or its file cannot be used."""
        return self._find(self.tests, self.snapshot.tests, key, additional=True)

    def group(self, key: object) -> Ready | None:
        """The user group, None if there is none or its file cannot be used."""
        return self._find(self.groups, self.snapshot.groups, key, additional=False)

    def put_at_hand(self, test: Ready) -> Check:
        """The test's check, which the next question finds at once."""
        found = self.at_once.get(test.key)
        if found is None:
            test.compile()
            check = test.at_once if self.off is None else _unless_off(self.off, test.at_once)
            found = self.at_once.setdefault(test.key, check)
        return found

    def candidates(self, user: User | None, request: Environment | None) -> Sequence[Ready]:
        """The tests that may have a variant for this user, by key. Raises for what has to be read with care."""
        everything = self._everything
        index, tests = self._gather() if everything is None else everything
        split_group = user._group if user is not None else 0 if request is None else request._group  # noqa: SLF001 - made for checks
        owners = index.owners(split_group)
        if len(owners) < MANY:
            found = [tests[place] for place in owners]
            self.few[split_group] = tuple((one.key, self.put_at_hand(one)) for one in found)
            return found
        profile = _NOTHING if user is None else user._plain  # noqa: SLF001
        environment = _NOTHING if request is None else request._plain  # noqa: SLF001
        if profile is None or environment is None:
            raise TypeError("attributes are no mapping")
        return [tests[place] for place in index.possible(split_group, profile, environment)]

    def is_off(self, user: User | None, request: Environment | None) -> bool:
        """Are tests off for this user or device?"""
        return self.off is not None and _is_off(self.off, user, request)

    def _find(
        self, known: dict[str, Ready], entries: Mapping[str, Entry], key: object, *, additional: bool
    ) -> Ready | None:
        key = plain_text(key)
        if key is None:
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
            one for one in map(self.test, self.snapshot.tests) if one is not None and one.is_for_somebody
        ]
        index = Index(tests)
        self._everything = index, tests
        return self._everything


def _unless_off(off: TestsOff, check: Check) -> Check:
    # Knows nothing of the view, which would live as long as somebody remembers the check.
    def check_unless_off(user: User | None, request: Environment | None) -> str | None:
        if _is_off(off, user, request):
            raise NotAnswered
        return check(user, request)

    return check_unless_off


def _is_off(off: TestsOff, user: User | None, request: Environment | None) -> bool:
    return off.holds(
        None if user is None else identity(user.id), None if request is None else identity(request.device_id)
    )


def _kept(known: dict[str, Ready], entries: Mapping[str, Entry]) -> dict[str, Ready]:
    """What is compiled already and has not changed. A copy first: a check may add one meanwhile."""
    return {key: one for key, one in known.copy().items() if entries.get(key) is one.entry}
