"""A value of a filter for code to paste: one that meets what the test's conditions ask of it, where one can be thought of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from core import clock
from usersplit_sdk import User
from usersplit_sdk.trace import trace_conditions
from usersplit_sdk.values import parse_moment, parse_version

_MIDNIGHT: Final = "%Y-%m-%dT00:00:00Z"
_LONGEST: Final = 36_500
# What a filter of each type may hold, the first where nothing meets the predicate.
_OF_TYPE: Final[Mapping[str, tuple[object, ...]]] = {
    "boolean": (True, False), "integer": (1, 2, 0), "number": (1.5, 2.5, 0.0), "string": ("…", "Mozilla/5.0"),
    "date": ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"), "version": ("1.10", "1.9"), "list": (["…"],),
}  # fmt: skip


def example_for(predicate: Mapping[str, Any], filter_type: str) -> object:
    """The operand itself if it meets the predicate, else what lies beside it, else an example of the filter's type."""
    candidates = [*_near(predicate.get("value"), filter_type), *_OF_TYPE.get(filter_type, ())]
    # Whose the value is does not matter to the comparison, and a profile is always there to be looked at.
    alone = [{**predicate, "source": "user"}]
    for candidate in candidates:
        user = User("4711", 1, {str(predicate["filter"]): candidate})
        if trace_conditions(alone, user, None, clock.now()).met:
            return candidate
    return _OF_TYPE.get(filter_type, (None,))[0]


def _near(operand: object, filter_type: str) -> Iterator[object]:
    if operand is None:
        return
    yield from operand if isinstance(operand, list) else [operand]
    if filter_type == "list":
        yield operand if isinstance(operand, list) else [operand]
    elif filter_type == "version":
        yield from _versions_beside(operand)
    elif filter_type == "date":
        yield from _days_beside(operand)
    elif isinstance(operand, (int, float)) and not isinstance(operand, bool):
        yield operand + 1
        yield operand - 1


def _versions_beside(operand: object) -> Iterator[str]:
    parts = parse_version(operand)
    if parts is None:
        return
    yield ".".join(map(str, (*parts[:-1], parts[-1] + 1)))
    yield ".".join(map(str, (*parts[:-1], max(0, parts[-1] - 1))))


def _days_beside(operand: object) -> Iterator[str]:
    """Of a moment the days around it; of a number of days the ones before and after it, counted back from today."""
    if isinstance(operand, int):
        today, days = clock.now(), min(operand, _LONGEST)
        yield f"{today - dt.timedelta(days=days // 2):{_MIDNIGHT}}"
        yield f"{today - dt.timedelta(days=days + 1):{_MIDNIGHT}}"
        yield f"{today:%Y-%m-%dT%H:%M:%SZ}"
        return
    moment = parse_moment(operand)
    if moment is None or not 1 < moment.instant.year < dt.MAXYEAR:
        return
    for days in (1, -1):
        yield f"{moment.instant + dt.timedelta(days=days):{_MIDNIGHT}}"
