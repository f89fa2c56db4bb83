"""What the home page knows of every test that may need somebody: read in a number of queries that does not depend on how many."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db.models import F, Max, Min, Q

from accounts.actors import Actor
from accounts.models import Environment
from analytics.models import SampleRatioWatch, TotalHits
from analytics.silence import silent_since
from changelog.models import Entry, SubjectKind, Verb
from console.leftovers import Leftover, leftovers, may_be_left
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind, SettingsGroup, StartApproval
from experiments.models.experiment import ExperimentQuerySet, StatusChoices
from experiments.selectors import visible_experiments

_COLUMNS: Final = ("pk", "key", "name", "area", "status", "started_at", "finished_at", "current_id")


@dataclass(frozen=True, slots=True)
class Approval:
    """A second person's word on the current settings: who asked when, and whether it was given."""

    requested_by: str
    requested_by_id: int
    requested_at: dt.datetime
    is_given: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """One test. `number`, `starts_at` and `ends_at` are of its current settings, `newest_…` of those that were made last.

    `first_hit_at` and `last_hit_at` are of production, `first_devel_hit_at` of devel; `resumed_at` is its last start or resumption.
    `smallest_p` is the smallest always-valid p of its current settings (1: nothing was looked at).
    """

    pk: int
    key: str
    name: str
    area: str
    status: Status
    is_mine: bool
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    number: int | None = None
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    newest_number: int | None = None
    newest_state: str = ""
    newest_error: str = ""
    first_hit_at: dt.datetime | None = None
    last_hit_at: dt.datetime | None = None
    first_devel_hit_at: dt.datetime | None = None
    resumed_at: dt.datetime | None = None
    approval: Approval | None = None
    smallest_p: float = 1.0
    leftover: Leftover | None = None

    @property
    def status_label(self) -> str:
        """In a word, for a badge."""
        return str(StatusChoices(self.status).label)


def facts_for(actor: Actor) -> list[Facts]:
    """All tests that this actor may know of and that can still need somebody: unfinished ones, and finished ones that are still
    in the code. By key."""
    visible = visible_experiments(actor, Kind.TEST).order_by("key")
    current = {
        "number": F("current__number"),
        "starts_at": F("current__starts_at"),
        "ends_at": F("current__ends_at"),
    }
    found: list[dict[str, Any]] = list(visible.unfinished().values(*_COLUMNS, **current))
    ids = [row["pk"] for row in found]
    groups = [row["current_id"] for row in found if row["current_id"] is not None]
    mine, newest, hits = _mine(actor), _newest(ids), _hits(ids)
    resumed = _resumed([row["pk"] for row in found if row["status"] == Status.RUNNING])
    approvals, ratios = _approvals(groups), _smallest(groups)
    unfinished = [
        Facts(
            **{name: value for name, value in row.items() if name not in {"status", "current_id"}},
            status=Status(row["status"]),
            is_mine=row["pk"] in mine,
            **newest.get(row["pk"], {}),
            **hits.get(row["pk"], {}),
            resumed_at=resumed.get(row["pk"]),
            approval=approvals.get(row["current_id"]),
            smallest_p=ratios.get(row["current_id"], 1.0),
        )
        for row in found
    ]
    return unfinished + _still_in_code(visible, mine)


def _still_in_code(visible: ExperimentQuerySet, mine: set[int]) -> list[Facts]:
    finished = list(visible.filter(may_be_left()).only("kind", *_COLUMNS[:-1]))
    found = leftovers(finished)
    return [
        Facts(
            pk=one.pk,
            key=one.key,
            name=one.name,
            area=one.area,
            status=Status.FINISHED,
            is_mine=one.pk in mine,
            finished_at=one.finished_at,
            leftover=found[one.pk],
        )
        for one in finished
        if one.pk in found
    ]


def _mine(actor: Actor) -> set[int]:
    if actor.user is None:
        return set()
    managed = Experiment.managers.through.objects.filter(user_id=actor.user.pk)
    return set(managed.values_list("experiment_id", flat=True))


def _newest(ids: Collection[int]) -> dict[int, dict[str, Any]]:
    rows = (
        SettingsGroup.objects.filter(experiment__in=ids)
        .order_by("experiment_id", "-number")
        .distinct("experiment_id")
        .values_list("experiment_id", "number", "preparation__state", "preparation__error")
    )
    return {
        pk: {"newest_number": number, "newest_state": state or "", "newest_error": error or ""}
        for pk, number, state, error in rows
    }


def _hits(ids: Collection[int]) -> dict[int, dict[str, Any]]:
    in_production = Q(environment=Environment.PRODUCTION)
    rows = (
        TotalHits.objects.filter(settings_group__experiment__in=ids)
        .values_list("settings_group__experiment_id")
        .annotate(
            first=Min("first_at", filter=in_production),
            last=Max("last_at", filter=in_production),
            devel=Min("first_at", filter=~in_production),
        )
    )
    return {
        pk: {"first_hit_at": first, "last_hit_at": last, "first_devel_hit_at": devel}
        for pk, first, last, devel in rows
    }


def _resumed(ids: Collection[int]) -> dict[int, dt.datetime]:
    rows = Entry.objects.filter(
        subject_kind=SubjectKind.TEST, subject_id__in=ids, verb__in=[Verb.START, Verb.RESUME]
    ).order_by()
    return {pk: at for pk, at in rows.values_list("subject_id").annotate(Max("at")) if pk is not None}


def _approvals(settings_group_ids: Collection[int]) -> dict[int, Approval]:
    if not settings.START_NEEDS_APPROVAL:
        return {}
    rows = StartApproval.objects.filter(settings_group__in=settings_group_ids).select_related("requested_by")
    return {
        row.settings_group_id: Approval(
            str(row.requested_by), row.requested_by_id, row.requested_at, row.approved_by_id is not None
        )
        for row in rows
    }


def _smallest(settings_group_ids: Collection[int]) -> dict[int, float]:
    rows = SampleRatioWatch.objects.filter(settings_group__in=settings_group_ids, smallest_p__lt=1)
    return dict(rows.values_list("settings_group_id", "smallest_p"))


def quiet_since(facts: Facts) -> dt.datetime | None:
    """Since when a running test waits for a hit from production, or None when it need not have any yet."""
    if facts.status != Status.RUNNING:
        return None
    return silent_since(facts.ends_at, facts.last_hit_at, facts.resumed_at, facts.started_at, facts.starts_at)
