"""Questions about tests and user groups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from django.db.models import F, Q

from accounts.actors import Actor
from accounts.models import Role
from core import clock
from core.errors import NotFound
from experiments.lifecycle import UNFINISHED, Standing, Status, Verb, allowed_verbs
from experiments.models import Experiment, Kind, PreparationState, SettingsGroup
from experiments.models.experiment import ExperimentQuerySet

_STANDING_OF_ROLE = {
    Role.SUPERUSER: Standing.SUPERUSER,
    Role.MANAGER: Standing.OTHER_MANAGER,
    Role.DEVELOPER: Standing.DEVELOPER,
    Role.QA: Standing.QA,
    Role.VIEWER: Standing.VIEWER,
}


def standing_of(actor: Actor, experiment: Experiment) -> Standing:
    """What the actor is to this test. Machines act with a superuser's rights; a manager must be one of the test's own."""
    if actor.user is None:
        return Standing.SUPERUSER
    standing = _STANDING_OF_ROLE[Role(actor.user.role)]
    # Through `all()`, so that lists that fetched the managers beforehand ask nothing per row.
    if standing == Standing.OTHER_MANAGER and any(
        person.pk == actor.user.pk for person in experiment.managers.all()
    ):
        return Standing.MANAGER
    return standing


def verbs_for(actor: Actor, experiment: Experiment) -> tuple[Verb, ...]:
    """The verbs that this actor may use on this test now."""
    return allowed_verbs(Status(experiment.status), standing_of(actor, experiment))


def visible_experiments(actor: Actor, kind: str) -> ExperimentQuerySet:
    """All tests (or groups) that this actor may know of: a draft only for its managers and superusers."""
    experiments = Experiment.objects.filter(kind=kind)
    if actor.user is None or actor.is_superuser:
        return experiments
    published = ~Q(status=Status.DRAFT.value)
    if actor.role == Role.MANAGER:
        own = Experiment.managers.through.objects.filter(user_id=actor.user.pk).values("experiment_id")
        return experiments.filter(published | Q(pk__in=own))
    return experiments.filter(published)


def visible_ids(actor: Actor, kind: str, ids: Collection[int]) -> set[int]:
    """Those of `ids` that this actor may know of."""
    return set(visible_experiments(actor, kind).filter(pk__in=ids).values_list("pk", flat=True))


def experiment_for(actor: Actor, kind: str, key: str) -> Experiment:
    """The test (or group) with this key, or NotFound, also when it is somebody else's draft."""
    experiment = (
        visible_experiments(actor, kind)
        .select_related("current", "current__preparation", "winner")
        .filter(key=key)
        .first()
        if _storable(key)
        else None
    )
    if experiment is None:
        raise NotFound(f"There is no {'test' if kind == Kind.TEST else 'user group'} “{key[:64]}”.")
    return experiment


def _storable(key: str) -> bool:
    # PostgreSQL refuses to compare with text that holds a NUL.
    return "\x00" not in key and len(key) <= 64


def settings_group_of(experiment: Experiment, number: int) -> SettingsGroup:
    """The numbered settings group with its preparation, or NotFound."""
    # Numbers are 32 bits wide in the database; a longer one cannot exist.
    found = (
        experiment.settings_groups.select_related("preparation", "experiment", "created_by")
        .filter(number=number)
        .first()
        if number < 2**31
        else None
    )
    if found is None:
        raise NotFound(f"“{experiment.key}” has no settings group {number}.")
    return found


def newest_settings_group(experiment: Experiment) -> SettingsGroup | None:
    """The settings group that was made last, prepared or not."""
    return experiment.settings_groups.select_related("preparation").order_by("-number").first()


def dates_meet(
    first: tuple[dt.datetime | None, dt.datetime | None],
    second: tuple[dt.datetime | None, dt.datetime | None],
) -> bool:
    """Whether two ranges `start <= t < end` share a moment; None is open."""
    (first_start, first_end), (second_start, second_end) = first, second
    return (first_end is None or second_start is None or second_start < first_end) and (
        second_end is None or first_start is None or first_start < second_end
    )


def meeting_settings_groups(settings_group: SettingsGroup) -> Sequence[SettingsGroup]:
    """Drawn settings groups of other unfinished tests whose dates meet those of `settings_group` from now on.

    Of each test the current one and those that are prepared to follow it.
    """
    moment = clock.now()
    live = (
        SettingsGroup.objects.filter(
            experiment__kind=Kind.TEST,
            experiment__status__in=UNFINISHED,
            preparation__state=PreparationState.READY,
        )
        .filter(Q(experiment__current=None) | Q(number__gte=F("experiment__current__number")))
        .exclude(experiment=settings_group.experiment_id)
        .select_related("experiment", "drawn")
        .order_by("pk")
    )
    mine = (max(settings_group.starts_at or moment, moment), settings_group.ends_at)
    return [
        other
        for other in live
        if dates_meet(mine, (other.starts_at, other.ends_at))
        and (other.ends_at is None or other.ends_at > moment)
    ]
