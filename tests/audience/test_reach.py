"""How many users are reached in how many days."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience.power import Unanswerable
from audience.reach import Habits, Reach, first_day, habits_of


def test_alike_users_come_by_as_coins_fall() -> None:
    habits = habits_of(1_000, 100)
    assert [habits.reached(days) for days in (1, 7, 28)] == pytest.approx([0.1, 1 - 0.9**7, 1 - 0.9**28])


@given(daily=st.floats(0.001, 0.6), part=st.floats(0.02, 0.98))
def test_the_week_that_was_told_comes_out_again(daily: float, part: float) -> None:
    most = 1 - (1 - daily) ** 7
    weekly = daily + part * (most - daily)
    habits = habits_of(1_000_000, 1_000_000 * daily, 1_000_000 * weekly)
    assert habits.reached(1) == pytest.approx(daily)
    assert habits.reached(7) == pytest.approx(weekly, rel=1e-6)
    assert weekly < habits.reached(28) < 1 - (1 - daily) ** 28


def test_users_simulated_with_habits_of_their_own() -> None:
    random = np.random.default_rng(8)
    a, b, users = 0.4, 1.6, 200_000
    chances = random.beta(a, b, users)
    habits = habits_of(users, chances.mean() * users, (1 - (1 - chances) ** 7).mean() * users)
    assert habits.alikeness == pytest.approx(a + b, rel=0.05)
    for days in (14, 28, 90):
        assert habits.reached(days) == pytest.approx((1 - (1 - chances) ** days).mean(), abs=0.005)


def test_the_ends_of_what_a_week_can_bring() -> None:
    assert habits_of(1_000, 100, 1_000 * (1 - 0.9**7)).alikeness == math.inf
    same = habits_of(1_000, 100, 100)
    assert same.reached(365) == pytest.approx(0.1, abs=1e-4)
    assert habits_of(1_000, 1_000, 1_000).reached(1) == 1


@pytest.mark.parametrize(
    ("visits", "field"),
    [
        ((0, None), "visitors_per_day"),
        ((-1, None), "visitors_per_day"),
        ((1_001, None), "visitors_per_day"),
        ((math.nan, None), "visitors_per_day"),
        ((100, 99), "visitors_per_week"),
        ((100, 600), "visitors_per_week"),
        ((100, math.nan), "visitors_per_week"),
    ],
)
def test_visits_that_cannot_be(visits: tuple[float, float | None], field: str) -> None:
    with pytest.raises(Unanswerable) as refusal:
        habits_of(1_000, *visits)
    assert refusal.value.field == field


def test_existing_users_are_an_end_and_arrivals_go_on() -> None:
    reach = Reach([1_000, 2_000], [1, 2], Habits(0.2))
    assert reach.after(1) == [201, 402]
    assert reach.after(400) == pytest.approx([1_400, 2_800])
    assert Reach([1_000, 2_000], [1, 2], None).after(10) == [10, 20]


@given(needed=st.floats(1, 900), daily=st.floats(0.01, 1), come=st.floats(0, 50))
def test_the_first_day_is_the_first(needed: float, daily: float, come: float) -> None:
    reach = Reach([1_000, 1_000], [come, come], Habits(daily))
    day = first_day(reach, lambda users: min(users) >= needed, 365)
    if day is None:
        assert reach.after(365)[0] < needed
        return
    assert reach.after(day)[0] >= needed
    assert day == 1 or reach.after(day - 1)[0] < needed
