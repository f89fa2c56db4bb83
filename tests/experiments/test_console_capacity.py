"""The capacity calendar: room by day, the first day with enough of it, who takes the rest, whose draft stays unnamed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status
from tests.conftest import People
from tests.factories import make_experiment

PAGE = "/capacity/"
HALF: list[dict[str, object]] = [{"name": "a", "percent": "25"}, {"name": "b", "percent": "25"}]
EVERYBODY: list[dict[str, object]] = [{"name": "a", "percent": "50"}, {"name": "b", "percent": "50"}]


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


@pytest.fixture
def read(client: Client) -> Callable[..., str]:
    def page(**query: int) -> str:
        response = client.get(PAGE, query)
        assert response.status_code == 200
        return " ".join(response.content.decode().split())

    return page


def _in_days(days: int) -> dt.datetime:
    return clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=days)


def test_without_tests_everything_is_free(mia: Actor, read: Callable[..., str]) -> None:
    text = read(groups=2400)
    assert "No test owns a split group" in text
    assert "2,400</span> split groups are free, 0 busy" in text
    assert (
        f"{clock.now():%Y-%m-%d}</span> is the first day from which 2,400 split groups (100 %) stay free for good"
        in text
    )


def test_room_comes_when_tests_end(mia: Actor, warehouse: Any, read: Callable[..., str]) -> None:
    make_experiment(mia, Status.RUNNING, key="half", variants=HALF, ends_at=_in_days(10).isoformat())
    text = read(groups=1201, days=5)
    assert "1,200</span> split groups are free, 1,200 busy" in text
    assert f"{_in_days(10):%Y-%m-%d}</span> is the first day" in text
    assert "stay free for 5 days" in text
    # The drawing and its table say the same.
    assert text.count("1,200 free, 1,200 busy</title>") == 10
    assert text.count("2,400 free, 0 busy</title>") == 80
    assert f"<td>{clock.now():%Y-%m-%d}</td> <td>{_in_days(9):%Y-%m-%d}</td>" in text


def test_tests_without_an_end_leave_no_day(mia: Actor, warehouse: Any, read: Callable[..., str]) -> None:
    make_experiment(mia, Status.RUNNING, key="half", variants=HALF)
    text = read(groups=1201)
    assert "No day is known from which 1,201 split groups (50 1/24 %) stay free for good" in text


def test_who_takes_the_most_and_a_test_of_everybody_makes_nothing_busy(
    mia: Actor, warehouse: Any, read: Callable[..., str]
) -> None:
    make_experiment(mia, Status.RUNNING, key="small")
    make_experiment(mia, Status.RUNNING, key="everybody", variants=EVERYBODY)
    text = read()
    assert "2,160</span> split groups are free" in text
    assert text.index("<code>everybody</code>") < text.index("<code>small</code>")
    assert "so it makes none busy" in text


def test_drafts_of_others_take_room_without_a_name(
    mia: Actor, people: People, warehouse: Any, read: Callable[..., str]
) -> None:
    other = Actor.person(people.other_manager)
    make_experiment(other, Status.DRAFT, key="secret_idea", variants=HALF)
    text = read()
    assert "secret" not in text.lower()
    assert "A draft of other managers" in text
    assert "1,200</span> split groups are free" in text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"groups": ""}, "Say how many split groups you need."),
        ({"groups": "many"}, "Must be a whole number from 1 to 2,400."),
        ({"groups": "2401"}, "less than or equal to 2400"),
        ({"groups": "0"}, "greater than or equal to 1"),
        ({"groups": "9" * 5000}, "Must be a whole number from 1 to 2,400."),
        ({"groups": "24", "days": "a week"}, "or empty"),
        ({"groups": "24", "days": "-1"}, "greater than or equal to 1"),
        ({"groups": "\x00"}, "Must be a whole number from 1 to 2,400."),
    ],
)
def test_nonsense_is_answered_at_its_field(
    query: dict[str, str], words: str, mia: Actor, client: Client
) -> None:
    response = client.get(PAGE, query)
    assert response.status_code == 422
    assert words in response.content.decode()
