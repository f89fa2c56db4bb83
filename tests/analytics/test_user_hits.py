"""What the hits of one user say happened, as the page that checks a user shows it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.actors import Actor
from analytics.store import StoredHit
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.analytics.counted import HOUR, FakeStore, use_store
from tests.conftest import People
from tests.factories import make_experiment

PART = "/analytics/user-hits/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def mia(people: People, client: Client, warehouse: object) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    return use_store(monkeypatch, FakeStore())


def hit(
    experiment: Experiment, number: int = 0, *, forced: bool = False, test_user: bool = False
) -> StoredHit:
    assert experiment.current is not None
    return StoredHit(
        group_id=experiment.current.pk,
        test=experiment.key,
        settings_group=1,
        variant="green",
        user_id="4711",
        device_id=None,
        split_group=7,
        environment="production",
        time=clock.now() - number * HOUR,
        forced=forced,
        test_user=test_user,
    )


def part(client: Client, **query: str) -> str:
    response = client.get(PART, query, headers=HTMX)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def test_every_hit_with_time_test_and_kind(mia: Actor, client: Client, store: FakeStore) -> None:
    button = make_experiment(mia, Status.RUNNING, key="button")
    store.hits = [hit(button), hit(button, 1, forced=True), hit(button, 2, test_user=True)]
    text = part(client, user_id="4711")
    assert text.count('href="/tests/button/"') == 3
    assert text.count("<strong>green</strong>") == 3
    assert (text.count(">forced<"), text.count(">test user<")) == (1, 1)
    assert f"{clock.now() - HOUR:%Y-%m-%d %H:}" in text
    assert store.asked == [("4711", None, {"test": None, "limit": 21})]
    part(client, device_id="phone", test="button")
    assert store.asked[1] == (None, "phone", {"test": "button", "limit": 21})


def test_more_is_asked_for_step_by_step(mia: Actor, client: Client, store: FakeStore) -> None:
    button = make_experiment(mia, Status.RUNNING, key="button")
    store.hits = [hit(button, number) for number in range(600)]
    text = part(client, user_id="4711")
    assert text.count("<strong>green</strong>") == 20
    assert f"{PART}?user_id=4711&amp;limit=40" in text
    assert part(client, user_id="4711", limit="40").count("<strong>green</strong>") == 40
    all_of_them = part(client, user_id="4711", limit="99999999")
    assert all_of_them.count("<strong>green</strong>") == 500
    assert "these are the latest 500" in all_of_them


def test_somebody_else_s_draft_is_not_shown(
    mia: Actor, people: People, client: Client, store: FakeStore
) -> None:
    store.hits = [hit(make_experiment(mia, key="secret_idea"))]
    assert "secret_idea" in part(client, user_id="4711")
    client.force_login(people.viewer)
    text = part(client, user_id="4711")
    assert "secret_idea" not in text
    assert "No hit of this user has come" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "'; DROP TABLE users; --",
        "a\nb\r\nc\td",
        "\x00",
        "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
        "x" * 5_000,
        "%s{{ 7 }}",
        "😀" * 300,
    ],
)
def test_any_id_goes_through_unharmed(mia: Actor, client: Client, store: FakeStore, hostile: str) -> None:
    for name in ("user_id", "device_id"):
        text = part(client, **{name: hostile, "test": hostile})
        assert "No hit of this user in this test has come" in text
        assert "<script>" not in text


def test_a_store_that_is_down_says_so(mia: Actor, client: Client, store: FakeStore) -> None:
    store.fails = "The <disk> is gone."
    text = part(client, user_id="4711")
    assert "Hits cannot be read at the moment" in text
    assert "The &lt;disk&gt; is gone." in text


def test_nobody_named_and_opened_directly(mia: Actor, client: Client, store: FakeStore) -> None:
    text = client.get(PART).content.decode()
    assert "<html" in text
    assert "Give a user id or a device id" in text
    assert store.asked == []
