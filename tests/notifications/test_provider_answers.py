"""What each answer of each provider makes of a delivery: one row a case, played by stand-ins on loopback."""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

import pytest
from pytest_django import Settings

from core import clock
from notifications import outgoing, sending
from notifications.connections import check_connection
from notifications.kinds import EventKind
from notifications.models import Delivery, Event
from tests.notifications.standin.server import RETRY_AFTER, Behaviour, Server, standing_in
from tests.notifications.standin.stages import STAGES, Stage

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)


class Row(NamedTuple):
    """What the record says after the answer, and after two hours in which the provider is well again."""

    behaviour: Behaviour
    state: str
    counts_for_breaker: bool
    later: str


TABLE: Final = [
    Row(Behaviour.GOOD, "sent", False, "sent"),
    Row(Behaviour.BAD_REQUEST, "given_up", False, "given_up"),
    Row(Behaviour.NOT_LET_IN, "failed", True, "sent"),
    Row(Behaviour.FORBIDDEN, "failed", True, "sent"),
    Row(Behaviour.NOT_FOUND, "given_up", False, "given_up"),
    Row(Behaviour.CONFLICT, "given_up", False, "given_up"),
    Row(Behaviour.TOO_MANY, "failed", False, "sent"),
    Row(Behaviour.BROKEN, "failed", True, "sent"),
    Row(Behaviour.HANG, "failed", True, "sent"),
    Row(Behaviour.CUT, "failed", True, "sent"),
    Row(Behaviour.LOST, "failed", True, "sent"),
    Row(Behaviour.RUBBISH, "failed", False, "sent"),
]


def deliver_to(stage: Stage, server: Server) -> Delivery:
    """Something to tell by way of this provider, due now."""
    event = Event.objects.create(key="paused:1", kind=EventKind.PAUSED, at=NOW, data={"message": "Enough."})
    return Delivery.objects.create(
        event=event,
        channel=stage.channel,
        connection=stage.connect(server.url),
        recipient=stage.recipient,
        not_before=NOW,
        created_at=NOW,
    )


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.behaviour.name.lower())
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_answer_leads_to_its_state(
    stage: Stage,
    row: Row,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    caplog.set_level("DEBUG")
    provider = stage.play()
    with standing_in(provider) as server:
        delivery = deliver_to(stage, server)
        assert delivery.connection is not None
        server.behaves(row.behaviour, on=stage.on, times=1)
        with monkeypatch.context() as patched, clock.frozen_at(NOW):
            if row.behaviour is Behaviour.HANG:
                patched.setattr(outgoing, "READ_SECONDS", 0.2)
            assert sending.send_due(stage.channel) == 1
        delivery.refresh_from_db()
        delivery.connection.refresh_from_db()
        assert (delivery.state, delivery.attempts) == (row.state, 1), delivery.answer
        assert delivery.connection.failures == int(row.counts_for_breaker)
        if row.behaviour is Behaviour.TOO_MANY:
            assert delivery.not_before == NOW + dt.timedelta(seconds=RETRY_AFTER)
        words = delivery.answer

        with clock.frozen_at(NOW + dt.timedelta(hours=2)):
            sending.send_due(stage.channel)
        delivery.refresh_from_db()
        assert delivery.state == row.later, delivery.answer
        twice = row.behaviour is Behaviour.LOST and not stage.finds_repetitions
        assert len(provider.seen) == (0 if row.later == "given_up" else 2 if twice else 1)
    for told in (words, delivery.answer, delivery.connection.last_error, caplog.text):
        assert told == "" or stage.secret("").removeprefix("/hooks/") not in told


# Matrix is played as far as it takes messages; its own test is of the real server.
@pytest.mark.parametrize(
    "stage", [stage for stage in STAGES if stage.name != "matrix"], ids=lambda stage: stage.name
)
def test_what_was_refused_goes_out_as_soon_as_the_test_says_that_the_account_is_mended(
    stage: Stage, settings: Settings
) -> None:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    provider = stage.play()
    with standing_in(provider) as server:
        delivery = deliver_to(stage, server)
        server.behaves(Behaviour.NOT_LET_IN, on=stage.on, times=1)
        with clock.frozen_at(NOW):
            sending.send_due(stage.channel)
        # As after many attempts, each later than the one before.
        Delivery.objects.update(not_before=NOW + dt.timedelta(hours=1))
        with clock.frozen_at(NOW + dt.timedelta(minutes=1)):
            assert sending.send_due(stage.channel) == 0
            assert delivery.connection_id is not None
            report = check_connection(delivery.connection_id)
            assert report is not None
            assert report.is_ok, report.steps
            assert sending.send_due(stage.channel) == 1
        assert len(provider.seen) == 1


def test_a_list_of_every_answer_that_a_server_can_give() -> None:
    assert [row.behaviour for row in TABLE] == list(Behaviour)
