"""Properties over HTTP: created and edited, each wrong one named, stale edits refused."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import make_draft, make_experiment


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.manager)


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"key": "green/button"}, "key"),
        ({"key": "../../etc/passwd"}, "key"),
        ({"key": "x"}, "key"),
        ({"key": "a" * 65}, "key"),
        ({"key": "Green"}, "key"),
        ({"key": "green\n"}, "key"),
        ({"key": 7}, "key"),
        ({"key": None}, "key"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"side": "dark"}, "side"),
        ({"jira_issue": "pay 17"}, "jira_issue"),
        ({"managers": ["nobody"]}, "managers"),
        ({"managers": ["viewer"]}, "managers"),
        ({"managers": "manager"}, "managers"),
        ({"status": "running"}, "status"),
        ({"outcome": None}, "outcome"),
        ({"revision": 3}, "revision"),
    ],
)
def test_creating_names_the_property_that_is_wrong(api: Api, properties: dict[str, Any], field: str) -> None:
    answer = api.post("/tests/", {"key": "green_button", "name": "Green button", **properties})
    assert wrong_fields(answer) == [field]
    assert not Experiment.objects.exists()


def test_all_that_is_missing_or_wrong_is_named_at_once(api: Api) -> None:
    assert wrong_fields(api.post("/tests/", {})) == ["key", "name"]
    assert wrong_fields(api.post("/tests/", {"key": "A", "name": "A", "side": "x", "colour": 1})) == [
        "key",
        "side",
        "colour",
    ]


def test_a_key_is_taken_once_per_kind(api: Api, manager: Actor) -> None:
    make_draft(manager, "green_button")
    assert wrong_fields(api.post("/tests/", {"key": "green_button", "name": "Again"})) == ["key"]


def test_an_edit_changes_what_it_names_and_nothing_else(api: Api, manager: Actor) -> None:
    before = make_draft(manager, "green_button", area="payments")
    body = api.patch("/tests/green_button/", {"name": "Greener", "hypothesis": "More clicks"}).json()
    assert (body["name"], body["hypothesis"], body["area"]) == ("Greener", "More clicks", "payments")
    assert body["revision"] == before.revision + 1
    assert api.patch("/tests/green_button/", {}).json() == body


def test_a_draft_may_change_its_key_a_published_test_may_not(
    api: Api, manager: Actor, warehouse: Warehouse
) -> None:
    make_draft(manager, "green_button")
    renamed = api.patch("/tests/green_button/", {"key": "blue_button"})
    assert renamed.json()["url"].endswith("/tests/blue_button/")
    problem(api.get("/tests/green_button/"), 404)
    make_experiment(manager, Status.DEV, key="published")
    assert wrong_fields(api.patch("/tests/published/", {"key": "other"})) == ["key"]


@pytest.mark.parametrize(
    "field", ["status", "kind", "url", "settings_group", "created_at", "verbs", "conclusion", "nonsense"]
)
def test_what_cannot_be_edited_is_refused_by_name(api: Api, manager: Actor, field: str) -> None:
    make_draft(manager, "green_button")
    assert wrong_fields(api.patch("/tests/green_button/", {"name": "B", field: "x"})) == [field]
    assert api.get("/tests/green_button/").json()["revision"] == 1


def test_an_edit_based_on_an_older_revision_is_a_conflict(api: Api, manager: Actor) -> None:
    make_draft(manager, "green_button")
    assert api.patch("/tests/green_button/", {"name": "Mine", "revision": 1}).status_code == 200
    assert (
        problem(api.patch("/tests/green_button/", {"name": "Theirs", "revision": 1}), 409)["code"] == "stale"
    )
    problem(api.patch("/tests/green_button/", {"name": "Theirs"}, headers={"If-Match": '"1"'}), 409)
    assert api.get("/tests/green_button/").json()["name"] == "Mine"
    for tag, name in (('"2"', "Two"), ("3", "Three"), ("*", "Any")):
        assert api.patch("/tests/green_button/", {"name": name}, headers={"If-Match": tag}).status_code == 200
    assert wrong_fields(api.patch("/tests/green_button/", {"name": "B"}, headers={"If-Match": "x"})) == [
        "If-Match"
    ]


@pytest.mark.parametrize("revision", ["1", True, 1.0, []])
def test_a_revision_is_a_number(api: Api, manager: Actor, revision: object) -> None:
    make_draft(manager, "green_button")
    assert wrong_fields(api.patch("/tests/green_button/", {"name": "B", "revision": revision})) == [
        "revision"
    ]


def test_a_verb_can_be_tied_to_the_status_that_was_seen(
    api: Api, manager: Actor, warehouse: Warehouse
) -> None:
    make_experiment(manager, Status.PAUSED, key="green_button")
    stale = api.post("/tests/green_button/finish/", {"result": "rejected", "expected_status": "running"})
    assert problem(stale, 409)["code"] == "stale"
    assert wrong_fields(api.post("/tests/green_button/resume/", {"expected_status": "asleep"})) == [
        "expected_status"
    ]
    assert api.post("/tests/green_button/resume/", {"expected_status": "paused"}).status_code == 200


@pytest.mark.parametrize(
    ("ending", "fields"),
    [
        ({}, ["result"]),
        ({"result": "draw"}, ["result"]),
        ({"result": ["winner"]}, ["result"]),
        ({"result": "winner"}, ["variant", "scope"]),
        ({"result": "winner", "variant": "blue", "scope": "everywhere"}, ["variant"]),
        ({"result": "winner", "variant": {}, "scope": []}, ["variant", "scope"]),
        ({"result": "rejected", "variant": "green"}, ["variant"]),
        ({"result": "rejected", "conclusion": 7}, ["conclusion"]),
        ({"result": "rejected", "conclusion": {}}, ["conclusion"]),
        ({"result": "rejected", "conclusion": "\x00"}, ["conclusion"]),
        ({"result": "rejected", "mood": "sad"}, ["mood"]),
    ],
)
def test_an_ending_names_what_is_wrong(
    api: Api, manager: Actor, warehouse: Warehouse, ending: dict[str, Any], fields: list[str]
) -> None:
    make_experiment(manager, Status.RUNNING, key="green_button")
    assert wrong_fields(api.post("/tests/green_button/finish/", ending)) == fields
    assert api.get("/tests/green_button/").json()["status"] == "running"
