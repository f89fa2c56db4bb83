"""What is missing before a test can go on, item by item, and why a verb is not possible yet."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from core.errors import Conflict
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, PreparationState, SettingsGroup, StartApproval
from experiments.selectors import newest_settings_group
from experiments.services.settings_groups import owns_split_groups
from experiments.services.transitions import check_readiness


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing to do. `card` is where it is done (the fragment of its address); advice blocks nothing."""

    text: str
    done: bool
    card: str
    is_advice: bool = False


def obstacle(experiment: Experiment, verb: Verb) -> str:
    """Why the verb is refused now, although it fits the status; empty when it is not."""
    try:
        check_readiness(experiment, verb)
    except Conflict as refusal:
        return refusal.detail
    return ""


def checklist(experiment: Experiment) -> list[CheckItem]:
    """What a draft or a test in dev still needs; empty from the start on."""
    if experiment.status not in {Status.DRAFT, Status.DEV}:
        return []
    items = [_settings_item(experiment)]
    current = experiment.current
    if experiment.is_test:
        items.append(
            CheckItem(
                "The variants have a share of the users",
                current is not None and owns_split_groups(current),
                "settings",
            )
        )
        texts = (
            ("hypothesis", "Hypothesis"),
            ("metric", "What is measured"),
            ("success", "What counts as success"),
        )
        items += [
            CheckItem(
                f"{label} is written down", bool(getattr(experiment, field)), "properties", is_advice=True
            )
            for field, label in texts
        ]
    if experiment.status == Status.DRAFT:
        items.append(CheckItem("Published to dev, where test users can try it", False, "verbs"))
    if settings.START_NEEDS_APPROVAL:
        items.append(
            CheckItem(
                "A second person has approved the start",
                current is not None and is_approved(current),
                "verbs",
            )
        )
    return items


def _settings_item(experiment: Experiment) -> CheckItem:
    if experiment.current is not None:
        return CheckItem("Settings are prepared: users are counted and split groups drawn", True, "settings")
    newest = newest_settings_group(experiment)
    if newest is None:
        return CheckItem("Settings: dates, who takes part, variants", False, "settings")
    if newest.preparation.state == PreparationState.FAILED:
        return CheckItem("The settings could not be prepared", False, "settings")
    return CheckItem("Settings are being prepared", False, "settings")


def is_approved(settings_group: SettingsGroup) -> bool:
    """Whether a second person said yes to a start with these settings."""
    return StartApproval.objects.filter(settings_group=settings_group, approved_by__isnull=False).exists()
