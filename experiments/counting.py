"""Counting an audience, and what it shares with other settings groups, per split group.

`now` is the full hour, so that counts of one hour share the matches that the warehouse keeps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from django.db import connection

from audience.conditions import used_filters
from audience.dialects import NotInThisDialect
from audience.warehouse import Warehouse, WarehouseError, WarehouseUnavailable, get_warehouse
from core import clock
from experiments.models import SettingsGroup
from experiments.percents import SPLIT_GROUPS

# One scan for each chunk, so that progress can be told.
_CHUNK = 100

Users = npt.NDArray[np.int64]
"""int64[2400]: users per split group."""


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Users shared with another settings group, per split group; its filters in `not_counted` were taken as met."""

    users: Users
    not_counted: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Counts:
    """What was counted so far, per split group: of the conditions alone, and shared with other settings groups by their id.

    `is_blind`: the warehouse has no users at all yet, so that nothing speaks for audiences that never meet.
    """

    users: Users
    warehouse_version: str
    asked_at: dt.datetime
    is_blind: bool
    not_counted: tuple[str, ...] = ()
    shared: dict[int, Shared] = field(default_factory=dict)

    def missing(self, others: Collection[SettingsGroup]) -> list[SettingsGroup]:
        """Those with which it is not counted yet."""
        return [other for other in others if other.pk not in self.shared]


def full_hour() -> dt.datetime:
    """The moment for which users are counted."""
    return clock.now().replace(minute=0, second=0, microsecond=0)


def count_audience(
    conditions: object,
    others: Sequence[SettingsGroup],
    progress: Callable[[float], None] = lambda share: None,
    before: Counts | None = None,
) -> Counts:
    """Count the conditions and what they share with each of the others; `before` is continued, if its users are still the same.

    `progress` hears the share that is done (0..1). Raises WarehouseError, also when users were loaded meanwhile: numbers of
    two loads don't belong into one table.
    """
    warehouse = get_warehouse()
    version = warehouse.version()
    counts = before if before is not None and before.warehouse_version == version else None
    if counts is None:
        blind = warehouse.user_count() == 0
        if blind:
            _require_no_users_yet()
        counts = Counts(np.zeros(SPLIT_GROUPS, dtype=np.int64), version, full_hour(), blind)
    wanted = counts.missing(others)
    if counts is before and not wanted:
        return counts
    # At least one chunk: without others it counts the conditions alone.
    for start in range(0, max(len(wanted), 1), _CHUNK):
        _count_chunk(warehouse, conditions, wanted[start : start + _CHUNK], counts)
        progress(min(1.0, (start + _CHUNK) / max(len(wanted), 1)))
    if warehouse.version() != version:
        raise WarehouseError("new users were loaded while they were counted")
    return counts


def _require_no_users_yet() -> None:
    """A warehouse whose folder or table is missing looks like one that has no users yet. Draws without users would be the wrong ones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM experiments_audiencecount WHERE 0 < ANY (users))")
        if cursor.fetchone()[0]:
            raise WarehouseUnavailable(
                "the warehouse has no users, though it had some before: its folder or its table is not where it was"
            )


def _count_chunk(
    warehouse: Warehouse, conditions: object, others: Sequence[SettingsGroup], counts: Counts
) -> None:
    try:
        table = warehouse.count_table(conditions, [other.conditions for other in others], counts.asked_at)
    except NotInThisDialect:
        if not others:
            raise
        for other in others:
            _count_one(warehouse, conditions, other, counts)
        return
    counts.users, counts.not_counted = table.users, table.not_counted
    for row, other in enumerate(others):
        counts.shared[other.pk] = Shared(table.shared[row], table.others_not_counted[row])


def _count_one(warehouse: Warehouse, conditions: object, other: SettingsGroup, counts: Counts) -> None:
    """Conditions of another test that this engine cannot answer must not stop ours: they are taken as met."""
    alone = warehouse.count_table(conditions, [], counts.asked_at)
    counts.users, counts.not_counted = alone.users, alone.not_counted
    try:
        table = warehouse.count_table(conditions, [other.conditions], counts.asked_at)
    except NotInThisDialect:
        counts.shared[other.pk] = Shared(alone.users, tuple(sorted(used_filters(other.conditions))))
    else:
        counts.shared[other.pk] = Shared(table.shared[0], table.others_not_counted[0])
