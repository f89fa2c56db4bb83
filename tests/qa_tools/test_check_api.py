"""`POST /api/v1/qa/check/`: what would this user get, and why."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status
from experiments.services import force_user, switch_tests_off
from tests.conftest import People
from tests.factories import make_experiment
from tests.qa_tools.api import Api, api_for, fields_of

CONDITIONS: list[Any] = [
    {"filter": "is_paying", "operator": "eq", "value": "yes"},
    "AND",
    [{"filter": "platform", "operator": "in", "value": ["web"]}],
]
ALL: list[dict[str, object]] = [{"name": "green", "percent": "100"}]
PAYING = {"is_paying": True}


@pytest.fixture
def api(people: People) -> Api:
    return api_for(people.qa, "qa")


@pytest.fixture
def running(manager: Actor) -> object:
    make_experiment(manager, Status.DRAFT, key="secret_draft")
    return make_experiment(manager, Status.RUNNING, key="running", conditions=CONDITIONS, variants=ALL)


def decide(api: Api, **body: object) -> dict[str, Any]:
    status, answer = api.post("qa/check/", body)
    assert status == 200, answer
    decision: dict[str, Any] = answer["decisions"][0]
    return decision


def test_attributes_that_are_given_count_and_nothing_else(api: Api, running: object) -> None:
    given = {"user_id": "4711", "attributes": PAYING, "split_group": 9, "environment": {"platform": "web"}}
    assert decide(api, **given) == {
        "test": "running",
        "variant": "green",
        "reason": "SPLIT",
        "detail": None,
        "settings_group": 1,
        "explanation": "The variant owns the user's split group.",
    }
    elsewhere = decide(api, **given | {"environment": {"platform": "ios"}})
    assert (elsewhere["variant"], elsewhere["reason"]) == (None, "CONDITIONS_NOT_MET")
    assert elsewhere["detail"] == "conditions[2][0]"
    assert "it is not true that Platform is one of" in elsewhere["explanation"]
    # As an app server would see it: a text is no boolean.
    assert decide(api, **given | {"attributes": {"is_paying": "yes"}})["detail"] == "conditions[0]"


def test_what_is_not_given_comes_from_the_warehouse(api: Api, running: object, warehouse: Any) -> None:
    paying = [{"filter": "is_paying", "source": "user", "operator": "eq", "value": True}]
    user = next(iter(warehouse.iterate_users(paying, clock.now())))
    status, answer = api.post("qa/check/", {"user_id": user.id, "environment": {"platform": "web"}})
    assert status == 200
    assert answer["profile"] == "warehouse"
    assert answer["user"]["split_group"] == user.split_group
    assert answer["user"]["attributes"]["is_paying"] is True
    assert answer["decisions"][0]["variant"] == "green"
    own_attributes = decide(api, user_id=user.id, attributes=PAYING, environment={"platform": "web"})
    assert own_attributes["variant"] == "green"


def test_unknown_users_and_guests_are_told_apart(api: Api, running: object) -> None:
    unknown = api.post("qa/check/", {"user_id": "nobody"})[1]
    assert (unknown["profile"], unknown["user"]["id"]) == ("unknown", "nobody")
    guest = api.post("qa/check/", {"environment": {"platform": "web", "split_group": 5}})[1]
    assert (guest["profile"], guest["user"]) == ("guest", None)
    assert guest["decisions"][0]["detail"] == "conditions[0]"


def test_all_delivered_tests_or_those_that_are_named(api: Api, running: object, manager: Actor) -> None:
    make_experiment(manager, Status.PAUSED, key="another")
    every = api.post("qa/check/", {"user_id": "1", "tests": None})[1]["decisions"]
    assert [decision["test"] for decision in every] == ["another", "running"]
    named = api.post("qa/check/", {"user_id": "1", "tests": ["running", "secret_draft", "??", "running"]})[1]
    assert [(each["test"], each["reason"]) for each in named["decisions"]] == [
        ("running", "CONDITIONS_NOT_MET"),
        ("secret_draft", "UNKNOWN_TEST"),
        ("??", "UNKNOWN_TEST"),
    ]


def test_forced_users_and_tests_off_show_at_once(api: Api, manager: Actor, people: People) -> None:
    experiment = make_experiment(manager, Status.RUNNING, key="running", variants=ALL)
    assert decide(api, user_id="1", split_group=1)["reason"] == "SPLIT"
    force_user(manager, experiment, "green", "devel", user_id="1")
    assert decide(api, user_id="1", split_group=1)["reason"] == "SPLIT"
    assert decide(api, user_id="1", split_group=1, forced_in="devel")["reason"] == "FORCED"
    devel = api_for(people.qa, "qa", environment="devel")
    assert decide(devel, user_id="1", split_group=1)["reason"] == "FORCED"
    switch_tests_off(Actor.person(people.qa), device_id="d-1")
    assert decide(api, user_id="2", split_group=1, device_id="d-1")["reason"] == "TESTS_OFF"
    assert decide(api, user_id="2", split_group=1, environment={"device_id": "d-1"})["reason"] == "TESTS_OFF"


def test_client_tests_need_the_client(api: Api, manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="in_app", properties={"side": "client"}, variants=ALL)
    assert decide(api, user_id="1", split_group=1)["reason"] == "NOT_SUPPORTED_BY_CLIENT"
    environment = {"supported_tests": ["in_app"]}
    assert decide(api, user_id="1", split_group=1, environment=environment)["reason"] == "SPLIT"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"user": "1"}, {"user"}),
        ({"user_id": ["1"]}, {"user_id"}),
        ({"user_id": "1" * 201}, {"user_id"}),
        ({"user_id": "\x00"}, {"user_id"}),
        ({"user_id": True}, {"user_id"}),
        ({"attributes": []}, {"attributes"}),
        ({"attributes": {"a": {"b": "\ud800"}}}, {"attributes.a.b"}),
        ({"environment": "web"}, {"environment"}),
        ({"environment": {"supported_tests": "running"}}, {"environment.supported_tests"}),
        (
            {"environment": {"attributes": 1, "device_id": {}}},
            {"environment.attributes", "environment.device_id"},
        ),
        ({"split_group": 0, "tests": "running"}, {"split_group", "tests"}),
        ({"split_group": 2401}, {"split_group"}),
        ({"split_group": True}, {"split_group"}),
        ({"tests": [1]}, {"tests"}),
        ({"tests": ["\ud800"]}, {"tests"}),
        ({"forced_in": "moon"}, {"forced_in"}),
        ([], {"body"}),
        (b'{"attributes": {"a": 1e999}}', {"attributes.a"}),
        (b'{"attributes": {"a": NaN}}', {"body"}),
        (b'{"attributes": ' + b"[" * 100_000, {"body"}),
        (b"\xff", {"body"}),
    ],
)
def test_bad_input_is_named(api: Api, running: object, body: object, fields: set[str]) -> None:
    status, problem = api.post("qa/check/", body)
    assert status == 400, problem
    assert fields_of(problem) == fields


@pytest.mark.parametrize("scope", ["read", "manage", "deliver", "ingest", "evaluate"])
def test_no_other_scope_checks(people: People, scope: str) -> None:
    assert api_for(people.superuser, scope).post("qa/check/", {})[0] == 403
