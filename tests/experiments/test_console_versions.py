"""Older settings: all of them in a list, and what differs between any two."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from accounts.actors import Actor
from accounts.models import User
from changelog.models import Entry
from experiments.models import Experiment
from experiments.views import settings_versions
from tests.conftest import People
from tests.factories import add_settings, make_draft

PAGE = "/tests/green_button/settings/versions/"
ADULTS = [{"filter": "age", "operator": "gte", "value": 18}]


@pytest.fixture
def test(people: People, client: Client) -> Experiment:
    client.force_login(people.manager)
    return make_draft(Actor.person(people.manager), key="green_button")


def _page(client: Client, **query: Any) -> str:
    answer = client.get(PAGE, query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def _three(mia: Actor, test: Experiment) -> None:
    add_settings(mia, test, message="the first <b>try</b>")
    add_settings(mia, test, conditions=ADULTS, message="adults only")
    add_settings(mia, test, conditions=ADULTS, variants=[{"name": "red", "percent": "20"}])


def test_any_two_are_compared_in_either_direction(test: Experiment, manager: Actor, client: Client) -> None:
    _three(manager, test)
    newest = client.get(PAGE).context
    assert (newest["before"].number, newest["after"].number) == (2, 3)
    assert [change.field for change in newest["changes"]] == ["variants", "payloads"]
    across = client.get(PAGE, {"before": "1", "after": "3"}).context["changes"]
    assert [change.field for change in across] == ["conditions", "variants", "payloads"]
    back = client.get(PAGE, {"before": "3", "after": "1"}).context["changes"]
    assert [(one.before, one.after) for one in back] == [(one.after, one.before) for one in across]
    assert "Nothing differs." in _page(client, before=2, after=2)


def test_what_differs_is_said_in_the_readers_language_and_on_their_clocks(
    test: Experiment, manager: Actor, client: Client
) -> None:
    add_settings(manager, test)
    assert manager.user
    User.objects.filter(pk=manager.user.pk).update(language="ja", time_zone="Asia/Tokyo")
    texts = {"buy": {"green": {"en": "Get it"}}}
    with translation.override("ja"), timezone.override("Asia/Tokyo"):
        second = add_settings(manager, test, starts_at="2027-01-01T00:00Z", tokens=texts)
    changes = {change.field: change for change in client.get(PAGE).context["changes"]}
    assert changes["starts_at"].label == "開始"
    assert changes["starts_at"].after == "2027/01/01 09:00 JST"
    assert changes["tokens"].after == "buy · green · en: Get it"
    kept = {
        one["field"]: one for one in Entry.objects.get(message=f"New settings group {second.number}").changes
    }
    assert (kept["starts_at"]["label"], kept["starts_at"]["after"]) == ("Start", "2027-01-01 00:00 UTC")


def test_the_list_says_what_each_was_for_and_escapes_it(
    test: Experiment, manager: Actor, client: Client
) -> None:
    assert "No settings yet" in _page(client)
    _three(manager, test)
    page = _page(client)
    assert "adults only" in page
    assert "the first &lt;b&gt;try&lt;/b&gt;" in page
    assert 'href="/tests/green_button/settings/1/"' in page


def test_one_version_has_nothing_to_be_compared_with(
    test: Experiment, manager: Actor, client: Client
) -> None:
    add_settings(manager, test)
    assert "Compare any two" not in _page(client)


@pytest.mark.parametrize("number", ["9", "99999999999999999", "99999999999"])
def test_numbers_that_there_are_not_are_not_found(
    number: str, test: Experiment, manager: Actor, client: Client
) -> None:
    _three(manager, test)
    assert client.get(PAGE, {"before": number}).status_code == 404
    assert client.get(PAGE, {"after": number}).status_code == 404


@pytest.mark.parametrize("rubbish", ["", "0", "-1", "two", "\x00", "²"])
def test_rubbish_shows_the_newest_two(rubbish: str, test: Experiment, manager: Actor, client: Client) -> None:
    _three(manager, test)
    context = client.get(PAGE, {"before": rubbish, "after": rubbish, "below": rubbish}).context
    assert (context["before"].number, context["after"].number, len(context["rows"])) == (2, 3, 3)


def test_many_versions_are_paged_and_cost_no_more_queries(
    test: Experiment, manager: Actor, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_versions, "PAGE_SIZE", 2)
    _three(manager, test)
    assert [row.number for row in client.get(PAGE).context["rows"]] == [3, 2]
    assert "?below=2" in _page(client)
    assert [row.number for row in client.get(PAGE, {"below": "2"}).context["rows"]] == [1]
    assert "There are no older ones" in _page(client, below=1)
    few = _queries(client)
    monkeypatch.setattr(settings_versions, "PAGE_SIZE", 50)
    add_settings(manager, test)
    assert _queries(client) == few


def _queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(PAGE, {"before": "1", "after": "3"})
    return len(queries)
