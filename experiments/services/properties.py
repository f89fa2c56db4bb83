"""Making tests and user groups, and editing what does not touch users: names, texts, managers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from accounts.actors import Actor
from accounts.models import User
from changelog.models import Verb
from changelog.services import Change
from core.errors import FieldError, InvalidInput, NotAllowed, StaleTransition
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.services.ground import announce_after_commit, locked, note, require_acting
from experiments.services.property_rules import LABELS, clean_properties

# Of these the test file holds copies.
_DELIVERED_FIELDS = frozenset({"key", "side"})


def create_experiment(actor: Actor, kind: str, properties: Mapping[str, object]) -> Experiment:
    """A new draft. Whoever makes it manages it, along with the managers named.

    Raises NotAllowed for roles that only look, InvalidInput naming each wrong field.
    """
    if actor.user is not None and not actor.user.may_manage:
        raise NotAllowed(gettext("Only managers and superusers create tests and user groups."))
    missing = [
        FieldError(field, f"{LABELS[field]} is needed.")
        for field in ("key", "name")
        if not properties.get(field)
    ]
    if missing:
        raise InvalidInput(missing)
    clean = clean_properties(kind, properties)
    managers = cast("list[User]", clean.pop("managers", []))
    if actor.user is not None and actor.user not in managers:
        managers.insert(0, actor.user)
    noun = "test" if kind == Kind.TEST else "user group"
    try:
        with transaction.atomic():
            experiment = Experiment.objects.create(kind=kind, created_by=actor.user, **clean)
            experiment.managers.set(managers)
            after = {**clean, "managers": _names(managers)}
            changes = [
                Change(field, LABELS[field], None, as_text(value)) for field, value in after.items() if value
            ]
            message = f"Created the {noun} “{experiment.name}”"
            note(actor, Verb.CREATE, experiment, message, changes)
    except IntegrityError as error:
        raise _key_taken(noun, str(clean["key"]), error) from error
    return experiment


def edit_properties(
    actor: Actor,
    experiment: Experiment,
    properties: Mapping[str, object],
    expected_revision: int | None = None,
) -> Experiment:
    """Change the given properties; those not given stay.

    `expected_revision` is the revision on which the edit is based: when somebody else saved in between,
    StaleTransition is raised and nothing changes. InvalidInput names each wrong field.
    """
    require_acting(actor, experiment)
    clean = clean_properties(experiment.kind, properties)
    managers = cast("list[User] | None", clean.pop("managers", None))
    try:
        with transaction.atomic():
            row = locked(experiment)
            if expected_revision is not None and expected_revision != row.revision:
                raise StaleTransition(
                    gettext(
                        "Somebody else changed the properties of “%(key)s” after you opened them. Look at theirs, then save again."
                    )
                    % {"key": row.key}
                )
            if clean.get("key", row.key) != row.key and row.published_at is not None:
                raise InvalidInput.at(
                    "key",
                    gettext(
                        "App servers know this key since it was first published; it cannot change any more."
                    ),
                )
            if clean.get("key", row.key) != row.key and _is_named_as_exclusive(row):
                raise InvalidInput.at(
                    "key",
                    gettext(
                        "Another test keeps away from this one by its present key; it cannot change any more."
                    ),
                )
            changes = _apply(row, clean)
            if managers is not None:
                changes += _apply_managers(row, managers)
            if changes:
                row.revision += 1
                row.save(update_fields=[*clean, "revision"])
                fields = ", ".join(change.label.lower() for change in changes)
                note(actor, Verb.EDIT, row, f"Changed {fields}", changes)
                if _DELIVERED_FIELDS & clean.keys():
                    announce_after_commit()
    except IntegrityError as error:
        raise _key_taken(experiment.noun, str(clean.get("key")), error) from error
    return row


def _is_named_as_exclusive(row: Experiment) -> bool:
    """Whether settings, which never change, name this test as one to share no split group with."""
    return row.is_test and SettingsGroup.objects.filter(exclusive_with__contains=[row.key]).exists()


def _apply(row: Experiment, clean: Mapping[str, object]) -> list[Change]:
    changes = []
    for field, value in clean.items():
        before = getattr(row, field)
        if before != value:
            setattr(row, field, value)
            changes.append(Change(field, LABELS[field], as_text(before), as_text(value)))
    return changes


def as_text(value: object) -> object:
    """A property as the changelog tells it: tags with commas between them, what is empty as None."""
    return ", ".join(value) if isinstance(value, list) and value else value or None


def _apply_managers(row: Experiment, managers: list[User]) -> list[Change]:
    if not managers:
        raise InvalidInput.at("managers", gettext("At least one manager is needed."))
    before = list(row.managers.order_by("username"))
    if {person.pk for person in before} == {person.pk for person in managers}:
        return []
    row.managers.set(managers)
    return [Change("managers", LABELS["managers"], _names(before), _names(managers))]


def _names(people: list[User]) -> str:
    return ", ".join(sorted(person.username for person in people))


def _key_taken(noun: str, key: str, error: IntegrityError) -> InvalidInput | IntegrityError:
    if "experiments_key_unique" in str(error):
        told = (
            gettext("There is already a test with the key %(key)s.")
            if noun == "test"
            else gettext("There is already a user group with the key %(key)s.")
        )
        return InvalidInput.at("key", told % {"key": key})
    return error
