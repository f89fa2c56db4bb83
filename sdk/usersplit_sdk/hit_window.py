"""Which users were logged for which variant lately: one hit each in a window of time, in bounded memory."""

from __future__ import annotations

from collections.abc import Hashable

LIMIT = 100_000
"""Hits that are remembered; beyond, the older half is forgotten, and what it held may be logged again."""


class HitWindow:
    """One window, which is over at ``until``, in seconds of a monotonic clock; another takes its place then.

    ``shortcuts[check][who]`` is the variant that was logged; reading it is all that a check of somebody seen costs.
    """

    __slots__ = ("_logged", "_next", "_older", "length", "shortcuts", "until")

    def __init__(self, length: float, now: float = 0.0) -> None:
        self.length = length
        self.until = now + length
        self.shortcuts: dict[object, dict[Hashable, str]] = {}
        self._logged: dict[Hashable, object] = {}
        self._older: dict[Hashable, object] = {}
        self._next: dict[int, HitWindow] = {}

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
            self.shortcuts = {}
        mine = object()
        return self._logged.setdefault(entry, mine) is mine and entry not in self._older

    def shorten(self, check: object, who: Hashable, variant: str) -> None:
        """Let this check find out by itself that the variant is logged."""
        if self.length:
            self.shortcuts.setdefault(check, {})[who] = variant

    def forget(self, entry: Hashable) -> None:
        """It was not logged after all."""
        self._logged.pop(entry, None)
