"""The one table of operators: forms, validation, SQL and evaluation all read it.

An ``Operator`` says what it is called, which filter types it suits, what kind of operand it takes, and
builds the function that compares. Those functions never see a missing value (that is decided before them)
and answer False for a value whose type does not fit, the negative operators included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import isfinite
from types import MappingProxyType
from typing import Literal

from usersplit_sdk.patterns import PATTERN_SUBJECT_LIMIT, UnsafePattern, compile_pattern
from usersplit_sdk.values import Moment, as_number, parse_moment, parse_version

FilterType = Literal["boolean", "integer", "number", "string", "date", "version", "list"]
OperandKind = Literal["one", "many", "range", "none", "days", "pattern"]
Compare = Callable[[object, datetime], bool]
"""Answers for a present attribute value and the time of the check (aware)."""

FILTER_TYPES: tuple[FilterType, ...] = ("boolean", "integer", "number", "string", "date", "version", "list")
DAYS_LIMIT = 36_500


class InvalidOperand(ValueError):
    """The operand cannot be used with this operator; the message says why."""


@dataclass(frozen=True)
class Operator:
    """One row of the table. ``build(operand, filter_type)`` returns the comparison or raises ``InvalidOperand``."""

    name: str
    label: str
    types: frozenset[str]
    operand: OperandKind
    build: Callable[[object, str | None], Compare] = field(repr=False, compare=False)


# ---- equality ----------------------------------------------------------------------------------------------


def _equal(operand: object, filter_type: str | None) -> Compare:
    return _equality(operand, filter_type, wanted=True)


def _not_equal(operand: object, filter_type: str | None) -> Compare:
    return _equality(operand, filter_type, wanted=False)


def _equality(operand: object, filter_type: str | None, wanted: bool) -> Compare:
    moment = parse_moment(operand)
    if filter_type == "date":
        return _date_equality(_required_moment(operand), wanted)
    if isinstance(operand, bool):
        return lambda value, now: isinstance(value, bool) and (value is operand) is wanted
    if isinstance(operand, str):
        on_date = None if moment is None else _date_equality(moment, wanted)

        def same_text(value: object, now: datetime) -> bool:
            if isinstance(value, str):
                return (value == operand) is wanted
            return on_date is not None and isinstance(value, date) and on_date(value, now)

        return same_text
    number = _required_number(operand)

    def same_number(value: object, _now: datetime) -> bool:
        found = as_number(value)
        return found is not None and (found == number) is wanted

    return same_number


def _date_equality(moment: Moment, wanted: bool) -> Compare:
    def same_date(value: object, _now: datetime) -> bool:
        order = _date_order(value, moment)
        return order is not None and (order == 0) is wanted

    return same_date


# ---- order -------------------------------------------------------------------------------------------------


def _ordered(test: Callable[[int], bool]) -> Callable[[object, str | None], Compare]:
    """Build a comparison from what the order of value and operand (-1, 0, 1) must be."""

    def build(operand: object, filter_type: str | None) -> Compare:
        order_of = _order(operand, filter_type)

        def compare(value: object, _now: datetime) -> bool:
            order = order_of(value)
            return order is not None and test(order)

        return compare

    return build


def _between(operand: object, filter_type: str | None) -> Compare:
    if not isinstance(operand, (list, tuple)) or len(operand) != 2:
        raise InvalidOperand("must be a list of two values, the least and the greatest")
    least, greatest = _order(operand[0], filter_type), _order(operand[1], filter_type)

    def compare(value: object, _now: datetime) -> bool:
        above, below = least(value), greatest(value)
        return above is not None and below is not None and above >= 0 >= below

    return compare


def _order(operand: object, filter_type: str | None) -> Callable[[object], int | None]:
    if filter_type == "date" or isinstance(operand, str):
        moment = _required_moment(operand)
        return lambda value: _date_order(value, moment)
    number = _required_number(operand)

    def order(value: object) -> int | None:
        found = as_number(value)
        return None if found is None else (found > number) - (found < number)

    return order


def _date_order(value: object, operand: Moment) -> int | None:
    """-1, 0 or 1; an operand that is a day compares calendar days in UTC, one with a time compares instants."""
    found = parse_moment(value)
    if found is None:
        return None
    if operand.is_day:
        day, other = found.instant.date(), operand.instant.date()
        return (day > other) - (day < other)
    return (found.instant > operand.instant) - (found.instant < operand.instant)


# ---- membership --------------------------------------------------------------------------------------------


class _Members:
    """Operands sorted by kind, so that True, 1 and "1" stay three different things and a look-up is one hash."""

    def __init__(self, operand: object) -> None:
        if not isinstance(operand, (list, tuple)):
            raise InvalidOperand("must be a list of values")
        self.texts = frozenset(item for item in operand if isinstance(item, str))
        self.flags = frozenset(item for item in operand if isinstance(item, bool))
        numbers = [item for item in operand if not isinstance(item, (str, bool))]
        self.numbers = frozenset(_required_number(item) for item in numbers)
        self.empty = not operand

    def holds(self, value: object) -> bool:
        if isinstance(value, str):
            return value in self.texts
        if isinstance(value, bool):
            return value in self.flags
        number = as_number(value)
        return number is not None and number in self.numbers

    def fits(self, value: object) -> bool:
        """Is the value of a kind that the list has at all (an empty list has none to object to)?"""
        if isinstance(value, str):
            return self.empty or bool(self.texts)
        if isinstance(value, bool):
            return self.empty or bool(self.flags)
        return as_number(value) is not None and (self.empty or bool(self.numbers))


def _in(operand: object, _type: str | None) -> Compare:
    members = _Members(operand)
    return lambda value, now: members.holds(value)


def _not_in(operand: object, _type: str | None) -> Compare:
    members = _Members(operand)
    return lambda value, now: members.fits(value) and not members.holds(value)


def _has(operand: object, filter_type: str | None) -> Compare:
    if isinstance(operand, (list, tuple)):
        raise InvalidOperand("must be one value")
    return _has_any([operand], filter_type)


def _has_any(operand: object, _type: str | None) -> Compare:
    members = _Members(operand)
    return lambda value, now: isinstance(value, _LISTS) and any(map(members.holds, value))


def _has_none(operand: object, _type: str | None) -> Compare:
    members = _Members(operand)
    return lambda value, now: isinstance(value, _LISTS) and not any(map(members.holds, value))


_LISTS = (list, tuple, set, frozenset)

# ---- texts, versions, relative dates, presence ---------------------------------------------------------------


def _text(test: Callable[[str, str], bool]) -> Callable[[object, str | None], Compare]:
    def build(operand: object, _type: str | None) -> Compare:
        if not isinstance(operand, str):
            raise InvalidOperand("must be a text")
        return lambda value, now: isinstance(value, str) and test(value, operand)

    return build


def _matches(operand: object, _type: str | None) -> Compare:
    if not isinstance(operand, str):
        raise InvalidOperand("must be a text")
    try:
        search = compile_pattern(operand).search
    except UnsafePattern as problem:
        raise InvalidOperand(str(problem)) from None

    def compare(value: object, _now: datetime) -> bool:
        return isinstance(value, str) and len(value) <= PATTERN_SUBJECT_LIMIT and search(value) is not None

    return compare


def _version(test: Callable[[int], bool]) -> Callable[[object, str | None], Compare]:
    def build(operand: object, _type: str | None) -> Compare:
        version = parse_version(operand)
        if version is None:
            raise InvalidOperand("must be a version such as 1.10.2")

        def compare(value: object, _now: datetime) -> bool:
            found = parse_version(value)
            return found is not None and test((found > version) - (found < version))

        return compare

    return build


def _days(within: bool) -> Callable[[object, str | None], Compare]:
    def build(operand: object, _type: str | None) -> Compare:
        if isinstance(operand, bool) or not isinstance(operand, int) or not 0 <= operand <= DAYS_LIMIT:
            raise InvalidOperand(f"must be a whole number of days from 0 to {DAYS_LIMIT}")
        span = timedelta(days=operand)

        def compare(value: object, now: datetime) -> bool:
            found = parse_moment(value)
            return found is not None and (found.instant >= now - span) is within

        return compare

    return build


def _present(wanted: bool) -> Callable[[object, str | None], Compare]:
    return lambda operand, filter_type: lambda value, now: wanted


def _required_moment(operand: object) -> Moment:
    moment = parse_moment(operand)
    if moment is None:
        raise InvalidOperand("must be a date or a time in ISO 8601")
    return moment


def _required_number(operand: object) -> int | float:
    if isinstance(operand, bool) or not isinstance(operand, (int, float)):
        raise InvalidOperand("must be a text, a number, true or false")
    if isinstance(operand, float) and not isfinite(operand):
        raise InvalidOperand("must be a finite number")
    return operand


def _row(
    name: str,
    label: str,
    types: str,
    operand: OperandKind,
    build: Callable[[object, str | None], Compare],
) -> tuple[str, Operator]:
    return name, Operator(name, label, frozenset(types.split()), operand, build)


_EVERY_TYPE = " ".join(FILTER_TYPES)

OPERATORS: Mapping[str, Operator] = MappingProxyType(
    dict(
        (
            _row("eq", "is", "boolean integer number string date", "one", _equal),
            _row("neq", "is not", "boolean integer number string date", "one", _not_equal),
            _row("in", "is one of", "integer number string", "many", _in),
            _row("not_in", "is none of", "integer number string", "many", _not_in),
            _row("gt", "is greater than", "integer number date", "one", _ordered(lambda order: order > 0)),
            _row("gte", "is at least", "integer number date", "one", _ordered(lambda order: order >= 0)),
            _row("lt", "is less than", "integer number date", "one", _ordered(lambda order: order < 0)),
            _row("lte", "is at most", "integer number date", "one", _ordered(lambda order: order <= 0)),
            _row("between", "is between", "integer number date", "range", _between),
            _row("contains", "contains", "string", "one", _text(lambda value, part: part in value)),
            _row("starts_with", "starts with", "string", "one", _text(str.startswith)),
            _row("ends_with", "ends with", "string", "one", _text(str.endswith)),
            _row("matches", "matches the pattern", "string", "pattern", _matches),
            _row("version_eq", "is version", "version", "one", _version(lambda order: order == 0)),
            _row("version_gt", "is later than version", "version", "one", _version(lambda order: order > 0)),
            _row("version_gte", "is at least version", "version", "one", _version(lambda order: order >= 0)),
            _row(
                "version_lt", "is earlier than version", "version", "one", _version(lambda order: order < 0)
            ),
            _row("version_lte", "is at most version", "version", "one", _version(lambda order: order <= 0)),
            _row("within_days", "is within the last days", "date", "days", _days(within=True)),
            _row("older_than_days", "is longer ago than days", "date", "days", _days(within=False)),
            _row("has", "has", "list", "one", _has),
            _row("has_any", "has any of", "list", "many", _has_any),
            _row("has_none", "has none of", "list", "many", _has_none),
            _row("is_set", "is set", _EVERY_TYPE, "none", _present(wanted=True)),
            _row("is_not_set", "is not set", _EVERY_TYPE, "none", _present(wanted=False)),
        )
    )
)
"""Every operator by name, in the order in which a form offers them."""
