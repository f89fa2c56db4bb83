"""Who hears of what, on which channel and when."""

from __future__ import annotations

import datetime as dt

import pytest

from accounts.actors import Actor
from accounts.models import User
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from notifications.models import Connection, Delivery, Event, Mute, Provider, Room
from notifications.outbox import read_entries
from notifications.planning import plan_events
from notifications.services import mute, save_habits, unmute
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.told import read_and_plan, told, with_mail

pytestmark = pytest.mark.usefixtures("warehouse")
NIGHT = dt.datetime(2026, 11, 23, 22, 30, tzinfo=dt.UTC)


@pytest.fixture
def running(people: People) -> Experiment:
    """A running test of two managers with addresses; what led there is told already."""
    with_mail(people.manager, people.other_manager, people.superuser)
    experiment = make_experiment(Actor.person(people.manager), Status.RUNNING)
    experiment.managers.add(people.other_manager)
    read_and_plan()
    return experiment


def pause(person: User, experiment: Experiment) -> Event:
    apply_verb(Actor.person(person), experiment, Verb.PAUSE)
    read_and_plan()
    return Event.objects.get(kind="paused")


def test_managers_hear_of_it_but_not_the_one_who_did_it(people: People, running: Experiment) -> None:
    pause(people.manager, running)
    assert told() == [("paused", "mail", "other_manager@example.org")]


def test_managers_hear_what_machines_and_superusers_did(people: People, running: Experiment) -> None:
    pause(people.superuser, running)
    assert told() == [
        ("paused", "mail", "manager@example.org"),
        ("paused", "mail", "other_manager@example.org"),
    ]


def test_somebody_without_an_address_or_switched_off_is_not_written_to(
    people: People, running: Experiment
) -> None:
    User.objects.filter(pk=people.other_manager.pk).update(is_active=False)
    User.objects.filter(pk=people.manager.pk).update(email="")
    event = pause(people.superuser, running)
    assert told() == []
    assert event.skipped == "Nobody wants to hear of it."


def test_planned_twice_is_planned_once(people: People, running: Experiment) -> None:
    pause(people.superuser, running)
    Event.objects.update(planned_at=None)
    plan_events()
    assert len(told()) == 2


def test_an_event_that_nobody_can_plan_holds_up_no_other(people: People, running: Experiment) -> None:
    of_tomorrow = Event.objects.create(
        key="e:1", kind="of a newer version", experiment=running, at=clock.now()
    )
    pause(people.superuser, running)
    assert len(told()) == 2
    of_tomorrow.refresh_from_db()
    assert of_tomorrow.planned_at is None, "the newer version may come back"
    Event.objects.filter(pk=of_tomorrow.pk).update(kind="resumed")
    plan_events()
    assert len(told()) == 4


@pytest.mark.parametrize(
    "what",
    [{"kind": "paused"}, {"channel": "mail"}, {"experiment": True}, {"experiment": True, "kind": "paused"}],
)
def test_what_is_muted_is_not_told(people: People, running: Experiment, what: dict[str, object]) -> None:
    mute(people.manager, **{**what, **({"experiment": running} if "experiment" in what else {})})  # type: ignore[arg-type]
    pause(people.superuser, running)
    assert [recipient for *_, recipient in told()] == ["other_manager@example.org"]


@pytest.mark.parametrize("what", [{"kind": "started"}, {"kind": "paused", "channel": "chat"}])
def test_what_is_not_muted_is_told(people: People, running: Experiment, what: dict[str, str]) -> None:
    mute(people.manager, **what)  # type: ignore[arg-type]
    pause(people.superuser, running)
    assert len(told()) == 2


def test_muted_twice_and_unmuted_once_is_heard_again(people: People) -> None:
    for _ in range(2):
        mute(people.manager, kind="paused")
    assert Mute.objects.count() == 1
    unmute(people.manager, kind="paused")
    assert not Mute.objects.exists()


def sleep_at_night(person: User) -> None:
    save_habits(
        person,
        email=f"{person.username}@example.org",
        time_zone="Europe/Berlin",
        quiet_from=dt.time(22),
        quiet_until=dt.time(7),
        quiet_weekends=False,
        digest=True,
        direct="mail",
    )


def test_quiet_hours_put_off_what_is_not_urgent(people: People, running: Experiment) -> None:
    sleep_at_night(people.other_manager)
    with clock.frozen_at(NIGHT):
        apply_verb(Actor.person(people.manager), running, Verb.PAUSE)
        apply_verb(Actor.person(people.manager), running, Verb.RESUME)
        read_and_plan()
    moments = dict(Delivery.objects.values_list("event__kind", "not_before"))
    # A pause is urgent. Berlin is an hour ahead of UTC in November.
    assert moments == {"paused": NIGHT, "resumed": dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)}


def test_a_mute_ends_what_still_waits_in_quiet_hours_and_nothing_else(
    people: People, running: Experiment
) -> None:
    for person in (people.manager, people.other_manager):
        sleep_at_night(person)
    other = make_experiment(Actor.person(people.manager), Status.RUNNING, key="other")
    other.managers.add(people.other_manager)
    read_and_plan()
    with clock.frozen_at(NIGHT):
        for experiment in (running, other):
            apply_verb(Actor.person(people.superuser), experiment, Verb.PAUSE)
            apply_verb(Actor.person(people.superuser), experiment, Verb.RESUME)
        read_and_plan()
        mute(people.other_manager, experiment=running)
        mute(people.other_manager, kind="paused", channel="chat")
    muted = Delivery.objects.filter(state="muted")
    assert list(muted.values_list("person__username", "event__experiment", "event__kind").order_by("pk")) == [
        ("other_manager", running.pk, "paused"),
        ("other_manager", running.pk, "resumed"),
    ]


def test_after_a_burst_the_rest_waits_to_come_as_one(people: People, running: Experiment) -> None:
    manager = Actor.person(people.manager)
    now = clock.now()
    with clock.frozen_at(now):
        for _ in range(3):
            apply_verb(manager, running, Verb.PAUSE)
            apply_verb(manager, running, Verb.RESUME)
            read_and_plan()
    late = Delivery.objects.filter(not_before__gt=now)
    assert (
        list(late.values_list("event__kind", "not_before"))
        == [("resumed", now + dt.timedelta(minutes=10))] * 2
    )
    assert Delivery.objects.filter(not_before=now).count() == 4


def test_rooms_teams_and_the_issue_hear_of_it(people: People, running: Experiment) -> None:
    Experiment.objects.filter(pk=running.pk).update(jira_issue="PAY-17", area="payments")
    matrix, jira, team, _other = (
        Connection.objects.create(
            name=name, provider=provider, url="https://example.org", secret=b"", options=options
        )
        for name, provider, options in (
            ("matrix", Provider.MATRIX, {}),
            ("jira", Provider.JIRA_CLOUD, {}),
            ("payments", Provider.WEBHOOK, {"areas": ["payments"]}),
            ("search", Provider.WEBHOOK, {"areas": ["search"]}),
        )
    )
    room = Room.objects.create(
        experiment=running, connection=matrix, state=Room.State.OPEN, room_id="!a", name="a"
    )
    pause(people.superuser, running)
    places = Delivery.objects.filter(person=None).order_by("pk")
    assert list(places.values_list("channel", "recipient", "connection_id")) == [
        ("chat", f"room:{room.pk}", matrix.pk),
        ("chat", f"hook:{team.pk}", team.pk),
        ("jira", "issue:PAY-17", jira.pk),
    ]


def test_a_draft_is_told_its_managers_only(people: People) -> None:
    with_mail(people.manager, people.superuser)
    Connection.objects.create(name="team", provider=Provider.WEBHOOK, url="https://example.org", secret=b"")
    read_entries()
    make_experiment(Actor.person(people.manager), Status.DRAFT)
    read_and_plan()
    assert told() == [("prepared", "mail", "manager@example.org")]
