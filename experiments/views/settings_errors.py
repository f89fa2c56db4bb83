"""Errors of the settings editor: at their fields, and as a list above the form that leads to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audience.builder.rendering import ConditionErrors
from audience.builder.tree import Path
from core.errors import FieldError

_FIELD_WORDS: Final[Mapping[str, Promise]] = {
    "starts_at": _("Starts at"),
    "ends_at": _("Ends at"),
    "conditions": _("Conditions"),
    "draw": _("Draw"),
    "exclusive_with": _("Exclusive with"),
    "seed": _("Seed"),
    "allow_control_to_treatment": _("Allow control to treatment"),
    "variants": _("Variants"),
    "total_percent": _("Total percent"),
    "tokens": _("Tokens"),
    "message": _("Message"),
    "saved_group": _("Saved group"),
}


def by_field(errors: list[FieldError]) -> dict[str, list[str]]:
    """By the name that the template asks with: `variants[1].percent` → `v.1.percent`."""
    fields: dict[str, list[str]] = {}
    for error in errors:
        fields.setdefault(_field_name(error.path), []).append(error.message)
    return fields


def _field_name(path: str) -> str:
    head, _, rest = path.partition("].")
    if head.startswith("variants[") and rest:
        return f"v.{head.removeprefix('variants[')}.{rest.split('.')[0]}"
    return path.partition(".")[0].partition("[")[0]


def summary(errors: list[FieldError], of_conditions: ConditionErrors) -> list[tuple[str, str]]:
    """(where to jump, what is wrong) for the box above the form."""
    rows = [
        (f"c-{'-'.join(map(str, path))}", _of_condition(path, of_conditions.labels.get(path), message))
        for (path, _field), messages_ in of_conditions.by_item.items()
        for message in messages_
    ]
    rows += [("conditions", message) for message in of_conditions.others]
    for error in errors:
        if not error.path.startswith("conditions"):
            anchor = {"tokens": "texts"}.get(_field_name(error.path), _field_name(error.path))
            words = gettext("%(field)s: %(message)s") % {
                "field": _words(error.path),
                "message": error.message,
            }
            rows.append((anchor.replace(".", "-"), words))
    return rows


def _of_condition(path: Path, label: str | None, message: str) -> str:
    number = ".".join(str(step + 1) for step in path)
    if label is None:
        return gettext("Condition %(number)s: %(message)s") % {"number": number, "message": message}
    told = gettext("Condition %(number)s (%(filter)s): %(message)s")
    return told % {"number": number, "filter": label, "message": message}


def _words(path: str) -> str:
    """A path as people count: `variants[1].percent` → `Variant 2, percent`."""
    name = _field_name(path)
    if name.startswith("v."):
        _v, index, field = name.split(".")
        if not index.isdigit():
            return gettext("Variants")
        words = {"name": gettext("name"), "percent": gettext("percent"), "payload": gettext("payload")}
        return gettext("Variant %(number)s, %(field)s") % {
            "number": int(index) + 1,
            "field": words.get(field, field),
        }
    return str(_FIELD_WORDS.get(name, name.replace("_", " ").capitalize()))


def flat(of_conditions: ConditionErrors) -> list[str]:
    return [message for messages_ in of_conditions.by_item.values() for message in messages_]
