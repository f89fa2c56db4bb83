"""What quiet weekends, nights without a provider, and leases that ended do to messages: nothing."""

from __future__ import annotations

import datetime as dt

import pytest

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from notifications import sending
from notifications.channels.base import SendFailed
from notifications.models import ChannelKind, Connection, Delivery, Provider
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.told import RememberingChannel, read_and_plan, with_mail

pytestmark = pytest.mark.usefixtures("warehouse")
NOW = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)
"""A Friday evening."""


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> RememberingChannel:
    channel = RememberingChannel()
    monkeypatch.setattr(sending, "channel_for", lambda delivery: channel)
    return channel


@pytest.fixture
def delivery(people: People) -> Delivery:
    """A mail that tells a manager of a pause."""
    with_mail(people.manager)
    with clock.frozen_at(NOW - dt.timedelta(hours=1)):
        experiment: Experiment = make_experiment(Actor.person(people.manager), Status.RUNNING)
    with clock.frozen_at(NOW):
        read_and_plan()
        apply_verb(Actor.person(people.superuser), experiment, Verb.PAUSE)
        read_and_plan()
    return Delivery.objects.get()


def send_at(moment: dt.datetime, channel: ChannelKind = ChannelKind.MAIL) -> int:
    with clock.frozen_at(moment):
        return sending.send_due(channel)


def test_what_waited_for_days_is_tried_as_often_as_anything_else(
    delivery: Delivery, channel: RememberingChannel
) -> None:
    monday = NOW + dt.timedelta(days=2, hours=14)
    Delivery.objects.update(not_before=monday)
    channel.failures = [SendFailed("out of order")]
    assert send_at(monday) == 1
    delivery.refresh_from_db()
    assert delivery.state == "failed"
    assert send_at(monday + dt.timedelta(minutes=1)) == 1
    delivery.refresh_from_db()
    assert delivery.state == "sent"


def test_a_mail_server_that_is_down_for_a_night_costs_no_mail(
    delivery: Delivery, channel: RememberingChannel
) -> None:
    moment, down_until = NOW, NOW + dt.timedelta(hours=40)
    while moment < down_until:
        channel.failures = [SendFailed("nobody there", provider_down=True)]
        assert send_at(moment) == 1
        delivery.refresh_from_db()
        assert delivery.state == "failed"
        moment = delivery.not_before
    assert delivery.attempts > sending.ATTEMPTS
    assert send_at(moment) == 1
    assert len(channel.sent) == 1


def test_after_two_days_without_a_provider_it_is_no_news_any_more(
    delivery: Delivery, channel: RememberingChannel
) -> None:
    for moment in (NOW, NOW + sending.PATIENCE + dt.timedelta(minutes=1)):
        channel.failures = [SendFailed("nobody there", provider_down=True)]
        send_at(moment)
    delivery.refresh_from_db()
    assert delivery.state == "given_up"


def over_a_chat(delivery: Delivery, recipient: str) -> None:
    chat = Connection.objects.create(
        name="chat", provider=Provider.SLACK, url="https://example.org", secret=b""
    )
    Delivery.objects.update(channel="chat", connection=chat, recipient=recipient)


def test_who_is_not_let_in_for_two_days_loses_the_message_then_and_not_before(
    delivery: Delivery, channel: RememberingChannel
) -> None:
    over_a_chat(delivery, "hook:1")
    states: list[str] = []
    for moment in (NOW, NOW + dt.timedelta(days=1), NOW + sending.PATIENCE + dt.timedelta(minutes=1)):
        channel.failures = [SendFailed("Answered 401", permanent=True, provider_down=True)]
        assert send_at(moment, ChannelKind.CHAT) == 1
        states += Delivery.objects.values_list("state", flat=True)
    assert states == ["failed", "failed", "given_up"]


def test_a_direct_message_that_is_not_let_in_comes_by_mail_at_once(
    delivery: Delivery, channel: RememberingChannel
) -> None:
    over_a_chat(delivery, f"person:{delivery.person_id}")
    channel.find_person = lambda email, username: "U1"  # type: ignore[attr-defined]
    channel.failures = [SendFailed("Answered 401", permanent=True, provider_down=True)]
    send_at(NOW, ChannelKind.CHAT)
    assert list(Delivery.objects.order_by("pk").values_list("channel", "state")) == [
        ("chat", "given_up"),
        ("mail", "pending"),
    ]


def test_whoever_lost_its_lease_does_not_have_it_told_by_mail_as_well(
    people: People, delivery: Delivery, channel: RememberingChannel
) -> None:
    chat = Connection.objects.create(
        name="chat", provider=Provider.SLACK, url="https://example.org", secret=b""
    )
    Delivery.objects.update(channel="chat", connection=chat, recipient=f"person:{people.manager.pk}")
    channel.find_person = lambda email, username: "U1"  # type: ignore[attr-defined]
    with clock.frozen_at(NOW):
        slow = sending.claim(ChannelKind.CHAT)
    assert slow is not None
    later = NOW + sending.LEASE + dt.timedelta(minutes=1)
    assert send_at(later, ChannelKind.CHAT) == 1
    channel.failures = [SendFailed("no such channel", permanent=True)]
    with clock.frozen_at(later):
        sending.attempt(slow)
    assert list(Delivery.objects.values_list("channel", "state")) == [("chat", "sent")]


def test_whoever_waits_for_a_dead_provider_holds_up_nobody_else(
    people: People, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a dead one", "one that is well"):
        Connection.objects.create(name=name, provider=Provider.WEBHOOK, url="https://example.org", secret=b"")
    experiment, tried = Experiment.objects.get(), list[str]()
    with clock.frozen_at(NOW):
        for verb in (Verb.RESUME, Verb.PAUSE, Verb.RESUME):
            apply_verb(Actor.person(people.superuser), experiment, verb)
            read_and_plan()

    def channel_for(delivery: Delivery) -> RememberingChannel:
        assert delivery.connection is not None
        tried.append(delivery.connection.name)
        is_dead = delivery.connection.name == "a dead one"
        return RememberingChannel(failures=[SendFailed("no answer", provider_down=True)] * is_dead)

    monkeypatch.setattr(sending, "channel_for", channel_for)
    send_at(NOW, ChannelKind.CHAT)
    assert tried == ["a dead one", *["one that is well"] * 3, *["a dead one"] * 2]


def test_what_a_killed_worker_was_sending_over_what_is_off_now_is_not_being_sent_for_ever(
    delivery: Delivery, channel: RememberingChannel
) -> None:
    off = Connection.objects.create(
        name="chat", provider=Provider.SLACK, url="https://example.org", secret=b""
    )
    Delivery.objects.update(channel="chat", connection=off, recipient=f"person:{delivery.person_id}")
    with clock.frozen_at(NOW):
        assert sending.claim(ChannelKind.CHAT) is not None
        Connection.objects.update(is_active=False)
        sending.give_up_all(off, "off")
    later = NOW + sending.LEASE + dt.timedelta(minutes=1)
    assert [send_at(later, ChannelKind.CHAT), send_at(later, ChannelKind.CHAT)] == [1, 0]
    assert channel.sent == []
    assert list(Delivery.objects.order_by("pk").values_list("channel", "state")) == [
        ("chat", "given_up"),
        ("mail", "pending"),
    ]


def test_who_left_meanwhile_is_not_written_to(
    people: People, delivery: Delivery, channel: RememberingChannel
) -> None:
    people.manager.is_active = False
    people.manager.save(update_fields=["is_active"])
    send_at(NOW)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.answer) == ("given_up", "This person cannot sign in any more.")
    assert channel.sent == []
