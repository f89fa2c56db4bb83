"""What Jira says under the field where an issue is typed, and on a test's page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.actors import Actor
from accounts.models import User
from experiments.lifecycle import Status
from notifications import issue_check
from notifications.channels.jira_api import IssuePerson
from notifications.issue_check import matching_people
from notifications.issues import look_at_issues
from notifications.models import Connection, JiraIssue
from tests.conftest import People
from tests.factories import make_draft, make_experiment
from tests.notifications.jiras import Connected, connected_jira
from tests.notifications.standin.server import Behaviour

CHECK = "/notifications/jira/check/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def jira(settings: Settings, people: People) -> Iterator[Connected]:
    """Jira Cloud, connected."""
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    with connected_jira(is_cloud=True) as jira:
        yield jira


def asked(client: Client, key: str) -> str:
    """What the field says of the key."""
    response = client.get(CHECK, {"jira_issue": key}, headers=HTMX)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def named(person: User, first_name: str, email: str = "") -> None:
    person.first_name, person.last_name, person.email = first_name, "Lee", email
    person.save(update_fields=["first_name", "last_name", "email"])


def test_the_field_tells_the_title_and_proposes_managers(
    client: Client, people: People, jira: Connected
) -> None:
    named(people.manager, "Mia", "mia@example.org")
    named(people.other_manager, "Ola")
    named(people.viewer, "Vic", "vic@example.org")
    issue = jira.standin.issues["PAY-17"]
    issue.reporter = {"displayName": "M.", "emailAddress": "Mia@Example.org", "active": True}
    issue.watchers = [
        {"displayName": "Ola Lee", "active": True},
        {"displayName": "Vic Lee", "emailAddress": "vic@example.org", "active": True},
        {"displayName": "Mia", "emailAddress": "mia@example.org", "active": True},
    ]
    client.force_login(people.manager)
    text = asked(client, " PAY-17 ")
    assert "Green button" in text
    assert "To Do" in text
    assert [text.count(f'value="{name}"') for name in ("manager", "other_manager", "viewer")] == [1, 1, 0]
    assert f'href="{jira.server.url}/browse/PAY-17"' in text
    ticked = client.get(CHECK, {"jira_issue": "PAY-17", "managers": ["manager", "viewer"]}, headers=HTMX)
    assert 'value="other_manager"' in ticked.content.decode()
    assert 'value="manager"' not in ticked.content.decode()


def test_the_field_says_what_is_wrong_and_never_that_nothing_can_be_saved(
    client: Client, people: People, jira: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(people.manager)
    assert "Jira has no issue PAY-18" in asked(client, "PAY-18")
    assert "Must be the key of an issue" in asked(client, "../myself?x=")
    assert asked(client, "") == ""
    monkeypatch.setattr(issue_check, "SECONDS", 0.3)
    jira.server.behaves(Behaviour.HANG, times=1)
    assert "Jira could not be asked: No answer within" in asked(client, "PAY-17")
    for behaviour in (Behaviour.BROKEN, Behaviour.CUT):
        jira.server.behaves(behaviour, on="watchers", times=1)
        assert "You can save all the same" in asked(client, "PAY-17")
    before = len(jira.server.received)
    assert "Jira does not answer at the moment" in asked(client, "PAY-17")
    assert len(jira.server.received) == before
    Connection.objects.update(is_active=False)
    assert asked(client, "PAY-17") == ""


def test_only_who_manages_tests_may_ask_jira(client: Client, people: People, jira: Connected) -> None:
    client.force_login(people.qa)
    assert client.get(CHECK, {"key": "PAY-17"}, headers=HTMX).status_code == 403
    assert jira.server.received == []


def test_people_are_matched_by_address_by_user_name_or_by_a_name_that_one_has(people: People) -> None:
    named(people.manager, "Mia", "mia@example.org")
    named(people.other_manager, "Mia", "")
    named(people.superuser, "Sue", "mia@elsewhere.example")
    nobody = [
        IssuePerson("Mia Lee", "", ""),
        IssuePerson("Sue Lee", "sue@example.org", ""),
        IssuePerson("", "", "viewer"),
        IssuePerson("", "", ""),
    ]
    assert matching_people(nobody) == []
    somebody = [IssuePerson("?", "", "OTHER_manager"), IssuePerson("sue lee", "", "")]
    assert matching_people(somebody) == [people.other_manager, people.superuser]


@pytest.mark.usefixtures("warehouse")
def test_the_card_tells_issue_and_task(client: Client, people: People, jira: Connected) -> None:
    manager = Actor.person(people.manager)
    make_experiment(
        manager, Status.FINISHED, key="green_button", properties={"name": "G", "jira_issue": "PAY-17"}
    )
    client.force_login(people.manager)
    assert (
        "PAY-17: Jira is asked within a minute." in client.get("/tests/green_button/jira/").content.decode()
    )
    look_at_issues()
    card = client.get("/tests/green_button/jira/", headers=HTMX).content.decode()
    for said in ("Green button", "Task to cut it out", "Cut green_button out of the code", "/browse/PAY-101"):
        assert said in card
    assert client.post("/tests/green_button/jira/ask/").status_code == 302
    assert look_at_issues() == 2
    assert len(jira.standin.tasks()) == 1


def test_the_card_says_what_to_do_where_there_is_nothing(client: Client, people: People, db: None) -> None:
    make_draft(Actor.person(people.manager), key="green_button")
    client.force_login(people.superuser)
    assert 'href="/connections/"' in client.get("/tests/green_button/jira/", headers=HTMX).content.decode()
    assert not JiraIssue.objects.exists()
    client.force_login(people.viewer)
    assert client.get("/tests/green_button/jira/", headers=HTMX).status_code == 404
