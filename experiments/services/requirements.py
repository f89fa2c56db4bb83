"""What publishing and starting ask of a test: the services refuse by it, and the checklist shows it beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext

from changelog.models import Verb as EntryVerb
from experiments.lifecycle import Requirement, Verb, requirements_of
from experiments.models import Experiment, PreparationState, SettingsGroup, StartApproval
from experiments.services.settings_groups import owns_split_groups


@dataclass(frozen=True, slots=True)
class Refusal:
    """One requirement and what is said while it is not met; an empty sentence: it is met."""

    requirement: Requirement
    sentence: str

    @property
    def is_met(self) -> bool:
        return not self.sentence


def refusals(row: Experiment, verb: Verb) -> Iterator[Refusal]:
    """Every requirement of `verb`, one after the other: who stops at the first that is not met asks the database no more."""
    asked = requirements_of(verb, is_test=row.is_test, needs_approval=bool(settings.START_NEEDS_APPROVAL))
    for requirement in asked:
        yield Refusal(requirement, _SENTENCES[requirement](row, verb))


def is_approved(settings_group: SettingsGroup) -> bool:
    """Whether a second person said yes to a start with these settings."""
    return StartApproval.objects.filter(settings_group=settings_group, approved_by__isnull=False).exists()


def _prepared(row: Experiment, verb: Verb) -> str:
    if row.current is not None and row.current.preparation.state == PreparationState.READY:
        return ""
    return gettext("“%(key)s” has no prepared settings yet, so it cannot be %(done)s.") % {
        "key": row.key,
        "done": EntryVerb(verb).label,
    }


def _share(row: Experiment, verb: Verb) -> str:
    if row.current is not None and owns_split_groups(row.current):
        return ""
    return gettext(
        "The variants of “%(key)s” own no split group, so nobody would get one. Give them a share of the users first."
    ) % {"key": row.key}


def _approval(row: Experiment, verb: Verb) -> str:
    if row.current is None:
        return gettext("Starting “%(key)s” needs the approval of a second person.") % {"key": row.key}
    if is_approved(row.current):
        return ""
    return gettext(
        "Starting “%(key)s” needs the approval of a second person for settings group %(number)s."
    ) % {"key": row.key, "number": row.current.number}


_SENTENCES = {
    Requirement.PREPARED: _prepared,
    Requirement.SHARE: _share,
    Requirement.APPROVAL: _approval,
}
