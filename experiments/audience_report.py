"""What a manager sees before a start: users per variant, and how many of them are in which variant of which other test.

Everything is arithmetic on the stored counts per split group; the warehouse is not asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audience.occupancy import Owners, Users
from audience.overlap import Movement, movement
from experiments.models import AudienceCount, Draw, Experiment, SettingsGroup, Variant
from experiments.plans import previous_from
from experiments.selectors import owners_by_settings_group, variant_names
from experiments.split_groups import as_ranges
from experiments.warnings_in_words import Facts, PairFacts, VariantFacts, Warned, warnings_of


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
    """The latest count of a prepared settings group. `users` meet the conditions; `variant_users` of them get a variant.

    `drawn_with` is when the counts were made that it was drawn with, `seed` that of the draw (both None: nothing is drawn), and
    `moves` whom the draw moved against the settings before (None: there were none). `is_recount`: it was counted after the draw.
    """

    counted_at: dt.datetime
    is_recount: bool
    drawn_with: dt.datetime | None
    seed: int | None
    moves: Movement | None
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
    draw = Draw.objects.select_related("count", "previous").filter(settings_group=settings_group).first()
    owners = np.asarray(draw.owners if draw else np.zeros(len(users)), dtype=np.int16)
    variants = list(settings_group.variants.all())
    variant_users = int(users[owners > 0].sum())
    names = [variant.name for variant in variants]
    return AudienceReport(
        counted_at=count.counted_at,
        is_recount=draw is not None and draw.count_id != count.pk,
        drawn_with=draw.count.counted_at if draw else None,
        seed=draw.seed if draw else None,
        moves=_moves(draw, owners, names) if draw else None,
        users=int(users.sum()),
        variant_users=variant_users,
        not_counted=list(count.not_counted),
        variants=[_variant_audience(variant, owners, users) for variant in variants],
        intersections=_counted_intersections(count, settings_group, names, owners, users) if draw else [],
    )


def _variant_audience(variant: Variant, owners: Owners, users: Users) -> VariantAudience:
    own = owners == variant.position
    return VariantAudience(
        name=variant.name,
        percent=variant.percent,
        is_control=variant.is_control,
        payload=variant.payload,
        split_groups=as_ranges((np.flatnonzero(own) + 1).tolist()),
        users=int(users[own].sum()),
    )


def moves_between(current: SettingsGroup, waiting: SettingsGroup) -> Movement | None:
    """Who gets another variant when the waiting settings are attached; None where nothing is drawn, and where the conditions
    differ: then nobody has counted who meets only the present ones."""
    draw = Draw.objects.select_related("count").filter(settings_group=waiting).first()
    before = previous_from(current)
    if draw is None or before is None or current.conditions != waiting.conditions:
        return None
    names = [variant.name for variant in waiting.variants.all()]
    users = np.asarray(draw.count.users, dtype=np.int64)
    owners = np.asarray(draw.owners, dtype=np.int16)
    return movement(before.owners, owners, users, previous_names=before.names, names=names)


def _moves(draw: Draw, owners: Owners, names: Sequence[str]) -> Movement | None:
    """Whom the draw moved, by the counts that it was drawn with."""
    before = previous_from(draw.previous) if draw.previous else None
    if before is None:
        return None
    users = np.asarray(draw.count.users, dtype=np.int64)
    return movement(before.owners, owners, users, previous_names=before.names, names=names)


@dataclass(frozen=True, slots=True, eq=False)
class CountedWith:
    """What was counted with another settings group (with `experiment`; `names` are its variants 1, 2, …): users shared per
    split group."""

    other: SettingsGroup
    names: Sequence[str]
    owners: Owners
    shared: Users
    not_counted: Sequence[str]


def _counted_intersections(
    count: AudienceCount, settings_group: SettingsGroup, names: Sequence[str], owners: Owners, users: Users
) -> list[Intersection]:
    table = count.table()
    finished = set(count.finished_others)
    # Of hundreds of others only what a line of the card says: their conditions and texts would be most of what is read.
    groups = SettingsGroup.objects.select_related("experiment").only(
        *("number", "experiment__kind", "experiment__key", "experiment__name"),
        *("experiment__area", "experiment__status", "experiment__current_id"),
    )
    known = groups.in_bulk([pk for pk in table.others if pk not in finished])
    draws, theirs = owners_by_settings_group(known), variant_names(known)
    counted = [
        CountedWith(known[pk], theirs[pk], draws[pk], row.astype(np.int64), not_counted)
        for pk, row, not_counted in zip(table.others, table.shared, table.not_counted, strict=True)
        if pk in known
    ]
    return intersections(counted, names, owners, users, settings_group.experiment.area)


def intersections(
    counted: Iterable[CountedWith], names: Sequence[str], owners: Owners, users: Users, area: str
) -> list[Intersection]:
    """What a draw for variants of these names shares with each other test, the largest first.

    Of a test with settings waiting beside the current ones, what counts is the current ones, else the newest.
    """
    shown: dict[int, CountedWith] = {}
    for one in sorted(counted, key=lambda one: (one.other.experiment_id, one.other.number)):
        before = shown.get(one.other.experiment_id)
        if before is None or before.other.pk != one.other.experiment.current_id:
            shown[one.other.experiment_id] = one
    variant_users = int(users[owners > 0].sum())
    found = [_intersection(one, names, owners, variant_users, area) for one in shown.values()]
    return sorted(found, key=lambda one: (-one.users, one.experiment.key))


def _intersection(
    one: CountedWith, names: Sequence[str], owners: Owners, variant_users: int, area: str
) -> Intersection:
    theirs = one.names
    # Pair (k, l) of variants is cell k · width + l; exact, because no count comes near 2^53.
    width = len(theirs) + 1
    cells = owners.astype(np.int64) * width + one.owners
    size = (len(names) + 1) * width
    groups = np.bincount(cells, minlength=size).reshape(-1, width)
    users = np.bincount(cells, weights=one.shared, minlength=size).reshape(-1, width)
    pairs = [
        VariantPair(mine, other, int(groups[row, column]), int(users[row, column]))
        for row, mine in enumerate(names, start=1)
        for column, other in enumerate(theirs, start=1)
        if groups[row, column]
    ]
    both = sum(pair.users for pair in pairs)
    experiment = one.other.experiment
    return Intersection(
        experiment=experiment,
        users=both,
        share=round(both / variant_users, 4) if variant_users else 0.0,
        same_area=bool(area) and experiment.area == area,
        not_counted=list(one.not_counted),
        variants=pairs,
    )


def warnings_for(
    settings_group: SettingsGroup, report: AudienceReport, visible: Collection[int]
) -> list[Warned]:
    """What to think of before these settings take effect; `visible` are the ids of the other tests that the reader may know of."""
    groups = {
        name: sum(last - first + 1 for first, last in ranges)
        for name, ranges in ((variant.name, variant.split_groups) for variant in report.variants)
    }
    return warnings_of(
        Facts(
            users=report.users,
            not_counted=report.not_counted,
            variants=[VariantFacts(one.name, groups[one.name], one.users) for one in report.variants],
            pairs=[pair_facts(one, is_known=one.experiment.pk in visible) for one in report.intersections],
            moves=report.moves,
        )
    )


def pair_facts(shared: Intersection, *, is_known: bool) -> PairFacts:
    """What the warnings need of an intersection; of a test that the reader may not know neither name nor area."""
    return PairFacts(
        name=shared.experiment.key if is_known else "",
        users=shared.users,
        share=shared.share,
        area=shared.experiment.area if shared.same_area else "",
        not_counted=shared.not_counted,
    )
