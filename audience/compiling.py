"""Typed conditions → a sqlglot expression, which `audience.dialects.render` writes in each engine's dialect.

It means what the SDK means, user by user: a missing value makes every predicate but `is_not_set` untrue, a value of
the wrong type makes it false. Trees know AND and OR but no NOT, so SQL's NULL (unknown) may stand for false inside;
whoever counts writes `CASE WHEN … THEN 1 ELSE 0 END`, which every dialect runs.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from audience.casting import INTEGER_MAX, INTEGER_MIN
from audience.specs import Catalogue, FilterType
from usersplit_sdk.operators import OPERATORS
from usersplit_sdk.patterns import PATTERN_SUBJECT_LIMIT, UnsafePattern, canonical_pattern
from usersplit_sdk.values import Moment, parse_moment, version_key

VERSION_KEY_SUFFIX: Final = "__key"
"""A version column has a companion of this name with `version_key` of each value, which sorts as versions do."""

_MICROSECOND: Final = dt.timedelta(microseconds=1)
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Compiled:
    """`expression` is a condition over the warehouse's columns. `not_counted` names, sorted, the filters that the warehouse
    does not have: they are taken as met, which makes a count an upper bound."""

    expression: exp.Expr
    not_counted: tuple[str, ...]


def compile_conditions(
    tree: object, catalogue: Catalogue, columns: Mapping[str, FilterType], now: dt.datetime
) -> Compiled:
    """The condition that a user of the warehouse must meet. `columns` are the warehouse's, `now` is aware."""
    compiler = _Compiler(catalogue, columns, now)
    expression = compiler.any_of(tree)
    return Compiled(expression, tuple(sorted(compiler.not_counted)))


def as_flag(condition: exp.Expr) -> exp.Expr:
    """1 where the condition is true, 0 where it is false or unknown."""
    return exp.Case(ifs=[exp.If(this=condition, true=exp.Literal.number(1))], default=exp.Literal.number(0))


def is_always(condition: exp.Expr) -> bool:
    """Whether the condition is the constant TRUE."""
    return isinstance(condition, exp.Boolean) and bool(condition.this)


class _Compiler:
    def __init__(self, catalogue: Catalogue, columns: Mapping[str, FilterType], now: dt.datetime) -> None:
        self.catalogue = catalogue
        self.columns = columns
        self.now = now.astimezone(dt.UTC)
        self.not_counted: set[str] = set()

    def any_of(self, tree: object) -> exp.Expr:
        """A list: OR over runs that AND binds together."""
        if not isinstance(tree, list) or not tree:
            return exp.true()
        runs: list[list[exp.Expr]] = [[]]
        for index, item in enumerate(tree):
            if index % 2 == 0:
                runs[-1].append(self.any_of(item) if isinstance(item, list) else self.predicate(item))
            elif item == "OR":
                runs.append([])
        return _either([_all(run) for run in runs])

    def predicate(self, item: object) -> exp.Expr:
        if not isinstance(item, dict):
            raise ValueError(f"{item!r} is no predicate: only parsed conditions can be compiled")
        name, operator = str(item.get("filter")), str(item.get("operator"))
        spec = self.catalogue.get(name)
        if spec is None or not spec.column or self.columns.get(spec.column) != spec.type:
            self.not_counted.add(name)
            return exp.true()
        compiled = self.comparison(_column(spec.column, spec.type), operator, item.get("value"), spec.type)
        # What a dialect cannot mean it refuses by these names.
        compiled.meta.update(filter=name, operator=operator)
        return compiled

    def comparison(self, column: exp.Expr, operator: str, value: object, kind: FilterType) -> exp.Expr:
        if operator == "is_set":
            return _is_there(column)
        if operator == "is_not_set":
            return exp.Is(this=column, expression=exp.null())
        if operator not in OPERATORS or kind not in OPERATORS[operator].types:
            return exp.false()
        return _COMPILE[kind](column, operator, value, self.now)


def _either(conditions: list[exp.Expr]) -> exp.Expr:
    if any(is_always(condition) for condition in conditions):
        return exp.true()
    return exp.or_(*conditions, copy=False) if len(conditions) > 1 else conditions[0]


def _all(conditions: list[exp.Expr]) -> exp.Expr:
    needed = [condition for condition in conditions if not is_always(condition)]
    if not needed:
        return exp.true()
    return exp.and_(*needed, copy=False) if len(needed) > 1 else needed[0]


def _column(name: str, kind: str) -> exp.Column:
    """A column that knows its filter type ("key": a version's companion), for dialects whose types differ."""
    column = exp.column(name, quoted=True)
    column.meta["kind"] = kind
    return column


def _is_there(column: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=column, expression=exp.null()))


def _text(value: str) -> exp.Expr:
    return exp.Literal.string(value)


def _integer(value: int) -> exp.Expr:
    if value == INTEGER_MIN:  # has no literal: its digits alone are out of range
        return exp.cast(_text(str(value)), exp.DType.BIGINT)
    return exp.Literal.number(value)


def _float(value: float) -> exp.Expr:
    return exp.cast(_text(repr(float(value))), exp.DType.DOUBLE)


def _instant(moment: dt.datetime) -> exp.Expr:
    return exp.cast(_text(moment.replace(tzinfo=None).isoformat(sep=" ")), exp.DType.TIMESTAMP)


def _is_one_of(column: exp.Expr, values: list[exp.Expr], operator: str) -> exp.Expr:
    found = exp.In(this=column, expressions=values)
    if operator == "in":
        return found if values else exp.false()
    return exp.Not(this=found) if values else _is_there(column)


def _boolean(column: exp.Expr, operator: str, value: object, now: dt.datetime) -> exp.Expr:
    if not isinstance(value, bool):
        return exp.false()
    return exp.EQ(this=column, expression=exp.Boolean(this=value is (operator == "eq")))


# ---- numbers -----------------------------------------------------------------------------------------------


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not _is_nan(value)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _whole_number(column: exp.Expr, operator: str, value: object, now: dt.datetime) -> exp.Expr:
    """Comparisons with a 64-bit column. Operands outside of its range, or between two of its values, become bounds inside."""
    if operator in ("in", "not_in"):
        items = value if isinstance(value, list) else []
        numbers = [item for item in items if _is_number(item)]
        if items and not numbers:
            return exp.false()
        inside = [int(item) for item in numbers if _is_in_range(item) and item == int(item)]
        return _is_one_of(column, [_integer(item) for item in dict.fromkeys(inside)], operator)
    if operator == "between":
        low, high = _pair(value)
        return _all([_whole_number(column, "gte", low, now), _whole_number(column, "lte", high, now)])
    if not isinstance(value, (int, float)) or not _is_number(value):
        return exp.false()
    if operator in ("eq", "neq"):
        return _whole_number(column, "in" if operator == "eq" else "not_in", [value], now)
    if operator in ("gt", "gte"):
        least = _rounded(math.floor, value) + 1 if operator == "gt" else _rounded(math.ceil, value)
        if least > INTEGER_MAX:
            return exp.false()
        return exp.GTE(this=column, expression=_integer(least)) if least > INTEGER_MIN else _is_there(column)
    greatest = _rounded(math.ceil, value) - 1 if operator == "lt" else _rounded(math.floor, value)
    if greatest < INTEGER_MIN:
        return exp.false()
    return (
        exp.LTE(this=column, expression=_integer(greatest)) if greatest < INTEGER_MAX else _is_there(column)
    )


def _is_in_range(value: float) -> bool:
    return INTEGER_MIN <= value <= INTEGER_MAX


def _rounded(rounding: Callable[[float], int], value: float) -> int:
    """Rounded to a whole number; infinities land just outside of 64 bits. An int, however long, is not made a float."""
    if value in (math.inf, -math.inf):
        return 2**64 if value > 0 else -(2**64)
    return rounding(value)


_ORDER: Final[Mapping[str, type[exp.Binary]]] = {
    "eq": exp.EQ, "neq": exp.NEQ, "gt": exp.GT, "gte": exp.GTE, "lt": exp.LT, "lte": exp.LTE,
}  # fmt: skip


def _real_number(column: exp.Expr, operator: str, value: object, now: dt.datetime) -> exp.Expr:
    if operator in ("in", "not_in"):
        items = value if isinstance(value, list) else []
        numbers = [item for item in items if _is_number(item)]
        if items and not numbers:
            return exp.false()
        return _is_one_of(column, [_float(item) for item in numbers if _fits_float(item)], operator)
    if operator == "between":
        low, high = _pair(value)
        return _all([_real_number(column, "gte", low, now), _real_number(column, "lte", high, now)])
    if not isinstance(value, (int, float)) or not _is_number(value):
        return exp.false()
    if not _fits_float(value):
        # Columns hold finite numbers only, so everything lies on one side of the operand.
        met = operator == "neq" or operator in (("lt", "lte") if value > 0 else ("gt", "gte"))
        return _is_there(column) if met else exp.false()
    return _ORDER[operator](this=column, expression=_float(value))


def _fits_float(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _pair(value: object) -> tuple[object, object]:
    return (value[0], value[1]) if isinstance(value, list) and len(value) == 2 else (None, None)


# ---- texts -------------------------------------------------------------------------------------------------


def _string(column: exp.Expr, operator: str, value: object, now: dt.datetime) -> exp.Expr:
    if operator in ("in", "not_in"):
        items = value if isinstance(value, list) else []
        texts = [item for item in items if isinstance(item, str)]
        return (
            _is_one_of(column, [_text(item) for item in texts], operator)
            if texts or not items
            else exp.false()
        )
    if not isinstance(value, str):
        return exp.false()
    if operator in ("eq", "neq"):
        return _ORDER[operator](this=column, expression=_text(value))
    if operator == "matches":
        return _matches(column, value)
    if not value:  # every text contains, starts and ends with nothing; engines differ about it
        return _is_there(column)
    if operator == "contains":
        # Not LIKE: its wildcards, and their escapes, differ between dialects.
        return exp.GT(
            this=exp.StrPosition(this=column, substr=_text(value)), expression=exp.Literal.number(0)
        )
    if operator == "starts_with":
        return exp.StartsWith(this=column, expression=_text(value))
    return exp.EndsWith(this=column, expression=_text(value))


def _matches(column: exp.Expr, pattern: str) -> exp.Expr:
    try:
        canonical = canonical_pattern(pattern)
    except UnsafePattern:
        return exp.false()
    short = exp.LTE(this=exp.Length(this=column), expression=exp.Literal.number(PATTERN_SUBJECT_LIMIT))
    return exp.And(this=short, expression=exp.RegexpLike(this=column, expression=_text(canonical)))


def _version(column: exp.Expr, operator: str, value: object, now: dt.datetime) -> exp.Expr:
    key = version_key(value)
    if key is None:
        return exp.false()
    companion = _column(f"{column.name}{VERSION_KEY_SUFFIX}", "key")
    return _ORDER[operator.removeprefix("version_")](this=companion, expression=_text(key))


def _list(column: exp.Expr, operator: str, value: object, now: dt.datetime) -> exp.Expr:
    items = value if isinstance(value, list) else [value]
    texts = [_text(item) for item in items if isinstance(item, str)]
    if not texts:
        return _is_there(column) if operator == "has_none" else exp.false()
    if len(texts) == 1:
        found: exp.Expr = exp.ArrayContains(this=column, expression=texts[0])
    else:
        found = exp.ArrayOverlaps(this=column, expression=exp.Array(expressions=texts))
    return exp.Not(this=found) if operator == "has_none" else found


# ---- dates -------------------------------------------------------------------------------------------------


def _date(column: exp.Expr, operator: str, value: object, now: dt.datetime) -> exp.Expr:
    """Every operand is the half-open range [start, end) of a day or of a microsecond; columns hold moments in UTC."""
    if operator in ("within_days", "older_than_days"):
        return _days_ago(column, operator, value, now)
    if operator == "between":
        low, high = _pair(value)
        return _all([_date(column, "gte", low, now), _date(column, "lte", high, now)])
    moment = parse_moment(value)
    if moment is None:
        return exp.false()
    if operator == "eq":
        return _all([_from(column, moment), _until_end_of(column, moment)])
    if operator == "neq":
        return _either([_before(column, moment), _after(column, moment)])
    return {"gt": _after, "gte": _from, "lt": _before, "lte": _until_end_of}[operator](column, moment)


def _days_ago(column: exp.Expr, operator: str, value: object, now: dt.datetime) -> exp.Expr:
    if not isinstance(value, int) or isinstance(value, bool):
        return exp.false()
    try:
        limit = _instant(now - dt.timedelta(days=value))
    except OverflowError:
        return exp.false()
    return (exp.GTE if operator == "within_days" else exp.LT)(this=column, expression=limit)


def _before(column: exp.Expr, moment: Moment) -> exp.Expr:
    return exp.LT(this=column, expression=_instant(moment.instant))


def _from(column: exp.Expr, moment: Moment) -> exp.Expr:
    return exp.GTE(this=column, expression=_instant(moment.instant))


def _after(column: exp.Expr, moment: Moment) -> exp.Expr:
    end = _end(moment)
    return exp.false() if end is None else exp.GTE(this=column, expression=_instant(end))


def _until_end_of(column: exp.Expr, moment: Moment) -> exp.Expr:
    end = _end(moment)
    return _is_there(column) if end is None else exp.LT(this=column, expression=_instant(end))


def _end(moment: Moment) -> dt.datetime | None:
    """The first moment after it, None at the end of the calendar."""
    try:
        return moment.instant + (_DAY if moment.is_day else _MICROSECOND)
    except OverflowError:
        return None


_COMPILE: Final[Mapping[str, Callable[[exp.Expr, str, object, dt.datetime], exp.Expr]]] = {
    "boolean": _boolean,
    "integer": _whole_number,
    "number": _real_number,
    "string": _string,
    "date": _date,
    "version": _version,
    "list": _list,
}
