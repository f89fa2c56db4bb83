"""Which tests try other words for a text of the application."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from accounts.actors import Actor
from experiments.lifecycle import UNFINISHED
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.selectors import visible_experiments


@dataclass(frozen=True, slots=True)
class TextUse:
    """A test whose settings have other words for a token; not `is_current`: they do not apply yet."""

    experiment: Experiment
    is_current: bool


def uses_of_tokens(actor: Actor, tokens: Collection[str]) -> dict[str, list[TextUse]]:
    """By token, the tests that this actor may know of: those that are not finished, and those whose winner users still get."""
    if not tokens:
        return {}
    alive = visible_experiments(actor, Kind.TEST).filter(Q(status__in=UNFINISHED) | ~Q(winner=None))
    found = (
        SettingsGroup.objects.filter(experiment__in=alive.values("pk"), tokens__has_any_keys=list(tokens))
        .filter(number__gte=Coalesce(F("experiment__current__number"), 0))
        .select_related("experiment")
        .only(
            "number",
            "tokens",
            *(f"experiment__{name}" for name in ("kind", "key", "name", "status", "current_id")),
        )
        .order_by("experiment__key", "number")
    )
    uses: dict[str, dict[int, TextUse]] = {}
    for settings_group in found:
        experiment = settings_group.experiment
        use = TextUse(experiment, is_current=experiment.current_id == settings_group.pk)
        for token in settings_group.tokens:
            if token in tokens:
                # The current settings come first; newer ones that wait are not told a second time.
                uses.setdefault(token, {}).setdefault(experiment.pk, use)
    return {token: list(by_test.values()) for token, by_test in uses.items()}
