"""What people read at an issue: each event once, whatever happens to the worker that writes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.services import apply_verb
from notifications import sending
from notifications.models import ChannelKind, Delivery
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.jiras import BOTH, Connected, connected_jira
from tests.notifications.told import read_and_plan

pytestmark = pytest.mark.usefixtures("warehouse")
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)


@pytest.fixture
def jira(request: pytest.FixtureRequest, settings: Settings, db: None) -> Iterator[Connected]:
    """Connected at NOW; nothing is told of before."""
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    settings.PUBLIC_URL = "https://split.example.org"
    with clock.frozen_at(NOW), connected_jira(is_cloud=getattr(request, "param", True)) as jira:
        yield jira


def pause(people: People) -> Delivery:
    """A running test of PAY-17 is paused: the comment that is due."""
    with clock.frozen_at(NOW - dt.timedelta(hours=1)):
        experiment = make_experiment(
            Actor.person(people.manager),
            Status.RUNNING,
            key="green_button",
            properties={"name": "Green *button*", "jira_issue": "PAY-17"},
        )
    read_and_plan()
    Delivery.objects.all().delete()
    apply_verb(Actor.person(people.superuser), experiment, Verb.PAUSE)
    read_and_plan()
    return Delivery.objects.get(channel=ChannelKind.JIRA)


@BOTH
def test_an_event_is_one_comment_with_a_link(people: People, jira: Connected) -> None:
    delivery = pause(people)
    assert sending.send_due(ChannelKind.JIRA) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.answer, delivery.reference) == ("sent", "Answered 201.", "20000")
    (comment,) = jira.standin.comments()
    name = "Green *button*" if jira.standin.is_cloud else r"Green \*button*"
    assert f"“{name}” is paused" in comment
    assert "(by Superuser)" in comment.replace("\\", "")
    assert f"https://split.example.org/tests/green_button/#n-{delivery.token.hex}" in comment


@BOTH
def test_a_worker_that_dies_ten_times_before_writing_down_comments_once(
    people: People, jira: Connected
) -> None:
    delivery = pause(people)
    for death in range(10):
        with clock.frozen_at(NOW + dt.timedelta(minutes=3 * death)):
            claimed = sending.claim(ChannelKind.JIRA)
            assert claimed is not None
            # What `attempt` does before it writes down; here the worker dies.
            sending._send(claimed)
    with clock.frozen_at(NOW + dt.timedelta(minutes=30)):
        assert sending.send_due(ChannelKind.JIRA) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.answer) == ("sent", "The comment was there already.")
    assert delivery.reference == "20000"
    assert len(jira.standin.comments()) == 1


def test_others_comments_do_not_hide_ours(people: People, jira: Connected) -> None:
    pause(people)
    claimed = sending.claim(ChannelKind.JIRA)
    assert claimed is not None
    sending._send(claimed)
    comments = jira.standin.issues["PAY-17"].comments
    comments += [{"id": str(number), "body": None} for number in range(99)]
    with clock.frozen_at(NOW + dt.timedelta(minutes=3)):
        sending.send_due(ChannelKind.JIRA)
    assert len(comments) == 100
