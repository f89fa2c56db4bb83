"""Two tests, variant by variant: the numbers behind one cell of the overlap map."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audience.catalogue import load_catalogue
from console.meeting import Spans
from core import clock
from experiments.audience_report import CountedWith, intersections
from experiments.audience_rows import TwoWay, two_way
from experiments.models import AudienceCount, Experiment, SettingsGroup
from experiments.selectors import owners_by_settings_group, variant_names


@dataclass(frozen=True, slots=True)
class PairReport:
    """`table` has the variants of `mine` down and those of `theirs` across.

    `share` is of the users of `mine` (0..1); None where these are an upper bound themselves, because then it may be more or less.
    `not_counted` are labels of filters of either that were taken as met, so that the numbers are upper bounds.
    """

    mine: SettingsGroup
    theirs: SettingsGroup
    users: int
    share: float | None
    mine_users: int
    not_counted: list[str]
    counted_at: dt.datetime
    table: TwoWay
    same_area: bool


def pair_report(first: Experiment, second: Experiment) -> PairReport | None:
    """By the newest count of either test that has both; None while none has."""
    for one, other in ((first, second), (second, first)):
        if one.current is None or other.current is None:
            return None
        one.current.experiment, other.current.experiment = one, other
        report = _counted_pair(one.current, other.current)
        if report is not None:
            return report
    return None


def meet(first: Experiment, second: Experiment) -> bool:
    """Whether the dates of their current settings share a moment, from now on, as the map and the list have it."""
    if first.current is None or second.current is None:
        return False
    mine, theirs = first.current, second.current
    spans = Spans.of([(mine.starts_at, mine.ends_at), (theirs.starts_at, theirs.ends_at)], clock.now())
    return bool(spans.table()[0, 1])


def _labels(filters: Sequence[str]) -> list[str]:
    """As people know them; a filter that is gone has only its name."""
    catalogue = load_catalogue() if filters else {}
    return [catalogue[name].label if name in catalogue else name for name in filters]


def _counted_pair(mine: SettingsGroup, theirs: SettingsGroup) -> PairReport | None:
    count = AudienceCount.objects.filter(settings_group=mine).order_by("-id").first()
    if count is None or theirs.pk not in count.others:
        return None
    owners = owners_by_settings_group([mine.pk, theirs.pk])
    if len(owners) < 2:
        return None
    names = variant_names([mine.pk, theirs.pk])
    table = count.table()
    place = table.others.index(theirs.pk)
    counted = CountedWith(
        theirs,
        names[theirs.pk],
        owners[theirs.pk],
        table.with_other(theirs.pk),
        table.not_counted[place],
    )
    (shared,) = intersections([counted], names[mine.pk], owners[mine.pk], table.users, mine.experiment.area)
    sums = np.bincount(owners[mine.pk], weights=table.users, minlength=len(names[mine.pk]) + 1)
    users = {name: int(sums[position]) for position, name in enumerate(names[mine.pk], start=1)}
    return PairReport(
        mine=mine,
        theirs=theirs,
        users=shared.users,
        share=None if count.not_counted else shared.share,
        mine_users=sum(users.values()),
        not_counted=_labels(list(dict.fromkeys([*count.not_counted, *shared.not_counted]))),
        counted_at=count.counted_at,
        table=two_way(shared.variants, users, is_known=True),
        same_area=shared.same_area,
    )
