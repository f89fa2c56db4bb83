"""Users of many tests at once: per variant, and shared with every other test, by the newest count of each.

A count and a draw never change, so what follows from them is worked out once in a process and kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from django.db.models import Max

from core.kept import Kept
from experiments.compact_counts import unpack_counts
from experiments.models import AudienceCount
from experiments.percents import SPLIT_GROUPS
from experiments.selectors import owners_by_settings_group


@dataclass(frozen=True, slots=True)
class Counted:
    """What a count says of one drawn settings group: users whom a variant owns by the variant's position, and by settings group
    the users who have a variant of both, the most first. Of tests that own all split groups the latter says nothing: nobody
    can avoid them."""

    by_position: Mapping[int, int]
    shared: Mapping[int, int]

    @property
    def users(self) -> int:
        """Users who get a variant."""
        return sum(self.by_position.values())


# By the count's id; 28 kB each among 300 live tests, 72 kB among 1,000. Those of a night's recounts push out the older ones.
_kept: Final[Kept[int, Counted]] = Kept(most=1_500)


def counted(settings_group_ids: Iterable[int]) -> dict[int, Counted]:
    """By settings group, for those that are counted and drawn. One query, and two more for what was never asked before."""
    newest = dict(
        AudienceCount.objects.filter(
            settings_group__in=list(settings_group_ids), settings_group__drawn__isnull=False
        )
        .order_by()
        .values_list("settings_group")
        .annotate(Max("id"))
    )
    known = _kept.among(newest.values())
    missing = [count for count in newest.values() if count not in known]
    if missing:
        found = _read(missing)
        known |= found
        _kept.keep(found)
    return {settings_group: known[count] for settings_group, count in newest.items()}


def _read(counts: Collection[int]) -> dict[int, Counted]:
    rows = list(
        AudienceCount.objects.filter(pk__in=counts).values_list(
            "id", "settings_group_id", "users", "others", "shared"
        )
    )
    owners = owners_by_settings_group({row[1] for row in rows} | {other for row in rows for other in row[3]})
    drawn = np.array(sorted(owners), dtype=np.int64)
    owned = np.array([owners[pk] > 0 for pk in drawn.tolist()], dtype=np.bool_).reshape(-1, SPLIT_GROUPS)
    avoidable: npt.NDArray[np.bool_] = np.logical_not(owned.all(axis=1))
    found = {}
    for pk, settings_group, users, others, packed in rows:
        mine, theirs = owners[settings_group], np.array(others, dtype=np.int64)
        # What stands for one without a draw is some other's place: it is left out.
        places = np.searchsorted(drawn, theirs).clip(max=len(drawn) - 1)
        counted_with = np.flatnonzero((drawn[places] == theirs) & avoidable[places])
        groups = np.flatnonzero(mine)
        both = unpack_counts(bytes(packed))[np.ix_(counted_with, groups)]
        shared = (both * owned[np.ix_(places[counted_with], groups)]).sum(axis=1, dtype=np.int64)
        sums, order = np.bincount(mine, weights=users), np.argsort(-shared, kind="stable")
        found[pk] = Counted(
            {position: int(number) for position, number in enumerate(sums) if position},
            {
                other: number
                for other, number in zip(
                    theirs[counted_with][order].tolist(), shared[order].tolist(), strict=True
                )
                if number
            },
        )
    return found
