"""Hits and users of each variant over time, as the card draws them: hours of the last two days, or days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from analytics.charts import LineChart, line_chart
from analytics.reports import HitsReport
from analytics.selectors import Moment, moments
from core import clock
from experiments.lifecycle import Status

BY: Final = ("hour", "day")
HOURS: Final = 48
MOST_DAYS: Final = 120
STEPS: Final = {"hour": dt.timedelta(hours=1), "day": dt.timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """An hour or day: for each variant (users, hits)."""

    at: dt.datetime
    cells: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Timeline:
    """`rows` in the order of time, without gaps. `is_cut`: there were days before those shown."""

    by: str
    variants: list[str]
    rows: list[TimelineRow]
    users: LineChart
    hits: LineChart
    is_cut: bool

    @property
    def newest_first(self) -> list[TimelineRow]:
        return self.rows[::-1]


def usual_grain(report: HitsReport) -> str:
    """Hours while all hits are of the last two days, else days."""
    began = report.counted_from
    return "hour" if began is None or began > clock.now() - HOURS * STEPS["hour"] else "day"


def timeline(report: HitsReport, by: str) -> Timeline | None:
    """None where no hit falls into what is shown."""
    if report.counted_from is None or report.last_at is None:
        return None
    now = clock.now()
    experiment = report.settings_group.experiment
    # A running test that nobody hits any more has an end that is seen; an old one ends with its last hit.
    is_live = experiment.status == Status.RUNNING and experiment.current_id == report.settings_group.pk
    last = _begin(now if is_live else min(report.last_at, now), by)
    earliest = last - ((HOURS if by == "hour" else MOST_DAYS) - 1) * STEPS[by]
    first = max(_begin(report.counted_from, by), earliest)
    found = moments(report.settings_group, report.environment, by, first, last + STEPS[by])
    if not found:
        return None
    names = [variant.name for variant in report.variants]
    rows = _rows(found, names, first, last, STEPS[by])
    return Timeline(
        by=by,
        variants=names,
        rows=rows,
        users=line_chart([[row.cells[index][0] for row in rows] for index in range(len(names))]),
        hits=line_chart([[row.cells[index][1] for row in rows] for index in range(len(names))]),
        is_cut=_begin(report.counted_from, by) < earliest,
    )


def _begin(moment: dt.datetime, by: str) -> dt.datetime:
    utc = moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    return utc if by == "hour" else utc.replace(hour=0)


def _rows(
    found: Sequence[Moment], names: Sequence[str], first: dt.datetime, last: dt.datetime, step: dt.timedelta
) -> list[TimelineRow]:
    cells = {(one.at, one.variant): (one.users, one.hits) for one in found}
    count = int((last - first) / step) + 1
    instants = [first + index * step for index in range(max(count, 1))]
    return [TimelineRow(at, [cells.get((at, name), (0, 0)) for name in names]) for at in instants]
