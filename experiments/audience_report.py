"""What a manager sees before a start: users per variant, and how many of them are in which variant of which other test.

Everything is arithmetic on the stored counts per split group; the warehouse is not asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.models import AudienceCount, Draw, Experiment, SettingsGroup, SharedCount, Variant
from experiments.split_groups import as_ranges


@dataclass(frozen=True, slots=True)
class VariantAudience:
    """One variant: its split groups as inclusive ranges and the counted users in them."""

    name: str
    percent: str
    is_control: bool
    payload: Mapping[str, object]
    split_groups: list[list[int]]
    users: int


@dataclass(frozen=True, slots=True)
class VariantPair:
    """Users in variant `mine` of this test and `theirs` of the other, and the split groups that both own."""

    mine: str
    theirs: str
    split_groups: int
    users: int


@dataclass(frozen=True, slots=True)
class Intersection:
    """What this settings group shares with another test. `share` is of this settings group's users in its own split groups (0..1).

    `not_counted` names filters of the other test that were taken as met, so that the numbers are upper bounds.
    """

    experiment: Experiment
    users: int
    share: float
    same_area: bool
    not_counted: list[str]
    variants: list[VariantPair]


@dataclass(frozen=True, slots=True)
class AudienceReport:
    """The latest count of a prepared settings group. `users` meet the conditions; `variant_users` of them get a variant."""

    counted_at: dt.datetime
    users: int
    variant_users: int
    not_counted: list[str]
    variants: list[VariantAudience]
    intersections: list[Intersection]


def audience_report(settings_group: SettingsGroup) -> AudienceReport | None:
    """The report, or None while nothing is counted. Intersections come with the largest first."""
    count = AudienceCount.objects.filter(settings_group=settings_group).order_by("-id").first()
    if count is None:
        return None
    users = np.asarray(count.users, dtype=np.int64)
    draw = Draw.objects.filter(settings_group=settings_group).first()
    owners = np.asarray(draw.owners if draw else np.zeros(len(users)), dtype=np.int16)
    variants = list(settings_group.variants.all())
    variant_users = int(users[owners > 0].sum())
    return AudienceReport(
        counted_at=count.counted_at,
        users=int(users.sum()),
        variant_users=variant_users,
        not_counted=list(count.not_counted),
        variants=[_variant_audience(variant, owners, users) for variant in variants],
        intersections=_intersections(count, settings_group, variants, owners, variant_users) if draw else [],
    )


def _variant_audience(
    variant: Variant, owners: npt.NDArray[np.int16], users: npt.NDArray[np.int64]
) -> VariantAudience:
    own = owners == variant.position
    return VariantAudience(
        name=variant.name,
        percent=variant.percent,
        is_control=variant.is_control,
        payload=variant.payload,
        split_groups=as_ranges((np.flatnonzero(own) + 1).tolist()),
        users=int(users[own].sum()),
    )


def _intersections(
    count: AudienceCount,
    settings_group: SettingsGroup,
    variants: Sequence[Variant],
    owners: npt.NDArray[np.int16],
    variant_users: int,
) -> list[Intersection]:
    rows = (
        SharedCount.objects.filter(count=count)
        .select_related("other__experiment", "other__drawn")
        .prefetch_related("other__variants")
        .order_by("other__experiment_id", "other__number")
    )
    # Of a test with settings waiting beside the current ones, what counts is the current ones, else the newest.
    shown: dict[int, SharedCount] = {}
    for row in rows:
        experiment = row.other.experiment
        known = shown.get(experiment.pk)
        if known is None or known.other_id != experiment.current_id:
            shown[experiment.pk] = row
    area = settings_group.experiment.area
    found = [_intersection(row, variants, owners, variant_users, area) for row in shown.values()]
    return sorted(found, key=lambda one: (-one.users, one.experiment.key))


def _intersection(
    row: SharedCount,
    variants: Sequence[Variant],
    owners: npt.NDArray[np.int16],
    variant_users: int,
    area: str,
) -> Intersection:
    shared = np.asarray(row.users, dtype=np.int64)
    theirs = np.asarray(row.other.drawn.owners, dtype=np.int16)
    pairs = []
    for mine in variants:
        for other in row.other.variants.all():
            both = (owners == mine.position) & (theirs == other.position)
            groups = int(both.sum())
            if groups:
                pairs.append(VariantPair(mine.name, other.name, groups, int(shared[both].sum())))
    users = sum(pair.users for pair in pairs)
    experiment = row.other.experiment
    return Intersection(
        experiment=experiment,
        users=users,
        share=round(users / variant_users, 4) if variant_users else 0.0,
        same_area=bool(area) and experiment.area == area,
        not_counted=list(row.not_counted),
        variants=pairs,
    )
