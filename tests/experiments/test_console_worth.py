"""The card "Is it worth running?": asked by address, answered in sentences, with and without htmx."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.models import Kind
from tests.conftest import People
from tests.factories import add_settings, make_draft, make_experiment

WORTH = "/tests/button/worth/"
HTMX = {"HX-Request": "true"}
HALVES = [{"name": "control", "percent": "50", "is_control": True}, {"name": "green", "percent": "50"}]


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


@pytest.fixture
def button(mia: Actor, warehouse: Warehouse) -> None:
    make_experiment(mia, Status.DEV, key="button", variants=HALVES)


def asked(client: Client, status: int = 200, **query: Any) -> str:
    """The words of the answer to htmx."""
    response = client.get(WORTH, {"metric": "proportion", **query}, headers=HTMX)
    assert response.status_code == status
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_page_of_a_test_loads_the_card(button: None, mia: Actor, client: Client) -> None:
    assert f'hx-get="{WORTH}"' in client.get("/tests/button/").content.decode()
    make_experiment(mia, kind=Kind.GROUP, key="grown_up")
    assert "worth" not in client.get("/groups/grown_up/").content.decode()
    assert client.get("/groups/grown_up/worth/").status_code == 404


def test_the_form_begins_with_what_was_counted(button: None, client: Client) -> None:
    assert "is needed: what the metric is today" in asked(client, 422, baseline="")
    text = client.get(WORTH, headers=HTMX).content.decode()
    assert "Of the 24,000 users who meet the conditions" in text
    assert 'name="visitors_per_day" value="2400"' in text
    assert "worth-answer" not in text


def test_an_answer_in_sentences_and_tables(button: None, client: Client) -> None:
    text = asked(client, baseline="5", visitors_per_day="2400", effects="20", power="90", alpha="5")
    assert re.search(r"In 28 days it reaches about 1\d,\d{3} users in its smallest variant", text)
    assert "A conversion rate that is at least" in text
    assert "would be found with a chance of 90 %." in text
    assert re.search(r"To find 20 % higher \(5 % → 6 %\) it has to run \d+ days\.", text)
    assert "14 days" in text
    assert "Usually the same users come back" in text


def test_the_usual_effects_are_shown_when_none_is_named(button: None, client: Client) -> None:
    text = asked(client, baseline="5", visitors_per_day="2400")
    for effect in ("1 % higher (5 % → 5.05 %)", "10 % higher (5 % → 5.5 %)", "20 % higher (5 % → 6 %)"):
        assert effect in text
    assert "never: “control” needs" in text or "never: “green” needs" in text


def test_a_mean(button: None, client: Client) -> None:
    text = asked(
        client, metric="mean", baseline="12.5", deviation="30", effects="10", visitors_per_day="2,400"
    )
    assert "10 % higher (12.5 → 13.8)" in text


def test_without_htmx_it_is_a_page(button: None, client: Client) -> None:
    text = client.get(WORTH, {"baseline": "5"}).content.decode()
    assert "<html" in text
    assert "In 28 days it reaches" in text
    assert "is a guess" in text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"baseline": "100"}, "must be more than 0 % and less than 100 %"),
        ({"baseline": "x"}, "must be a number"),
        ({"baseline": "5", "effects": "-100"}, "must stay between 0 % and 100 %"),
        ({"baseline": "5", "effects": "0"}, "no number of users shows that nothing changes"),
        ({"baseline": "5", "metric": "mean"}, "is needed for a mean"),
        ({"baseline": "5", "metric": "median"}, "Select a valid choice"),
        ({"baseline": "5", "days": "0"}, "must be a whole number of days from 1 to 365"),
        ({"baseline": "5", "power": "5"}, "must be more than alpha"),
        ({"baseline": "5", "visitors_per_day": "30000"}, "at most the 24,000 users"),
        (
            {"baseline": "5", "visitors_per_day": "10", "visitors_per_week": "9"},
            "must be at least the 10 of one day",
        ),
        ({"baseline": "9" * 31}, "at most 30 characters"),
        ({"baseline": "<script>"}, "must be a number"),
    ],
)
def test_nonsense_is_refused_at_its_field(
    button: None, client: Client, query: dict[str, str], words: str
) -> None:
    text = asked(client, 422, **query)
    assert words in text
    assert "worth-answer" not in text
    assert "<script>" not in text


def test_where_nothing_can_be_said_it_says_why(mia: Actor, warehouse: Warehouse, client: Client) -> None:
    experiment = make_draft(mia, "button")
    assert "Once there are prepared settings" in asked(client, baseline="5")
    add_settings(mia, experiment)
    assert "Once there are prepared settings" in asked(client, baseline="5")


def test_a_single_variant_has_nothing_to_compare_with(
    mia: Actor, warehouse: Warehouse, client: Client
) -> None:
    make_experiment(mia, key="button", variants=[{"name": "a", "percent": "5"}])
    assert "nothing to compare it with" in asked(client, 409, baseline="5")


def test_somebody_else_s_draft_is_not_there(
    mia: Actor, warehouse: Warehouse, people: People, client: Client
) -> None:
    make_experiment(mia, key="button", variants=HALVES)
    client.force_login(people.viewer)
    assert client.get(WORTH, headers=HTMX).status_code == 404
