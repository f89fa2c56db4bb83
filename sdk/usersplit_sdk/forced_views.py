"""What checks read while variants are forced: the delivered tests, each with one answer for everybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from usersplit_sdk.documents import FORMAT, CompiledTest, parse_document
from usersplit_sdk.engine import Check, Subject, TestsOff
from usersplit_sdk.model import Decision, Environment, Reason, User
from usersplit_sdk.snapshots import Entry, Snapshot, plain_text
from usersplit_sdk.view import Ready, View


class Wanted(NamedTuple):
    """What is forced: ``variants`` by test, all others being off (None: all as delivered), and members of groups.

    With ``allow_unknown`` tests and variants that nobody delivers are made up.
    """

    variants: Mapping[str, str | None] | None
    groups: Mapping[str, bool]
    allow_unknown: bool = False

    @property
    def is_anything(self) -> bool:
        """Is anything other than as delivered?"""
        return self.variants is not None or bool(self.groups)


def merged(layers: Iterable[Wanted]) -> Wanted:
    """All that is wanted; later ones win."""
    variants: dict[str, str | None] | None = None
    groups: dict[str, bool] = {}
    allow_unknown = False
    for layer in layers:
        if layer.variants is not None:
            variants = {**(variants or {}), **layer.variants}
        groups.update(layer.groups)
        allow_unknown |= layer.allow_unknown
    return Wanted(variants, groups, allow_unknown)


class ForcedView(View):
    """A view that answers as wanted; texts, payloads and settings groups are those of what is delivered."""

    __slots__ = ("_under", "_wanted")

    def __init__(self, delivered: View, wanted: Wanted) -> None:
        self.snapshot = _with_made_up(delivered.snapshot, wanted)
        self.off = delivered.off if wanted.variants is None else None
        self.tests = {}
        self.groups = {}
        self.at_once = {}
        self.few = {}
        self.is_prepared = True
        self._under = delivered
        self._wanted = wanted

    def test(self, key: object) -> Ready | None:
        """The test with its one answer."""
        if self._wanted.variants is None:
            return self._under.test(key)
        key = plain_text(key)
        entry = None if key is None else self.snapshot.tests.get(key)
        if key is None or entry is None or entry.test is None:
            return None
        found = self.tests.get(key)
        if found is None:
            found = self.tests.setdefault(key, _forced(entry, entry.test, self._wanted))
        return found

    def group(self, key: object) -> Ready | None:
        """The user group; for those that are wanted with or without everybody."""
        key = plain_text(key)
        member = None if key is None else self._wanted.groups.get(key)
        entry = None if key is None else self.snapshot.groups.get(key)
        if member is None or entry is None or entry.test is None:
            return self._under.group(key)
        return Forced(entry, entry.test, "True" if member else None)

    def put_at_hand(self, test: Ready) -> Check:
        """The test's check."""
        if self._wanted.variants is None:
            return self._under.put_at_hand(test)
        return self.at_once.setdefault(test.key, test.at_once)

    def candidates(self, user: User | None, request: Environment | None) -> Sequence[Ready]:
        """The tests that have a variant, by key."""
        if self._wanted.variants is None:
            return self._under.candidates(user, request)
        forced = (self.test(key) for key, name in sorted(self._wanted.variants.items()) if name is not None)
        return [test for test in forced if test is not None]


class Forced(Ready):
    """A test or user group with the same answer for everybody."""

    __slots__ = ()

    def __init__(self, entry: Entry, test: CompiledTest, variant: str | None) -> None:
        self.entry = entry
        self.test = test
        self.key = test.key
        self.is_compiled = True
        decision = Decision(
            variant, Reason.TESTS_OFF if variant is None else Reason.FORCED, None, test.settings_group
        )

        def check(user: object, request: object, now: int = 0) -> str | None:
            return variant

        def decide(subject: Subject, user: object, request: object, now: int, off: TestsOff) -> Decision:
            return decision

        self.check = self.at_once = check
        self.decide = decide


def made_up(key: str, variant: str) -> CompiledTest:
    """A running test of that variant; raises ``InvalidDocument`` for names that no test can have."""
    return parse_document(
        {
            "format": FORMAT,
            "kind": "test",
            "key": key,
            "status": "running",
            "side": "server",
            "settings_group": 1,
            "conditions": [],
            "variants": [{"name": variant, "split_groups": []}],
        }
    )


def _forced(entry: Entry, test: CompiledTest, wanted: Wanted) -> Forced:
    variant = (wanted.variants or {}).get(test.key)
    if variant is not None and variant not in test.names:
        # Code never sees a variant that the test does not have; that there is none is told as a mistake.
        if not wanted.allow_unknown:
            return Forced(entry, test, None)
        test = test._replace(names=(*test.names, variant))
    return Forced(entry, test, variant)


def _with_made_up(snapshot: Snapshot, wanted: Wanted) -> Snapshot:
    missing = {
        key: variant
        for key, variant in (wanted.variants or {}).items()
        if variant is not None
        and wanted.allow_unknown
        and (key not in snapshot.tests or snapshot.tests[key].test is None)
    }
    if not missing:
        return snapshot
    files = {f"tests/{key}.json": Entry("", made_up(key, variant)) for key, variant in missing.items()}
    return Snapshot(
        {**snapshot.files, **files},
        snapshot.version,
        snapshot.published_at,
        snapshot.tests_off,
        snapshot.problems,
        snapshot.unsettled,
    )
