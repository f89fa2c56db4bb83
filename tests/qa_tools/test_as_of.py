"""As of a past moment: the files, forced users and dates that were delivered then; today's profile; drafts stay hidden."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from core import clock
from delivery.services import publish
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, Kind
from experiments.services import (
    apply_verb,
    attach_settings_group,
    force_user,
    switch_tests_off,
    switch_tests_on,
    unforce_user,
)
from tests.conftest import People
from tests.factories import add_prepared, make_experiment
from tests.qa_tools.api import Api, api_for, fields_of

ALL: list[Any] = [{"name": "green", "percent": "100"}]
PAYING: list[Any] = [{"filter": "is_paying", "operator": "eq", "value": "yes"}]
OLD: list[Any] = [{"filter": "age", "operator": "gt", "value": "30"}]
FIRST = dt.datetime(2024, 11, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PERSON = {"attributes": {"is_paying": True, "age": 20}, "split_group": 7, "user_id": "1"}


@pytest.fixture
def api(people: People) -> Api:
    return api_for(people.qa, "qa")


@pytest.fixture
def history(manager: Actor, people: People) -> Experiment:
    """Day 0: for paying users. 1: user 1 is forced, and all tests are off for user 2. 2: neither. 3: for older users. 4: paused."""
    qa = Actor.person(people.qa)
    with clock.frozen_at(FIRST):
        experiment = make_experiment(manager, Status.RUNNING, key="running", conditions=PAYING, variants=ALL)
        publish()
    with clock.frozen_at(FIRST + DAY):
        forced = force_user(manager, experiment, "green", "production", user_id="1")
        off = switch_tests_off(qa, user_id="2")
        publish()
    with clock.frozen_at(FIRST + 2 * DAY):
        unforce_user(manager, forced.pk)
        switch_tests_on(qa, off.pk)
        publish()
    with clock.frozen_at(FIRST + 3 * DAY):
        add_prepared(manager, experiment, conditions=OLD, variants=ALL)
        attach_settings_group(manager, experiment, 2)
        publish()
    with clock.frozen_at(FIRST + 4 * DAY):
        apply_verb(manager, experiment, Verb.PAUSE)
        publish()
    return experiment


def decided(api: Api, moment: dt.datetime | None, **changes: Any) -> dict[str, Any]:
    body = PERSON | {"as_of": None if moment is None else moment.isoformat()} | changes
    status, check = api.post("qa/check/", body)
    assert status == 200, check
    (decision,) = check["decisions"]
    return {**decision, "version": check["version"], "as_of": check["as_of"]}


@pytest.mark.parametrize(
    ("days", "user", "reason", "settings_group", "version"),
    [
        (0, "1", "SPLIT", 1, 1),
        (0.999, "2", "SPLIT", 1, 1),
        (1, "1", "FORCED", 1, 2),
        (1.5, "2", "TESTS_OFF", 1, 2),
        (2, "2", "SPLIT", 1, 3),
        (3, "1", "CONDITIONS_NOT_MET", 2, 4),
        (4, "1", "PAUSED", 2, 5),
        (None, "1", "PAUSED", 2, 5),
    ],
)
def test_what_was_delivered_then_decides(
    api: Api,
    history: Experiment,
    days: float | None,
    user: str,
    reason: str,
    settings_group: int,
    version: int,
) -> None:
    moment = None if days is None else FIRST + dt.timedelta(days=days)
    decision = decided(api, moment, user_id=user)
    assert (decision["reason"], decision["settings_group"]) == (reason, settings_group)
    assert decision["version"] == version
    assert (decision["as_of"] is None) == (days is None)


def test_the_moment_is_the_now_of_dates_and_of_relative_conditions(api: Api, manager: Actor) -> None:
    new: list[Any] = [{"filter": "registered_at", "operator": "within_days", "value": 2}]
    dates: dict[str, Any] = {"starts_at": (FIRST + DAY).isoformat(), "ends_at": None}
    with clock.frozen_at(FIRST):
        make_experiment(manager, Status.RUNNING, key="dated", conditions=new, variants=ALL, **dates)
        publish()
    person = {"attributes": {"registered_at": (FIRST).isoformat()}}
    reasons = [decided(api, FIRST + days * DAY, **person)["reason"] for days in (0.5, 1.5, 3)]
    assert reasons == ["OUTSIDE_DATES", "SPLIT", "CONDITIONS_NOT_MET"]


def test_a_moment_that_cannot_be_is_refused(api: Api, history: Experiment) -> None:
    later = (clock.now() + DAY).isoformat()
    before = (FIRST - DAY).isoformat()
    moments: tuple[object, ...] = (
        later, before, "yesterday", 5, [], {}, "", "2024-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
        "2024-11-01T12:00:00Z\udc00", True,
    )  # fmt: skip
    for wrong in moments:
        status, problem = api.post("qa/check/", PERSON | {"as_of": wrong})
        assert (status, fields_of(problem)) == (400, {"as_of"}), wrong
    _, problem = api.post("qa/check/", PERSON | {"as_of": before})
    assert "the first delivery was on 2024-11-01 at 12:00:00 UTC" in problem["detail"]


def test_what_is_a_draft_today_stays_hidden(api: Api, people: People, manager: Actor) -> None:
    with clock.frozen_at(FIRST):
        test = make_experiment(manager, Status.DEV, key="withdrawn", variants=ALL)
        group = make_experiment(manager, Status.DEV, kind=Kind.GROUP, key="hidden_group")
        publish()
    with clock.frozen_at(FIRST + DAY):
        apply_verb(manager, test, Verb.WITHDRAW)
        apply_verb(manager, group, Verb.WITHDRAW)
    body = {"as_of": FIRST.isoformat(), "attributes": {"is_test_user": True}, "split_group": 1}
    for other in (api, api_for(people.other_manager, "qa")):
        check = other.post("qa/check/", body)[1]
        assert (check["decisions"], check["groups"]) == ([], [])
        check = other.post("qa/check/", body | {"tests": ["withdrawn"], "trace": True})[1]
        assert [(one["reason"], one["conditions"]) for one in check["decisions"]] == [("UNKNOWN_TEST", None)]
    own = api_for(people.manager, "qa").post("qa/check/", body)[1]
    assert [one["test"] for one in own["decisions"]] == ["withdrawn"]


def test_the_page_says_what_is_of_then_and_what_of_today(
    client: Client, people: People, history: Experiment, warehouse: Any
) -> None:
    client.force_login(people.viewer)
    page = client.get("/check/", {"user_id": "100001", "as_of": "2024-11-02T12:00"}).content.decode()
    assert (
        "What is known of the user is today&#x27;s" in page or "What is known of the user is today's" in page
    )
    assert "What they would have got" in page
    assert "version 2" in page
    forced = client.get("/check/", {"user_id": "1", "as_of": "2024-11-02T12:00:00"}).content.decode()
    assert "QA put this user or device into the variant." in forced
    assert "is paused" in client.get("/check/", {"user_id": "1"}).content.decode()


@pytest.mark.parametrize(
    ("as_of", "complaint"),
    [
        ("2999-01-01T00:00", "Lies in the future."),
        ("2020-01-01T00:00", "Nothing had been delivered then: the first delivery was on"),
        ("0001-01-01T00:00", "Nothing had been delivered then."),
        ("soon", "Must be a moment such as"),
    ],
)
def test_the_page_refuses_what_cannot_be(
    client: Client, people: People, history: Experiment, as_of: str, complaint: str
) -> None:
    client.force_login(people.viewer)
    answer = client.get("/check/", {"user_id": "1", "as_of": as_of})
    assert (answer.status_code, complaint in answer.content.decode()) == (422, True)
