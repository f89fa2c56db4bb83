"""The calendar: every test as a bar over days, by area, and the free split groups below. Places are percents of the width.

A running or paused test stands from the moment it began to give variants until its settings end; a finished one until it was
finished; a draft or a test in dev as it is planned. Days are UTC days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from django.db.models import F, Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext

from accounts.actors import Actor
from core import clock
from experiments.capacity import capacity_calendar
from experiments.lifecycle import Status
from experiments.models import Kind
from experiments.percents import SPLIT_GROUPS, format_percent
from experiments.selectors import visible_experiments

WEEKS: Final = (6, 13, 26, 52)
USUAL_WEEKS: Final = 13
ROWS_SHOWN: Final = 250
UNDATED_SHOWN: Final = 10
# Today is not at the edge: what ended lately is part of the picture.
_BEFORE: Final = dt.timedelta(days=14)
_NARROWEST: Final = 0.4
_FIRST_DAY: Final = dt.date(2000, 1, 1)
_LAST_DAY: Final = dt.date(2200, 1, 1)
_COLUMNS: Final = ("key", "name", "area", "status", "started_at", "finished_at")


@dataclass(frozen=True, slots=True)
class Window:
    """The days shown, `first` and `last` included."""

    first: dt.date
    weeks: int

    @property
    def days(self) -> int:
        return self.weeks * 7

    @property
    def last(self) -> dt.date:
        return self.first + dt.timedelta(days=self.days - 1)

    @property
    def begin(self) -> dt.datetime:
        return dt.datetime.combine(self.first, dt.time(), dt.UTC)

    @property
    def end(self) -> dt.datetime:
        return self.begin + dt.timedelta(days=self.days)

    def place(self, moment: dt.datetime) -> float:
        """Where the moment stands, in percents; outside 0..100 when it is not shown."""
        return (moment - self.begin) / (self.end - self.begin) * 100

    def moved(self, weeks: int) -> dt.date:
        """The first day after walking on; it stays where dates make sense."""
        return min(max(self.first + dt.timedelta(weeks=weeks), _FIRST_DAY), _LAST_DAY)


@dataclass(frozen=True, slots=True)
class Tick:
    """A line, and its label when there is room for one."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """A test: its bar, and the dates in words. `look` is its status, or "planned"; `look_word` says it to people."""

    key: str
    name: str
    status: str
    look: str
    look_word: str
    dates: str
    address: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class AreaRows:
    """The tests of one area ("" has none), the earliest first."""

    area: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days in a row (`first` and `last` included) on which equally many split groups are free; `height` is 100 for all."""

    first: dt.date
    last: dt.date
    free: int
    percent: str
    x: float
    width: float
    height: float

    @property
    def top(self) -> float:
        return 100 - self.height


@dataclass(frozen=True, slots=True)
class Gantt:
    """Everything the page draws. `today` is None outside the window; `more` rows are left out, `undated` tests have no dates:
    `without_dates` are keys and names of the first of them."""

    window: Window
    areas: list[AreaRows]
    ticks: list[Tick]
    today: float | None
    more: int
    undated: int
    without_dates: list[tuple[str, str]]
    stretches: list[Stretch]


def window_from(first: dt.date | None, weeks: int | None) -> Window:
    """What was asked for, as far as it makes sense."""
    begin = first if first is not None and _FIRST_DAY <= first <= _LAST_DAY else clock.now().date() - _BEFORE
    return Window(begin, weeks if weeks in WEEKS else USUAL_WEEKS)


def gantt(actor: Actor, window: Window, area: str = "") -> Gantt:
    """The tests that this actor may know of. Two queries and two for the capacity, however many tests there are."""
    rows = visible_experiments(actor, Kind.TEST).filter(
        ~Q(status=Status.FINISHED.value) | Q(started_at__lt=window.end, finished_at__gt=window.begin)
    )
    if area:
        rows = rows.filter(area=area)
    found = list(rows.values(*_COLUMNS, starts_at=F("current__starts_at"), ends_at=F("current__ends_at")))
    spans = [(row, *span) for row in found if (span := _span(row)) is not None]
    shown = [one for one in spans if _meets(window, one[1], one[2])]
    shown.sort(key=lambda one: (one[0]["area"] == "", one[0]["area"], one[1], one[0]["key"]))
    today = window.place(clock.now())
    return Gantt(
        window=window,
        areas=_by_area(window, shown[:ROWS_SHOWN]),
        ticks=_ticks(window),
        today=round(today, 3) if 0 <= today <= 100 else None,
        more=max(0, len(shown) - ROWS_SHOWN),
        undated=len(found) - len(spans),
        without_dates=_without_dates(found),
        stretches=_stretches(window),
    )


def _without_dates(rows: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    missing = sorted((row["key"], row["name"]) for row in rows if _span(row) is None)
    return missing[:UNDATED_SHOWN]


def _span(row: dict[str, Any]) -> tuple[dt.datetime, dt.datetime | None] | None:
    """From when until when a test runs or is planned to (None: it has no end); None for one without dates."""
    starts, ends = row["starts_at"], row["ends_at"]
    if row["started_at"] is not None:
        start = max(row["started_at"], starts) if starts is not None else row["started_at"]
        if row["status"] == Status.FINISHED and row["finished_at"] is not None:
            ends = min(row["finished_at"], ends) if ends is not None else row["finished_at"]
        return (start, ends) if ends is None or ends > start else None
    if row["status"] == Status.FINISHED or (starts is None and ends is None):
        return None
    # Without a first day it begins when it is started: not before now.
    start = max(starts, clock.now()) if starts is not None else clock.now()
    return (start, ends) if ends is None or ends > start else None


def _meets(window: Window, start: dt.datetime, end: dt.datetime | None) -> bool:
    return start < window.end and (end is None or end > window.begin)


def _by_area(
    window: Window, spans: Iterable[tuple[dict[str, Any], dt.datetime, dt.datetime | None]]
) -> list[AreaRows]:
    words, address = _look_words(), _address_around()
    return [
        AreaRows(area, [_row(window, words, address, *span) for span in rows])
        for area, rows in groupby(spans, key=lambda span: str(span[0]["area"]))
    ]


def _address_around() -> tuple[str, str]:
    """What stands before and after the key in the address of a test's page: looked up once, not for each of hundreds."""
    key = "any_key"
    before, _, after = reverse(
        "experiments:experiment_page", kwargs={"kind": Kind.TEST, "key": key}
    ).partition(key)
    return before, after


def _row(
    window: Window,
    words: Mapping[str, str],
    address: tuple[str, str],
    row: dict[str, Any],
    start: dt.datetime,
    end: dt.datetime | None,
) -> Row:
    x = max(window.place(start), 0.0)
    width = max(min(window.place(end), 100.0) - x if end is not None else 100.0 - x, _NARROWEST)
    is_planned = row["status"] in {Status.DRAFT, Status.DEV}
    first, last = f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}" if end is not None else ""
    dates = f"{first} – {last}" if last else gettext("%(day)s without end") % {"day": first}
    look = "planned" if is_planned else row["status"]
    return Row(
        key=row["key"],
        name=row["name"],
        status=row["status"],
        look=look,
        look_word=words[look],
        dates=dates,
        address=row["key"].join(address),
        x=round(min(x, 100 - width), 3),
        width=round(width, 3),
    )


def _look_words() -> dict[str, str]:
    return {
        "planned": gettext("planned"),
        Status.RUNNING: gettext("running"),
        Status.PAUSED: gettext("paused"),
        Status.FINISHED: gettext("finished"),
    }


def _ticks(window: Window) -> list[Tick]:
    """Mondays of six weeks, else the first days of months; January has the year's name."""
    days = [window.first + dt.timedelta(days=offset) for offset in range(window.days)]
    if window.weeks == min(WEEKS):
        chosen = [(day, date_format(day, "j M")) for day in days if day.weekday() == 0]
    else:
        chosen = [
            (day, f"{day:%Y}" if day.month == 1 else date_format(day, "M")) for day in days if day.day == 1
        ]
        # The month that is under way when the window begins, if the next does not begin right beside it.
        if chosen[0][0] - window.first >= dt.timedelta(days=window.days // 12):
            chosen.insert(0, (window.first, date_format(window.first, "M")))
    places = [((day - window.first).days / window.days * 100, label) for day, label in chosen]
    # Beside the edge there is no room for a word.
    return [Tick(round(x, 3), label if x < 92 else "") for x, label in places]


def _stretches(window: Window) -> list[Stretch]:
    """From today on: who owned what before is not kept by day."""
    first = max(clock.now().date(), window.first)
    if first > window.last:
        return []
    calendar = capacity_calendar(first, (window.last - first).days + 1)
    stretches = []
    for free, same in groupby(calendar.days, key=lambda day: day.free):
        run: Sequence[Any] = list(same)
        begin, length = (run[0].date - window.first).days, len(run)
        stretches.append(
            Stretch(
                run[0].date,
                run[-1].date,
                free,
                format_percent(free),
                round(begin / window.days * 100, 3),
                round(length / window.days * 100, 3),
                round(free / SPLIT_GROUPS * 100, 2),
            )
        )
    return stretches
