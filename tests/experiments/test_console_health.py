"""The page on the health of the split groups: verdicts in words, asking for a check, who is told of an alarm where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client, override_settings
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.actors import Actor
from audience.loading import load_users
from audience.warehouse import get_warehouse
from experiments.lifecycle import Status
from experiments.models import HealthCheck
from experiments.services import check_split_groups
from tests.conftest import People
from tests.factories import make_experiment

PAGE = "/split-groups/"
HTMX = {"HX-Request": "true", "HX-Target": "health"}


@pytest.fixture
def page_of(client: Client) -> Callable[..., str]:
    def read(person: Any, address: str = PAGE) -> str:
        client.force_login(person)
        response = client.get(address)
        assert response.status_code == 200
        return " ".join(response.content.decode().split())

    return read


@pytest.fixture
def marked(db: None, tmp_path: Path, settings: Settings) -> None:
    """Users of whom those in the first 240 split groups pay twice as often."""
    rng = np.random.default_rng(5)
    groups = rng.integers(1, 2401, 30_000)
    pays = rng.random(len(groups)) < np.where(groups <= 240, 0.4, 0.2)
    path = tmp_path / "marked.csv"
    rows = [f"u{index},{group},{pay}\n" for index, (group, pay) in enumerate(zip(groups, pays, strict=True))]
    path.write_text("id,split_group,is_paying\n" + "".join(rows))
    settings.WAREHOUSE_URL = f"duckdb://{tmp_path / 'marked'}"
    with override_settings(WAREHOUSE_URL=settings.WAREHOUSE_URL):
        load_users(path, warehouse=get_warehouse())


def test_before_the_first_check_it_says_when_there_will_be_one(
    people: People, page_of: Callable[..., str]
) -> None:
    text = page_of(people.viewer)
    assert "Nothing is checked yet" in text
    assert "<svg viewBox" not in text


def test_a_healthy_installation(people: People, warehouse: Any, page_of: Callable[..., str]) -> None:
    make_experiment(Actor.person(people.manager), Status.FINISHED, key="old_test")
    check_split_groups()
    text = page_of(people.viewer)
    assert "Nothing is worse than chance explains." in text
    assert f"{warehouse.user_count():,} users" in text
    assert "1 test that ended in the last 90 days" in text
    assert "Did “old_test” leave a mark on “Paying user”?" in text
    # The chart says in numbers what it draws.
    assert text.count('<rect class="us-bar"') == text.count("split groups</title>") > 10
    assert "The same as a table below" in text


def test_an_alarm_is_told_in_words_to_those_who_plan_tests(
    people: People, marked: None, page_of: Callable[..., str]
) -> None:
    check_split_groups()
    text = page_of(people.viewer)
    assert "Something is wrong with the split groups" in text
    assert "“Paying user” differs between split groups" in text
    alarm = "The split groups are not well"
    assert {person.username for person in people if alarm in page_of(person, "/tests/")} == {
        "superuser",
        "manager",
        "other_manager",
    }
    assert "The split groups need a look." in page_of(
        people.viewer, "/changelog/?kind=split_groups&verb=alarm"
    )


def test_without_a_warehouse_the_page_keeps_what_was_found(
    people: People, marked: None, settings: Settings, page_of: Callable[..., str]
) -> None:
    check_split_groups()
    settings.WAREHOUSE_URL = "nonsense://nowhere"
    check_split_groups()
    text = page_of(people.manager)
    assert "could not be done" in text
    assert "WAREHOUSE_URL must be like" in text
    assert "Something is wrong with the split groups" in text
    assert "The split groups are not well" in page_of(people.manager, "/tests/")


def test_a_check_is_asked_for_by_managers_and_awaited(
    people: People,
    warehouse: Any,
    client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    check_split_groups()
    before = HealthCheck.objects.get().pk
    client.force_login(people.viewer)
    assert client.post(f"{PAGE}check/").status_code == 403
    assert "Check now" not in client.get(PAGE).content.decode()
    client.force_login(people.manager)
    with django_capture_on_commit_callbacks() as sent:
        waiting = client.post(f"{PAGE}check/", headers=HTMX).content.decode()
    assert len(sent) == 1
    assert f"?after={before}" in waiting
    assert "every 1s" in waiting
    assert "every 1s" in client.get(PAGE, {"after": before, "polls": 5}, headers=HTMX).content.decode()
    late = client.get(PAGE, {"after": before, "polls": 60}, headers=HTMX).content.decode()
    assert "every 1s" not in late
    assert "not there yet" in late
    check_split_groups()
    done = client.get(PAGE, {"after": before, "polls": 5}, headers=HTMX).content.decode()
    assert "every 1s" not in done
    assert "<html" not in done


def test_without_scripts_asking_leads_back_to_the_page(
    people: People, warehouse: Any, client: Client
) -> None:
    client.force_login(people.manager)
    response = client.post(f"{PAGE}check/", follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    assert "are being checked" in response.content.decode()


@pytest.mark.parametrize("query", [{"after": "x"}, {"after": "9" * 40}, {"after": "1", "polls": "-3"}])
def test_nonsense_in_the_address_is_ignored(query: dict[str, str], people: People, client: Client) -> None:
    client.force_login(people.viewer)
    assert client.get(PAGE, query).status_code == 200
