"""Conditions as a sentence, with the names people know values by: for pages, changelogs and messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from audience.specs import Catalogue, FilterSpec
from usersplit_sdk.operators import OPERATORS

EVERYONE: Final = "everyone"


def describe_conditions(tree: object, catalogue: Catalogue, *, most_values: int | None = 20) -> str:
    """`Test user is yes OR (Country is one of Austria, Germany AND New user is yes)`.

    Lists longer than `most_values` end in "and N more"; None shows all. Filters that the catalogue no longer
    has appear under their plain name. Expects a parsed tree.
    """
    if not isinstance(tree, list) or not tree:
        return EVERYONE
    parts = []
    for item in tree:
        if isinstance(item, list):
            inner = describe_conditions(item, catalogue, most_values=most_values)
            parts.append(f"({inner})" if len(item) > 1 else inner)
        elif isinstance(item, dict):
            parts.append(describe_predicate(item, catalogue, most_values=most_values))
        else:
            parts.append(str(item))
    return " ".join(parts)


def describe_predicate(
    predicate: Mapping[str, object], catalogue: Catalogue, *, most_values: int | None = 20
) -> str:
    """One condition: `Country is one of Austria, Germany`."""
    name, operator = str(predicate.get("filter")), OPERATORS.get(str(predicate.get("operator")))
    spec = catalogue.get(name)
    label = spec.label if spec else name
    if operator is None:
        return f"{label} {predicate.get('operator')} {predicate.get('value')}"
    value = predicate.get("value")
    if operator.operand == "none":
        return f"{label} {operator.label}"
    if operator.operand == "days":
        return f"{label} {operator.label.removesuffix('days')}{value} {'day' if value == 1 else 'days'}"
    if operator.operand == "range" and isinstance(value, list) and len(value) == 2:
        return f"{label} {operator.label} {_named(value[0], spec)} and {_named(value[1], spec)}"
    if isinstance(value, list):
        return f"{label} {operator.label} {_listed(value, spec, most_values)}"
    return f"{label} {operator.label} {_named(value, spec)}"


def _listed(values: list[object], spec: FilterSpec | None, most: int | None) -> str:
    names = [_named(value, spec) for value in values[:most]]
    rest = len(values) - len(names)
    return ", ".join(names) + (f" and {rest:,} more" if rest else "")


def _named(value: object, spec: FilterSpec | None) -> str:
    if isinstance(value, (bool, int, float, str)) and spec is not None:
        label = spec.label_of(value)
        if label is not None:
            return label
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and spec is not None and spec.type in ("string", "list"):
        return f"“{value}”"
    return str(value)
