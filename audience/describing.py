"""Conditions as a sentence, with the names people know values by: for pages, changelogs and messages.

In the language of who reads; what is stored or sent is made where the language is English.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext, pgettext

from audience.operator_words import listed, sentence, sentence_of_days
from audience.specs import Catalogue, FilterSpec
from usersplit_sdk.operators import OPERATORS


def describe_conditions(tree: object, catalogue: Catalogue, *, most_values: int | None = 20) -> str:
    """`Test user is yes OR (Country is one of Austria, Germany AND New user is yes)`.

    Lists longer than `most_values` end in "and N more"; None shows all. Filters that the catalogue no longer
    has appear under their plain name. Expects a parsed tree.
    """
    if not isinstance(tree, list) or not tree:
        return gettext("everyone")
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
        return sentence(operator.name, filter=label)
    if operator.operand == "days":
        return sentence_of_days(operator.name, label, value)
    if operator.operand == "range" and isinstance(value, list) and len(value) == 2:
        least, greatest = (_named(one, spec) for one in value)
        return sentence(operator.name, filter=label, least=least, greatest=greatest)
    if operator.operand == "range":
        return f"{label} {operator.label} {value}"
    said = _listed(value, spec, most_values) if isinstance(value, list) else _named(value, spec)
    return sentence(operator.name, filter=label, value=said)


def _listed(values: list[object], spec: FilterSpec | None, most: int | None) -> str:
    names = [_named(value, spec) for value in values[:most]]
    return listed(names, len(values) - len(names))


def _named(value: object, spec: FilterSpec | None) -> str:
    if isinstance(value, (bool, int, float, str)) and spec is not None:
        label = spec.label_of(value)
        if label is not None:
            return label
    if isinstance(value, bool):
        return pgettext("value of a filter", "yes") if value else pgettext("value of a filter", "no")
    if isinstance(value, str) and spec is not None and spec.type in ("string", "list"):
        return f"“{value}”"
    return str(value)
