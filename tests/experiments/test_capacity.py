"""The capacity calendar: against a count day by day, and of real tests."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actors import Actor
from audience.warehouse import Warehouse
from core import clock
from experiments.capacity import Load, Occupation, capacity_calendar
from experiments.lifecycle import Status
from tests.factories import add_prepared, make_draft, make_experiment

TODAY = dt.date(2026, 11, 22)
HORIZON = 40
HALF: list[dict[str, object]] = [{"name": "a", "percent": "50"}]


def day(offset: int) -> dt.date:
    return TODAY + dt.timedelta(days=offset)


@st.composite
def occupations(draw: st.DrawFn) -> Occupation:
    """A test on a stretch of the groups, with or without an end, perhaps over already."""
    first, length = draw(st.integers(-10, 30)), draw(st.none() | st.integers(1, 25))
    start, size = draw(st.integers(0, 2399)), draw(st.integers(1, 2400))
    owned = np.zeros(2400, dtype=bool)
    owned[start : start + size] = True
    return Occupation("x", owned, day(first), None if length is None else day(first + length))


def busy_by_day(tests: list[Occupation], days: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    busy = np.zeros((days, 2400), dtype=bool)
    for offset in range(days):
        for one in tests:
            if (
                not one.owned.all()
                and one.first <= day(offset)
                and (one.end is None or day(offset) < one.end)
            ):
                busy[offset] |= one.owned
    return busy


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(occupations(), max_size=6), st.integers(1, 2400), st.integers(1, 12))
def test_it_agrees_with_looking_at_every_day(tests: list[Occupation], groups: int, duration: int) -> None:
    load = Load(tests, TODAY)
    # No test begins or ends after 55 days.
    busy = busy_by_day(tests, 80)
    free = (~busy).sum(axis=1)
    assert load.free_on([day(offset).toordinal() for offset in range(80)]).tolist() == free.tolist()
    enough = [
        offset for offset in range(60) if (~busy[offset : offset + duration].any(axis=0)).sum() >= groups
    ]
    assert load.earliest(groups, duration) == (day(enough[0]) if enough else None)
    for_good = [offset for offset in range(60) if (~busy[offset:].any(axis=0)).sum() >= groups]
    assert load.earliest(groups, None) == (day(for_good[0]) if for_good else None)


def test_the_same_groups_must_be_free_all_the_time() -> None:
    first, second = np.zeros((2, 2400), dtype=bool)
    first[:1200], second[1200:] = True, True
    load = Load([Occupation("a", first, TODAY, day(5)), Occupation("b", second, day(5), day(10))], TODAY)
    assert load.earliest(1200, 5) == TODAY
    assert load.earliest(1200, 6) == day(5)
    assert load.earliest(1201, 1) == day(10)


@pytest.fixture
def now() -> dt.datetime:
    return clock.now()


def test_of_the_tests_that_are_there(manager: Actor, warehouse: Warehouse, now: dt.datetime) -> None:
    def moment(days: int, hour: int = 0) -> str:
        start = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return (start + dt.timedelta(days=days, hours=hour)).isoformat()

    make_experiment(manager, Status.PAUSED, variants=HALF, ends_at=moment(3, hour=1))
    make_experiment(manager, Status.DRAFT, variants=HALF, starts_at=moment(2), ends_at=moment(6))
    make_experiment(manager, Status.RUNNING, variants=[{"name": "all", "percent": "100"}])
    make_experiment(manager, Status.FINISHED, variants=HALF)
    make_experiment(manager, Status.RUNNING, variants=HALF, starts_at="2001-01-01", ends_at="2002-01-01")
    calendar = capacity_calendar(days=8)
    # The paused one ends within the fourth day, which it keeps busy; the draft has free groups to go to.
    assert [one.free for one in calendar.days] == [1200, 1200, 0, 0, 1200, 1200, 2400, 2400]
    assert calendar.earliest(1201) == calendar.days[6].date
    assert calendar.earliest(1200, 5) == calendar.days[4].date


def test_settings_that_wait_to_follow_are_counted(manager: Actor, warehouse: Warehouse) -> None:
    experiment = make_experiment(manager, Status.RUNNING, variants=HALF, ends_at="2099-01-01")
    add_prepared(manager, experiment, variants=[{"name": "a", "percent": "75"}])
    assert capacity_calendar(days=1).days[0].free == 600
    assert capacity_calendar(days=1).earliest(601, None) is None


def test_nothing_is_busy_without_tests(manager: Actor) -> None:
    make_draft(manager)
    assert [one.busy for one in capacity_calendar(days=3).days] == [0, 0, 0]
