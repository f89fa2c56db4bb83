"""Questions about tests and user groups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext, ngettext

from accounts.actors import Actor
from accounts.models import Role
from audience.occupancy import Owners
from core import clock
from core.errors import NotFound
from core.kept import Kept
from experiments.lifecycle import UNFINISHED, Standing, Status, Verb, allowed_verbs
from experiments.models import Experiment, Kind, PreparationState, SettingsGroup, Variant
from experiments.models.experiment import ExperimentQuerySet

# By settings group the id of its draw and the draw, 5 kB each. With the id, because one that was taken back with its transaction
# may have been read in that transaction.
_kept_draws: Final[Kept[int, tuple[int, Owners]]] = Kept(most=2_000)

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


def hidden_keys(actor: Actor, keys: Collection[str]) -> frozenset[str]:
    """Those of `keys` that name drafts which do not exist for this actor."""
    if not keys:
        return frozenset()
    drafts = Experiment.objects.tests().filter(key__in=keys, status=Status.DRAFT.value)
    known = visible_experiments(actor, Kind.TEST).filter(key__in=keys)
    return frozenset(drafts.exclude(pk__in=known.values("pk")).values_list("key", flat=True))


def shown_keys(actor: Actor, keys: Sequence[str]) -> list[str]:
    """`keys` as this actor may read them: drafts that do not exist for them only as how many they are."""
    hidden = hidden_keys(actor, keys)
    if not hidden:
        return list(keys)
    drafts = ngettext(
        "%(number)s draft of other managers", "%(number)s drafts of other managers", len(hidden)
    )
    return [*(key for key in keys if key not in hidden), drafts % {"number": len(hidden)}]


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
        missing = (
            gettext("There is no test “%(key)s”.")
            if kind == Kind.TEST
            else gettext("There is no user group “%(key)s”.")
        )
        raise NotFound(missing % {"key": key[:64]})
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
        raise NotFound(
            gettext("“%(key)s” has no settings group %(number)s.") % {"key": experiment.key, "number": number}
        )
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


def live_settings_groups(*, only_dates: bool = False) -> list[SettingsGroup]:
    """Drawn settings groups of unfinished tests whose dates are not over: of each test the current one and those prepared to
    follow it. With `experiment`; with `only_dates` nothing is read of what a count needs, which is most of a row."""
    live = _drawn_settings_groups(
        Q(experiment__status__in=UNFINISHED)
        & (Q(experiment__current=None) | Q(number__gte=F("experiment__current__number")))
    )
    if only_dates:
        live = live.defer("conditions", "draw_objective", "exclusive_with")
    return list(live.exclude(ends_at__lte=clock.now()))


@dataclass(frozen=True, slots=True)
class Other:
    """A drawn settings group of another test. `is_finished`: it will have ended when ours begins, but so recently that what it
    did to its users may linger (CARRY_OVER_DAYS)."""

    settings_group: SettingsGroup
    is_finished: bool


def other_settings_groups(
    experiment: Experiment, starts_at: dt.datetime | None, ends_at: dt.datetime | None
) -> list[Other]:
    """Drawn settings groups of other tests that matter to one of `experiment` with these dates, from now on.

    Those whose dates meet: current, prepared to follow, planned. And those that end shortly before: finished tests, tests whose
    dates are over. With `experiment`, in a fixed order.
    """
    moment = clock.now()
    carry_over = dt.timedelta(days=settings.CARRY_OVER_DAYS)
    start = max(starts_at or moment, moment)
    unfinished = Q(experiment__status__in=UNFINISHED)
    newest = Q(experiment__current=None) | Q(number__gte=F("experiment__current__number"))
    finished = Q(
        experiment__status=Status.FINISHED.value,
        experiment__started_at__isnull=False,
        experiment__finished_at__gt=moment - carry_over,
        pk=F("experiment__current"),
    )
    found = _drawn_settings_groups((unfinished & newest) | finished).exclude(experiment=experiment.pk)
    others = []
    for other in found.exclude(ends_at__lte=moment - carry_over):
        end = _end_of(other)
        if end is not None and end <= start:
            if start - end < carry_over and _had_users_by(other, end, moment):
                others.append(Other(other, is_finished=True))
        elif dates_meet((start, ends_at), (other.starts_at, other.ends_at)):
            others.append(Other(other, is_finished=False))
    return others


def _drawn_settings_groups(which: Q) -> QuerySet[SettingsGroup]:
    return (
        SettingsGroup.objects.filter(
            which, experiment__kind=Kind.TEST, preparation__state=PreparationState.READY
        )
        .select_related("experiment")
        .only(
            *(
                "experiment_id",
                "number",
                "starts_at",
                "ends_at",
                "conditions",
                "draw_objective",
                "exclusive_with",
            ),
            *(f"experiment__{name}" for name in ("kind", "key", "name", "area", "status", "current_id")),
            *("experiment__started_at", "experiment__finished_at"),
        )
        .order_by("pk")
    )


def _end_of(settings_group: SettingsGroup) -> dt.datetime | None:
    ends = (settings_group.ends_at, settings_group.experiment.finished_at)
    return min((end for end in ends if end is not None), default=None)


def _had_users_by(settings_group: SettingsGroup, end: dt.datetime, moment: dt.datetime) -> bool:
    """Whether anybody can have got a variant of it before its end."""
    started = settings_group.experiment.started_at
    began = settings_group.starts_at is None or settings_group.starts_at < end
    return began and (end > moment or (started is not None and started < end))


def owners_by_settings_group(settings_group_ids: Collection[int]) -> dict[int, Owners]:
    """The draws of these settings groups: who owns each split group, int16[2400] (not to be written to), 0 for nobody.

    A draw never changes, so one that this process has read before is not sent again; whether it is there is asked every time.
    """
    ids = list(settings_group_ids)
    kept = _kept_draws.among(ids)
    with connection.cursor() as cursor:
        # As text numpy reads them; number by number those of a thousand tests would take twice as long.
        cursor.execute(
            "SELECT settings_group_id, id, CASE WHEN id = ANY(%s) THEN NULL ELSE owners::text END"
            " FROM experiments_draw WHERE settings_group_id = ANY(%s)",
            [[draw for draw, _ in kept.values()], ids],
        )
        rows = cursor.fetchall()
    read = {pk: (draw, _owners_in(text)) for pk, draw, text in rows if text is not None}
    _kept_draws.keep(read)
    return {pk: (read.get(pk) or kept[pk])[1] for pk, _, _ in rows}


def _owners_in(text: str) -> Owners:
    owners = np.fromstring(text.strip("{}"), dtype=np.int16, sep=",")
    # Many readers share it.
    owners.setflags(write=False)
    return owners


def variant_names(settings_group_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """The names of the variants 1, 2, … of each settings group."""
    names: dict[int, list[str]] = {pk: [] for pk in settings_group_ids}
    variants = Variant.objects.filter(settings_group__in=names).order_by("position")
    for pk, name in variants.values_list("settings_group_id", "name"):
        names[pk].append(name)
    return {pk: tuple(found) for pk, found in names.items()}
