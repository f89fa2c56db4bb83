"""What is missing before a test can go on, item by item, and why a verb is not possible yet."""

from __future__ import annotations

from core import clock
from core.errors import Conflict
from core.moments import day_words
from experiments.checklist import Known, Newest, Section, checklist
from experiments.lifecycle import Status, Verb
from experiments.list_rows import audience_totals
from experiments.models import Experiment, PreparationState, SettingsGroup
from experiments.selectors import newest_settings_group
from experiments.services.requirements import refusals
from experiments.services.transitions import check_readiness

_WRITTEN = ("hypothesis", "metric", "success")


def obstacle(experiment: Experiment, verb: Verb) -> str:
    """Why the verb is refused now, although it fits the status; empty when it is not."""
    try:
        check_readiness(experiment, verb)
    except Conflict as refusal:
        return refusal.detail
    return ""


def checklist_of(experiment: Experiment) -> list[Section]:
    """What a draft or a test in dev still needs, by verb; empty from the start on."""
    status = Status(experiment.status)
    return checklist(_known(experiment, status)) if status in {Status.DRAFT, Status.DEV} else []


def _known(experiment: Experiment, status: Status) -> Known:
    current, newest = experiment.current, newest_settings_group(experiment)
    totals = audience_totals([current.pk]).get(current.pk) if current is not None else None
    return Known(
        status=status,
        is_test=experiment.is_test,
        met={
            verb: {one.requirement: one.is_met for one in refusals(experiment, verb)}
            for verb in (Verb.PUBLISH, Verb.START)
        },
        newest=Newest(
            newest.number,
            is_ready=newest.preparation.state == PreparationState.READY,
            has_failed=newest.preparation.state == PreparationState.FAILED,
        )
        if newest is not None
        else None,
        current=current.number if current is not None else None,
        users=totals.users if totals is not None else None,
        variant_users=totals.variant_users if totals is not None else None,
        ended=_ended(current) if current is not None else "",
        managers=len(experiment.managers.all()),
        written=frozenset(field for field in _WRITTEN if getattr(experiment, field)),
    )


def _ended(current: SettingsGroup) -> str:
    return day_words(current.ends_at) if current.ends_at and current.ends_at <= clock.now() else ""
