"""Setting up sources of users. Only superusers may; every change writes its changelog entry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext, override

from accounts.actors import Actor
from audience.models import NAME_PATTERN, LoadSchedule, UserSource
from changelog.models import SubjectKind, Verb
from changelog.services import Change, record
from core import clock
from core.errors import FieldError, InvalidInput, NotAllowed, NotFound, StaleTransition
from core.tasks import enqueue_on_commit
from core.text import unstorable_text

VARIABLE_PATTERN: Final = r"SOURCE_[A-Z0-9_]+"
"""A name of its own: of the variables of the process, only those made for this can be named in the console."""
MAX_OVERLAP_MINUTES: Final = 7 * 24 * 60
_LABELS: Final[Mapping[str, str]] = {
    "name": "Name",
    "database_variable": "Database",
    "query": "Query",
    "id_column": "Column of user ids",
    "split_group_column": "Column of split groups",
    "mapping": "Columns for filters",
    "changed_at_column": "Changed-at column",
    "overlap_minutes": "Overlap in minutes",
    "schedule": "Schedule",
    "archived": "Archived",
}
EDITABLE: Final = tuple(field for field in _LABELS if field not in ("name", "archived"))


def create_source(actor: Actor, **given: Any) -> UserSource:
    """Add a source. Raises NotAllowed, or InvalidInput naming every field that is wrong."""
    _require_superuser(actor)
    values = _checked({"overlap_minutes": 10, "schedule": LoadSchedule.BY_HAND, **given}, new=True)
    try:
        with transaction.atomic():
            row = UserSource.objects.create(**values)
            _record(actor, Verb.CREATE, row, f"created the source of users {row.name}", _changes(None, row))
    except IntegrityError as error:
        raise InvalidInput.at(
            "name", gettext("there is a source %(values)s already") % {"values": values["name"]}
        ) from error
    return row


def update_source(actor: Actor, name: str, /, *, revision: int, **given: Any) -> UserSource:
    """Change EDITABLE fields; `revision` is the one the change is based on. The name stays: the watermark belongs to it."""
    _require_superuser(actor)
    return _save(actor, _found(name), revision, _checked(given, new=False), Verb.EDIT, "edited")


def archive_source(actor: Actor, name: str, *, revision: int) -> UserSource:
    """Load from it no more, by itself or by hand. What it has loaded stays."""
    _require_superuser(actor)
    return _save(actor, _found(name), revision, {"archived": True}, Verb.ARCHIVE, "archived")


def restore_source(actor: Actor, name: str, *, revision: int) -> UserSource:
    """Load from it again."""
    _require_superuser(actor)
    return _save(actor, _found(name), revision, {"archived": False}, Verb.RESTORE, "restored")


@transaction.atomic
def request_load(actor: Actor, name: str, *, from_start: bool = False) -> UserSource:
    """Have a worker load from it now. Asking twice is asking once."""
    _require_superuser(actor)
    source = _found(name)
    if source.archived:
        raise InvalidInput.at("source", gettext("%(name)s is archived; restore it first") % {"name": name})
    UserSource.objects.filter(pk=source.pk).update(
        requested_at=clock.now(),
        requested_by=actor.name[:200],
        requested_from_start=from_start,
        attempts=0,
        retry_at=None,
    )
    enqueue_on_commit("audience.tasks.load_users_from", source.pk)
    return source


def _require_superuser(actor: Actor) -> None:
    if not (actor.is_machine or actor.is_superuser):
        raise NotAllowed(gettext("Only superusers look after the sources of users."))


def _found(name: str) -> UserSource:
    found = None if unstorable_text(name) else UserSource.objects.filter(name=name).first()
    if found is None:
        raise NotFound(gettext("There is no such source."))
    return found


@transaction.atomic
def _save(
    actor: Actor, before: UserSource, revision: int, values: Mapping[str, Any], verb: Verb, done: str
) -> UserSource:
    """Compare and set on the revision. Values that are as before make no change and no entry."""
    values = {field: value for field, value in values.items() if value != getattr(before, field)}
    stale = gettext(
        "The source %(name)s was changed in the meantime. Look at it again and repeat your change."
    ) % {"name": before.name}
    if before.revision != revision:
        raise StaleTransition(stale)
    if not values:
        return before
    saved = UserSource.objects.filter(pk=before.pk, revision=revision).update(
        **values, revision=revision + 1, updated_at=clock.now()
    )
    if not saved:
        raise StaleTransition(stale)
    after = UserSource.objects.get(pk=before.pk)
    _record(actor, verb, after, f"{done} the source of users {after.name}", _changes(before, after))
    return after


def _record(actor: Actor, verb: Verb, row: UserSource, message: str, changes: list[Change]) -> None:
    record(actor, verb, SubjectKind.SOURCE, row.name, message, changes, subject_id=row.pk)


@override("en")
def _changes(before: UserSource | None, after: UserSource) -> list[Change]:
    changes = []
    for field, label in _LABELS.items():
        old, new = (None if row is None else _readable(row, field) for row in (before, after))
        if old != new:
            changes.append(Change(field, label, old, new))
    return changes


def _readable(row: UserSource, field: str) -> object:
    value: object = getattr(row, field)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {column}" for name, column in value.items()) or None
    return row.get_schedule_display() if field == "schedule" else (None if value == "" else value)


# ---- checking ------------------------------------------------------------------------------------------------


def _checked(given: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    errors: list[FieldError] = []
    required = {"name", "database_variable", "query"} if new else set()
    values = {}
    for field in {*given, *required}:
        if field not in _CHECKS or (field == "name" and not new):
            errors.append(
                FieldError(
                    field,
                    gettext("cannot be changed") if field == "name" else gettext("there is no such field"),
                )
            )
            continue
        try:
            values[field] = _CHECKS[field](given.get(field, ""))
        except ValueError as error:
            errors.append(FieldError(field, str(error)))
    if errors:
        raise InvalidInput(errors)
    return values


def _text(value: object, most: int) -> str:
    if not isinstance(value, str):
        raise ValueError(gettext("must be a text"))
    if len(value) > most:
        raise ValueError(gettext("must have at most %(most)s characters") % {"most": f"{most:,}"})
    if problem := unstorable_text(value):
        raise ValueError(problem)
    return value.strip()


def _name(value: object) -> str:
    name = _text(value, 63)
    if not re.fullmatch(NAME_PATTERN.strip("^$"), name):
        raise ValueError(
            gettext(
                "must be small letters, digits and single underscores, beginning with a letter (at most 63)"
            )
        )
    return name


def _variable(value: object) -> str:
    name = _text(value, 100)
    if not re.fullmatch(VARIABLE_PATTERN, name):
        raise ValueError(
            gettext(
                "must be the name of an environment variable that begins with SOURCE_, such as SOURCE_SHOP; the variable, not this field, holds the address"
            )
        )
    return name


def _query(value: object) -> str:
    query = _text(value, 20_000)
    if not query:
        raise ValueError(gettext("must not be empty"))
    return query


def _mapping(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(gettext("must be filters with their columns"))
    mapping = {_text(name, 63): _text(column, 200) for name, column in value.items()}
    if not all(name and column for name, column in mapping.items()):
        raise ValueError(gettext("must be lines like country_id = country"))
    return mapping


def _overlap(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_OVERLAP_MINUTES:
        raise ValueError(
            gettext("must be a whole number of minutes from 0 to %(max_overlap_minutes)s")
            % {"max_overlap_minutes": f"{MAX_OVERLAP_MINUTES:,}"}
        )
    return value


def _schedule(value: object) -> str:
    if value not in LoadSchedule.values:
        raise ValueError(gettext("must be one of: %(value)s") % {"value": ", ".join(LoadSchedule.values)})
    return str(value)


def _column(value: object) -> str:
    return _text(value, 200)


_CHECKS: Final = {
    "name": _name,
    "database_variable": _variable,
    "query": _query,
    "id_column": _column,
    "split_group_column": _column,
    "mapping": _mapping,
    "changed_at_column": _column,
    "overlap_minutes": _overlap,
    "schedule": _schedule,
}
