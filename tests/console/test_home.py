"""Home: what tests need from whom, what is wrong with them, what the week brings."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.actors import Actor
from accounts.models import Environment, User
from analytics.models import SampleRatioWatch, TotalHits, Who
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment, Preparation
from experiments.services import request_approval
from tests.conftest import People
from tests.factories import add_prepared, add_settings, make_draft, make_experiment

pytestmark = pytest.mark.usefixtures("warehouse")


def _page(person: User, query: str = "") -> str:
    browser = Client()
    browser.force_login(person)
    answer = browser.get(f"/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def _context(person: User, query: str = "") -> Any:
    browser = Client()
    browser.force_login(person)
    return browser.get(f"/{query}").context


def _needs(person: User, query: str = "") -> dict[str, list[str]]:
    groups = _context(person, query)["groups"]
    return {str(group.need): [item.facts.key for item in group.items] for group in groups}


def _hit(test: Experiment, at: dt.datetime, environment: str = Environment.PRODUCTION) -> None:
    assert test.current is not None
    TotalHits.objects.create(
        settings_group=test.current,
        variant="green",
        environment=environment,
        who=Who.USERS,
        hits=3,
        users=2,
        first_at=at,
        last_at=at,
    )


def test_a_manager_sees_what_their_tests_need_and_by_a_click_everybodys(people: People) -> None:
    mia, other = Actor.person(people.manager), Actor.person(people.other_manager)
    make_draft(mia, key="idea")
    make_experiment(mia, Status.DRAFT, key="ready_draft")
    make_experiment(mia, Status.DEV, key="in_dev")
    make_experiment(mia, Status.PAUSED, key="resting")
    add_prepared(mia, make_experiment(mia, Status.RUNNING, key="widened"))
    make_experiment(mia, Status.RUNNING, key="content")
    make_experiment(other, Status.DEV, key="of_another")
    assert _needs(people.manager) == {
        "prepare": ["idea", "ready_draft"],
        "start": ["in_dev"],
        "look": ["resting", "widened"],
    }
    assert _needs(people.manager, "?of=everybody")["start"] == ["in_dev", "of_another"]


def test_developers_and_qa_see_what_is_theirs_to_do_and_viewers_nothing(people: People) -> None:
    mia = Actor.person(people.manager)
    seen, unseen = (make_experiment(mia, Status.DEV, key=key) for key in ("seen", "unseen"))
    _hit(seen, clock.now())
    gone = make_experiment(mia, Status.FINISHED, key="gone")
    _hit(gone, clock.now() + dt.timedelta(minutes=1))
    assert _needs(people.developer) == {"code": [unseen.key], "cut": ["gone"]}
    assert _needs(people.qa) == {"try": ["seen", "unseen"]}
    assert _needs(people.viewer) == {}
    assert "What is to be done" not in _page(people.viewer)


def test_approval_waits_for_everybody_but_whoever_asked(people: People, settings: Settings) -> None:
    settings.START_NEEDS_APPROVAL = True
    test = make_experiment(Actor.person(people.manager), Status.DEV, key="careful")
    assert "ask a second person" in _page(people.manager)
    request_approval(Actor.person(people.manager), test)
    assert _needs(people.manager) == {}
    assert _needs(people.other_manager) == {"approve": ["careful"]}


def test_alarms_name_the_tests_and_go_when_it_is_well(people: People, settings: Settings) -> None:
    mia = Actor.person(people.manager)
    uneven = make_experiment(mia, Status.RUNNING, key="uneven")
    assert uneven.current is not None
    SampleRatioWatch.objects.create(settings_group=uneven.current, smallest_p=0.0001)
    failed = make_draft(mia, key="failed")
    add_settings(mia, failed)
    Preparation.objects.filter(settings_group__experiment=failed).update(state="failed", error="No room.")
    quiet = make_experiment(mia, Status.RUNNING, key="quiet")
    later = clock.now() + dt.timedelta(hours=settings.NO_HITS_HOURS + 1)
    with clock.frozen_at(later):
        _hit(uneven, later)
        wrong = {item.facts.key: item.sentence for item in _context(people.manager)["alarms"]}
        assert wrong.keys() == {"uneven", "failed", "quiet"}
        assert "No room." in wrong["failed"]
        assert wrong["quiet"] == "No hits have come from production since it was started."
        _hit(quiet, later)
        assert "quiet" not in {item.facts.key for item in _context(people.manager)["alarms"]}


def test_the_week_has_what_starts_and_ends_soonest_first(people: People) -> None:
    mia = Actor.person(people.manager)
    now = clock.now()
    near, far = now + dt.timedelta(days=2), now + dt.timedelta(days=9)
    make_experiment(mia, Status.RUNNING, key="ending", ends_at=(near + dt.timedelta(days=1)).isoformat())
    make_experiment(mia, Status.DEV, key="starting", starts_at=near.isoformat(), ends_at=far.isoformat())
    make_experiment(mia, Status.RUNNING, key="far_away", ends_at=far.isoformat())
    dates = [(date.facts.key, date.is_start) for date in _context(people.manager)["dates"]]
    assert dates == [("starting", True), ("ending", False)]
    with clock.frozen_at(near + dt.timedelta(days=2)):
        assert "Its dates ended on" in _page(people.manager)


def test_drafts_of_others_are_nowhere_on_the_page(people: People) -> None:
    idea = make_draft(Actor.person(people.other_manager), key="secret_idea")
    add_settings(Actor.person(people.other_manager), idea)
    Preparation.objects.update(state="failed", error="No room.")
    make_draft(Actor.person(people.manager), key="own_idea")
    assert "secret_idea" not in _page(people.manager, "?of=everybody")
    assert "secret_idea" in _page(people.superuser)


def test_an_empty_console_says_where_to_begin(people: People) -> None:
    assert "Create the first test" in _page(people.manager)
    assert "Managers create tests" in _page(people.viewer)


def test_ten_times_as_many_tests_are_asked_for_with_as_many_queries(people: People) -> None:
    mia = Actor.person(people.manager)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            _page(people.manager)
        return len(asked)

    def some(count: int) -> None:
        for _ in range(count):
            _hit(make_experiment(mia, Status.RUNNING), clock.now())
            make_draft(mia)
            make_experiment(mia, Status.FINISHED)

    some(1)
    few = queries()
    some(5)
    assert queries() == few
