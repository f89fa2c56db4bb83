"""Operands and values to choose from, where the edges are: kinds that do not fit, days and times, bounds, empty texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from itertools import product
from typing import Any

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
TIMES = ["2026-11-01T00:00:00Z", "2026-11-22T12:00:00Z", "2026-12-01T00:00:00Z"]

SCALARS: list[Any] = [0, 1, 2, 1.0, 2.5, True, False, "", "1", "web", "Web", "2026-11-22", TIMES[1]]
LISTS: list[Any] = [
    [], [1], ["web"], [True], [0, 2], [False, ""], [1, "1"], ["web", "eb", "1"], [1.0, True, "Web"], ["2026-11-22"],
]  # fmt: skip
NUMBERS = [-1, 0, 1, 2, 2.5]
MOMENTS = [
    "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-22T11:59:59Z", "2026-11-22T13:00:00+01:00", "2026-11-22 12:00",
]  # fmt: skip

Typed = tuple["str | None", Any]
"""An operand and the filter's type, None where a file says nothing of it."""


def _untyped(operands: Iterable[Any]) -> list[Typed]:
    return [(None, operand) for operand in operands]


def _dated(operands: Iterable[Any]) -> list[Typed]:
    return [("date", operand) for operand in operands]


def _ranges(limits: list[Any]) -> Iterator[list[Any]]:
    return map(list, product(limits, limits))


_EQUALITY = [*_untyped(SCALARS), *_dated(MOMENTS), ("integer", 1), ("string", "1"), ("string", "2026-11-22")]
_ORDER = [*_untyped(NUMBERS), *_untyped(MOMENTS), *_dated(MOMENTS), ("number", 2)]
_VERSIONS = _untyped(["1", "1.9", "1.10", "1.10.0.0.0.0", "0"])
OPERANDS: dict[str, list[Typed]] = {
    **dict.fromkeys(["eq", "neq"], _EQUALITY),
    **dict.fromkeys(["in", "not_in", "has_any", "has_none"], _untyped(LISTS)),
    "has": _untyped(SCALARS),
    **dict.fromkeys(["gt", "gte", "lt", "lte"], _ORDER),
    "between": [
        *_untyped(_ranges(NUMBERS[1:])),
        *_untyped(_ranges(MOMENTS[1:4])),
        *_dated(_ranges(MOMENTS[1:4])),
        *_untyped([[1, MOMENTS[0]], [MOMENTS[0], 2]]),
    ],
    **dict.fromkeys(["contains", "starts_with", "ends_with"], _untyped(["", "1", "web", "eb", "2026"])),
    "matches": _untyped(["^w.b$", "[0-9]", "(a|W)eb", r"\d{4}-\d\d", "", "^$", "x{2,3}"]),
    **dict.fromkeys(["version_eq", "version_gt", "version_gte", "version_lt", "version_lte"], _VERSIONS),
    **dict.fromkeys(["within_days", "older_than_days"], _untyped([0, 1, 30, 36_500])),
    **dict.fromkeys(["is_set", "is_not_set"], _untyped([None])),
}
VALUES: list[Any] = [
    *SCALARS, *LISTS, *MOMENTS, *NUMBERS, *TIMES, None, "2026-02-30", "1.10.0", "1.9", "1.9.1", "v1", "web" * 200,
    "1.10\n", "web\n", "axx", 10**20, {"web": 1}, [[1], None], "1." * 6 + "1",
]  # fmt: skip
"""What JSON can say of a user or a request."""


class Marked(str):
    """As templates mark texts that are safe."""

    __slots__ = ()


class Platform(str, Enum):
    WEB = "web"


class Level(IntEnum):
    ONE = 1


HOST_VALUES: list[Any] = [
    float("nan"), float("inf"), Decimal(1), Decimal("2.5"), Decimal("NaN"), Decimal("Infinity"), 10**400, 2.0,
    Level.ONE, Marked("web"), Marked("2026-11-22"), Platform.WEB, b"web", object(),
    ("web", 1), {"web", 2}, frozenset({True}), [Platform.WEB, Marked("1")],
    date(2026, 11, 22), datetime(2026, 11, 22, 12), NOW - timedelta(days=30),  # noqa: DTZ001 - it is UTC, then
    NOW.astimezone(timezone(timedelta(hours=-11))), datetime.max, datetime.min,  # noqa: DTZ901 - the very ends
]  # fmt: skip
"""What only an application in Python can have."""


def predicate(name: str, source: str, operator: str, typed: Typed) -> dict[str, Any]:
    """One predicate of a tree."""
    filter_type, operand = typed
    found = {"filter": name, "source": source, "operator": operator, "value": operand}
    return found if filter_type is None else {**found, "type": filter_type}
