"""The bodies of the contract, word for word, from creating a test to finishing it."""

from __future__ import annotations

from typing import Any

import pytest

from audience.warehouse import Warehouse
from experiments.models import SettingsGroup
from experiments.services import prepare_settings_group
from tests.api import Api
from tests.conftest import People

CREATE: dict[str, object] = {
    "key": "green_button",
    "name": "Green button",
    "side": "server",
    "area": "payments",
    "description": "",
    "hypothesis": "",
    "jira_issue": "PAY-17",
    "managers": ["manager"],
}
LOOSE: list[Any] = [
    {"filter": "is_test_user", "operator": "eq", "value": "Yes"},
    "OR",
    [
        {"filter": "country_id", "operator": "in", "value": ["50"]},
        "AND",
        {"filter": "is_new_user", "operator": "eq", "value": "1"},
    ],
]
TYPED: list[Any] = [
    {"filter": "is_test_user", "source": "user", "operator": "eq", "value": True},
    "OR",
    [
        {"filter": "country_id", "source": "user", "operator": "in", "value": [50]},
        "AND",
        {"filter": "is_new_user", "source": "user", "operator": "eq", "value": True},
    ],
]
SETTINGS: dict[str, object] = {
    "starts_at": None,
    "ends_at": None,
    "conditions": LOOSE,
    "draw": "fewest_shared_users",
    "exclusive_with": [],
    "variants": [
        {"name": "control", "percent": "5", "is_control": True},
        {"name": "green", "percent": "5", "payload": {}},
    ],
}


@pytest.fixture
def api(people: People, warehouse: Warehouse) -> Api:
    return Api.of(people.manager)


def prepare_newest() -> None:
    prepare_settings_group(SettingsGroup.objects.latest("pk").pk)


def added(api: Api, key: str, settings: dict[str, object] = SETTINGS) -> dict[str, Any]:
    answer = api.post(f"/tests/{key}/settings-groups/", settings)
    assert answer.status_code == 202, answer.content
    prepare_newest()
    found: dict[str, Any] = answer.json()
    return found


def test_creating_a_test_answers_201_with_all_its_properties(api: Api) -> None:
    answer = api.post("/tests/", CREATE)
    assert answer.status_code == 201
    body = answer.json()
    assert body.items() >= CREATE.items()
    assert body["kind"] == "test"
    assert body["status"] == "draft"
    assert body["settings_group"] is None
    assert body["outcome"] is None
    assert body["verbs"] == ["publish"]
    assert answer.headers["Location"] == body["url"] == "http://testserver/api/v1/tests/green_button/"
    assert api.get("/tests/green_button/").json() == body


def test_new_settings_answer_202_before_anything_is_counted(api: Api) -> None:
    api.post("/tests/", CREATE)
    answer = api.post("/tests/green_button/settings-groups/", SETTINGS)
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["Location"] == body["url"]
    assert (body["number"], body["state"], body["is_current"], body["progress"], body["error"]) == (
        1,
        "queued",
        False,
        0,
        None,
    )
    assert body["conditions"] == TYPED
    assert body["counted_at"] is None
    assert body["audience"] == {"users": None, "not_counted": []}
    assert body["variants"] == [
        {
            "name": "control",
            "percent": "5",
            "is_control": True,
            "payload": {},
            "split_groups": [],
            "users": None,
        },
        {
            "name": "green",
            "percent": "5",
            "is_control": False,
            "payload": {},
            "split_groups": [],
            "users": None,
        },
    ]
    assert body["intersections"] == []


def test_prepared_settings_tell_audience_split_groups_and_intersections(api: Api) -> None:
    everyone = {
        **SETTINGS,
        "conditions": [],
        "variants": [{"name": "a", "percent": "60"}, {"name": "b", "percent": "40"}],
    }
    api.post("/tests/", {**CREATE, "key": "red_banner"})
    added(api, "red_banner", everyone)
    api.post("/tests/", CREATE)
    added(api, "green_button")
    body = api.get("/tests/green_button/settings-groups/1/").json()
    assert (body["state"], body["is_current"], body["progress"], body["error"]) == ("ready", True, 100, None)
    assert body["counted_at"].endswith("Z")
    assert body["audience"]["users"] > 0
    assert body["audience"]["not_counted"] == []
    for variant in body["variants"]:
        assert sum(last - first + 1 for first, last in variant["split_groups"]) == 120
        assert 0 < variant["users"] < body["audience"]["users"]
    [shared] = body["intersections"]
    in_variants = sum(variant["users"] for variant in body["variants"])
    # The other test holds everyone, so all users of this one are shared.
    assert (shared["test"], shared["users"], shared["share"], shared["same_area"]) == (
        "red_banner",
        in_variants,
        1.0,
        True,
    )
    assert {(pair["mine"], pair["theirs"]) for pair in shared["variants"]} == {
        (mine, theirs) for mine in ("control", "green") for theirs in ("a", "b")
    }
    assert sum(pair["split_groups"] for pair in shared["variants"]) == 240
    assert sum(pair["users"] for pair in shared["variants"]) == in_variants


def test_the_verbs_lead_through_the_lifecycle(api: Api) -> None:
    api.post("/tests/", CREATE)
    added(api, "green_button")
    for verb, status, verbs in (
        ("publish", "dev", ["withdraw", "start", "finish"]),
        ("withdraw", "draft", ["publish"]),
        ("publish", "dev", ["withdraw", "start", "finish"]),
        ("start", "running", ["pause", "finish"]),
        ("pause", "paused", ["resume", "finish"]),
        ("resume", "running", ["pause", "finish"]),
    ):
        answer = api.post(f"/tests/green_button/{verb}/")
        assert answer.status_code == 200, answer.content
        assert (answer.json()["status"], answer.json()["verbs"]) == (status, verbs)
    ending = {"result": "winner", "variant": "green", "scope": "everywhere", "conclusion": "Green sells."}
    finished = api.post("/tests/green_button/finish/", ending)
    assert finished.status_code == 200
    assert finished.json()["outcome"] == {"result": "winner", "variant": "green", "scope": "everywhere"}
    assert finished.json()["conclusion"] == "Green sells."
    assert finished.json()["verbs"] == []


def test_a_rejected_test_has_a_result_and_nothing_else(api: Api) -> None:
    api.post("/tests/", CREATE)
    added(api, "green_button")
    api.post("/tests/green_button/publish/")
    finished = api.post("/tests/green_button/finish/", {"result": "rejected"})
    assert finished.json()["outcome"] == {"result": "rejected"}


def test_a_user_group_walks_the_same_way_without_variants(api: Api) -> None:
    created = api.post("/groups/", {"key": "christmas", "name": "Christmas", "managers": ["manager"]})
    assert created.status_code == 201
    assert created.json()["kind"] == "group"
    assert {"side", "hypothesis", "outcome"}.isdisjoint(created.json())
    answer = api.post("/groups/christmas/settings-groups/", {"conditions": LOOSE, "ends_at": "2027-01-06"})
    assert answer.status_code == 202
    assert answer.json()["ends_at"] == "2027-01-06T00:00:00Z"
    assert {"variants", "draw", "intersections"}.isdisjoint(answer.json())
    prepare_newest()
    prepared = api.get("/groups/christmas/settings-groups/1/").json()
    assert prepared["audience"]["users"] > 0
    for verb, status in (("publish", "dev"), ("start", "running"), ("finish", "finished")):
        assert api.post(f"/groups/christmas/{verb}/").json()["status"] == status


def test_the_same_key_may_name_a_test_and_a_user_group(api: Api) -> None:
    assert api.post("/tests/", {"key": "same", "name": "A"}).status_code == 201
    assert api.post("/groups/", {"key": "same", "name": "B"}).status_code == 201
    assert api.get("/tests/same/").json()["name"] == "A"
    assert api.get("/groups/same/").json()["name"] == "B"
