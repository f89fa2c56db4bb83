"""The one table of operators: forms, validation, SQL and evaluation all read it.

An ``Operator`` says what it is called, which filter types it suits, what kind of operand it takes, and builds
the comparison. A comparison is False for a missing value and for one whose type does not fit, the negative
operators included; ``is_not_set`` alone is True for what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from math import isfinite
from types import MappingProxyType
from typing import Literal, NamedTuple

from usersplit_sdk.values import Moment, as_number, is_number, parse_moment, parse_version

FilterType = Literal["boolean", "integer", "number", "string", "date", "version", "list"]
OperandKind = Literal["one", "many", "range", "none", "days", "pattern"]
Build = Callable[[object, "str | None"], "Comparison"]

FILTER_TYPES: tuple[FilterType, ...] = ("boolean", "integer", "number", "string", "date", "version", "list")
DAYS_LIMIT = 36_500


class InvalidOperand(ValueError):
    """The operand cannot be used with this operator; the message says why."""


class Comparison(NamedTuple):
    """A comparison as Python source that is written here, never in a file; operands are only bound to names.

    ``{V}`` is where the value is read, ``{v}`` the value again, ``{t}`` the time (an aware ``datetime``), any other
    field one of ``names``. ``only``, where it is known, holds every value the comparison can be True for.
    """

    source: str
    names: Mapping[str, object] = MappingProxyType({})
    timed: bool = False
    only: frozenset[object] | None = None


class Operator(NamedTuple):
    """One row of the table. ``build(operand, filter_type)`` returns the comparison or raises ``InvalidOperand``."""

    name: str
    label: str
    types: frozenset[str]
    operand: OperandKind
    build: Build


NAMES: Mapping[str, object] = MappingProxyType(
    {"str": str, "int": int, "isinstance": isinstance, "len": len, "is_number": is_number}
)
"""What the source of a comparison may call besides its own names."""

# The common kinds are recognised without a call; a subclass (an enum of texts) costs one.
_IS_TEXT = "({v}.__class__ is str or isinstance({v}, str))"
_IS_NUMBER = "({v}.__class__ is int or is_number({v}))"


def _calling(compare: Callable[[object], bool]) -> Comparison:
    return Comparison("{V} is not None and {compare}({v})", {"compare": compare})


def _calling_with_time(compare: Callable[[object, datetime], bool]) -> Comparison:
    return Comparison("{V} is not None and {compare}({v}, {t})", {"compare": compare}, timed=True)


# ---- equality ----------------------------------------------------------------------------------------------


def _equal(operand: object, filter_type: str | None) -> Comparison:
    if filter_type == "date" or parse_moment(operand) is not None:
        return _date_equality(operand, filter_type, wanted=True)
    if isinstance(operand, bool):
        return Comparison("{V} is {x}", {"x": operand}, only=frozenset((operand,)))
    if not isinstance(operand, str):
        operand = _required_number(operand)
    return Comparison("{V} == {x}" + _no_bool_for(operand), {"x": operand}, only=frozenset((operand,)))


def _not_equal(operand: object, filter_type: str | None) -> Comparison:
    if filter_type == "date" or parse_moment(operand) is not None:
        return _date_equality(operand, filter_type, wanted=False)
    if isinstance(operand, bool):
        return Comparison("{V} is {x}", {"x": not operand}, only=frozenset((not operand,)))
    kind = _IS_TEXT if isinstance(operand, str) else _IS_NUMBER
    value = operand if isinstance(operand, str) else _required_number(operand)
    return Comparison(f"{{V}} != {{x}} and {kind}", {"x": value})


def _no_bool_for(*operands: object) -> str:
    """To Python True is 1; no other operand equals a value of a type that does not fit."""
    return " and {v} is not True and {v} is not False" if 0 in operands or 1 in operands else ""


def _date_equality(operand: object, filter_type: str | None, wanted: bool) -> Comparison:
    """A text that reads as a date is a date to dates; texts are compared as texts unless the type says otherwise."""
    moment = _required_moment(operand)

    def same(value: object) -> bool:
        if filter_type != "date" and not isinstance(value, date):
            return isinstance(value, str) and (value == operand) is wanted
        order = _date_order(value, moment)
        return order is not None and (order == 0) is wanted

    return _calling(same)


# ---- order -------------------------------------------------------------------------------------------------


def _ordered(sign: str, test: Callable[[int], bool]) -> Build:
    """A comparison by order: ``sign`` between numbers, ``test`` of the order (-1, 0, 1) of dates."""

    def build(operand: object, filter_type: str | None) -> Comparison:
        if filter_type != "date" and not isinstance(operand, str):
            return Comparison(
                f"{{V}} is not None and {_IS_NUMBER} and {{v}} {sign} {{x}}", {"x": _required_number(operand)}
            )
        moment = _required_moment(operand)

        def compare(value: object) -> bool:
            order = _date_order(value, moment)
            return order is not None and test(order)

        return _calling(compare)

    return build


def _between(operand: object, filter_type: str | None) -> Comparison:
    if not isinstance(operand, (list, tuple)) or len(operand) != 2:
        raise InvalidOperand("must be a list of two values, the least and the greatest")
    if filter_type != "date" and not any(isinstance(limit, str) for limit in operand):
        least, greatest = map(_required_number, operand)
        return Comparison(
            f"{{V}} is not None and {_IS_NUMBER} and {{least}} <= {{v}} <= {{greatest}}",
            {"least": least, "greatest": greatest},
        )
    first, last = (_order(limit, filter_type) for limit in operand)

    def compare(value: object) -> bool:
        above, below = first(value), last(value)
        return above is not None and below is not None and above >= 0 >= below

    return _calling(compare)


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


def _in(operand: object, _type: str | None) -> Comparison:
    members = _Members(operand)
    if not members.flags and not members.numbers:
        return Comparison("{V} in {x}", {"x": members.texts}, only=members.texts)
    if not members.flags and not members.texts:
        source = "{V} in {x}" + _no_bool_for(*members.numbers)
        return Comparison(source, {"x": members.numbers}, only=members.numbers)
    return _calling(members.holds)


def _not_in(operand: object, _type: str | None) -> Comparison:
    members = _Members(operand)
    return _calling(lambda value: members.fits(value) and not members.holds(value))


def _has(operand: object, filter_type: str | None) -> Comparison:
    if isinstance(operand, (list, tuple)):
        raise InvalidOperand("must be one value")
    return _has_any([operand], filter_type)


def _has_any(operand: object, _type: str | None) -> Comparison:
    members = _Members(operand)
    return _calling(lambda value: isinstance(value, _LISTS) and any(map(members.holds, value)))


def _has_none(operand: object, _type: str | None) -> Comparison:
    members = _Members(operand)
    return _calling(lambda value: isinstance(value, _LISTS) and not any(map(members.holds, value)))


_LISTS = (list, tuple, set, frozenset)

# ---- texts, versions, relative dates, presence ---------------------------------------------------------------


def _text(source: str) -> Build:
    """A comparison of a text; ``source`` says it of ``{v}`` and the operand ``{x}``."""

    def build(operand: object, _type: str | None) -> Comparison:
        if not isinstance(operand, str):
            raise InvalidOperand("must be a text")
        return Comparison(f"{{V}} is not None and {_IS_TEXT} and {source}", {"x": operand})

    return build


def _matches(operand: object, _type: str | None) -> Comparison:
    # Few tests have patterns, and what checks them is a third of the package.
    from usersplit_sdk.patterns import (  # noqa: PLC0415
        PATTERN_SUBJECT_LIMIT,
        UnsafePattern,
        compile_pattern,
    )

    if not isinstance(operand, str):
        raise InvalidOperand("must be a text")
    try:
        search = compile_pattern(operand).search
    except UnsafePattern as problem:
        raise InvalidOperand(str(problem)) from None
    return Comparison(
        f"{{V}} is not None and {_IS_TEXT} and len({{v}}) <= {{limit}} and {{search}}({{v}}) is not None",
        {"limit": PATTERN_SUBJECT_LIMIT, "search": search},
    )


def _version(test: Callable[[int], bool]) -> Build:
    def build(operand: object, _type: str | None) -> Comparison:
        version = parse_version(operand)
        if version is None:
            raise InvalidOperand("must be a version such as 1.10.2")

        def compare(value: object) -> bool:
            found = parse_version(value)
            return found is not None and test((found > version) - (found < version))

        return _calling(compare)

    return build


def _days(within: bool) -> Build:
    def build(operand: object, _type: str | None) -> Comparison:
        if isinstance(operand, bool) or not isinstance(operand, int) or not 0 <= operand <= DAYS_LIMIT:
            raise InvalidOperand(f"must be a whole number of days from 0 to {DAYS_LIMIT}")
        span = timedelta(days=operand)

        def compare(value: object, now: datetime) -> bool:
            found = parse_moment(value)
            return found is not None and (found.instant >= now - span) is within

        return _calling_with_time(compare)

    return build


def _present(source: str) -> Build:
    return lambda operand, filter_type: Comparison(source)


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
    build: Build,
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
            _row(
                "gt", "is greater than", "integer number date", "one", _ordered(">", lambda order: order > 0)
            ),
            _row(
                "gte", "is at least", "integer number date", "one", _ordered(">=", lambda order: order >= 0)
            ),
            _row("lt", "is less than", "integer number date", "one", _ordered("<", lambda order: order < 0)),
            _row("lte", "is at most", "integer number date", "one", _ordered("<=", lambda order: order <= 0)),
            _row("between", "is between", "integer number date", "range", _between),
            _row("contains", "contains", "string", "one", _text("{x} in {v}")),
            _row("starts_with", "starts with", "string", "one", _text("{v}.startswith({x})")),
            _row("ends_with", "ends with", "string", "one", _text("{v}.endswith({x})")),
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
            _row("is_set", "is set", _EVERY_TYPE, "none", _present("{V} is not None")),
            _row("is_not_set", "is not set", _EVERY_TYPE, "none", _present("{V} is None")),
        )
    )
)
"""Every operator by name, in the order in which a form offers them."""
