"""The calendar: bars where tests run or are planned, and the free split groups below."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import User
from console.gantt import Gantt, Row, gantt, window_from
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.percents import SPLIT_GROUPS
from experiments.services import apply_verb
from tests.conftest import People
from tests.factories import make_draft, make_experiment

pytestmark = pytest.mark.usefixtures("warehouse")

TODAY = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
WIDE: list[dict[str, object]] = [{"name": "a", "percent": "50"}]


@pytest.fixture(autouse=True)
def _today() -> Any:
    with clock.frozen_at(TODAY):
        yield


def _in(days: float) -> str:
    return (TODAY + dt.timedelta(days=days)).isoformat()


def _rows(shown: Gantt) -> dict[str, Row]:
    return {row.key: row for area in shown.areas for row in area.rows}


def _get(person: User, query: str = "", **headers: str) -> Any:
    browser = Client()
    browser.force_login(person)
    return browser.get(f"/calendar/{query}", headers=headers)


def test_a_bar_goes_from_the_start_to_the_end_as_far_as_it_is_shown(people: People) -> None:
    mia = Actor.person(people.manager)
    make_experiment(mia, Status.RUNNING, key="open")
    make_experiment(mia, Status.PAUSED, key="ending", ends_at=_in(13))
    make_experiment(mia, Status.DEV, key="planned", starts_at=_in(7), ends_at=_in(200))
    make_experiment(mia, Status.DRAFT, key="undated")
    make_draft(mia, key="idea")
    shown = gantt(mia, window_from(None, 6))
    rows = _rows(shown)
    # Six weeks from 24 February on: today at noon is 14.5 of 42 days.
    today = pytest.approx(14.5 / 42 * 100, abs=0.01)
    assert shown.today == today
    assert rows["open"].x == today
    assert rows["open"].x + rows["open"].width == pytest.approx(100, abs=0.01)
    assert rows["ending"].width == pytest.approx(13 / 42 * 100, abs=0.01)
    assert (rows["ending"].look, rows["ending"].dates) == ("paused", "2026-03-10 – 2026-03-23")
    assert rows["planned"].look == "planned"
    assert rows["planned"].x == pytest.approx(21.5 / 42 * 100, abs=0.01)
    assert rows["open"].dates == "2026-03-10 without end"
    assert shown.undated == len(shown.without_dates) == 2
    assert "undated" in dict(shown.without_dates)


def test_a_finished_test_stands_until_it_was_finished_and_only_in_its_days(people: People) -> None:
    mia = Actor.person(people.manager)
    with clock.frozen_at(TODAY - dt.timedelta(days=30)):
        make_experiment(mia, Status.FINISHED, key="long_ago", ends_at=_in(100))
    assert _rows(gantt(mia, window_from(None, 13))).keys() == set()
    with clock.frozen_at(TODAY - dt.timedelta(days=5)):
        test = make_experiment(mia, Status.RUNNING, key="ran")
    apply_verb(mia, test, Verb.FINISH, {"result": "rejected"})
    (row,) = _rows(gantt(mia, window_from(None, 13))).values()
    assert (row.key, row.dates) == ("ran", "2026-03-05 – 2026-03-10")
    assert _rows(gantt(mia, window_from(dt.date(2026, 4, 1), 6))) == {}


def test_tests_stand_by_area_and_one_area_can_be_chosen(people: People) -> None:
    mia = Actor.person(people.manager)
    for key, area in (("c", ""), ("b", "shop"), ("a", "chat")):
        make_experiment(mia, Status.RUNNING, key=f"test_{key}", properties={"area": area})
    shown = gantt(mia, window_from(None, None))
    assert [(area.area, [row.key for row in area.rows]) for area in shown.areas] == [
        ("chat", ["test_a"]),
        ("shop", ["test_b"]),
        ("", ["test_c"]),
    ]
    page = _get(people.manager, "?area=shop").content.decode()
    assert "test_b" in page
    assert "test_a" not in page


def test_the_free_split_groups_change_where_tests_begin_and_end(people: People) -> None:
    mia = Actor.person(people.manager)
    make_experiment(mia, Status.RUNNING, key="half", variants=WIDE, ends_at=_in(5.5))
    shown = gantt(mia, window_from(None, 6))
    assert [(one.first, one.free) for one in shown.stretches] == [
        (dt.date(2026, 3, 10), SPLIT_GROUPS // 2),
        (dt.date(2026, 3, 16), SPLIT_GROUPS),
    ]
    assert sum(one.width for one in shown.stretches) == pytest.approx(28 / 42 * 100, abs=0.01)
    assert gantt(mia, window_from(dt.date(2025, 1, 1), 6)).stretches == []


def test_drafts_of_others_do_not_stand_there(people: People) -> None:
    other = Actor.person(people.other_manager)
    make_experiment(other, Status.DRAFT, key="secret_idea", starts_at=_in(5))
    assert "secret_idea" not in _get(people.manager).content.decode()
    assert "secret_idea" in _get(people.other_manager).content.decode()


@pytest.mark.parametrize(
    "query", ["?from=soon&weeks=7", "?from=9999-12-31&weeks=52", "?from=0001-01-01", "?area=%00", "?weeks=-1"]
)
def test_what_makes_no_sense_is_left_out(people: People, query: str) -> None:
    assert _get(people.viewer, query).status_code == 200


def test_a_change_of_the_fields_gets_the_rows_alone(people: People) -> None:
    part = _get(people.viewer, "?weeks=6", **{"HX-Request": "true", "HX-Target": "calendar"})
    assert b"<html" not in part.content
    assert b"No test runs or is planned" in part.content


def test_more_tests_are_no_more_queries(people: People) -> None:
    mia = Actor.person(people.manager)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            _get(people.manager)
        return len(asked)

    make_experiment(mia, Status.RUNNING, ends_at=_in(3))
    few = queries()
    for days in range(4):
        make_experiment(mia, Status.RUNNING, ends_at=_in(days + 4))
    assert queries() == few
