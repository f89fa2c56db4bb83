"""A mute counts from the moment it is there, whatever was planned, tried or put into a digest before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from notifications import sending
from notifications.channels.base import SendFailed
from notifications.models import ChannelKind, Connection, Delivery, Mute, Provider
from notifications.services import resend
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.told import RememberingChannel, read_and_plan, with_mail

pytestmark = pytest.mark.usefixtures("warehouse")
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> RememberingChannel:
    channel = RememberingChannel()
    channel.find_person = lambda email, username: "U1"  # type: ignore[attr-defined]
    monkeypatch.setattr(sending, "channel_for", lambda delivery: channel)
    return channel


@pytest.fixture
def tests(people: People) -> Iterator[list[Experiment]]:
    """Three running tests of one manager with an address. The clock stands still."""
    with_mail(people.manager)
    with clock.frozen_at(NOW - dt.timedelta(hours=1)):
        tests = [make_experiment(Actor.person(people.manager), Status.RUNNING) for _ in range(3)]
    with clock.frozen_at(NOW):
        read_and_plan()
        yield tests


def pause(people: People, *tests: Experiment) -> None:
    for test in tests:
        apply_verb(Actor.person(people.superuser), test, Verb.PAUSE)
    read_and_plan()


def mute_behind_the_back(people: People, test: Experiment) -> None:
    """As whoever planned meanwhile leaves it: a mute, and deliveries that did not know of it."""
    Mute.objects.create(person=people.manager, experiment=test)


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def test_who_muted_while_it_was_planned_is_not_told(
    people: People, tests: list[Experiment], channel: RememberingChannel
) -> None:
    pause(people, *tests[:2])
    mute_behind_the_back(people, tests[0])
    assert sending.send_due(ChannelKind.MAIL) == 1
    assert states() == ["muted", "sent"]
    assert len(channel.sent) == 1
    assert sending.send_due(ChannelKind.MAIL) == 0


def test_a_digest_leaves_out_what_was_muted(
    people: People, tests: list[Experiment], channel: RememberingChannel
) -> None:
    pause(people, *tests)
    apply_verb(Actor.person(people.superuser), tests[0], Verb.RESUME)
    read_and_plan()
    Delivery.objects.update(not_before=NOW)
    mute_behind_the_back(people, tests[1])
    sending.send_due(ChannelKind.MAIL)
    assert sorted(states()) == ["digested", "digested", "muted", "sent"]
    [(_, message, _, _)] = channel.sent
    assert tests[1].key not in str(message)
    assert tests[0].key in str(message)


def test_a_next_attempt_leaves_out_what_was_muted_meanwhile(
    people: People, tests: list[Experiment], channel: RememberingChannel
) -> None:
    pause(people, *tests)
    channel.failures = [SendFailed("busy")] * 2
    sending.send_due(ChannelKind.MAIL)
    mute_behind_the_back(people, tests[0])
    with clock.frozen_at(NOW + dt.timedelta(hours=1)):
        sending.send_due(ChannelKind.MAIL)
        for test in tests[1:]:
            mute_behind_the_back(people, test)
    with clock.frozen_at(NOW + dt.timedelta(hours=3)):
        assert sending.send_due(ChannelKind.MAIL) == 0
    assert channel.sent == []
    assert states() == ["muted", "digested", "digested"]


def test_sending_again_asks_too(people: People, tests: list[Experiment], channel: RememberingChannel) -> None:
    pause(people, tests[0])
    channel.failures = [SendFailed("no such mailbox", permanent=True)]
    sending.send_due(ChannelKind.MAIL)
    mute_behind_the_back(people, tests[0])
    resend(Actor.person(people.superuser), Delivery.objects.get().pk)
    assert sending.send_due(ChannelKind.MAIL) == 0
    assert states() == ["muted"]


@pytest.mark.parametrize("is_muted", [True, False])
def test_a_refused_direct_message_waits_where_mail_is_muted_else_comes_by_mail(
    people: People, tests: list[Experiment], channel: RememberingChannel, is_muted: bool
) -> None:
    chat = Connection.objects.create(
        name="chat", provider=Provider.SLACK, url="https://example.org", secret=b""
    )
    pause(people, tests[0])
    Delivery.objects.update(channel="chat", connection=chat, recipient=f"person:{people.manager.pk}")
    if is_muted:
        Mute.objects.create(person=people.manager, channel=ChannelKind.MAIL)
    # Not let in: 401 or 403.
    channel.failures = [SendFailed("invalid_auth", permanent=True, provider_down=True)]
    sending.send_due(ChannelKind.CHAT)
    channels = list(Delivery.objects.order_by("pk").values_list("channel", "state"))
    assert channels == ([("chat", "failed")] if is_muted else [("chat", "given_up"), ("mail", "pending")])
