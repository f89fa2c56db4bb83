"""Lists of tests: filters, pages, and no query per row."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.api import Api, wrong_fields
from tests.conftest import People
from tests.factories import add_settings, make_draft, make_experiment


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.manager)


def keys(api: Api, **query: Any) -> list[str]:
    answer = api.get("/tests/", **query)
    assert answer.status_code == 200, answer.content
    return [row["key"] for row in answer.json()["results"]]


@pytest.fixture
def three(people: People, manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(
        manager, Status.RUNNING, key="green_button", properties={"area": "payments", "jira_issue": "PAY-17"}
    )
    make_experiment(manager, Status.DEV, key="red_banner", properties={"area": "home", "side": "client"})
    make_draft(
        Actor.person(people.superuser),
        "shy",
        area="home",
        managers=["manager"],
        description="A button that hides",
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["shy", "red_banner", "green_button"]),
        ({"status": "running"}, ["green_button"]),
        ({"status": ["running", "dev"]}, ["red_banner", "green_button"]),
        ({"area": "home"}, ["shy", "red_banner"]),
        ({"manager": "superuser"}, ["shy"]),
        ({"manager": "nobody"}, []),
        ({"side": "client"}, ["red_banner"]),
        ({"search": "button"}, ["shy", "green_button"]),
        ({"search": "BUTTON hides"}, ["shy"]),
        ({"search": "pay-17"}, ["green_button"]),
        ({"search": "%"}, []),
        ({"area": "home", "status": "draft"}, ["shy"]),
    ],
)
def test_filters(api: Api, three: None, query: dict[str, Any], expected: list[str]) -> None:
    assert keys(api, **query) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "sleeping"}, "status"),
        ({"side": "dark"}, "side"),
        ({"search": "\x00"}, "search"),
        ({"manager": "x" * 1000}, "manager"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "9" * 5000}, "page_size"),
        ({"page_size": "-1"}, "page_size"),
        ({"page_size": "١٢"}, "page_size"),
        ({"cursor": "bad"}, "cursor"),
        ({"cursor": "ÿ\x00"}, "cursor"),
        ({"cursor": base64.b64encode(b"p=green").decode()}, "cursor"),
        ({"cursor": base64.b64encode(b"p=1%00").decode()}, "cursor"),
        ({"cursor": base64.b64encode(b"o=-1").decode()}, "cursor"),
    ],
)
def test_parameters_that_cannot_be_are_named(api: Api, query: dict[str, Any], field: str) -> None:
    assert wrong_fields(api.get("/tests/", **query)) == [field]


def test_pages_lead_forth_and_back_while_rows_are_added(api: Api, manager: Actor) -> None:
    for number in range(5):
        make_draft(manager, f"test_{number}")
    first = api.get("/tests/", page_size=2).json()
    assert first["previous"] is None
    make_draft(manager, "newcomer")
    second = api.client.get(first["next"]).json()
    third = api.client.get(second["next"]).json()
    assert [[row["key"] for row in page["results"]] for page in (first, second, third)] == [
        ["test_4", "test_3"],
        ["test_2", "test_1"],
        ["test_0"],
    ]
    assert third["next"] is None
    assert api.client.get(third["previous"]).json()["results"] == second["results"]


def queries(api: Api, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert api.get(address).status_code == 200
    return len(captured)


def test_the_number_of_queries_does_not_grow_with_the_rows(
    api: Api, people: People, manager: Actor, warehouse: Warehouse
) -> None:
    def fill(start: int, stop: int) -> None:
        for number in range(start, stop):
            experiment = make_experiment(manager, Status.FINISHED, key=f"test_{number}")
            add_settings(
                manager, make_draft(manager, f"draft_{number}", managers=["other_manager", "manager"])
            )
            assert Experiment.objects.get(pk=experiment.pk).outcome == "rejected"

    fill(0, 2)
    addresses = ["/tests/", "/tests/test_1/changelog/", "/tests/draft_1/settings-groups/"]
    api.get("/tests/")
    before = [queries(api, address) for address in addresses]
    fill(2, 4)
    draft = Experiment.objects.get(key="draft_1")
    for _ in range(3):
        add_settings(manager, draft)
    assert [queries(api, address) for address in addresses] == before
    assert max(before) <= 8
