"""Connections as services know them: what is checked, what is kept, what is told, and the test of an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pytest_django import Settings

from accounts.actors import Actor
from changelog.models import Entry, SubjectKind
from core import clock
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound, StaleTransition
from experiments.history import visible_entries
from notifications.breaker import note_failure
from notifications.channels import registry
from notifications.channels.base import Account, CheckReport
from notifications.connections import (
    ask_for_check,
    check_connection,
    create_connection,
    switch_connection,
    update_connection,
)
from notifications.models import ChannelKind, Connection, Delivery, DeliveryState, Event, Provider
from notifications.secrets import decrypt
from notifications.sending import send_due
from tests.conftest import People
from tests.notifications.told import RememberingChannel, with_mail

SECRET = "xoxb-very-secret"
SLACK: Mapping[str, str] = {"name": "Chat", "url": "https://slack.com/api", "secret": SECRET}
HOOK = "https://chat.example.org/hooks/abc?key=def"


@pytest.fixture
def superuser(people: People) -> Actor:
    return Actor.person(people.superuser)


def slack(superuser: Actor, **given: Any) -> Connection:
    return create_connection(superuser, Provider.SLACK, **{**SLACK, **given})


def secret_of(row: Connection) -> str:
    return decrypt(bytes(row.secret))


class FakeAccount(RememberingChannel):
    """Its test answers what a test says."""

    def __init__(self, report: CheckReport | Exception) -> None:
        super().__init__()
        self.report = report

    def check(self) -> CheckReport:
        if isinstance(self.report, Exception):
            raise self.report
        return self.report


def provider_says(monkeypatch: pytest.MonkeyPatch, report: CheckReport | Exception) -> list[Account]:
    """Stand in for every provider; the accounts that it was asked with."""
    accounts: list[Account] = []

    def channel(account: Account) -> FakeAccount:
        accounts.append(account)
        return FakeAccount(report)

    monkeypatch.setattr(registry, "PROVIDERS", dict.fromkeys(Provider, channel))
    return accounts


def test_a_connection_keeps_its_secret_to_itself(superuser: Actor) -> None:
    row = slack(superuser)
    assert secret_of(row) == SECRET
    assert SECRET.encode() not in bytes(row.secret)
    entry = Entry.objects.get(subject_kind=SubjectKind.CONNECTION)
    assert entry.message == "connected Chat (Slack)"
    assert SECRET not in f"{entry.message} {entry.changes}"
    assert [change["label"] for change in entry.changes] == ["Name", "Address", "Bot token"]


def test_the_address_of_a_hook_is_its_secret(superuser: Actor) -> None:
    row = create_connection(
        superuser, Provider.WEBHOOK, name="Team", secret=HOOK, format="teams", areas="payments, search,"
    )
    assert (row.url, secret_of(row)) == ("https://chat.example.org", HOOK)
    assert row.options == {"format": "teams", "areas": ["payments", "search"]}
    assert "abc" not in str(Entry.objects.get(subject_kind=SubjectKind.CONNECTION).changes)


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"name": " "}, "name", "Must not be empty."),
        ({"name": "x" * 101}, "name", "Must have at most 100 characters."),
        ({"name": "a\nb"}, "name", "Must be one line"),
        ({"name": "a\x00"}, "name", "NUL"),
        ({"name": 7}, "name", "Must be a text."),
        ({"url": "slack.com"}, "url", "Must be an address such as"),
        ({"url": "https://slack.com:port"}, "url", "Must be an address such as"),
        ({"url": "https://[slack.com"}, "url", "Must be an address such as"),
        ({"url": "ftp://slack.com"}, "url", "Must be an address such as"),
        ({"url": "http://slack.com"}, "url", "Must begin with https://"),
        ({"url": "https://me:word@slack.com"}, "url", "Must not hold a user name"),
        ({"url": "https://slack.com/api?x=1"}, "url", "no question mark"),
        ({"secret": ""}, "secret", "Must not be empty."),
        ({"secret": "two words"}, "secret", "Was it copied whole"),
        ({"secret": "tökén"}, "secret", "Was it copied whole"),
        ({"secret": "a\r\nX-Header: b"}, "secret", "Must be one line"),
        ({"colour": "red"}, "colour", "There is no such field."),
    ],
)
def test_what_is_wrong_is_named(superuser: Actor, given: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        slack(superuser, **given)
    assert [error.path for error in refusal.value.errors] == [field]
    assert words in refusal.value.detail
    assert SECRET not in refusal.value.detail
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("provider", "given", "fields"),
    [
        (Provider.WEBHOOK, {"secret": "chat.example.org"}, {"secret", "format"}),
        (Provider.WEBHOOK, {"secret": HOOK, "format": "irc"}, {"format"}),
        (
            Provider.JIRA_CLOUD,
            {"secret": "a", "url": "https://j", "account": "mia"},
            {"account"},
        ),
        (
            Provider.JIRA_DATA_CENTER,
            {"account": "mia@example.org"},
            {"url", "secret", "account"},
        ),
    ],
)
def test_each_provider_needs_its_own(
    superuser: Actor, provider: Provider, given: dict[str, str], fields: set[str]
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create_connection(superuser, provider, name="One", **given)
    assert {error.path for error in refusal.value.errors} == fields


def test_a_server_of_ones_own_network_may_be_asked_in_the_open(superuser: Actor, settings: Settings) -> None:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["10.0.0.0/8"]
    assert slack(superuser, url="http://10.1.2.3:8008/").url == "http://10.1.2.3:8008"


def test_only_superusers_may(people: People, superuser: Actor) -> None:
    row, manager = slack(superuser), Actor.person(people.manager)
    refused = pytest.raises(NotAllowed)
    with refused:
        create_connection(manager, Provider.SLACK, **SLACK)
    with refused:
        update_connection(manager, row.pk, revision=1, **SLACK)
    with refused:
        switch_connection(manager, row.pk, revision=1, is_active=False)
    with refused:
        ask_for_check(manager, row.pk)
    assert not visible_entries(manager).filter(subject_kind=SubjectKind.CONNECTION).exists()
    assert visible_entries(superuser).filter(subject_kind=SubjectKind.CONNECTION).exists()
    with pytest.raises(NotFound):
        create_connection(superuser, "irc", name="One")
    with pytest.raises(NotFound):
        ask_for_check(superuser, 2**70)


def test_two_connections_have_two_names(superuser: Actor) -> None:
    slack(superuser)
    with pytest.raises(InvalidInput, match="a connection Chat already"):
        slack(superuser)
    other = slack(superuser, name="Other")
    with pytest.raises(InvalidInput, match="another connection of this name"):
        update_connection(superuser, other.pk, revision=1, name="Chat", url=other.url)


def test_a_change_keeps_the_secret_unless_one_is_typed(superuser: Actor) -> None:
    row = slack(superuser)
    row = update_connection(
        superuser, row.pk, revision=1, name="Talk", url="https://slack.com/api/v2", secret=""
    )
    assert (row.name, secret_of(row), row.revision) == ("Talk", SECRET, 2)
    row = update_connection(superuser, row.pk, revision=2, name="Talk", url=row.url, secret="another")
    assert secret_of(row) == "another"
    newest = Entry.objects.filter(subject_kind=SubjectKind.CONNECTION).order_by("-pk")[0]
    assert newest.changes == [
        {"field": "secret", "label": "Bot token", "before": "the old one", "after": "a new one"}
    ]
    with pytest.raises(StaleTransition):
        update_connection(superuser, row.pk, revision=1, name="Chat", url=row.url)


def test_a_secret_is_not_sent_to_another_server_unseen(superuser: Actor) -> None:
    row = slack(superuser)
    elsewhere = "https://evil.example.org/api"
    with pytest.raises(InvalidInput, match="secret: The address is another server's"):
        update_connection(superuser, row.pk, revision=1, name="Chat", url=elsewhere)
    moved = update_connection(superuser, row.pk, revision=1, name="Chat", url=elsewhere, secret="its-own")
    assert (moved.url, secret_of(moved)) == (elsewhere, "its-own")


def test_saving_what_is_there_already_changes_nothing(superuser: Actor) -> None:
    row = slack(superuser)
    same = update_connection(superuser, row.pk, revision=1, name=row.name, url=row.url)
    assert same.revision == 1
    assert Entry.objects.filter(subject_kind=SubjectKind.CONNECTION).count() == 1


def test_the_test_says_what_failed_and_what_the_account_is(
    superuser: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = slack(superuser)
    for _ in range(3):
        note_failure(row.pk, "Answered 500.")
    accounts = provider_says(monkeypatch, CheckReport((("Sign in", False, "invalid_auth"),)))
    ask_for_check(superuser, row.pk)
    check_connection(row.pk)
    row.refresh_from_db()
    assert row.check_steps == [["Sign in", False, "invalid_auth"]]
    assert row.closed_until is not None
    assert accounts[0].secret == SECRET
    steps = (("Sign in", True, ""), ("May write", True, ""))
    provider_says(monkeypatch, CheckReport(steps, {"account": "@bot:example.org"}))
    check_connection(row.pk)
    row.refresh_from_db()
    assert (row.account, row.failures) == ("@bot:example.org", 0)
    assert row.closed_until is None, "what works is let through at once"
    assert row.checked_at is not None


def test_a_test_that_breaks_is_an_answer_too(superuser: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    row = slack(superuser)
    provider_says(monkeypatch, RuntimeError(SECRET))
    check_connection(row.pk)
    row.refresh_from_db()
    assert row.check_steps == [["Try the account", False, "RuntimeError in our own code; the log says more."]]
    Connection.objects.filter(pk=row.pk).update(secret=b"rubbish")
    check_connection(row.pk)
    row.refresh_from_db()
    assert "type it in again" in row.check_steps[0][2]


def test_what_was_found_of_older_settings_is_forgotten(
    superuser: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = slack(superuser)
    provider_says(monkeypatch, CheckReport((("Sign in", True, ""),)))

    def changed_meanwhile(account: Account) -> FakeAccount:
        update_connection(superuser, row.pk, revision=1, name="Other", url=row.url)
        return FakeAccount(CheckReport((("Sign in", True, ""),)))

    monkeypatch.setattr(registry, "PROVIDERS", {Provider.SLACK: changed_meanwhile})
    check_connection(row.pk)
    row.refresh_from_db()
    assert (row.name, row.check_steps, row.checked_at) == ("Other", [], None)


def test_nothing_goes_out_over_what_is_switched_off(
    people: People, superuser: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider_says(monkeypatch, CheckReport(()))
    with_mail(people.manager)
    row = slack(superuser)
    event = Event.objects.create(key="e", kind="paused", at=clock.now(), planned_at=clock.now())
    waiting = Delivery.objects.create(
        event=event, channel=ChannelKind.CHAT, connection=row, recipient="hook:1"
    )
    direct = Delivery.objects.create(
        event=event, channel=ChannelKind.CHAT, connection=row, recipient="person:1", person=people.manager
    )
    off = switch_connection(superuser, row.pk, revision=1, is_active=False)
    assert not off.is_active
    for delivery in (waiting, direct):
        delivery.refresh_from_db()
        assert (delivery.state, delivery.answer) == (
            DeliveryState.GIVEN_UP,
            "The connection Chat was switched off before this was sent.",
        )
    assert Delivery.objects.get(channel=ChannelKind.MAIL).person == people.manager
    assert send_due(ChannelKind.CHAT) == 0
    with pytest.raises(Conflict, match="switched off"):
        ask_for_check(superuser, row.pk)
    assert check_connection(row.pk) is None
    on = switch_connection(superuser, row.pk, revision=2, is_active=True)
    assert on.is_active
    assert switch_connection(superuser, row.pk, revision=3, is_active=True).revision == 3
    said = Entry.objects.filter(subject_kind=SubjectKind.CONNECTION).order_by("pk")
    assert [entry.message.split(" Chat")[0] for entry in said] == ["connected", "switched off", "switched on"]
