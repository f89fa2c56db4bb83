"""From pending to an end: sent, tried again, given up; leases, digests, and the circuit breaker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from accounts.actors import Actor
from core import clock
from core.errors import Conflict, NotAllowed
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from notifications import sending
from notifications.channels.base import SendFailed
from notifications.models import ChannelKind, Connection, Delivery, DeliveryState, Provider
from notifications.planning import plan_events
from notifications.services import resend
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.told import RememberingChannel, read_and_plan, with_mail

pytestmark = pytest.mark.usefixtures("warehouse")
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> RememberingChannel:
    channel = RememberingChannel()
    monkeypatch.setattr(sending, "channel_for", lambda delivery: channel)
    return channel


@pytest.fixture
def running(people: People) -> Iterator[Experiment]:
    """A running test whose manager has an address. The clock stands still."""
    with_mail(people.manager)
    with clock.frozen_at(NOW - dt.timedelta(hours=1)):
        experiment = make_experiment(Actor.person(people.manager), Status.RUNNING)
    with clock.frozen_at(NOW):
        read_and_plan()
        yield experiment


def pause(people: People, experiment: Experiment, verb: Verb = Verb.PAUSE) -> Delivery:
    """Somebody else pauses it: its manager is written to."""
    apply_verb(Actor.person(people.superuser), experiment, verb)
    read_and_plan()
    return Delivery.objects.order_by("pk").last() or pytest.fail("nobody is told")


def later(**time: float) -> dt.datetime:
    return NOW + dt.timedelta(**time)


def test_what_is_due_is_sent_once(people: People, running: Experiment, channel: RememberingChannel) -> None:
    delivery = pause(people, running)
    assert [sending.send_due(ChannelKind.MAIL) for _ in range(2)] == [1, 0]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.answer, delivery.reference) == ("sent", "ok", "reference")
    assert [(to, token, repeated) for to, _, token, repeated in channel.sent] == [
        ("manager@example.org", delivery.token, False)
    ]


def test_what_is_not_due_yet_waits(people: People, running: Experiment, channel: RememberingChannel) -> None:
    pause(people, running)
    Delivery.objects.update(not_before=later(minutes=5))
    assert sending.send_due(ChannelKind.MAIL) == 0
    with clock.frozen_at(later(minutes=5)):
        assert sending.send_due(ChannelKind.MAIL) == 1


def test_a_failure_is_tried_again_later_and_later_then_given_up(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    delivery, moment, pauses = pause(people, running), NOW, []
    for _ in range(sending.ATTEMPTS):
        channel.failures = [SendFailed("out of order")]
        with clock.frozen_at(moment):
            assert sending.send_due(ChannelKind.MAIL) == 1
        delivery.refresh_from_db()
        pauses.append((delivery.not_before - moment).total_seconds())
        moment = delivery.not_before
    assert (delivery.state, delivery.attempts, delivery.answer) == ("given_up", 10, "out of order")
    # Ten seconds, doubled, varied by a quarter; nothing follows the last.
    assert all(0.75 <= pause / (10 * 2**index) <= 1.25 for index, pause in enumerate(pauses[:-1]))
    with clock.frozen_at(moment + dt.timedelta(days=1)):
        assert sending.send_due(ChannelKind.MAIL) == 0


def test_what_fails_for_good_is_not_tried_again(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    delivery = pause(people, running)
    channel.failures = [SendFailed("no such address", permanent=True)]
    sending.send_due(ChannelKind.MAIL)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("given_up", 1)


def test_the_provider_says_when_to_come_back(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    delivery = pause(people, running)
    channel.failures = [SendFailed("too many", retry_after=77)]
    sending.send_due(ChannelKind.MAIL)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.not_before) == ("failed", later(seconds=77))


def test_a_provider_that_asks_for_a_rest_gets_it_from_all_messages(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    hook = Connection.objects.create(
        name="team", provider=Provider.WEBHOOK, url="https://example.org", secret=b""
    )
    for verb in (Verb.PAUSE, Verb.RESUME):
        pause(people, running, verb)
    channel.failures = [SendFailed("too many", retry_after=77)]
    assert sending.send_due(ChannelKind.CHAT) == 1, "the other one would only be told the same"
    hook.refresh_from_db()
    assert (hook.failures, hook.closed_until) == (0, later(seconds=77))
    with clock.frozen_at(later(seconds=77)):
        assert sending.send_due(ChannelKind.CHAT) == 2


def test_a_channel_that_breaks_is_an_answer_too(
    people: People, running: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = pause(people, running)
    monkeypatch.setattr(sending, "channel_for", lambda delivery: None)
    sending.send_due(ChannelKind.MAIL)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.answer) == (
        "failed",
        "AttributeError in our own code; the log says more.",
    )


def test_whoever_died_while_sending_is_followed_by_another_that_knows(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    delivery = pause(people, running)
    assert sending.claim(ChannelKind.MAIL) is not None
    assert sending.send_due(ChannelKind.MAIL) == 0, "the lease is another's"
    with clock.frozen_at(later(minutes=3)):
        assert sending.send_due(ChannelKind.MAIL) == 1
    assert [(token, repeated) for _, _, token, repeated in channel.sent] == [(delivery.token, True)]


def test_whoever_was_slower_than_the_lease_writes_over_nothing(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    delivery = pause(people, running)
    slow = sending.claim(ChannelKind.MAIL)
    assert slow is not None
    with clock.frozen_at(later(minutes=3)):
        sending.send_due(ChannelKind.MAIL)
        channel.failures = [SendFailed("too late")]
        sending.attempt(slow)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.answer) == ("sent", "ok")


def test_many_at_a_time_come_as_one_and_stay_one(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    for verb in (Verb.PAUSE, Verb.RESUME, Verb.PAUSE):
        pause(people, running, verb)
    Delivery.objects.update(not_before=NOW)
    channel.failures = [SendFailed("out of order")]
    assert sending.send_due(ChannelKind.MAIL) == 1
    with clock.frozen_at(later(minutes=1)):
        assert sending.send_due(ChannelKind.MAIL) == 1
    ((_, message, _, _),) = channel.sent
    assert message.title.startswith("3 messages about “")
    assert message.text.count("is paused") == 2
    assert message.text.count("goes on") == 1
    states = Delivery.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [DeliveryState.SENT, DeliveryState.DIGESTED, DeliveryState.DIGESTED]


def test_a_dead_provider_is_left_alone_and_tried_with_one_message(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    hook = Connection.objects.create(
        name="team", provider=Provider.WEBHOOK, url="https://example.org", secret=b""
    )
    for verb in [Verb.PAUSE, Verb.RESUME] * 3:
        pause(people, running, verb)
    channel.failures = [SendFailed("connection refused", provider_down=True)] * 4
    assert sending.send_due(ChannelKind.CHAT) == 3, "after three failures in a row nobody else finds out"
    hook.refresh_from_db()
    assert (hook.failures, hook.closed_until, hook.last_error) == (3, later(seconds=30), "connection refused")
    with clock.frozen_at(later(seconds=31)):
        assert sending.send_due(ChannelKind.CHAT) == 1
    with clock.frozen_at(later(minutes=2)):
        assert sending.send_due(ChannelKind.CHAT) == 6
    hook.refresh_from_db()
    assert (hook.failures, hook.closed_until) == (0, None)


def test_a_direct_message_that_cannot_be_sent_comes_by_mail(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    chat = Connection.objects.create(
        name="chat", provider=Provider.SLACK, url="https://example.org", secret=b""
    )
    delivery = pause(people, running)
    Delivery.objects.update(channel="chat", connection=chat, recipient=f"person:{people.manager.pk}")
    channel.failures = [SendFailed("knows nobody like that", permanent=True)]
    channel.find_person = lambda email, username: "U1"  # type: ignore[attr-defined]
    sending.send_due(ChannelKind.CHAT)
    assert list(Delivery.objects.exclude(pk=delivery.pk).values_list("channel", "recipient", "state")) == [
        ("mail", "manager@example.org", "pending")
    ]


def test_what_was_given_up_is_sent_again_by_who_may(
    people: People, running: Experiment, channel: RememberingChannel
) -> None:
    delivery = pause(people, running)
    with pytest.raises(Conflict):
        resend(Actor.person(people.manager), delivery.pk)
    channel.failures = [SendFailed("no such address", permanent=True)]
    sending.send_due(ChannelKind.MAIL)
    with pytest.raises(NotAllowed):
        resend(Actor.person(people.viewer), delivery.pk)
    resend(Actor.person(people.manager), delivery.pk)
    assert sending.send_due(ChannelKind.MAIL) == 1
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert channel.sent[0][3], "it may have got through before"


def test_an_event_planned_late_is_planned_by_the_sweep(people: People, running: Experiment) -> None:
    apply_verb(Actor.person(people.superuser), running, Verb.PAUSE)
    assert plan_events() == 0
    read_and_plan()
    assert Delivery.objects.count() == 1
