"""What is found of a part of the system, and the words for it. Knows no part."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext, ngettext


class State(StrEnum):
    """From best to worst. The values are what the badges of the console are called by."""

    FINE = "fine"
    UNKNOWN = "unknown"
    WATCH = "watch"
    BAD = "bad"

    @property
    def label(self) -> str:
        return {
            "fine": gettext("Fine"),
            "unknown": gettext("Not known yet"),
            "watch": gettext("Have a look"),
            "bad": gettext("Needs you"),
        }[self.value]


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: how it is, and what to do if it is not fine. `page` is the name of the page where more is to be seen."""

    name: str
    state: State
    sentence: str
    advice: str = ""
    page: str = ""
    facts: tuple[tuple[str, str], ...] = field(default=())


_WORST: Final = list(State)
_UNITS: Final = (86_400, 3_600, 60, 1)


def worst(states: list[State]) -> State:
    """The worst of them; fine if there is none."""
    return max(states, key=_WORST.index, default=State.FINE)


def graded(value: float, watch: float, bad: float) -> State:
    """By two limits: from `watch` on have a look, from `bad` on it is bad."""
    return State.BAD if value >= bad else State.WATCH if value >= watch else State.FINE


def span_in_words(span: dt.timedelta) -> str:
    """In its largest unit: “3 hours”, “1 day”. What lies ahead of us (clocks differ) is no time."""
    seconds = max(int(span.total_seconds()), 0)
    size = next((unit for unit in _UNITS if seconds >= unit), _UNITS[-1])
    number = seconds // size
    words = {
        86_400: ngettext("%(n)s day", "%(n)s days", number),
        3_600: ngettext("%(n)s hour", "%(n)s hours", number),
        60: ngettext("%(n)s minute", "%(n)s minutes", number),
        1: ngettext("%(n)s second", "%(n)s seconds", number),
    }
    return words[size] % {"n": f"{number:,}"}


def size_in_words(size: float) -> str:
    """Bytes in the unit that people read: “12.4 GB”."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
