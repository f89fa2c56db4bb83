"""Users of many tests at once: per variant, and shared with every other test, by the newest count of each.

A count and a draw never change, so what follows from them is worked out once in a process and kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt
from django.db.models import Max

from experiments.models import AudienceCount
from experiments.percents import SPLIT_GROUPS
from experiments.selectors import owners_by_settings_group

MOST_KEPT: Final = 5_000
"""Some 5 kB each among 300 live tests."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a count says of one drawn settings group: users whom a variant owns by the variant's position, and by settings group
    the users who have a variant of both. Of tests that own all split groups the latter says nothing: nobody can avoid them."""

    by_position: Mapping[int, int]
    shared: Mapping[int, int]

    @property
    def users(self) -> int:
        """Users who get a variant."""
        return sum(self.by_position.values())


_kept: OrderedDict[int, Counted] = OrderedDict()
_lock = Lock()


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
    with _lock:
        known = {count: _kept[count] for count in newest.values() if count in _kept}
        for count in known:
            _kept.move_to_end(count)
    missing = [count for count in newest.values() if count not in known]
    if missing:
        found = _read(missing)
        known |= found
        with _lock:
            _kept.update(found)
            while len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
    return {settings_group: known[count] for settings_group, count in newest.items()}


def _read(counts: Collection[int]) -> dict[int, Counted]:
    rows = list(
        AudienceCount.objects.filter(pk__in=counts).only(
            "settings_group_id", "users", "others", "others_not_counted", "shared"
        )
    )
    wanted = {row.settings_group_id for row in rows} | {other for row in rows for other in row.others}
    owners = owners_by_settings_group(wanted)
    lines = {pk: line for line, pk in enumerate(owners)}
    table_of_owners = np.array(list(owners.values()), dtype=np.int16).reshape(len(owners), SPLIT_GROUPS)
    owned: npt.NDArray[np.bool_] = np.greater(table_of_owners, 0)
    avoidable: list[bool] = [not bool(mine.all()) for mine in owned]
    found = {}
    for row in rows:
        mine, table = owners[row.settings_group_id], row.table()
        sums = np.bincount(mine, weights=table.users)
        places = [
            place for place, other in enumerate(table.others) if other in lines and avoidable[lines[other]]
        ]
        others, groups = [table.others[place] for place in places], np.flatnonzero(mine)
        theirs = owned[np.ix_(_places(lines[other] for other in others), groups)]
        shared = (table.shared[np.ix_(_places(places), groups)] * theirs).sum(axis=1, dtype=np.int64)
        found[row.pk] = Counted(
            {position: int(users) for position, users in enumerate(sums) if position},
            {other: int(users) for other, users in zip(others, shared, strict=True) if users},
        )
    return found


def _places(numbers: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.array(list(numbers), dtype=np.int64)
