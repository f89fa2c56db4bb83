"""A provider that asks to be left alone is, whoever it said so to; one that is dead holds up nobody who types."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import NoReturn

import pytest
from pytest_django import Settings

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status
from notifications import issue_check, rooms
from notifications.breaker import note_failure, note_rest, note_success
from notifications.channels.base import SendFailed
from notifications.issue_check import check_issue
from notifications.issues import look_at_issues
from notifications.models import Connection, Provider
from notifications.services_rooms import ask_for_room
from tests.conftest import People
from tests.factories import make_draft, make_experiment
from tests.notifications.jiras import Connected, connected_jira
from tests.notifications.standin.server import RETRY_AFTER, Behaviour

pytestmark = pytest.mark.usefixtures("warehouse")
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
REST_OVER = NOW + dt.timedelta(seconds=RETRY_AFTER)


@pytest.fixture(autouse=True)
def _standing_clock() -> Iterator[None]:
    with clock.frozen_at(NOW):
        yield


@pytest.fixture
def jira(settings: Settings, db: None) -> Iterator[Connected]:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    with connected_jira(is_cloud=True) as jira:
        yield jira


def connected() -> Connection:
    return Connection.objects.create(
        name="chat", provider=Provider.SLACK, url="https://example.org", secret=b""
    )


def test_a_chat_that_has_enough_of_rooms_is_asked_for_no_other_but_hears_messages(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many(connection: Connection) -> NoReturn:
        raise SendFailed("too many", retry_after=RETRY_AFTER)

    chat = connected()
    monkeypatch.setattr(rooms, "channel_of", too_many)
    actor = Actor.person(people.manager)
    for _ in range(2):
        ask_for_room(actor, make_experiment(actor, Status.RUNNING))
    assert [rooms.keep_rooms(), rooms.keep_rooms()] == [1, 0]
    chat.refresh_from_db()
    assert (chat.failures, chat.closed_until) == (0, None)
    with clock.frozen_at(REST_OVER):
        assert rooms.keep_rooms() == 1


def test_a_jira_that_has_enough_of_questions_gets_no_comments_either(people: People, jira: Connected) -> None:
    make_draft(Actor.person(people.manager), jira_issue="PAY-17")
    jira.server.behaves(Behaviour.TOO_MANY)
    assert look_at_issues() == 1
    jira.connection.refresh_from_db()
    assert (jira.connection.failures, jira.connection.closed_until) == (0, REST_OVER)


def test_what_gets_through_meanwhile_ends_a_pause_after_failures_but_no_rest(db: None) -> None:
    chat = connected()
    note_rest(chat.pk, RETRY_AFTER)
    note_success(chat.pk)
    chat.refresh_from_db()
    assert chat.closed_until == REST_OVER
    for _ in range(3):
        note_failure(chat.pk, "nobody there")
    note_success(chat.pk)
    after = Connection.objects.get()
    assert (after.failures, after.closed_until, after.last_error) == (0, None, "")


def test_who_types_waits_for_a_dead_jira_three_times_and_no_more(
    jira: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issue_check, "SECONDS", 0.2)
    jira.server.behaves(Behaviour.HANG)
    for _ in range(5):
        found = check_issue("PAY-17")
        assert found is not None
        assert "You can save all the same." in found.problem
    assert len(jira.server.received) == 3
