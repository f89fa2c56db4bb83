"""Forcing and unforcing over HTTP, and all tests off."""

from __future__ import annotations

import pytest

from accounts.actors import Actor
from experiments.lifecycle import Status, Verb
from experiments.models import ForcedUser, TestsOff
from experiments.services import apply_verb
from tests.conftest import People
from tests.factories import make_experiment
from tests.qa_tools.api import Api, api_for, fields_of

HOSTILE = "<b>'; DROP TABLE x; --\n\t\u202e💩"


@pytest.fixture
def api(people: People) -> Api:
    return api_for(people.qa, "qa")


@pytest.fixture(autouse=True)
def running(manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="running")
    make_experiment(manager, Status.DEV, key="in_dev")


def test_force_list_and_let_go(api: Api, people: People) -> None:
    body = {
        "test": "running",
        "variant": "green",
        "user_id": 4711,
        "expires_at": "2999-12-31",
        "reason": "bug 7",
    }
    status, forced = api.post("qa/forced/", body)
    assert status == 201
    assert forced.pop("created_at")
    assert forced == {
        "id": forced["id"],
        "test": "running",
        "variant": "green",
        "user_id": "4711",
        "device_id": "",
        "environment": "production",
        "reason": "bug 7",
        "expires_at": "2999-12-31T00:00:00Z",
        "created_by": people.qa.username,
    }
    status, page = api.get("qa/forced/?user_id=4711&test=running&environment=production")
    assert (status, [row["id"] for row in page["results"]], page["next"]) == (200, [forced["id"]], None)
    assert api.get("qa/forced/?user_id=1")[1]["results"] == []
    assert api.delete(f"qa/forced/{forced['id']}/") == (204, None)
    assert api.delete(f"qa/forced/{forced['id']}/")[0] == 404
    assert api.delete(f"qa/forced/{10**30}/")[0] == 404


def test_forcing_again_moves_the_user(api: Api) -> None:
    for variant in ("green", "control"):
        body = {"test": "running", "variant": variant, "device_id": HOSTILE, "environment": "devel"}
        assert api.post("qa/forced/", body)[0] == 201
    assert [(row.variant, row.device_id) for row in ForcedUser.objects.all()] == [("control", HOSTILE)]


def test_a_token_forces_in_its_own_environment_unless_told_otherwise(people: People) -> None:
    devel = api_for(people.qa, "qa", environment="devel")
    body = {"test": "running", "variant": "green", "user_id": "1"}
    assert devel.post("qa/forced/", body)[1]["environment"] == "devel"
    assert devel.post("qa/forced/", body | {"environment": "production"})[1]["environment"] == "production"


def test_the_list_lets_go_of_whatever_matches(api: Api) -> None:
    for test in ("running", "in_dev"):
        for environment in ("production", "devel"):
            body = {"test": test, "variant": "green", "user_id": "1", "environment": environment}
            assert api.post("qa/forced/", body)[0] == 201
    assert api.delete("qa/forced/", {"user_id": "1", "test": "running", "environment": "devel"})[0] == 204
    assert ForcedUser.objects.count() == 3
    assert api.delete("qa/forced/?user_id=1&test=running")[0] == 204
    assert ForcedUser.objects.count() == 2
    assert api.delete("qa/forced/?user_id=1")[0] == 204
    assert ForcedUser.objects.count() == 0
    assert api.delete("qa/forced/?user_id=1")[0] == 404


def test_pages_go_on_where_the_last_one_ended(api: Api) -> None:
    for number in range(3):
        api.post("qa/forced/", {"test": "running", "variant": "green", "user_id": str(number)})
    _, page = api.get("qa/forced/?page_size=2")
    assert [row["user_id"] for row in page["results"]] == ["2", "1"]
    _, rest = api.get(page["next"].split("/api/v1/")[1])
    assert [row["user_id"] for row in rest["results"]] == ["0"]


def test_a_withdrawn_test_is_nobody_elses_business(api: Api, manager: Actor) -> None:
    experiment = make_experiment(manager, Status.DEV, key="withdrawn")
    _, forced = api.post("qa/forced/", {"test": "withdrawn", "variant": "green", "user_id": "1"})
    apply_verb(manager, experiment, Verb.WITHDRAW)
    assert api.get("qa/forced/")[1]["results"] == []
    assert api.delete(f"qa/forced/{forced['id']}/")[0] == 404
    assert api.delete("qa/forced/?user_id=1")[0] == 404


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"test", "variant"}),
        ({"test": "running", "variant": "green"}, {"user_id"}),
        ({"test": "running", "variant": "green", "user_id": "1", "device_id": "2"}, {"user_id"}),
        ({"test": "unknown", "variant": "green", "user_id": "1"}, {"test"}),
        ({"test": "running", "variant": "blue", "user_id": "1"}, {"variant"}),
        ({"test": "running", "variant": "green", "user_id": "1", "environment": "moon"}, {"environment"}),
        ({"test": "running", "variant": "green", "user_id": "1", "expires_at": "2001-01-01"}, {"expires_at"}),
        ({"test": "running", "variant": "green", "user_id": "1", "expires_at": "soon"}, {"expires_at"}),
        (
            {
                "test": "running",
                "variant": "green",
                "user_id": "1",
                "expires_at": "9999-12-31T23:59:59-14:00",
            },
            {"expires_at"},
        ),
        ({"test": "running", "variant": "green", "user_id": "x" * 201}, {"user_id"}),
        ({"test": "running", "variant": "green", "user_id": "\x00"}, {"user_id"}),
        ({"test": "running", "variant": "green", "user_id": "\ud800"}, {"user_id"}),
        ({"test": "running", "variant": "green", "user_id": ["1"]}, {"user_id"}),
        ({"test": "running", "variant": "green", "user_id": "1", "user": "2", "x": 1}, {"user", "x"}),
    ],
)
def test_bad_input_is_named_and_nothing_saved(api: Api, body: object, fields: set[str]) -> None:
    status, problem = api.post("qa/forced/", body)
    assert status == 400, problem
    assert fields_of(problem) == fields
    assert not ForcedUser.objects.exists()


@pytest.mark.parametrize(
    "query", ["", "?test=running", "?user_id=1&device_id=2", "?user=1", "?user_id=1&environment=moon"]
)
def test_letting_go_without_saying_whom_is_refused(api: Api, query: str) -> None:
    assert api.delete(f"qa/forced/{query}")[0] == 400


@pytest.mark.parametrize(
    "query", ["?user_id=%00", "?test=%00", "?environment=moon", "?page_size=0", "?cursor=x"]
)
def test_hostile_queries_are_refused(api: Api, query: str) -> None:
    assert api.get(f"qa/forced/{query}")[0] == 400


def test_only_tests_that_are_not_over_take_forced_users(api: Api, manager: Actor) -> None:
    make_experiment(manager, Status.FINISHED, key="finished")
    body = {"test": "finished", "variant": "green", "user_id": "1"}
    status, problem = api.post("qa/forced/", body)
    assert (status, problem["code"]) == (409, "conflict")


@pytest.mark.parametrize("role", ["developer", "viewer", "other_manager"])
def test_a_token_cannot_do_more_than_its_owner(people: People, role: str) -> None:
    api = api_for(getattr(people, role), "qa")
    assert api.post("qa/forced/", {"test": "running", "variant": "green", "user_id": "1"})[0] == 403
    assert api.post("qa/tests-off/", {"user_id": "1"})[0] == 403


@pytest.mark.parametrize("address", ["qa/forced/", "qa/tests-off/", "qa/forced/1/", "qa/tests-off/1/"])
@pytest.mark.parametrize("scope", ["read", "manage", "deliver", "ingest", "evaluate"])
def test_no_other_scope(people: People, address: str, scope: str) -> None:
    api = api_for(people.superuser, scope)
    for method in ("GET", "POST", "DELETE"):
        assert api.call(method, address, {} if method == "POST" else None)[0] in {403, 405}


def test_tests_off_and_on_again(api: Api) -> None:
    status, off = api.post("qa/tests-off/", {"user_id": "1", "expires_at": "2999-01-01T00:00:00Z"})
    assert (status, off["user_id"], off["expires_at"]) == (201, "1", "2999-01-01T00:00:00Z")
    # Again is the same as once, with the new expiry.
    assert api.post("qa/tests-off/", {"user_id": "1"})[1]["id"] == off["id"]
    assert api.post("qa/tests-off/", {"device_id": "d"})[0] == 201
    assert [row["device_id"] for row in api.get("qa/tests-off/")[1]["results"]] == ["d", ""]
    assert api.delete(f"qa/tests-off/{off['id']}/")[0] == 204
    assert api.delete("qa/tests-off/?user_id=1")[0] == 404
    assert api.delete("qa/tests-off/", {"device_id": "d"})[0] == 204
    assert not TestsOff.objects.exists()
    status, problem = api.post("qa/tests-off/", {"who": "1"})
    assert (status, fields_of(problem)) == (400, {"who"})
