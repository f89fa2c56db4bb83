"""The capacity calendar: how many of the 2400 split groups no test owns, day by day from today on.

A day runs from midnight to midnight UTC; a group that a test owns at any moment of it is busy that day. All live tests count,
paused ones and prepared drafts too, each with the dates of its settings; one without an end never ends. Tests that own all
2400 groups make none busy. Audiences are not looked at: for one test more groups may be free than the calendar says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core import clock
from experiments.models import SettingsGroup
from experiments.percents import SPLIT_GROUPS
from experiments.selectors import live_settings_groups, owners_by_settings_group

MOST_DAYS = 1_096
"""Three years: nobody plans further."""

_NEVER = dt.date.max.toordinal()


@dataclass(frozen=True, slots=True, eq=False)
class Occupation:
    """The groups (bool[2400]) that a test owns from `first` until before `end` (days; None: it has no end)."""

    key: str
    owned: npt.NDArray[np.bool_]
    first: dt.date
    end: dt.date | None


@dataclass(frozen=True, slots=True)
class Day:
    """Split groups that no test owns on this day, and those that at least one owns."""

    date: dt.date
    free: int
    busy: int


class Load:
    """Who occupies the groups from `from_day` on, cut into the stretches between which nothing changes.

    The stretches are few (two ends a test), whatever the number of days, and everything is one array operation on them.
    """

    def __init__(
        self, occupations: Iterable[Occupation], from_day: dt.date, *, everywhere_too: bool = False
    ) -> None:
        """Tests that own all groups are left out, unless `everywhere_too`: an exclusive draw must wait for them as well."""
        self.from_day = from_day.toordinal()
        self.occupations = [one for one in occupations if everywhere_too or not one.owned.all()]
        spans = [
            (max(one.first.toordinal(), self.from_day), one.end.toordinal() if one.end else _NEVER)
            for one in self.occupations
        ]
        inside = [(start, end) for start, end in spans if end > self.from_day]
        self.days = np.unique(np.array([self.from_day, *(day for span in inside for day in span)]))
        changes = np.zeros((len(self.days), SPLIT_GROUPS), dtype=np.int16)
        for one, (start, end) in zip(self.occupations, spans, strict=True):
            if end > max(start, self.from_day):
                changes[np.searchsorted(self.days, start)] += one.owned
                changes[np.searchsorted(self.days, end)] -= one.owned
        self.is_busy: npt.NDArray[np.bool_] = np.cumsum(changes, axis=0, dtype=np.int16) > 0

    @cached_property
    def _busy_stretches(self) -> npt.NDArray[np.int16]:
        """Row k: in how many of the first k stretches each group is busy."""
        counted = np.zeros((len(self.days) + 1, SPLIT_GROUPS), dtype=np.int16)
        np.cumsum(self.is_busy, axis=0, out=counted[1:])
        return counted

    def free_on(self, days: Sequence[int]) -> npt.NDArray[np.int64]:
        """Free groups on each of the days (ordinals, none before `from_day`)."""
        free = SPLIT_GROUPS - self.is_busy.sum(axis=1)
        found: npt.NDArray[np.int64] = free[np.searchsorted(self.days, days, side="right") - 1]
        return found

    def earliest(self, groups: int, duration: int | None = 1) -> dt.date | None:
        """The first day from which on `groups` groups stay free for `duration` days; None: no such day is known.

        A duration of None is a test without an end: its groups must stay free for good.
        """
        # More groups can only become free where somebody's stretch begins or ends.
        for index, start in enumerate(self.days.tolist()):
            if start == _NEVER:
                break
            after = len(self.days)
            if duration is not None:
                after = int(np.searchsorted(self.days, min(start + duration, _NEVER), side="left"))
            taken = self._busy_stretches[after] - self._busy_stretches[index]
            if int((taken == 0).sum()) >= groups:
                return dt.date.fromordinal(start)
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Capacity:
    """The calendar: `days` from the first day on, and any question about longer stretches (`earliest`)."""

    days: list[Day]
    load: Load

    def earliest(self, groups: int, duration: int | None = 1) -> dt.date | None:
        """The first day from which on `groups` split groups are free for `duration` days in a row (None: for good)."""
        return self.load.earliest(groups, duration)


def capacity_calendar(
    from_day: dt.date | None = None, days: int = 90, occupied: Sequence[Occupation] | None = None
) -> Capacity:
    """Free and busy split groups of `days` days (1 to MOST_DAYS) from `from_day` (default today, UTC) on.

    `occupied` is for who has read already what the live tests occupy from that day on.
    """
    first = from_day or clock.now().date()
    load = Load(
        occupations(live_settings_groups(only_dates=True), first) if occupied is None else occupied, first
    )
    ordinals = [first.toordinal() + offset for offset in range(days)]
    free = load.free_on(ordinals).tolist()
    return Capacity(
        [
            Day(dt.date.fromordinal(day), count, SPLIT_GROUPS - count)
            for day, count in zip(ordinals, free, strict=True)
        ],
        load,
    )


def occupations(settings_groups: Collection[SettingsGroup], from_day: dt.date) -> list[Occupation]:
    """The stretches of days that drawn settings groups (with `experiment`) take."""
    owners = owners_by_settings_group([group.pk for group in settings_groups])
    return [
        Occupation(
            group.experiment.key,
            owners[group.pk] > 0,
            group.starts_at.date() if group.starts_at else from_day,
            _day_after(group.ends_at) if group.ends_at else None,
        )
        for group in settings_groups
    ]


def _day_after(moment: dt.datetime) -> dt.date:
    """The first day that is free after a test that ended at `moment`."""
    day = moment.astimezone(dt.UTC)
    return day.date() if day.time() == dt.time() else day.date() + dt.timedelta(days=1)
