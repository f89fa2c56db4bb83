"""`POST /api/v1/active-variants/`: what a client app asks."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import Actor
from delivery.services import publish
from experiments.lifecycle import Status
from experiments.services import force_user
from tests.conftest import People
from tests.factories import make_experiment
from tests.qa_tools.api import Api, api_for, fields_of
from usersplit_sdk import Client

ALL: list[dict[str, object]] = [{"name": "green", "percent": "100"}]
USER = {"id": "4711", "split_group": 9, "attributes": {"is_paying": True}}


@pytest.fixture
def api(people: People) -> Api:
    return api_for(people.developer, "evaluate")


@pytest.fixture(autouse=True)
def tests_on_every_side(manager: Actor) -> None:
    for side in ("server", "client", "client_server"):
        make_experiment(manager, Status.RUNNING, key=f"on_{side}", properties={"side": side}, variants=ALL)
    publish()


def variants(api: Api, **body: object) -> dict[str, str]:
    status, answer = api.post("active-variants/", body)
    assert status == 200, answer
    assert answer["hits"].keys() == answer["variants"].keys()
    found: dict[str, str] = answer["variants"]
    return found


def test_a_client_gets_the_tests_that_it_supports(api: Api) -> None:
    assert variants(api, user=USER, environment={}, supported_tests=["on_client"]) == {"on_client": "green"}
    both = ["on_client", "on_client_server", "unknown"]
    assert variants(api, user=USER, supported_tests=both) == {
        "on_client": "green",
        "on_client_server": "green",
    }
    assert variants(api, user=USER, environment={"supported_tests": both}).keys() == set(both[:2])
    assert variants(api, user=USER) == {}


def test_the_answer_holds_what_to_send_as_a_hit(api: Api, manager: Actor) -> None:
    forced = make_experiment(
        manager,
        Status.RUNNING,
        key="forced",
        properties={"side": "client"},
        variants=[
            {"name": "control", "percent": "50", "is_control": True},
            {"name": "a", "percent": "50", "payload": {"n": 1}},
        ],
    )
    for name in ("control", "a"):
        force_user(manager, forced, name, "production", user_id=f"in_{name}")
    version = publish().manifest.version
    body = {"environment": {"device_id": "d1"}, "supported_tests": ["on_client", "forced"]}
    _, answer = api.post("active-variants/", {"user": USER | {"id": "in_a"}, **body})
    assert answer["version"] == version
    assert answer["variants"] == {"on_client": "green", "forced": "a"}
    assert answer["payloads"] == {"forced": {"n": 1}}
    hit = {
        "test": "on_client",
        "settings_group": 1,
        "variant": "green",
        "user_id": "in_a",
        "device_id": "d1",
        "split_group": 9,
        "environment": "production",
        "forced": False,
        "test_user": False,
    }
    assert answer["hits"] == {
        "on_client": hit,
        "forced": hit | {"test": "forced", "variant": "a", "forced": True},
    }
    tester = USER | {"attributes": {"is_test_user": True}}
    _, answer = api.post("active-variants/", {"user": tester, **body})
    assert answer["hits"]["on_client"]["test_user"]
    _, answer = api.post(
        "active-variants/", {"environment": {"split_group": 7}, "supported_tests": ["on_client"]}
    )
    assert answer["hits"]["on_client"] == hit | {"user_id": None, "device_id": None, "split_group": 7}


def test_tests_of_the_server_come_only_when_named(api: Api) -> None:
    assert variants(api, user=USER, supported_tests=["on_server"]) == {"on_server": "green"}


def test_a_guest_has_the_split_group_of_the_cookie(api: Api) -> None:
    assert variants(api, user=None, environment={"split_group": 7}, supported_tests=["on_client"]) == {
        "on_client": "green"
    }
    assert variants(api, supported_tests=["on_client"]) == {}


def test_forced_users_are_those_of_the_tokens_environment(api: Api, people: People, manager: Actor) -> None:
    experiment = make_experiment(
        manager, Status.PAUSED, key="paused", properties={"side": "client"}, variants=ALL
    )
    force_user(manager, experiment, "green", "devel", user_id="4711")
    publish()
    assert "paused" not in variants(api, user=USER, supported_tests=["paused"])
    devel = api_for(people.developer, "evaluate", environment="devel")
    assert variants(devel, user=USER, supported_tests=["paused"]) == {"paused": "green"}


def test_one_delivery_is_compiled_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    original = Client.from_documents

    def counted(*given: Any) -> Client:
        compiled.append(given)
        return original(*given)

    monkeypatch.setattr(Client, "from_documents", counted)
    for _ in range(3):
        variants(api, user=USER, supported_tests=["on_client"])
    assert len(compiled) == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"user": "4711"}, {"user"}),
        ({"user": {"user_id": "1"}}, {"user.user_id"}),
        (
            {"user": {"id": {}, "split_group": "x", "attributes": []}},
            {"user.id", "user.split_group", "user.attributes"},
        ),
        ({"supported_tests": "on_client"}, {"supported_tests"}),
        ({"environment": []}, {"environment"}),
        ({"tests": []}, {"tests"}),
    ],
)
def test_bad_input_is_named(api: Api, body: object, fields: set[str]) -> None:
    status, problem = api.post("active-variants/", body)
    assert status == 400
    assert fields_of(problem) == fields


@pytest.mark.parametrize("scope", ["read", "manage", "qa", "deliver", "ingest"])
def test_no_other_scope_evaluates(people: People, scope: str) -> None:
    assert api_for(people.superuser, scope).post("active-variants/", {})[0] == 403
