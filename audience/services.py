"""Changing the filter catalogue. Only superusers (and the product itself) may; every change writes its changelog entry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext, override

from accounts.actors import Actor
from audience.casting import SCALAR_CASTS, CastError
from audience.models import NAME_PATTERN, RESERVED_NAMES, Filter, FilterKind, FilterSource
from audience.specs import operators_of
from changelog.models import SubjectKind, Verb
from changelog.services import Change, record
from core import clock
from core.errors import FieldError, InvalidInput, NotAllowed, NotFound, StaleTransition
from core.text import unstorable_text
from usersplit_sdk.operators import OPERATORS

MAX_CHOICES: Final = 2_000
EDITABLE: Final = ("label", "description", "operators", "choices", "column", "position")
_LENGTHS: Final = {"name": 63, "label": 100, "description": 2_000, "column": 63}


def create_filter(
    actor: Actor,
    *,
    name: str,
    label: str,
    type: str,  # noqa: A002 - the name of the field
    source: str = FilterSource.USER,
    description: str = "",
    operators: Sequence[str] | None = None,
    choices: Sequence[Mapping[str, Any]] = (),
    column: str | None = None,
    position: int | None = None,
) -> Filter:
    """Add a filter. Operators default to all that its type has, the column of a profile filter to its name.

    Raises NotAllowed, or InvalidInput naming every field that is wrong (`choices[3].value`).
    """
    _require_superuser(actor)
    if column is None:
        column = name if source == FilterSource.USER else ""
    draft = _Draft(type)
    values = {
        "name": draft.name(name),
        "label": draft.text("label", label, required=True),
        "description": draft.text("description", description),
        "type": draft.one_of("type", type, FilterKind.values),
        "source": draft.one_of("source", source, FilterSource.values),
        "operators": draft.operators(operators),
        "choices": draft.choices(choices),
        "column": draft.column(column),
        "position": draft.position(_next_position() if position is None else position),
    }
    draft.finish()
    try:
        with transaction.atomic():
            row = Filter.objects.create(**values)
            record(
                actor,
                Verb.CREATE,
                SubjectKind.FILTER,
                row.name,
                f"created the filter {row.label}",
                _changes(None, row),
            )
    except IntegrityError as error:
        if Filter.objects.filter(name=name).exists():
            raise InvalidInput.at(
                "name", gettext("there is a filter %(name)s already") % {"name": name}
            ) from error
        raise
    return row


def update_filter(actor: Actor, name: str, /, *, revision: int, **changed: Any) -> Filter:
    """Change what may change (EDITABLE); `revision` is the one the change is based on.

    Name, type and source are for good: stored and delivered conditions are typed by them. Raises NotAllowed, NotFound,
    StaleTransition when somebody else was faster, InvalidInput naming every field that is wrong.
    """
    _require_superuser(actor)
    before = _found(name)
    draft = _Draft(before.type)
    readers = {
        "label": lambda value: draft.text("label", value, required=True),
        "description": lambda value: draft.text("description", value),
        "operators": draft.operators,
        "choices": draft.choices,
        "column": draft.column,
        "position": draft.position,
    }
    values = {}
    for field, value in changed.items():
        if field not in readers:
            draft.refuse(
                field,
                gettext(
                    "cannot be changed: stored conditions rely on it. Make a new filter and archive this one"
                ),
            )
        else:
            values[field] = readers[field](value)
    draft.finish()
    return _save(actor, before, revision, values, Verb.EDIT, f"edited the filter {before.label}")


def archive_filter(actor: Actor, name: str, *, revision: int) -> Filter:
    """Offer a filter no more. Conditions that use it go on working."""
    _require_superuser(actor)
    before = _found(name)
    return _save(
        actor, before, revision, {"archived": True}, Verb.ARCHIVE, f"archived the filter {before.label}"
    )


def restore_filter(actor: Actor, name: str, *, revision: int) -> Filter:
    """Offer an archived filter again."""
    _require_superuser(actor)
    before = _found(name)
    return _save(
        actor, before, revision, {"archived": False}, Verb.RESTORE, f"restored the filter {before.label}"
    )


def _require_superuser(actor: Actor) -> None:
    if not (actor.is_machine or actor.is_superuser):
        raise NotAllowed(gettext("Only superusers change the filter catalogue."))


def _found(name: str) -> Filter:
    found = None if unstorable_text(name) else Filter.objects.filter(name=name).first()
    if found is None:
        raise NotFound(gettext("There is no such filter."))
    return found


def _next_position() -> int:
    return (Filter.objects.aggregate(last=Max("position"))["last"] or 0) + 10


@transaction.atomic
def _save(
    actor: Actor, before: Filter, revision: int, values: Mapping[str, Any], verb: Verb, message: str
) -> Filter:
    """Compare and set on the revision. Values that are as before make no change and no entry."""
    values = {field: value for field, value in values.items() if value != getattr(before, field)}
    if before.revision != revision:
        raise StaleTransition(
            gettext(
                "The filter %(name)s was changed in the meantime. Look at it again and repeat your change."
            )
            % {"name": before.name}
        )
    if not values:
        return before
    saved = Filter.objects.filter(pk=before.pk, revision=revision).update(
        **values, revision=revision + 1, updated_at=clock.now()
    )
    if not saved:
        raise StaleTransition(
            gettext(
                "The filter %(name)s was changed in the meantime. Look at it again and repeat your change."
            )
            % {"name": before.name}
        )
    after = Filter.objects.get(pk=before.pk)
    record(actor, verb, SubjectKind.FILTER, before.name, message, _changes(before, after))
    return after


_SHOWN: Final = ("name", "type", "source", *EDITABLE, "archived")
_LABELS: Final = {"column": "Warehouse column"}


@override("en")
def _changes(before: Filter | None, after: Filter) -> list[Change]:
    changes = []
    for field in _SHOWN:
        old, new = (None if row is None else _readable(row, field) for row in (before, after))
        if old != new:
            changes.append(Change(field, _LABELS.get(field, field.capitalize()), old, new))
    return changes


def _readable(row: Filter, field: str) -> object:
    if field == "operators":
        return ", ".join(OPERATORS[name].label for name in row.operators)
    if field == "choices":
        return ", ".join(f"{choice['label']} ({choice['value']})" for choice in row.choices) or None
    if field in ("type", "source"):
        return str(row.get_type_display() if field == "type" else row.get_source_display())
    value: object = getattr(row, field)
    return None if value == "" else value


class _Draft:
    """Reads the fields of a filter and collects what is wrong with them."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.errors: list[FieldError] = []

    def refuse(self, path: str, message: str) -> None:
        self.errors.append(FieldError(path, message))

    def finish(self) -> None:
        if self.errors:
            raise InvalidInput(self.errors)

    def text(self, field: str, value: object, *, required: bool = False) -> str:
        text = value.strip() if isinstance(value, str) else ""
        if not isinstance(value, str):
            self.refuse(field, gettext("must be a text"))
        elif required and not text:
            self.refuse(field, gettext("must not be empty"))
        elif len(text) > _LENGTHS[field]:
            self.refuse(
                field,
                gettext("must have at most %(lengths)s characters") % {"lengths": f"{_LENGTHS[field]:,}"},
            )
        elif problem := unstorable_text(text):
            self.refuse(field, problem)
        return text

    def one_of(self, field: str, value: object, known: Sequence[str]) -> object:
        if value not in known:
            self.refuse(field, gettext("must be one of: %(known)s") % {"known": ", ".join(known)})
        return value

    def name(self, value: object) -> object:
        return self.identifier("name", value)

    def column(self, value: object) -> object:
        return value if value == "" else self.identifier("column", value)

    def identifier(self, field: str, value: object) -> object:
        fits = (
            isinstance(value, str)
            and re.fullmatch(NAME_PATTERN.strip("^$"), value)
            and len(value) <= _LENGTHS[field]
        )
        if not fits:
            self.refuse(
                field,
                gettext(
                    "must be small letters, digits and single underscores, beginning with a letter (at most 63)"
                ),
            )
        elif value in RESERVED_NAMES:
            self.refuse(
                field,
                gettext("must not be one of: %(reserved_names)s")
                % {"reserved_names": ", ".join(RESERVED_NAMES)},
            )
        return value

    def position(self, value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
            self.refuse("position", gettext("must be a whole number from 0 on"))
        return value

    def operators(self, value: object) -> list[str]:
        possible = operators_of(self.kind)
        if value is None:
            return list(possible)
        names = value if isinstance(value, (list, tuple)) else []
        if not names:
            self.refuse("operators", gettext("must name at least one operator"))
        for index, name in enumerate(names):
            if name not in possible:
                self.refuse(
                    f"operators[{index}]",
                    gettext("must be one of: %(possible)s") % {"possible": ", ".join(possible)},
                )
        return [name for name in possible if name in names]

    def choices(self, value: object) -> list[dict[str, Any]]:
        rows = value if isinstance(value, (list, tuple)) else []
        if not isinstance(value, (list, tuple)):
            self.refuse("choices", gettext("must be a list of values with labels"))
        if len(rows) > MAX_CHOICES:
            self.refuse(
                "choices", gettext("must be at most %(max_choices)s") % {"max_choices": f"{MAX_CHOICES:,}"}
            )
            return []
        read: dict[object, dict[str, Any]] = {}
        for index, row in enumerate(rows):
            choice = self.choice(row, f"choices[{index}]")
            if choice is not None:
                if choice["value"] in read:
                    self.refuse(f"choices[{index}].value", gettext("is there twice"))
                read[choice["value"]] = choice
        return list(read.values())

    def choice(self, row: object, path: str) -> dict[str, Any] | None:
        if not isinstance(row, Mapping):
            self.refuse(path, gettext("must have a value and a label"))
            return None
        label = row.get("label")
        if not isinstance(label, str) or not 0 < len(label.strip()) <= 100 or unstorable_text(label):
            self.refuse(f"{path}.label", gettext("must be a text of 1 to 100 characters"))
            return None
        try:
            return {"value": SCALAR_CASTS[self.kind](row.get("value")), "label": label.strip()}
        except CastError as error:
            self.refuse(f"{path}.value", str(error))
        except KeyError:  # the type itself is wrong, which is said already
            pass
        return None
