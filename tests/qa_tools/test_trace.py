"""The conditions predicate by predicate, in the API and on the page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Kind
from experiments.services import force_user
from tests.conftest import People
from tests.factories import make_experiment
from tests.qa_tools.api import Api, api_for, fields_of

ALL: list[Any] = [{"name": "green", "percent": "100"}]
CONDITIONS: list[Any] = [
    {"filter": "is_test_user", "operator": "eq", "value": "yes"},
    "OR",
    [
        {"filter": "country_id", "operator": "in", "value": ["40", "276"]},
        "AND",
        {"filter": "age", "operator": "gt", "value": "17"},
        "AND",
        {"filter": "platform", "operator": "eq", "value": "ios"},
    ],
]


@pytest.fixture(autouse=True)
def running(manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="running", conditions=CONDITIONS, variants=ALL)
    make_experiment(manager, Status.RUNNING, kind=Kind.GROUP, key="adults", conditions=CONDITIONS[2][2:3])


@pytest.fixture
def api(people: People) -> Api:
    return api_for(people.qa, "qa")


def test_every_predicate_has_its_state_and_the_value_that_was_seen(api: Api) -> None:
    body = {"attributes": {"is_test_user": False, "country_id": 276}, "split_group": 7, "trace": True}
    (decision,) = api.post("qa/check/", body)[1]["decisions"]
    assert (decision["reason"], decision["detail"]) == ("CONDITIONS_NOT_MET", "conditions[2][2]")
    trace = decision["conditions"]
    assert (trace["met"], trace["decided"], trace["error"]) == (False, decision["detail"], None)
    first, second = trace["conditions"]["chains"]
    assert first["operands"][0]["state"] == "false"
    (bracket,) = second["operands"]
    assert (bracket["kind"], bracket["path"], bracket["state"]) == ("bracket", "conditions[2]", "false")
    (chain,) = bracket["chains"]
    seen = [(one["filter"], one["state"], one["seen"], one["absent"]) for one in chain["operands"]]
    assert seen == [
        ("country_id", "true", 276, None),
        ("age", "false", None, "missing"),
        ("platform", "not_evaluated", None, "not_read"),
    ]


def test_the_trace_is_there_only_when_asked_for(api: Api) -> None:
    body = {"attributes": {}, "tests": ["running", "unknown"]}
    assert all("conditions" not in one for one in api.post("qa/check/", body)[1]["decisions"])
    assert all(
        "conditions" not in one for one in api.post("qa/check/", body | {"trace": False})[1]["decisions"]
    )
    known, unknown = api.post("qa/check/", body | {"trace": True})[1]["decisions"]
    assert (known["conditions"]["met"], unknown["conditions"]) == (False, None)
    for wrong in ("true", 1, None):
        status, problem = api.post("qa/check/", body | {"trace": wrong})
        assert (status, fields_of(problem)) == (400, {"trace"})


def lines_of(page: str) -> list[str]:
    """The lines of the condition trees, as somebody reads them."""
    text = re.sub(r"<[^>]+>", " ", "".join(re.findall(r'<ul class="us-tree">.*?</details>', page, re.DOTALL)))
    return [
        " ".join(line.split()) for line in re.split(r"(?=True|False|Not evaluated)", text) if line.strip()
    ]


def test_the_page_shows_the_tree_beside_what_was_typed(client: Client, people: People) -> None:
    client.force_login(people.viewer)
    typed = {"user_id": "1", "user_country_id": "276", "user_age": "12", "q": "running"}
    page = client.get("/check/", typed).content.decode()
    assert lines_of(page) == [
        "False Test user is yes The user has no value OR",
        "False All of these",
        "True Country is one of Austria, Germany The user has: Germany AND",
        "False Age is greater than 17 The user has: 12 This decided AND",
        "Not evaluated Platform is iOS",
    ]
    assert "Typed in, not from the warehouse" in page
    assert "No delivered user group fits." in page


def test_user_groups_are_answered_too(client: Client, people: People) -> None:
    client.force_login(people.viewer)
    for age, words in (("40", "in it"), ("12", "not in it")):
        page = client.get("/check/", {"user_id": "1", "user_age": age, "q": "ADULTS"}).content.decode()
        assert f">{words}<" in page
        assert "No delivered test is like" in page


def test_typed_values_stand_over_the_warehouses(client: Client, people: People, warehouse: Any) -> None:
    client.force_login(people.viewer)
    page = client.get("/check/", {"user_id": "100001", "user_is_test_user": "yes"}).content.decode()
    assert "<strong>green</strong>" in page
    known = client.get("/check/", {"user_id": "100001"}).content.decode()
    assert "<strong>green</strong>" not in known
    assert "no user with this id" not in page
    wrong = client.get("/check/", {"user_id": "100001", "user_age": "old"})
    assert (wrong.status_code, "must be a whole number" in wrong.content.decode()) == (422, True)


def test_conditions_that_did_not_decide_say_so(client: Client, people: People, manager: Actor) -> None:
    experiment = make_experiment(manager, Status.RUNNING, key="other", conditions=CONDITIONS, variants=ALL)
    force_user(manager, experiment, "green", "production", user_id="1")
    client.force_login(people.viewer)
    page = client.get("/check/", {"user_id": "1", "q": "other"}).content.decode()
    assert "The decision did not come to them." in page
    assert "This decided" not in page


def test_who_gets_a_variant_comes_first_and_pages_follow(
    client: Client, people: People, manager: Actor
) -> None:
    make_experiment(manager, Status.RUNNING, key="zz_everyone", variants=ALL)
    client.force_login(people.viewer)
    page = client.get("/check/", {"user_id": "1", "split_group": "9"}).content.decode()
    assert page.index("<code>zz_everyone</code>") < page.index("<code>running</code>")


def test_the_page_asks_as_much_whatever_the_number_of_tests(
    client: Client, people: People, manager: Actor, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        make_experiment(manager, Status.RUNNING, key=f"more_{number}", conditions=CONDITIONS, variants=ALL)
    client.force_login(people.viewer)
    client.get("/check/", {"user_id": "1"})
    with django_assert_max_num_queries(25):
        client.get("/check/", {"user_id": "1"})
