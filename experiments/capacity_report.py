"""What the page "Capacity" shows: free split groups by day, and which tests take the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from accounts.actors import Actor
from core import clock
from experiments.capacity import Capacity, Day, Occupation, capacity_calendar, occupations
from experiments.charts import Column, columns
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.percents import SPLIT_GROUPS, format_percent
from experiments.selectors import live_settings_groups, visible_ids

DAYS_SHOWN: Final = 90
TESTS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days in a row on which equally many split groups are free; both ends belong to it."""

    first: dt.date
    last: dt.date
    free: int
    percent: str


@dataclass(frozen=True, slots=True)
class Taker:
    """A test that owns split groups. `experiment` is None for a draft that the reader may not know of."""

    experiment: Experiment | None
    settings_group: SettingsGroup
    split_groups: int
    percent: str

    @property
    def is_everywhere(self) -> bool:
        """It owns all of them, so nobody can keep away from it and it makes none busy."""
        return self.split_groups == SPLIT_GROUPS


@dataclass(frozen=True, slots=True)
class CapacityReport:
    """The calendar as drawn and as told. `takers` have the largest first; `more` are not shown."""

    calendar: Capacity
    days: list[tuple[Day, Column]]
    stretches: list[Stretch]
    takers: list[Taker]
    more: int

    @property
    def today(self) -> Day:
        return self.days[0][0]


def capacity_report(actor: Actor, days: int = DAYS_SHOWN) -> CapacityReport:
    """The next days, for this reader."""
    today, live = clock.now().date(), live_settings_groups(only_dates=True)
    occupied = occupations(live, today)
    calendar = capacity_calendar(today, days, occupied)
    takers = _takers(actor, live, occupied)
    return CapacityReport(
        calendar=calendar,
        days=list(
            zip(calendar.days, columns([day.free for day in calendar.days], SPLIT_GROUPS), strict=True)
        ),
        stretches=_stretches(calendar.days),
        takers=takers[:TESTS_SHOWN],
        more=max(0, len(takers) - TESTS_SHOWN),
    )


def _stretches(days: Sequence[Day]) -> list[Stretch]:
    stretches = []
    for free, same in groupby(days, key=lambda day: day.free):
        run = list(same)
        stretches.append(Stretch(run[0].date, run[-1].date, free, format_percent(free)))
    return stretches


def _takers(actor: Actor, live: Sequence[SettingsGroup], occupied: Sequence[Occupation]) -> list[Taker]:
    known = visible_ids(actor, Kind.TEST, {group.experiment_id for group in live})
    takers = []
    for group, occupation in zip(live, occupied, strict=True):
        owned = int(occupation.owned.sum())
        if owned:
            experiment = group.experiment if group.experiment_id in known else None
            takers.append(Taker(experiment, group, owned, format_percent(owned)))
    return sorted(takers, key=lambda taker: (-taker.split_groups, taker.settings_group.pk))
