"""Tests that run one after the other share nobody, even where they own the same split groups."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from audience.catalogue import load_catalogue
from console.counted import counted
from console.list_rows import worst_pairs
from console.meeting import Spans
from console.overlap_map import overlap_map
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.conftest import People
from tests.factories import make_experiment

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
WIDE = [{"name": "a", "percent": "40"}, {"name": "b", "percent": "40"}]


def _day(number: int) -> dt.datetime:
    return NOW + dt.timedelta(days=number)


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ((None, None), (None, None), True),
        ((None, _day(2)), (_day(2), None), False),
        ((None, _day(3)), (_day(2), None), True),
        # Past is past: what ended yesterday meets nobody any more.
        ((_day(-9), _day(-1)), (_day(-9), None), False),
        ((_day(-9), _day(1)), (None, None), True),
        ((_day(5), _day(6)), (_day(7), _day(8)), False),
    ],
)
def test_who_meets_whom(first: Any, second: Any, meet: bool) -> None:
    table = Spans.of([first, second], NOW).table()
    assert table[0, 1] == table[1, 0] == meet
    assert Spans.of([], NOW).table().shape == (0, 0)


@pytest.fixture
def sequel(people: People, warehouse: Any) -> list[Experiment]:
    """Two wide tests, one after the other, and one that runs beside both."""
    mia, turn = Actor.person(people.manager), clock.now() + dt.timedelta(days=9)
    return [
        make_experiment(mia, Status.RUNNING, key="beside", variants=WIDE),
        make_experiment(mia, Status.RUNNING, key="before", variants=WIDE, ends_at=turn.isoformat()),
        make_experiment(mia, Status.DRAFT, key="after", variants=WIDE, starts_at=turn.isoformat()),
    ]


def test_map_list_and_pair_leave_out_those_that_never_meet(sequel: list[Experiment], people: People) -> None:
    mia = Actor.person(people.manager)
    pairs = {frozenset((row.first.key, row.second.key)) for row in overlap_map(mia).largest()[0]}
    assert pairs == {frozenset(("beside", "before")), frozenset(("beside", "after"))}
    groups = {one.pk: one.current_id for one in sequel if one.current_id is not None}
    worst = worst_pairs(mia, groups, counted(groups.values()))
    # A draft is told, too, with whom it will share.
    assert {one.key: worst[one.pk].key for one in sequel[1:]} == {"before": "beside", "after": "beside"}
    assert worst[sequel[2].pk].tests == 1
    browser = Client()
    browser.force_login(people.manager)
    page = browser.get("/overlap/before/after/")
    assert page.context["report"] is None
    assert "Their dates do not meet" in page.content.decode()


def test_what_could_not_be_counted_makes_upper_bounds(people: People, warehouse: Any) -> None:
    mia = Actor.person(people.manager)
    android = [{"filter": "platform", "operator": "in", "value": ["android"]}]
    bound = make_experiment(mia, Status.RUNNING, key="bound", variants=WIDE, conditions=android)
    exact = make_experiment(mia, Status.RUNNING, key="exact", variants=WIDE)
    groups = {one.pk: one.current_id for one in (bound, exact) if one.current_id is not None}
    counts = counted(groups.values())
    assert [counts[group].is_upper_bound for group in groups.values()] == [True, False]
    assert worst_pairs(mia, groups, counts)[exact.pk].is_upper_bound
    (pair,), _ = overlap_map(mia).largest()
    assert pair.is_upper_bound
    browser = Client()
    browser.force_login(people.manager)
    assert browser.get("/overlap/").content.decode().count("≤ ") == 1
    assert "≤" in browser.get("/tests/", {"q": "bound"}).content.decode()
    # Whichever of the two was counted with the other: what could not be counted is named, as people know it.
    for address in ("/overlap/exact/bound/", "/overlap/bound/exact/"):
        page = browser.get(address)
        assert page.context["report"].not_counted == [load_catalogue()["platform"].label]
        assert "users in both, at most:" in page.content.decode()


def test_a_share_of_an_upper_bound_is_no_upper_bound(people: People, warehouse: Any) -> None:
    mia = Actor.person(people.manager)
    android = [{"filter": "platform", "operator": "in", "value": ["android"]}]
    exact = make_experiment(mia, Status.RUNNING, key="exact", variants=WIDE)
    bound = make_experiment(mia, Status.RUNNING, key="bound", variants=WIDE, conditions=android)
    groups = {one.pk: one.current_id for one in (bound, exact) if one.current_id is not None}
    worst = worst_pairs(mia, groups, counted(groups.values()))[bound.pk]
    assert (worst.is_upper_bound, worst.is_share_upper_bound) == (True, False)


def test_whose_dates_are_over_meets_nobody_on_any_page(people: People, warehouse: Any) -> None:
    mia, end = Actor.person(people.manager), clock.now() + dt.timedelta(days=2)
    make_experiment(mia, Status.RUNNING, key="over", variants=WIDE, ends_at=end.isoformat())
    make_experiment(mia, Status.RUNNING, key="on", variants=WIDE)
    browser = Client()
    with clock.frozen_at(end + dt.timedelta(hours=1)):
        browser.force_login(people.manager)
        assert overlap_map(mia).largest()[0] == []
        assert "Their dates do not meet" in browser.get("/overlap/over/on/").content.decode()
