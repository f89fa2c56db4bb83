"""Variants for the tests of an application, whatever is delivered and whoever asks:

    with forced_variants(green_button="green") as forced:
        page = shop.get("/")
        assert forced.hits[0].variant == "green"

All other tests are off meanwhile, for every client of the process: in all its threads, synchronous and asynchronous, made
before or meanwhile. Hits go nowhere but into ``hits``. Nothing of it costs a check anything, before or afterwards.
``pytest_usersplit`` does the same for a test that is marked ``@pytest.mark.usersplit(green_button="green")``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import TracebackType

from usersplit_sdk import stand_ins
from usersplit_sdk.client import Client
from usersplit_sdk.documents import CompiledTest
from usersplit_sdk.engine import Subject
from usersplit_sdk.errors import InvalidDocument
from usersplit_sdk.forced_views import ForcedView, Wanted, made_up, merged
from usersplit_sdk.hit_log import HitLog
from usersplit_sdk.model import Hit
from usersplit_sdk.snapshots import Snapshot, plain_text
from usersplit_sdk.view import View

NAMED = 20
"""So many keys are listed at most where one is unknown."""


class UnknownSplitTest(Exception):
    """A test, a variant or a user group was forced that no client of this process has; the text names what there is."""


class ForcedVariants:
    """What is forced from ``start`` to ``stop``, or in a ``with``. ``hits`` are those that would have been logged.

    ``variants`` are names by key, None for a test that shall have no variant; those of all other tests are off. Without
    ``variants`` tests are as delivered, and only hits are caught. Raises ``TypeError`` and ``ValueError`` for what cannot
    be a key or a variant. Where two are at work at a time the later one wins, test by test.
    """

    def __init__(
        self,
        variants: Mapping[str, str | None] | None = None,
        *,
        groups: Mapping[str, bool] | None = None,
        allow_unknown: bool = False,
    ) -> None:
        self.hits: list[Hit] = []
        self._allow_unknown = allow_unknown
        self._variants: Mapping[str, str | None] | None = (
            None if variants is None else checked_variants(variants)
        )
        self._groups: Mapping[str, bool] = _checked_groups(groups or {})
        self._asked: dict[tuple[str, str, str | None], None] = {}
        self._snapshots: list[Snapshot] = []

    @property
    def wanted(self) -> Wanted:
        """What is forced now."""
        return Wanted(self._variants, self._groups, self._allow_unknown)

    def start(self) -> None:
        """Begin."""
        with _changing:
            self._note()
            _layers.append(self)
            _take_effect()

    def stop(self) -> None:
        """End; once more is as good as once."""
        with _changing:
            if self in _layers:
                _layers.remove(self)
                _take_effect()

    def force(self, variants: Mapping[str, str | None] | None = None, /, **more: str | None) -> None:
        """Force these as well; all tests that nothing forces are off."""
        added = checked_variants({**(variants or {}), **more})
        self._change({**(self._variants or {}), **added}, self._groups)

    def off(self) -> None:
        """Switch all tests off, those that were forced included."""
        self._change({}, self._groups)

    def as_delivered(self) -> None:
        """Force nothing: tests and user groups are as delivered. Hits still go nowhere but into ``hits``."""
        self._change(None, {})

    def set_groups(self, groups: Mapping[str, bool] | None = None, /, **more: bool) -> None:
        """Say of user groups whether everybody is in them or nobody; all others are as delivered."""
        self._change(self._variants, {**self._groups, **_checked_groups({**(groups or {}), **more})})

    def mistakes(self) -> list[str]:
        """Sentences about all that was forced so far and that none of the clients there were has."""
        if self._allow_unknown or not self._snapshots:
            return []
        return [
            mistake for asked in self._asked if (mistake := _mistake(*asked, self._snapshots)) is not None
        ]

    def __enter__(self) -> ForcedVariants:  # noqa: PYI034 - Self needs Python 3.11
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises ``UnknownSplitTest`` if there are mistakes: they may well be why the code inside has failed."""
        self.stop()
        mistakes = self.mistakes() if problem is None or isinstance(problem, Exception) else []
        if mistakes:
            raise UnknownSplitTest("; ".join(mistakes)) from problem

    def saw(self, snapshot: Snapshot) -> None:
        """A client has these tests."""
        if not any(known is snapshot for known in self._snapshots):
            self._snapshots.append(snapshot)

    def _change(self, variants: Mapping[str, str | None] | None, groups: Mapping[str, bool]) -> None:
        with _changing:
            self._variants, self._groups = variants, groups
            self._note()
            if self in _layers:
                _take_effect()

    def _note(self) -> None:
        for key, variant in (self._variants or {}).items():
            self._asked["test", key, variant] = None
        for key in self._groups:
            self._asked["group", key, None] = None


def forced_variants(
    variants: Mapping[str, str | None] | None = None, /, **more: str | None
) -> ForcedVariants:
    """``with forced_variants(green_button="green"):`` forces it inside; all other tests are off."""
    return ForcedVariants({**(variants or {}), **more})


# ---- for all clients -------------------------------------------------------------------------------------------

_changing = threading.RLock()
_layers: list[ForcedVariants] = []


def _take_effect() -> None:
    """Let every client read what is wanted now; with the lock."""
    stand_ins.current = _Stand(merged(layer.wanted for layer in _layers)) if _layers else None
    for client in stand_ins.living_clients():
        # The store's lock: a snapshot that comes meanwhile must not be lost, nor what stands in for it.
        with client._store.publishing:  # noqa: SLF001 - of one package
            client._show()  # noqa: SLF001
        hits = client._hits  # noqa: SLF001
        if not _layers and isinstance(hits, _CaughtHits):
            client._hits = hits.own  # noqa: SLF001


class _Stand:
    """What is wanted of all clients."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted

    def view_of(self, client: Client, delivered: View) -> View:
        """What to read instead of what is delivered to the client."""
        for layer in _layers.copy():
            layer.saw(delivered.snapshot)
        if not isinstance(client._hits, _CaughtHits):  # noqa: SLF001 - of one package
            client._hits = _CaughtHits(client)  # noqa: SLF001
        return ForcedView(delivered, self._wanted) if self._wanted.is_anything else delivered


class _CaughtHits(HitLog):
    """In the place of a client's ``own`` log: the same hits, once per user and window, for those who force variants."""

    def __init__(self, client: Client) -> None:
        self.own = client._hits  # noqa: SLF001 - of one package
        super().__init__(_Catcher(), client.environment, self.own.window.length, client._reporter)  # noqa: SLF001

    def close(self) -> None:
        """A client that is closed meanwhile needs its own log no more."""
        self.own.close()

    def _hit(self, test: CompiledTest, variant: str, subject: Subject, now: float) -> Hit:
        hit = super()._hit(test, variant, subject, now)
        is_forced = any(layer.wanted.variants is not None for layer in _layers.copy())
        return hit._replace(forced=True) if is_forced else hit


class _Catcher:
    """The sink of caught hits."""

    def record(self, hit: Hit) -> None:
        for layer in _layers.copy():
            layer.hits.append(hit)

    def close(self) -> None:
        """Nothing is open."""


# ---- mistakes --------------------------------------------------------------------------------------------------


def checked_variants(variants: Mapping[str, str | None]) -> dict[str, str | None]:
    """The same as plain texts; raises ``TypeError`` and ``ValueError`` for what cannot be a key or a variant."""
    checked: dict[str, str | None] = {}
    for key, variant in variants.items():
        name = plain_text(variant)
        if name is None and variant is not None:
            raise TypeError(f"{key} must be the name of a variant, or None for no variant; it is {variant!r}")
        try:
            made_up(key, "any" if name is None else name)
        except InvalidDocument as problem:
            what = "the key of a test" if problem.path == "key" else "a variant"
            raise ValueError(f"{key}={variant!r} is not {what}: {problem}") from None
        checked[key] = name
    return checked


def _checked_groups(groups: Mapping[str, bool]) -> dict[str, bool]:
    for key, member in groups.items():
        if member is not True and member is not False:
            raise TypeError(f"{key} must be True (everybody is in the user group) or False; it is {member!r}")
    return dict(groups)


def _mistake(kind: str, key: str, variant: str | None, snapshots: list[Snapshot]) -> str | None:
    tables = [one.tests if kind == "test" else one.groups for one in snapshots]
    entries = [table[key] for table in tables if key in table]
    what = "test" if kind == "test" else "user group"
    if not entries:
        known = {name for table in tables for name in table}
        return f"no client has a {what} {key}: {_instead(key, known, f'{what}s')}"
    tests = [entry.test for entry in entries if entry.test is not None]
    if not tests:
        return f"the file of the {what} {key} cannot be used: {entries[0].error}"
    names = {name for test in tests for name in test.names if name is not None}
    if variant is not None and variant not in names:
        return f"the test {key} has no variant {variant!r}: {_instead(variant, names, 'variants')}"
    return None


def _instead(wrong: str, known: Iterable[str], what: str) -> str:
    names = sorted(known)
    close = get_close_matches(wrong, names, n=1, cutoff=0.75)
    if close:
        return f"did you mean {close[0]}?"
    if not names:
        return f"there are no {what} at all"
    listed = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return f"there are {listed}"
