"""The contract's rules once more, said as plainly as they can be: what generated vectors expect, and what the engine
is compared with. It trusts its documents and is slow; nothing but tests and ``generate.py`` may use it.

Subjects are the vectors' dicts: a ``user`` or None with ``id``, ``split_group`` and ``attributes``, a ``request`` or
None with ``device_id``, ``attributes``, ``supported_tests`` and ``split_group``; all of them may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

Tree = list[Any]
Subject = Mapping[str, Any] | None
Answer = tuple[str | None, str, str | None]
"""Variant, reason, detail."""


class Setting(NamedTuple):
    """What a decision depends on besides the test and who asks."""

    now: datetime
    environment: str = "production"
    off: Collection[str] = ()
    """Ids of users and of devices for whom tests are off."""
    additional: Callable[[Subject, Subject], bool] | None = None


def decide(document: Mapping[str, Any], user: Subject, request: Subject, setting: Setting) -> Answer:
    """The table of the contract's section 5, from top to bottom; of a user group, a member's variant is ``True``."""
    is_group = document["kind"] == "group"
    own, asked = user or {}, request or {}
    fulfilled, place = met(document["conditions"], user, request, setting.now)
    outcome = document.get("outcome") or {"result": "rejected"}
    if document["status"] == "finished" and not is_group:
        if outcome["result"] == "rejected":
            return None, "REJECTED", None
        if outcome["scope"] == "conditions" and not fulfilled:
            return None, "CONDITIONS_NOT_MET", place
        return outcome["variant"], "WINNER", None
    user_id, device_id = own.get("id"), asked.get("device_id")
    for name, identity in (("user_id", user_id), ("device_id", device_id)):
        for entry in () if is_group else document.get("forced", ()):
            if identity and entry.get(name) == identity and entry["environment"] == setting.environment:
                return entry["variant"], "FORCED", None
    number = (asked if user is None else own).get("split_group")
    owners = [
        variant["name"]
        for variant in document.get("variants", ())
        for first, last in variant["split_groups"]
        if number and first <= number <= last
    ]
    supported = document["key"] in (asked.get("supported_tests") or ())
    refusals = {
        "TESTS_OFF": not is_group and (user_id in setting.off or device_id in setting.off),
        "PAUSED": document["status"] in ("paused", "finished"),
        "NOT_A_TEST_USER": document["status"] == "dev" and _of(user, "is_test_user") is not True,
        "OUTSIDE_DATES": document["status"] == "running" and not _in_dates(document, setting.now),
        "CONDITIONS_NOT_MET": not fulfilled,
        "NOT_SUPPORTED_BY_CLIENT": not is_group and document["side"] != "server" and not supported,
        "NO_SPLIT_GROUP": not is_group and not number,
        "SPLIT_GROUP_NOT_IN_TEST": not is_group and not owners,
    }
    for reason, refused in refusals.items():
        if refused:
            return None, reason, place if reason == "CONDITIONS_NOT_MET" else None
    if setting.additional is not None and not is_group and not setting.additional(user, request):
        return None, "ADDITIONAL_CONDITIONS_NOT_MET", None
    return ("True" if is_group else owners[0]), "SPLIT", None


def _in_dates(document: Mapping[str, Any], now: datetime) -> bool:
    starts_at, ends_at = (_moment(document.get(name)) for name in ("starts_at", "ends_at"))
    return (starts_at is None or starts_at <= now) and (ends_at is None or now < ends_at)


# ---- conditions ------------------------------------------------------------------------------------------------


def met(
    tree: Tree, user: Subject, request: Subject, now: datetime, path: str = "conditions"
) -> tuple[bool, str]:
    """Left to right, one operand after the other, skipping what cannot matter any more; and where that ended."""
    answer, place = True, path
    for index in range(0, len(tree), 2):
        connective = tree[index - 1] if index else "AND"
        if connective == "OR" and answer:
            return True, place
        if connective == "AND" and not answer:
            continue
        item, place = tree[index], f"{path}[{index}]"
        if isinstance(item, list):
            answer, place = met(item, user, request, now, place)
        else:
            answer = holds(item, _of(user if item["source"] == "user" else request, item["filter"]), now)
    return answer, place


def _of(subject: Subject, name: str) -> Any:
    return ((subject or {}).get("attributes") or {}).get(name)


def holds(predicate: Mapping[str, Any], value: Any, now: datetime) -> bool:
    """Does the value satisfy the predicate?"""
    operator, operand = predicate["operator"], predicate.get("value")
    if operator == "is_not_set" or value is None:
        return operator == "is_not_set" and value is None
    if operator in ("eq", "neq", "gt", "gte", "lt", "lte", "between"):
        return bool(_COMPARED[operator](value, operand, predicate.get("type") == "date"))
    return bool(_OTHERS[operator](value, operand, now))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float, Decimal)):
        nothing = value != value or (isinstance(value, Decimal) and not value.is_finite())  # noqa: PLR0124 - NaN
        return "no number" if nothing else "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, (list, tuple, set, frozenset)) else "other"


_SCALARS = ("bool", "number", "text")


def _same(one: Any, other: Any) -> bool:
    return _kind(one) in _SCALARS and _kind(one) == _kind(other) and bool(one == other)


def _any_same(value: Any, operands: list[Any]) -> bool:
    return any(_same(value, operand) for operand in operands)


def _none_same(value: Any, operands: list[Any]) -> bool:
    kinds = [_kind(operand) for operand in operands] or _SCALARS
    return _kind(value) in kinds and not _any_same(value, operands)


def _order(value: Any, operand: Any, as_dates: bool) -> int | None:
    """-1, 0, 1, or None for what cannot be compared."""
    if as_dates or isinstance(operand, str):
        one, other = _moment(value), _moment(operand)
        if one is None or other is None:
            return None
        if _is_day(operand):
            return (one.date() > other.date()) - (one.date() < other.date())
        return (one > other) - (one < other)
    return None if _kind(value) != "number" else (value > operand) - (value < operand)


def _equal(value: Any, operand: Any, as_dates: bool) -> bool | None:
    """None for what cannot be compared. A text that reads as a date is one to dates, not to texts."""
    if as_dates or (_moment(operand) is not None and isinstance(value, date)):
        order = _order(value, operand, as_dates=True)
        return None if order is None else order == 0
    return None if _kind(value) != _kind(operand) else _same(value, operand)


def _ordered(test: Callable[[int], bool]) -> Callable[[Any, Any, bool], bool]:
    def compare(value: Any, operand: Any, as_dates: bool) -> bool:
        order = _order(value, operand, as_dates)
        return order is not None and test(order)

    return compare


_COMPARED: dict[str, Callable[[Any, Any, bool], bool]] = {
    "eq": lambda v, o, d: _equal(v, o, d) is True,
    "neq": lambda v, o, d: _equal(v, o, d) is False,
    "gt": _ordered(lambda order: order > 0),
    "gte": _ordered(lambda order: order >= 0),
    "lt": _ordered(lambda order: order < 0),
    "lte": _ordered(lambda order: order <= 0),
    "between": lambda v, o, d: _COMPARED["gte"](v, o[0], d) and _COMPARED["lte"](v, o[1], d),
}

# ---- values ----------------------------------------------------------------------------------------------------


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d($|[ T]\d\d:\d\d)", value):
        return None
    try:
        return _moment(datetime.fromisoformat(value.replace("Z", "+00:00")))
    except ValueError:
        return None


def _is_day(operand: Any) -> bool:
    return isinstance(operand, str) and len(operand) == len("2026-01-31")


def _version(text: Any) -> list[int] | None:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){0,5}", text):
        return None
    parts = [int(part) for part in text.split(".")]
    return parts + [0] * (6 - len(parts))


def _by_version(test: Callable[[list[int], list[int]], bool]) -> Callable[[Any, Any, datetime], bool]:
    def compare(value: Any, operand: Any, now: datetime) -> bool:
        one, other = _version(value), _version(operand)
        return one is not None and other is not None and test(one, other)

    return compare


def _by_age(test: Callable[[datetime, datetime], bool]) -> Callable[[Any, Any, datetime], bool]:
    def compare(value: Any, operand: Any, now: datetime) -> bool:
        moment = _moment(value)
        return moment is not None and test(moment, now - timedelta(days=operand))

    return compare


_OTHERS: dict[str, Callable[[Any, Any, datetime], bool]] = {
    "is_set": lambda v, o, now: True,
    "in": lambda v, o, now: _any_same(v, o),
    "not_in": lambda v, o, now: _none_same(v, o),
    "contains": lambda v, o, now: _kind(v) == "text" and o in v,
    "starts_with": lambda v, o, now: _kind(v) == "text" and v.startswith(o),
    "ends_with": lambda v, o, now: _kind(v) == "text" and v.endswith(o),
    "matches": lambda v, o, now: (
        _kind(v) == "text" and len(v) <= 512 and bool(re.search(o.replace("$", r"\Z"), v, re.ASCII))
    ),
    "version_eq": _by_version(lambda one, other: one == other),
    "version_gt": _by_version(lambda one, other: one > other),
    "version_gte": _by_version(lambda one, other: one >= other),
    "version_lt": _by_version(lambda one, other: one < other),
    "version_lte": _by_version(lambda one, other: one <= other),
    "within_days": _by_age(lambda moment, limit: moment >= limit),
    "older_than_days": _by_age(lambda moment, limit: moment < limit),
    "has": lambda v, o, now: _kind(v) == "list" and _any_same(o, v),
    "has_any": lambda v, o, now: _kind(v) == "list" and any(_any_same(one, v) for one in o),
    "has_none": lambda v, o, now: _kind(v) == "list" and not any(_any_same(one, v) for one in o),
}
