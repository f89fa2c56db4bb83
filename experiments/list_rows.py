"""What lists of tests and user groups are made of, in numbers of queries that do not depend on how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Count, OuterRef, Q, Subquery

from accounts.models import User
from experiments.lifecycle import Status
from experiments.models import Experiment, Preparation
from experiments.models.experiment import ExperimentQuerySet


@dataclass(frozen=True, slots=True)
class AudienceTotals:
    """The latest count of one settings group: users who meet its conditions, and those whom a variant owns, by its position.

    `is_upper_bound`: some of its filters could not be counted and were taken as met.
    """

    users: int = 0
    by_position: Mapping[int, int] = field(default_factory=dict)
    is_upper_bound: bool = False

    @property
    def variant_users(self) -> int:
        return sum(self.by_position.values())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader looks for; empty is anything."""

    text: str = ""
    area: str = ""
    manager: str = ""
    status: str = ""


def audience_totals(settings_group_ids: Iterable[int]) -> dict[int, AudienceTotals]:
    """Totals by settings group, for those that are counted. One query: the arrays are summed where they lie."""
    ids = list(settings_group_ids)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT latest.settings_group_id, coalesce(cell.owner, 0), sum(cell.users), latest.is_upper_bound
            FROM (
                SELECT DISTINCT ON (settings_group_id) settings_group_id, users,
                    cardinality(not_counted) > 0 AS is_upper_bound
                FROM experiments_audiencecount WHERE settings_group_id = ANY(%s)
                ORDER BY settings_group_id, id DESC
            ) latest
            LEFT JOIN experiments_draw draw USING (settings_group_id)
            CROSS JOIN LATERAL unnest(latest.users, draw.owners) AS cell(users, owner)
            GROUP BY 1, 2, 4
            """,
            [ids],
        )
        cells = cursor.fetchall()
    users: dict[int, int] = {}
    owned: dict[int, dict[int, int]] = {}
    bounds = {settings_group_id for settings_group_id, _position, _count, is_bound in cells if is_bound}
    for settings_group_id, position, count, _is_bound in cells:
        users[settings_group_id] = users.get(settings_group_id, 0) + int(count)
        if position:
            owned.setdefault(settings_group_id, {})[position] = int(count)
    return {pk: AudienceTotals(total, owned.get(pk, {}), pk in bounds) for pk, total in users.items()}


def matching(experiments: ExperimentQuerySet, wanted: Wanted) -> ExperimentQuerySet:
    """Those the reader looks for, in whatever status."""
    for word in wanted.text.split()[:10]:
        experiments = experiments.filter(
            Q(key__icontains=word)
            | Q(name__icontains=word)
            | Q(area__icontains=word)
            | Q(jira_issue__icontains=word)
        )
    if wanted.area:
        experiments = experiments.filter(area=wanted.area)
    if wanted.manager:
        experiments = experiments.filter(
            pk__in=Experiment.managers.through.objects.filter(user__username=wanted.manager).values(
                "experiment_id"
            )
        )
    return experiments


def status_counts(experiments: ExperimentQuerySet) -> dict[str, int]:
    """How many there are in each status, empty ones included."""
    counted = dict(experiments.order_by().values_list("status").annotate(number=Count("pk")))
    return {status.value: counted.get(status.value, 0) for status in Status}


def with_list_columns(experiments: ExperimentQuerySet) -> ExperimentQuerySet:
    """The same with everything a row needs; `newest_state` is how far the newest settings are prepared."""
    newest = Preparation.objects.filter(settings_group__experiment=OuterRef("pk")).order_by(
        "-settings_group__number"
    )
    return (
        experiments.select_related("current")
        .prefetch_related("managers")
        .annotate(newest_state=Subquery(newest.values("state")[:1]))
        .order_by("-id")
    )


def areas_of(experiments: ExperimentQuerySet) -> list[str]:
    """The areas in use, for filters and suggestions."""
    return list(experiments.exclude(area="").order_by("area").values_list("area", flat=True).distinct())


def managers_of(experiments: ExperimentQuerySet) -> list[User]:
    """The people who manage at least one of these."""
    # Each person once, instead of once per test and then made one again.
    managed = Experiment.managers.through.objects.filter(experiment__in=experiments.order_by())
    people = User.objects.filter(pk__in=managed.values("user_id")).order_by("username")
    return list(people.only("username", "first_name", "last_name"))
