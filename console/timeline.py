"""The small bar that shows when a test runs, in a window around today. Pure: words and colours are the template's."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

DAYS_BEFORE: Final = 60
DAYS_AFTER: Final = 60
WIDTH: Final = DAYS_BEFORE + DAYS_AFTER
_LEAST: Final = 2.0
"""So many days wide is the shortest bar, or nobody would see it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """From `x` on, `width` wide, of WIDTH days; today is at DAYS_BEFORE. Open: it goes on beyond what is shown, or for good."""

    x: float
    width: float
    is_open_left: bool
    is_open_right: bool


def bar(start: dt.datetime | None, end: dt.datetime | None, now: dt.datetime) -> Bar | None:
    """The bar of `start <= t < end` (None: without limit), or None when all of it is outside the window."""
    left = _days(start, now) if start is not None else float("-inf")
    right = _days(end, now) if end is not None else float("inf")
    if right <= 0 or left >= WIDTH or right <= left:
        return None
    x, last = max(left, 0.0), min(right, float(WIDTH))
    width = max(last - x, _LEAST)
    return Bar(round(min(x, WIDTH - width), 1), round(width, 1), left < 0, right > WIDTH)


def _days(moment: dt.datetime, now: dt.datetime) -> float:
    return (moment - now) / dt.timedelta(days=1) + DAYS_BEFORE
