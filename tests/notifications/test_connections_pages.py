"""The pages on which superusers connect chats and Jira."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client

from accounts.actors import Actor
from core import clock
from notifications.breaker import note_failure
from notifications.connections import create_connection
from notifications.models import ChannelKind, Connection, Delivery, Event, Provider
from tests.conftest import People

SECRET = "xoxb-very-secret"
FORM = {"name": "Chat", "url": "https://slack.com/api", "secret": SECRET}


@pytest.fixture
def console(client: Client, people: People) -> Client:
    """Signed in as the superuser."""
    client.force_login(people.superuser)
    return client


@pytest.fixture
def slack(people: People) -> Connection:
    return create_connection(Actor.person(people.superuser), Provider.SLACK, **FORM)


def text(console: Client, address: str) -> str:
    return console.get(address).content.decode()


def test_what_is_connected_is_tested_at_once(console: Client) -> None:
    assert "Nothing is connected yet" in text(console, "/connections/")
    page = console.post("/new/connection/slack/", FORM, follow=True)
    row = Connection.objects.get()
    assert page.redirect_chain == [(f"/connections/{row.pk}/", 302)]
    assert row.check_asked_at is not None
    assert "A worker tries the account now" in page.content.decode()
    assert SECRET not in page.content.decode()
    assert "Nothing is connected yet" not in text(console, "/connections/")


def test_a_refused_form_keeps_what_was_typed_but_for_the_secret(console: Client) -> None:
    answer = console.post("/new/connection/slack/", {**FORM, "url": "slack"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="slack"' in page
    assert "Must be an address such as" in page
    assert "type it once more" in page
    assert SECRET not in page
    assert console.get("/new/connection/irc/").status_code == 404


def test_each_provider_has_its_fields(console: Client) -> None:
    hook = text(console, "/new/connection/webhook/")
    assert "Only these areas" in hook
    assert "Hook address" in hook
    assert 'name="url"' not in hook
    assert "E-mail address of the account" in text(console, "/new/connection/jira_cloud/")
    assert 'name="account"' not in text(console, "/new/connection/jira_data_center/")


def test_a_change_in_between_keeps_what_was_typed(console: Client, slack: Connection) -> None:
    address = f"/connections/{slack.pk}/"
    saved = console.post(address, {**FORM, "name": "Talk", "secret": "", "revision": "1"}, follow=True)
    assert "Talk is saved." in saved.content.decode()
    late = console.post(address, {**FORM, "name": "Gossip", "secret": "", "revision": "1"})
    assert late.status_code == 409
    assert 'value="Gossip"' in late.content.decode()
    assert 'value="2"' in late.content.decode(), "saving once more puts it in place"
    assert console.post(address, {**FORM, "revision": "9" * 30}).status_code == 409


def test_the_card_of_the_test_asks_for_itself_until_it_is_over(console: Client, slack: Connection) -> None:
    address = f"/connections/{slack.pk}/check/"
    htmx = {"HX-Request": "true"}
    card = console.post(address, headers=htmx).content.decode()
    assert 'hx-trigger="every 1s"' in card
    Connection.objects.update(
        checked_at=clock.now(),
        check_steps=[["Reach Slack", True, ""], ["May write", False, "Lacks <chat:write>."]],
    )
    card = console.get(address, headers=htmx).content.decode()
    assert "It does not work" in card
    assert "Lacks &lt;chat:write&gt;." in card
    assert "every 1s" not in card


def test_a_test_that_nobody_takes_up_says_so(console: Client, slack: Connection) -> None:
    asked = clock.now() - dt.timedelta(minutes=5)
    Connection.objects.update(check_asked_at=asked)
    page = text(console, f"/connections/{slack.pk}/")
    assert "No worker has taken up the test" in page
    assert "every 1s" not in page


def test_the_breaker_and_what_waits_are_shown(console: Client, slack: Connection) -> None:
    for _ in range(3):
        note_failure(slack.pk, "Answered 503 <soon>.")
    event = Event.objects.create(key="e", kind="paused", at=clock.now(), planned_at=clock.now())
    Delivery.objects.create(event=event, channel=ChannelKind.CHAT, connection=slack, recipient="hook:1")
    listed = text(console, "/connections/")
    assert "Answered 503 &lt;soon&gt;." in listed
    assert "paused" in listed
    page = text(console, f"/connections/{slack.pk}/")
    assert "3 failures in a row" in page
    assert "Nothing goes out before" in page
    assert "1 message waits." in page
    record = f"/notifications/?connection={slack.pk}&state=waiting"
    told = '<span class="text-break">Chat</span>'
    assert told in text(console, record)
    assert told not in text(console, "/notifications/?state=sent")
    for nonsense in ("9" * 30, "-1", "x", "%00"):
        assert console.get(f"/notifications/?connection={nonsense}").status_code == 200


def test_off_and_on_again(console: Client, slack: Connection) -> None:
    address = f"/connections/{slack.pk}/switch/"
    page = console.post(f"{address}off/", {"revision": "1"}, follow=True).content.decode()
    assert "Chat is switched off: nothing goes out over it." in page
    assert 'id="check-now"' not in page
    assert console.post(f"/connections/{slack.pk}/check/").status_code == 409
    page = console.post(f"{address}on/", {"revision": "2"}, follow=True).content.decode()
    assert "Chat is in use again." in page
    assert console.post(f"{address}off/", {"revision": "2"}).status_code == 409
    assert console.post("/connections/999/switch/off/", {"revision": "2"}).status_code == 404
