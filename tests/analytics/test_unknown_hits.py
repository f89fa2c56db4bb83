"""The page of hits nobody knows: what may have been meant, and who may dismiss it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from analytics.models import UnknownHits
from analytics.near_names import near_names
from changelog.models import Entry
from core import clock
from experiments.lifecycle import Status
from tests.conftest import People
from tests.factories import make_experiment

PAGE = "/hits/unknown/"


@pytest.fixture
def mia(people: People, client: Client, warehouse: object) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


def unknown(**fields: Any) -> UnknownHits:
    values: dict[str, Any] = {
        "test": "gren_button",
        "settings_group": 1,
        "variant": "green",
        "environment": "production",
        "why": "test",
        "hits": 1_204,
        "first_at": clock.now(),
        "last_at": clock.now(),
    }
    return UnknownHits.objects.create(**values | fields)


def words(client: Client) -> str:
    response = client.get(PAGE)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("gren_button", ["green_button"]),
        ("green-button", ["green_button"]),
        ("GREEN_BUTTON", ["green_button"]),
        ("greenbutton", ["green_button"]),
        ("red_baner", ["red_banner"]),
        ("something_else", []),
        ("", []),
        ("x" * 10_000, []),
    ],
)
def test_names_that_look_like_it(wrong: str, near: list[str]) -> None:
    assert near_names(wrong, ["green_button", "red_banner", "welcome_tour"]) == near


def test_each_says_what_is_wrong_and_what_was_meant(mia: Actor, client: Client) -> None:
    make_experiment(mia, Status.RUNNING, key="green_button")
    unknown()
    unknown(test="green_button", variant="gren", why="variant", hits=1)
    unknown(test="green_button", settings_group=9, why="settings_group", hits=2)
    unknown(test="nothing_like_it", hits=3)
    text = words(client)
    assert 'Did you mean <a href="/tests/green_button/"><code>green_button</code></a>' in text
    assert "Did you mean <code>green</code>" in text
    assert "The test has no such settings group" in text
    assert "There is 1." in text
    assert '<td class="text-end">1,204</td>' in text
    assert text.count("Did you mean") == 2


def test_an_empty_list_says_that_all_is_well(mia: Actor, client: Client) -> None:
    assert "Every hit that came belongs to a test" in words(client)
    assert f'href="{PAGE}"' in client.get("/tests/").content.decode()


def test_dismissed_it_is_gone_and_the_changelog_tells(mia: Actor, people: People, client: Client) -> None:
    row = unknown()
    client.force_login(people.developer)
    response = client.post(f"{PAGE}{row.pk}/dismiss/", follow=True)
    assert "Dismissed: test “gren_button”" in response.content.decode()
    assert not UnknownHits.objects.exists()
    entry = Entry.objects.latest("id")
    assert (entry.verb, entry.actor, entry.subject_key) == ("dismiss", people.developer, "gren_button")
    assert "Dismissed 1,204 hits that nobody knows" in entry.message
    assert client.post(f"{PAGE}{row.pk}/dismiss/").status_code == 404
    assert client.post(f"{PAGE}{2**70}/dismiss/").status_code == 404
    assert client.get(f"{PAGE}{row.pk}/dismiss/").status_code == 405


def test_who_only_looks_has_no_button_and_is_refused(mia: Actor, people: People, client: Client) -> None:
    row = unknown()
    for person, may in (
        (people.superuser, True),
        (people.manager, True),
        (people.other_manager, True),
        (people.developer, True),
        (people.qa, False),
        (people.viewer, False),
    ):
        client.force_login(person)
        assert (f"{row.pk}/dismiss/" in words(client)) is may
        if not may:
            assert client.post(f"{PAGE}{row.pk}/dismiss/").status_code == 403
    assert UnknownHits.objects.count() == 1


def test_somebody_else_s_draft_is_neither_named_nor_listed_nor_dismissed(
    mia: Actor, people: People, client: Client
) -> None:
    make_experiment(mia, key="secret_idea")
    row = unknown(test="secret_idea", variant="gren", why="variant")
    unknown(test="secret_ide")
    assert "Did you mean <code>green</code>" in words(client)
    client.force_login(people.other_manager)
    text = words(client)
    assert "secret_idea" not in text
    assert "secret_ide" in text
    assert client.post(f"{PAGE}{row.pk}/dismiss/").status_code == 404


def test_hostile_names_stay_text(mia: Actor, client: Client) -> None:
    unknown(test="<script>alert(1)</script>", variant="'; DROP TABLE users;\n--")
    text = words(client)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_long_list_costs_few_queries_and_has_pages(
    mia: Actor, client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        unknown(test=f"gren_button_{number}")
    with django_assert_max_num_queries(12):
        assert "Page 1 of 2" in words(client)
