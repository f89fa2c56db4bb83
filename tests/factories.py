"""Tests and user groups in every status, each made by walking the way that people walk."""

from __future__ import annotations

import itertools
from typing import Any

from accounts.actors import Actor
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.services import add_settings_group, apply_verb, create_experiment, prepare_settings_group

_numbers = itertools.count(1)

TWO_VARIANTS: list[dict[str, object]] = [
    {"name": "control", "percent": "5", "is_control": True},
    {"name": "green", "percent": "5", "payload": {"color": "#0a0"}},
]

# Which verbs lead from a prepared draft to each status.
PATHS: dict[Status, tuple[Verb, ...]] = {
    Status.DRAFT: (),
    Status.DEV: (Verb.PUBLISH,),
    Status.RUNNING: (Verb.PUBLISH, Verb.START),
    Status.PAUSED: (Verb.PUBLISH, Verb.START, Verb.PAUSE),
    Status.FINISHED: (Verb.PUBLISH, Verb.START, Verb.FINISH),
}


def make_draft(
    actor: Actor, key: str | None = None, kind: str = Kind.TEST, **properties: object
) -> Experiment:
    """A new draft without settings."""
    key = key or f"{kind}_{next(_numbers)}"
    return create_experiment(
        actor, kind, {"key": key, "name": key.replace("_", " ").capitalize(), **properties}
    )


def add_settings(actor: Actor, experiment: Experiment, **settings: object) -> SettingsGroup:
    """Settings with two variants of 5 % (none for a user group), not prepared yet."""
    if experiment.is_test:
        settings.setdefault("variants", TWO_VARIANTS)
    return add_settings_group(actor, experiment, settings)


def add_prepared(actor: Actor, experiment: Experiment, **settings: object) -> SettingsGroup:
    """The same, prepared here and now."""
    settings_group = add_settings(actor, experiment, **settings)
    assert prepare_settings_group(settings_group.pk)
    return SettingsGroup.objects.select_related("preparation", "experiment").get(pk=settings_group.pk)


def make_experiment(
    actor: Actor,
    status: Status = Status.DRAFT,
    kind: str = Kind.TEST,
    key: str | None = None,
    ending: dict[str, Any] | None = None,
    properties: dict[str, object] | None = None,
    **settings: object,
) -> Experiment:
    """A test (or user group) with prepared settings, taken to `status`. `ending` is how it finished."""
    experiment = make_draft(actor, key, kind, **(properties or {}))
    add_prepared(actor, experiment, **settings)
    for verb in PATHS[status]:
        end = ending or ({"result": "rejected"} if kind == Kind.TEST else {})
        apply_verb(actor, experiment, verb, end if verb == Verb.FINISH else None)
    return Experiment.objects.select_related("current__preparation", "winner").get(pk=experiment.pk)
