"""The list: status tabs, search, filters, pages, and the same number of queries for one test as for fifty."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.list_rows import audience_totals
from experiments.models import Experiment
from tests.conftest import People
from tests.factories import make_draft, make_experiment

LIST = "/tests/"


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


def _keys(text: str) -> set[str]:
    return {key for key in Experiment.objects.values_list("key", flat=True) if f"<code>{key}</code>" in text}


def test_queries_do_not_grow_with_the_list(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.RUNNING)
    client.get(LIST)
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(LIST)
    for number in range(12):
        make_experiment(mia, list(Status)[number % 5], properties={"area": f"area {number % 3}"})
    with CaptureQueriesContext(connection) as many:
        client.get(LIST)
    assert len(many) == len(few) <= 10


def test_users_per_variant_are_those_of_the_latest_count(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_experiment(mia, Status.RUNNING)
    assert test.current is not None
    totals = audience_totals([test.current.pk])[test.current.pk]
    assert 0 < totals.variant_users < totals.users
    text = client.get(LIST).content.decode()
    for users in totals.by_position.values():
        assert f"{users:,}" in text


def test_tabs_count_what_the_search_finds(mia: Actor, warehouse: Any, client: Client) -> None:
    make_draft(mia, key="green_button", area="payments", jira_issue="PAY-17")
    make_draft(mia, key="red_button", area="start page")
    make_experiment(mia, Status.RUNNING, key="red_banner")
    assert _keys(client.get(LIST).content.decode()) == {"green_button", "red_button", "red_banner"}
    assert _keys(client.get(LIST, {"q": "button"}).content.decode()) == {"green_button", "red_button"}
    assert _keys(client.get(LIST, {"q": "PAY-17"}).content.decode()) == {"green_button"}
    assert _keys(client.get(LIST, {"q": "red start"}).content.decode()) == {"red_button"}
    assert _keys(client.get(LIST, {"area": "payments"}).content.decode()) == {"green_button"}
    response = client.get(LIST, {"q": "red", "status": "running"})
    assert _keys(response.content.decode()) == {"red_banner"}
    counts = {value: number for value, _, number in response.context["tabs"]}
    assert counts == {"": 2, "draft": 1, "dev": 0, "running": 1, "paused": 0, "finished": 0}


def test_by_manager(mia: Actor, people: People, client: Client) -> None:
    make_draft(mia, key="mine")
    make_draft(mia, key="ours", managers=["other_manager"])
    assert _keys(client.get(LIST, {"manager": "other_manager"}).content.decode()) == {"ours"}


def test_typing_gets_the_results_alone(mia: Actor, client: Client) -> None:
    make_draft(mia, key="green_button")
    response = client.get(LIST, {"q": "green"}, headers={"HX-Request": "true", "HX-Target": "results"})
    text = response.content.decode()
    assert _keys(text) == {"green_button"}
    assert "<html" not in text


def test_pages(mia: Actor, client: Client) -> None:
    for number in range(60):
        make_draft(mia, key=f"idea_{number}")
    assert len(_keys(client.get(LIST).content.decode())) == 50
    assert len(_keys(client.get(LIST, {"page": "2", "q": "idea"}).content.decode())) == 10
    assert "q=idea" in client.get(LIST, {"q": "idea"}).content.decode()


@pytest.mark.parametrize(
    "query",
    [{"page": "x"}, {"page": "-1"}, {"page": "9" * 30}, {"q": "\x00"}, {"status": "moon"}, {"area": "'--"}],
)
def test_nonsense_in_the_address_is_ignored(query: dict[str, str], mia: Actor, client: Client) -> None:
    assert client.get(LIST, query).status_code == 200


def test_an_empty_list_says_what_to_do(mia: Actor, client: Client) -> None:
    assert "No tests yet" in client.get(LIST).content.decode()
    assert "Nothing fits" in client.get(LIST, {"q": "x"}).content.decode()
