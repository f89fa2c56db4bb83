"""What is done with the list: a file of it, tags for many tests at once, views under names of one's own."""

from __future__ import annotations

import csv
import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import Environment, User
from analytics.models import DailyHits, Who
from console.models import SavedView
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.conftest import People
from tests.factories import make_draft, make_experiment


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


def _file(client: Client, query: dict[str, str]) -> list[dict[str, str]]:
    answer = client.get("/tests.csv", query)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # a streamed answer
    return list(csv.DictReader(text.removeprefix("\ufeff").splitlines()))


def test_the_file_has_what_the_list_shows(mia: Actor, warehouse: Any, client: Client) -> None:
    properties: dict[str, object] = {
        "name": "=HYPERLINK(1)",
        "area": "@payments",
        "tags": ["-winter"],
        "jira_issue": "PAY-17",
    }
    test = make_experiment(mia, Status.RUNNING, key="green_button", properties=properties)
    make_draft(mia, key="an_idea")
    assert test.current is not None
    now = clock.now()
    DailyHits.objects.create(
        settings_group=test.current,
        variant="green",
        environment=Environment.PRODUCTION,
        who=Who.USERS,
        hits=1234,
        first_at=now,
        last_at=now,
        day=now.astimezone(dt.UTC).date(),
    )
    idea, button = _file(client, {"sort": "status"})
    assert (idea["key"], idea["users_per_variant"], idea["hits_today"]) == ("an_idea", "", "")
    assert (button["name"], button["area"], button["tags"]) == ("'=HYPERLINK(1)", "'@payments", "'-winter")
    assert (button["managers"], button["jira_issue"], button["hits_today"]) == ("manager", "PAY-17", "1234")
    assert button["users_per_variant"].startswith("control: ")
    assert [row["key"] for row in _file(client, {"status": "draft"})] == ["an_idea"]
    assert "1,234" in client.get("/tests/").content.decode()


def test_the_file_has_all_pages(mia: Actor, client: Client) -> None:
    for number in range(60):
        make_draft(mia, key=f"idea_{number}")
    assert len(_file(client, {"page": "2"})) == 60


def test_chosen_tests_get_a_tag_and_lose_it_again(mia: Actor, client: Client) -> None:
    tests = [make_draft(mia), make_draft(mia), make_draft(mia)]
    sent = {"test": [str(test.pk) for test in tests[:2]], "tag": "Winter", "query": "q=test&next=//evil"}
    answer = client.post("/tag/tests/", {**sent, "op": "add"}, follow=True)
    assert answer.redirect_chain == [("/tests/?q=test", 302)]
    assert "2 tests got the tag." in answer.content.decode()
    assert list(Experiment.objects.order_by("pk").values_list("tags", flat=True)) == [
        ["winter"],
        ["winter"],
        [],
    ]
    answer = client.post("/tag/tests/", {**sent, "op": "remove"}, follow=True)
    assert "2 tests lost the tag." in answer.content.decode()
    assert not Experiment.objects.exclude(tags=[]).exists()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"tag": "winter"}, "Choose at least one test."),
        ({"test": ["x", "9" * 30, "-1"], "tag": "winter"}, "Choose at least one test."),
        ({"test": "own", "tag": " , "}, "Type a tag."),
        ({"test": "own", "tag": "x" * 33}, "at most 32"),
    ],
)
def test_what_cannot_be_tagged_is_said(sent: dict[str, Any], said: str, mia: Actor, client: Client) -> None:
    own = make_draft(mia)
    if sent.get("test") == "own":
        sent = {**sent, "test": str(own.pk)}
    assert said in client.post("/tag/tests/", {**sent, "op": "add"}, follow=True).content.decode()


def test_other_peoples_tests_are_not_tagged(
    mia: Actor, people: People, warehouse: Any, client: Client
) -> None:
    theirs = make_experiment(Actor.person(people.other_manager), Status.RUNNING)
    hidden = make_draft(Actor.person(people.other_manager))
    page = client.get("/tests/").content.decode()
    assert 'name="test"' not in page
    assert client.post("/tag/tests/", {"test": str(theirs.pk), "tag": "x"}).status_code == 403
    answer = client.post("/tag/tests/", {"test": str(hidden.pk), "tag": "x"}, follow=True)
    assert "Choose at least one test." in answer.content.decode()
    assert not Experiment.objects.exclude(tags=[]).exists()


def test_a_view_is_kept_under_a_name_shown_to_nobody_else_and_removed(
    mia: Actor, people: People, client: Client
) -> None:
    sent = {"name": " My  payments ", "query": "area=payments&sort=-name&page=3&evil=1&status=moon"}
    answer = client.post("/views/keep/", sent, follow=True)
    assert answer.redirect_chain == [("/tests/?area=payments&sort=-name", 302)]
    view = SavedView.objects.get()
    assert (view.name, view.query) == ("My payments", "area=payments&sort=-name")
    assert 'href="/tests/?area=payments&amp;sort=-name"' in client.get("/tests/").content.decode()
    client.post("/views/keep/", {"name": "My payments", "query": "q=button"}, follow=True)
    assert SavedView.objects.get().query == "q=button"
    client.force_login(people.viewer)
    assert "My payments" not in client.get("/tests/").content.decode()
    assert client.post(f"/views/{view.pk}/remove/").status_code == 404
    client.force_login(people.manager)
    assert client.post(f"/views/{view.pk}/remove/").status_code == 302
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["", "x" * 61, "a\x00b"])
def test_a_view_needs_a_name(name: str, mia: Actor, client: Client) -> None:
    answer = client.post("/views/keep/", {"name": name, "query": ""}, follow=True)
    assert "Give the view a name" in answer.content.decode()
    assert not SavedView.objects.exists()


def test_times_and_words_of_the_file_are_utc_and_english_whoever_asks(
    mia: Actor, people: People, warehouse: Any, client: Client
) -> None:
    ended = clock.now() - dt.timedelta(hours=1)
    with clock.frozen_at(ended - dt.timedelta(days=3)):
        make_experiment(mia, Status.RUNNING, key="over", ends_at=ended.isoformat())
    User.objects.filter(pk=people.manager.pk).update(language="ja", time_zone="Pacific/Kiritimati")
    (row,) = _file(client, {})
    assert row["ends_at"] == f"{ended:%Y-%m-%dT%H:%M:%SZ}"
    assert row["started_at"].endswith("Z")
    assert (row["status"], row["side"]) == ("Running", "Server")
    # The days in its sentences, too: on that island it is already tomorrow for most of the day.
    assert f"Its dates ended on {ended:%Y-%m-%d}" in row["attention"]


def test_the_file_is_read_in_as_many_queries_however_many_tests_there_are(
    mia: Actor, warehouse: Any, client: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            _file(client, {})
        return len(found)

    make_experiment(mia, Status.RUNNING)
    queries()
    few = queries()
    for number in range(3):
        make_experiment(mia, Status.RUNNING, key=f"more_{number}")
    make_draft(mia)
    queries()
    assert queries() == few
