"""Which users were logged for which variant lately: one hit each in a window of time, in bounded memory."""

from __future__ import annotations

from collections.abc import Hashable

LIMIT = 100_000
"""Hits that are remembered; beyond, the older half is forgotten, and what it held may be logged again."""


class HitWindow:
    """One window, which is over at ``until``, in seconds of a monotonic clock; another takes its place then.

    ``shortcuts[check][who]`` is the variant that was logged; reading it is all that a check of somebody seen costs.
    """

    __slots__ = ("_logged", "_next", "_older", "_shortened", "length", "shortcuts", "until")

    def __init__(self, length: float, now: float = 0.0) -> None:
        self.length = length
        self.until = now + length
        self.shortcuts: dict[object, dict[Hashable, str]] = {}
        self._logged: dict[Hashable, object] = {}
        self._older: dict[Hashable, object] = {}
        self._next: dict[int, HitWindow] = {}
        self._shortened = 0

    def at(self, now: float) -> HitWindow:
        """The window of that time: this one, or a new and empty one, the same for every thread that asks."""
        if now < self.until or not self.length:
            return self
        return self._next.setdefault(0, HitWindow(self.length, now)).at(now)

    def add(self, entry: Hashable) -> bool:
        """Is it the first of its kind in this window? Of several threads one is told so."""
        if not self.length:
            return True
        if len(self._logged) >= LIMIT // 2:
            self._older, self._logged = self._logged, {}
            self._drop_shortcuts()
        # In this order: should another thread turn over meanwhile, the hit is logged, perhaps twice, but not lost.
        older = self._older
        mine = object()
        return self._logged.setdefault(entry, mine) is mine and entry not in older

    def shorten(self, check: object, who: Hashable, variant: str) -> None:
        """Let this check find out by itself that the variant is logged."""
        if not self.length:
            return
        # Each version of a test has a check of its own, so these may become more than there are hits.
        self._shortened += 1
        if self._shortened > LIMIT:
            self._drop_shortcuts()
        self.shortcuts.setdefault(check, {})[who] = variant

    def forget(self, entry: Hashable) -> None:
        """It was not logged after all."""
        self._logged.pop(entry, None)

    def _drop_shortcuts(self) -> None:
        self._shortened = 0
        self.shortcuts = {}
