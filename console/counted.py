"""Users of many tests at once: per variant, and shared with every other test, by the newest count of each.

A count and a draw never change, so what follows from them is worked out once in a process and kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.db.models import Max

from core.kept import Kept
from experiments.compact_counts import unpack_counts
from experiments.models import AudienceCount
from experiments.percents import SPLIT_GROUPS
from experiments.selectors import owners_by_settings_group

_Numbers = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What a count says of one drawn settings group. `by_position`: users whom a variant owns, by the variant's position (0 has
    none). `others`: the settings groups with which it shares users, those that share most first, and `shared` how many users have
    a variant of both; whether their dates meet is not looked at.

    `unavoidable` are those of the others that own all split groups. Upper bounds are numbers for which filters were taken as met
    that the warehouse does not have: of its own, or of one of the others (`bounds`).
    """

    by_position: _Numbers
    others: _Numbers
    shared: _Numbers
    unavoidable: npt.NDArray[np.bool_]
    bounds: npt.NDArray[np.bool_]
    is_upper_bound: bool

    @property
    def users(self) -> int:
        """Users who get a variant."""
        return int(self.by_position.sum())

    def users_of(self, position: int) -> int:
        """Users of the variant that stands there; of one that owns nothing, none."""
        return int(self.by_position[position]) if position < len(self.by_position) else 0


# By settings group, with the count's id: a recount takes the place of the one before. In bytes as few as the numbers need, 9 kB
# each among 1,000 live tests.
_kept: Final[Kept[int, tuple[int, Counted]]] = Kept(most=1_500)


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
    kept = _kept.among(newest)
    known = {group: count for group, (pk, count) in kept.items() if pk == newest[group]}
    missing = [pk for group, pk in newest.items() if group not in known]
    if missing:
        found = _read(missing)
        known |= {group: count for group, (_, count) in found.items()}
        _kept.keep(found)
    return {group: known[group] for group in newest if group in known}


def _read(counts: Collection[int]) -> dict[int, tuple[int, Counted]]:
    rows = list(
        AudienceCount.objects.filter(pk__in=counts).values_list(
            *("id", "settings_group_id", "users", "not_counted", "others", "others_not_counted", "shared")
        )
    )
    owners = owners_by_settings_group({row[1] for row in rows} | {other for row in rows for other in row[4]})
    drawn = np.array(sorted(owners), dtype=np.int64)
    owned = np.array([owners[pk] > 0 for pk in drawn.tolist()], dtype=np.bool_).reshape(-1, SPLIT_GROUPS)
    everywhere = np.asarray(owned.all(axis=1), dtype=np.bool_)
    found = {}
    for pk, settings_group, users, not_counted, others, theirs_not_counted, packed in rows:
        mine, theirs = owners[settings_group], np.array(others, dtype=np.int64)
        # What stands for one without a draw is some other's place: it is left out.
        places = np.searchsorted(drawn, theirs).clip(max=len(drawn) - 1)
        counted_with = np.flatnonzero(drawn[places] == theirs)
        groups = np.flatnonzero(mine)
        both = unpack_counts(bytes(packed))[np.ix_(counted_with, groups)]
        shared = (both * owned[np.ix_(places[counted_with], groups)]).sum(axis=1, dtype=np.int64)
        order = np.argsort(-shared, kind="stable")[: np.count_nonzero(shared)]
        sums = np.bincount(mine, weights=users).astype(np.int64)
        sums[0] = 0
        ids, bounds = theirs[counted_with][order], {int(other) for other in theirs_not_counted}
        found[settings_group] = (
            pk,
            Counted(
                _small(sums),
                _small(ids),
                _small(shared[order]),
                everywhere[places[counted_with]][order],
                np.array([bool(not_counted) or other in bounds for other in ids.tolist()], dtype=np.bool_),
                bool(not_counted),
            ),
        )
    return found


def _small(numbers: npt.NDArray[np.int64]) -> _Numbers:
    """The same, none negative, in as few bytes as the largest of them needs; a copy, so that nothing larger is kept with it."""
    largest = int(numbers.max()) if numbers.size else 0
    small: _Numbers = numbers.astype(np.min_scalar_type(largest), copy=True)
    # Many readers share it.
    small.setflags(write=False)
    return small
