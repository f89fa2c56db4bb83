"""Conditions: loose input → the typed tree that is stored, delivered, compiled to SQL and evaluated by the SDK.

A tree is a list alternating between operands and "AND" / "OR"; an operand is a predicate (a dict) or another
list. `parse_conditions` is the one validator, for forms and the API alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from django.utils.translation import gettext

from audience.casting import SCALAR_CASTS, CastError, shown
from audience.describing import describe_conditions
from audience.specs import Catalogue, FilterSpec
from core.errors import FieldError, InvalidInput
from usersplit_sdk.operators import OPERATORS
from usersplit_sdk.patterns import UnsafePattern, canonical_pattern
from usersplit_sdk.values import parse_moment

__all__ = [
    "Conditions",
    "Predicate",
    "describe_conditions",
    "parse_conditions",
    "used_filters",
    "walk_predicates",
]

Predicate = dict[str, Any]
"""{"filter", "source", "operator"[, "value"][, "type": "date"]}"""
Conditions = list[Any]
"""Predicates, "AND" / "OR" and further lists of the same kind."""

MAX_PREDICATES: Final = 500
MAX_DEPTH: Final = 10
MAX_LIST_VALUES: Final = 5_000
MAX_VALUES: Final = 20_000
MAX_DAYS: Final = 36_500
MAX_ERRORS: Final = 20
_KNOWN_KEYS: Final = frozenset({"filter", "operator", "value", "source", "type"})


def parse_conditions(
    raw: object, catalogue: Catalogue, *, path: str = "conditions", already_used: Collection[str] = ()
) -> Conditions:
    """The typed tree of what a person or a program sent.

    Values are cast by the filter's type, `source` and `type` always come from the catalogue, a single value
    where a list belongs becomes a list of one. `already_used` names filters that are accepted though archived.
    Raises InvalidInput with up to MAX_ERRORS errors, each naming its path (`conditions[2][0].value`).
    """
    oversize = _oversize(raw, path)
    if oversize is not None:
        raise InvalidInput([oversize])
    parser = _Parser(catalogue, frozenset(already_used))
    tree = parser.read_list(raw, path)
    if parser.errors:
        raise InvalidInput(parser.errors[:MAX_ERRORS])
    return tree


def walk_predicates(tree: object, path: str = "conditions") -> Iterator[tuple[str, Predicate]]:
    """Every predicate with its path, in reading order. Not recursive: safe on any input."""
    stack: list[tuple[str, object]] = [(path, tree)]
    while stack:
        here, node = stack.pop()
        if isinstance(node, dict):
            yield here, node
        elif isinstance(node, list):
            stack.extend((f"{here}[{index}]", node[index]) for index in reversed(range(len(node))))


def used_filters(tree: object) -> frozenset[str]:
    """The names of all filters in a tree."""
    return frozenset(str(predicate.get("filter")) for _, predicate in walk_predicates(tree))


def _oversize(raw: object, path: str) -> FieldError | None:
    """What makes the tree too large to look at closely. Walks with a stack of its own: input may be 100,000 deep."""
    if not isinstance(raw, list):
        return FieldError(
            path, gettext("must be a list of conditions, not %(value)s") % {"value": shown(raw)}
        )
    predicates = items = 0
    stack: list[tuple[list[object], int]] = [(raw, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            return FieldError(
                path, gettext("has brackets nested more than %(most)s deep") % {"most": MAX_DEPTH}
            )
        for item in node:
            items += 1
            predicates += isinstance(item, dict)
            if isinstance(item, list):
                stack.append((item, depth + 1))
        if predicates > MAX_PREDICATES:
            return FieldError(
                path,
                gettext("has more than %(most)s conditions; put long lists of values into one `in`")
                % {"most": MAX_PREDICATES},
            )
        if items > 4 * MAX_PREDICATES:
            return FieldError(
                path, gettext("has more than %(most)s items") % {"most": f"{4 * MAX_PREDICATES:,}"}
            )
    return None


class _Parser:
    """Collects errors instead of stopping at the first, so that a form can show them all."""

    def __init__(self, catalogue: Catalogue, already_used: frozenset[str]) -> None:
        self.catalogue = catalogue
        self.already_used = already_used
        self.errors: list[FieldError] = []
        self.values = 0

    def refuse(self, path: str, message: str) -> None:
        self.errors.append(FieldError(path, message))

    def read_list(self, raw: object, path: str) -> Conditions:
        assert isinstance(raw, list)
        tree: Conditions = []
        for index, item in enumerate(raw):
            if len(self.errors) >= MAX_ERRORS:
                break
            here = f"{path}[{index}]"
            tree.append(self.read_joint(item, here) if index % 2 else self.read_operand(item, here))
        if raw and len(raw) % 2 == 0:
            self.refuse(
                f"{path}[{len(raw) - 1}]",
                gettext("nothing follows: end with a condition, not with AND or OR"),
            )
        return tree

    def read_joint(self, item: object, path: str) -> object:
        word = item.strip().upper() if isinstance(item, str) else None
        if word in ("AND", "OR"):
            return word
        self.refuse(
            path,
            gettext('must be "AND" or "OR" between two conditions, not %(value)s') % {"value": shown(item)},
        )
        return item

    def read_operand(self, item: object, path: str) -> object:
        if isinstance(item, list):
            return self.read_list(item, path)
        if isinstance(item, dict):
            return self.read_predicate(item, path)
        self.refuse(
            path,
            gettext("must be a condition or a list of conditions, not %(value)s") % {"value": shown(item)},
        )
        return item

    def read_predicate(self, raw: Mapping[object, object], path: str) -> Predicate:
        for key in raw:
            if key not in _KNOWN_KEYS:
                self.refuse(
                    path,
                    gettext("has an unknown part %(name)s; there are filter, operator and value")
                    % {"name": shown(key)},
                )
        spec = self.read_filter(raw.get("filter"), f"{path}.filter")
        operator = self.read_operator(raw.get("operator"), spec, f"{path}.operator")
        if spec is None or operator is None:
            return {}
        predicate: Predicate = {"filter": spec.name, "source": spec.source, "operator": operator}
        if spec.type == "date":
            predicate["type"] = "date"
        operand = OPERATORS[operator].operand
        if operand == "none":
            if raw.get("value") not in (None, ""):
                self.refuse(f"{path}.value", gettext("%(operator)s takes no value") % {"operator": operator})
        else:
            predicate["value"] = self.read_value(raw, spec, operator, f"{path}.value")
        return predicate

    def read_filter(self, name: object, path: str) -> FilterSpec | None:
        if not isinstance(name, str) or not name:
            self.refuse(path, gettext("must be the name of a filter, not %(value)s") % {"value": shown(name)})
            return None
        spec = self.catalogue.get(name)
        offered = [known for known, its in self.catalogue.items() if not its.archived]
        if spec is None:
            near = get_close_matches(name[:63].lower(), offered, n=3)
            message = (
                gettext("there is no filter %(name)s; did you mean %(near)s?")
                if near
                else gettext("there is no filter %(name)s")
            )
            self.refuse(path, message % {"name": shown(name), "near": gettext(" or ").join(near)})
        elif spec.archived and name not in self.already_used:
            self.refuse(path, gettext("the filter %(name)s is archived; choose another") % {"name": name})
        return spec

    def read_operator(self, name: object, spec: FilterSpec | None, path: str) -> str | None:
        if spec is None:
            if not isinstance(name, str) or name not in OPERATORS:
                self.refuse(path, gettext("must be an operator, not %(value)s") % {"value": shown(name)})
            return None
        if isinstance(name, str) and name in spec.operators and spec.type in OPERATORS[name].types:
            return name
        allowed = ", ".join(spec.operators)
        self.refuse(
            path,
            gettext("%(filter)s (%(type)s) can be compared with: %(allowed)s; not with %(value)s")
            % {"filter": spec.name, "type": spec.type, "allowed": allowed, "value": shown(name)},
        )
        return None

    def read_value(self, raw: Mapping[object, object], spec: FilterSpec, operator: str, path: str) -> object:
        value = raw.get("value")
        operand = OPERATORS[operator].operand
        if value is None:
            self.refuse(
                path, gettext("is missing; to ask whether a value is there, use is_set or is_not_set")
            )
            return None
        if operand == "many":
            return self.read_many(value, spec, path)
        if operand == "range":
            return self.read_range(value, spec, path)
        if operand == "days":
            return self.read_days(value, path)
        if operand == "pattern":
            return self.read_pattern(value, path)
        return self.cast(value, spec, path)

    def read_many(self, value: object, spec: FilterSpec, path: str) -> list[object]:
        items = value if isinstance(value, (list, tuple)) else [value]
        if not items:
            self.refuse(path, gettext("is an empty list, which no user can meet; name at least one value"))
        self.values += len(items)
        if len(items) > MAX_LIST_VALUES:
            self.refuse(
                path,
                gettext("has %(number)s values; at most %(most)s are possible")
                % {"number": f"{len(items):,}", "most": f"{MAX_LIST_VALUES:,}"},
            )
            return []
        if self.values > MAX_VALUES:
            self.refuse(
                path,
                gettext("brings the conditions to more than %(most)s values") % {"most": f"{MAX_VALUES:,}"},
            )
            return []
        cast = [self.cast(item, spec, f"{path}[{index}]") for index, item in self.until_too_wrong(items)]
        return list(dict.fromkeys(cast))

    def until_too_wrong(self, items: Collection[object]) -> Iterator[tuple[int, object]]:
        for index, item in enumerate(items):
            if len(self.errors) >= MAX_ERRORS:
                return
            yield index, item

    def read_range(self, value: object, spec: FilterSpec, path: str) -> list[object]:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            self.refuse(path, gettext("must be a list of two values, from and to (both included)"))
            return []
        before = len(self.errors)
        low, high = (self.cast(item, spec, f"{path}[{index}]") for index, item in enumerate(value))
        if len(self.errors) == before and _is_after(low, high):
            self.refuse(
                path,
                gettext("is an empty range: %(low)s is after %(high)s")
                % {"low": shown(low), "high": shown(high)},
            )
        return [low, high]

    def read_days(self, value: object, path: str) -> int | None:
        days = self.attempt("integer", value, path)
        if isinstance(days, int) and not 0 <= days <= MAX_DAYS:
            self.refuse(
                path, gettext("must be a number of days from 0 to %(most)s") % {"most": f"{MAX_DAYS:,}"}
            )
        return days if isinstance(days, int) else None

    def read_pattern(self, value: object, path: str) -> object:
        text = self.attempt("string", value, path)
        if isinstance(text, str):
            try:
                canonical_pattern(text)
            except UnsafePattern as error:
                self.refuse(path, gettext("is not a usable regular expression: %(why)s") % {"why": error})
        return text

    def cast(self, value: object, spec: FilterSpec, path: str) -> object:
        return self.attempt(spec.type, value, path)

    def attempt(self, kind: str, value: object, path: str) -> object:
        try:
            return SCALAR_CASTS[kind](value)
        except CastError as error:
            self.refuse(path, str(error))
            return None


def _is_after(low: object, high: object) -> bool:
    """Whether a range is surely empty. A day and a moment compare by their days."""
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        return low > high
    first, last = parse_moment(low), parse_moment(high)
    if first is None or last is None:
        return False
    if first.is_day or last.is_day:
        return first.instant.date() > last.instant.date()
    return first.instant > last.instant
