"""User groups as saved conditions: their conditions are copied into brackets, and recognised there again.

The test file knows no reference to a group: app servers decide from one file. So a copy is a copy; that it is one is
seen by its content, which also holds for conditions that came by the API or as JSON. A copy of what the group was
before is recognised as such, so that somebody can take the present conditions instead.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext

from accounts.actors import Actor
from audience.builder.rendering import BracketNote
from audience.builder.tree import Bracket, Path, from_conditions, to_conditions, walk
from audience.conditions import parse_conditions
from audience.specs import Catalogue
from core.errors import FieldError, InvalidInput
from experiments.lifecycle import ACTING, UNFINISHED
from experiments.models import Experiment, Kind, PreparationState, SettingsGroup
from experiments.selectors import standing_of, visible_experiments
from usersplit_sdk.operators import OPERATORS

# Versions of all groups that are compared; far more than people keep, and a bound on what a page reads.
MAX_VERSIONS: Final = 5_000


@dataclass(frozen=True, slots=True)
class SavedConditions:
    """One version of a user group: settings `number`, and whether that is what the group is now."""

    key: str
    name: str
    number: int
    is_current: bool
    conditions: list[Any]


@dataclass(frozen=True, slots=True)
class Use:
    """A test (or group) whose settings hold the conditions of a group, as they are or as they were in `number`.

    `may_change`: the reader can open its editor and take the present ones.
    """

    experiment: Experiment
    settings_number: int
    is_current: bool
    number: int
    has_newest: bool
    may_change: bool


def saved_conditions(actor: Actor) -> list[SavedConditions]:
    """The user groups that this actor can use as a condition, by name. Those without conditions are everyone: nothing to save."""
    groups = visible_experiments(actor, Kind.GROUP).exclude(current=None).select_related("current")
    return [
        SavedConditions(
            group.key, group.name, group.current.number, is_current=True, conditions=group.current.conditions
        )
        for group in groups.order_by("name", "key")
        if group.current is not None and group.current.conditions
    ]


def insert_saved(root: Bracket, actor: Actor, key: str) -> Path:
    """Put the present conditions of a user group behind the others, in brackets; answers where they are."""
    found = next((one for one in saved_conditions(actor) if one.key == key), None)
    if found is None:
        raise InvalidInput(
            [FieldError("saved_group", gettext("Choose a user group whose conditions to add."))]
        )
    root.items.append(from_conditions(found.conditions))
    return (len(root.items) - 1,)


def renew(root: Bracket, path: Path, actor: Actor, catalogue: Catalogue) -> Path | None:
    """Put the group's present conditions in place of the older ones in the brackets at `path`."""
    known = _versions(visible_experiments(actor, Kind.GROUP))
    for here, item in walk(root):
        if here == path and isinstance(item, Bracket):
            older = known.get(_digest_of(item, catalogue))
            current = older and next((one for one in saved_conditions(actor) if one.key == older.key), None)
            if current:
                item.items = from_conditions(current.conditions).items
                return (*path, 0)
    return None


def notes_on(root: Bracket, actor: Actor, catalogue: Catalogue) -> dict[Path, BracketNote]:
    """What the brackets are that hold a user group's conditions."""
    brackets = [(path, item) for path, item in walk(root) if isinstance(item, Bracket) and item.items]
    if not brackets:
        return {}
    known = _versions(visible_experiments(actor, Kind.GROUP))
    notes = {}
    for path, bracket in brackets:
        saved = known.get(_digest_of(bracket, catalogue))
        if saved is not None and saved.is_current:
            notes[path] = BracketNote(
                gettext("The conditions of the user group “%(name)s”") % {"name": saved.name}
            )
        elif saved is not None:
            words = gettext("What the user group “%(name)s” was before (settings %(number)s)") % {
                "name": saved.name,
                "number": saved.number,
            }
            notes[path] = BracketNote(words, can_renew=True)
    return notes


def uses_of(group: Experiment, actor: Actor) -> list[Use]:
    """Where the conditions of this group are used: in settings that are current, or newer and prepared, of what is not finished."""
    versions = _versions(Experiment.objects.filter(pk=group.pk))
    newest = group.current.number if group.current else 0
    uses = []
    in_use = _settings_in_use(actor).exclude(experiment=group).prefetch_related("experiment__managers")
    for settings in in_use:
        found = [versions[digest] for digest in _digests_in(settings.conditions) if digest in versions]
        if found:
            is_current = settings.experiment.current_id == settings.pk
            number = min(one.number for one in found)
            has_newest = all(one.number == newest for one in found)
            may_change = standing_of(actor, settings.experiment) in ACTING
            uses.append(Use(settings.experiment, settings.number, is_current, number, has_newest, may_change))
    return uses


def numbers_of_uses(groups: Collection[Experiment], actor: Actor) -> dict[int, int]:
    """By id of the group, in how many tests and groups `uses_of` would find it: all of them in two queries."""
    versions: dict[str, set[int]] = {}
    rows = _ready_versions(Experiment.objects.filter(pk__in=[group.pk for group in groups]))
    for pk, conditions in rows.values_list("experiment_id", "conditions")[:MAX_VERSIONS]:
        versions.setdefault(_digest(conditions), set()).add(pk)
    used: dict[int, set[int]] = {group.pk: set() for group in groups}
    if versions:
        for user, conditions in _settings_in_use(actor).values_list("experiment_id", "conditions"):
            for digest in _digests_in(conditions):
                for pk in versions.get(digest, set()) - {user}:
                    used[pk].add(user)
    return {pk: len(users) for pk, users in used.items()}


def _settings_in_use(actor: Actor) -> QuerySet[SettingsGroup]:
    visible = Q()
    for kind in Kind.values:
        visible |= Q(
            experiment__in=visible_experiments(actor, kind).filter(status__in=UNFINISHED).values("pk")
        )
    return (
        SettingsGroup.objects.filter(visible, preparation__state=PreparationState.READY)
        .filter(number__gte=Coalesce(F("experiment__current__number"), 0))
        .exclude(conditions=[])
        .select_related("experiment")
        .order_by("experiment__key", "number")
    )


def _versions(groups: QuerySet[Experiment]) -> dict[str, SavedConditions]:
    """The versions of these groups by their content; a present one before older ones, the newest of those before others."""
    rows = _ready_versions(groups).values_list(
        "experiment__key", "experiment__name", "number", "pk", "experiment__current_id", "conditions"
    )
    known: dict[str, SavedConditions] = {}
    for key, name, number, pk, current, conditions in rows[:MAX_VERSIONS]:
        saved = SavedConditions(key, name, number, pk == current, conditions)
        digest = _digest(conditions)
        if digest not in known or (saved.is_current and not known[digest].is_current):
            known[digest] = saved
    return known


def _ready_versions(groups: QuerySet[Experiment]) -> QuerySet[SettingsGroup]:
    return (
        SettingsGroup.objects.filter(experiment__in=groups, preparation__state=PreparationState.READY)
        .exclude(conditions=[])
        .order_by("-number")
    )


def _digest(conditions: Sequence[Any]) -> str:
    return json.dumps(_canonical(conditions), sort_keys=True)


def _canonical(item: Any) -> Any:
    """In what order the values of a list stand is nobody's business: the form sends them as it shows them."""
    if isinstance(item, dict):
        values = item.get("value")
        if isinstance(values, list) and OPERATORS[item["operator"]].operand == "many":
            return item | {"value": sorted(values, key=json.dumps)}
        return item
    return [_canonical(one) for one in item] if isinstance(item, list) else item


def _digest_of(bracket: Bracket, catalogue: Catalogue) -> str:
    """As the conditions would be stored; "" while they are not complete."""
    try:
        return _digest(parse_conditions(to_conditions(bracket), catalogue))
    except InvalidInput:
        return ""


def _digests_in(conditions: list[Any]) -> Iterator[str]:
    """Of all brackets in it. A test that happens to ask the same all by itself has not got it from a group."""
    stack = [item for item in conditions if isinstance(item, list)]
    while stack:
        node = stack.pop()
        yield _digest(node)
        stack += [item for item in node if isinstance(item, list)]
