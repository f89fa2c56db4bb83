"""Conditional GET: ETags that change with the answer, 304 for who has it."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from experiments.services import edit_properties
from tests.api import Api, problem
from tests.conftest import People
from tests.factories import make_draft

LISTS = [
    "/tests/",
    "/groups/",
    "/tests/button/",
    "/tests/button/changelog/",
    "/tests/button/settings-groups/",
]
OTHERS = ["/capacity/", "/qa/forced/", "/qa/tests-off/", "/schema/", "/delivery/manifest"]


@pytest.fixture
def api(people: People, manager: Actor) -> Api:
    make_draft(manager, "button")
    return Api.of(people.manager)


@pytest.mark.parametrize("address", LISTS + OTHERS)
def test_who_has_the_answer_is_told_so(api: Api, address: str) -> None:
    first = api.get(address)
    assert first.status_code == 200
    tag = first.headers["ETag"]
    again = api.get(address, headers={"If-None-Match": f'"another", {tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert "Content-Type" not in again.headers
    assert api.get(address, headers={"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize("address", LISTS)
def test_the_tag_is_strong_and_changes_with_the_answer(api: Api, manager: Actor, address: str) -> None:
    before = api.get(address).headers["ETag"]
    assert not before.startswith("W/")
    assert api.get(address).headers["ETag"] == before
    experiment = make_draft(manager, "another", kind="group" if "groups" in address else "test")
    if "button" in address:
        experiment = type(experiment).objects.get(key="button")
        edit_properties(manager, experiment, {"name": "Greener"})
    changed = api.get(address, headers={"If-None-Match": before})
    # Settings groups are none of an edit's business.
    assert changed.status_code == (304 if "settings-groups" in address else 200)


def test_weak_tags_and_the_star_match_too(api: Api) -> None:
    tag = api.get("/tests/").headers["ETag"]
    assert api.get("/tests/", headers={"If-None-Match": f"W/{tag}"}).status_code == 304
    assert api.get("/tests/", headers={"If-None-Match": "*"}).status_code == 304
    assert api.get("/tests/", headers={"If-None-Match": "rubbish"}).status_code == 200


def test_head_answers_as_get_does(api: Api) -> None:
    tag = api.get("/tests/").headers["ETag"]
    assert api.send("HEAD", "/tests/").headers["ETag"] == tag
    assert api.send("HEAD", "/tests/", headers={"If-None-Match": tag}).status_code == 304


def test_two_callers_never_share_an_answer(api: Api) -> None:
    varies = {name.strip().lower() for name in api.get("/tests/").headers["Vary"].split(",")}
    assert {"authorization", "cookie"} <= varies
    assert api.get("/tests/").headers["Cache-Control"] == "private, no-cache"


def test_refusals_and_writes_have_no_tag(api: Api) -> None:
    refused = api.get("/tests/nowhere/", headers={"If-None-Match": "*"})
    assert problem(refused, 404)
    assert "ETag" not in refused.headers
    assert "ETag" not in api.post("/tests/", {"key": "new", "name": "New"}).headers


def test_personal_data_is_not_kept_and_so_has_no_tag(api: Api, manager: Actor) -> None:
    assert "ETag" not in api.get("/tests/button/users/").headers


def test_the_tag_of_a_test_is_what_its_edit_takes_as_if_match(api: Api) -> None:
    tag = api.get("/tests/button/").headers["ETag"]
    edited = api.patch("/tests/button/", {"name": "B"}, headers={"If-Match": tag})
    assert edited.status_code == 200
    problem(api.patch("/tests/button/", {"name": "C"}, headers={"If-Match": tag}), 409)
    assert (
        api.patch("/tests/button/", {"name": "C"}, headers={"If-Match": edited.headers["ETag"]}).status_code
        == 200
    )


def test_what_is_packed_has_a_weak_tag_that_matches(people: People, client: Client) -> None:
    secret = create_token(Actor.person(people.viewer), "files", [Scope.DELIVER])[1]
    for number in range(30):
        make_draft(Actor.person(people.manager), f"t{number}")
    headers = {"Authorization": f"Bearer {secret}", "Accept-Encoding": "gzip"}
    answer = client.get("/api/v1/delivery/manifest", headers=headers)
    assert json.loads(
        client.get("/api/v1/delivery/manifest", headers={**headers, "Accept-Encoding": ""}).content
    )
    unchanged = client.get(
        "/api/v1/delivery/manifest", headers={**headers, "If-None-Match": answer.headers["ETag"]}
    )
    assert unchanged.status_code == 304


def test_pages_for_people_are_left_alone(db: None, client: Client) -> None:
    assert "ETag" not in client.get("/login/").headers
