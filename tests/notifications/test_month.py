"""A month of a dozen tests, minute by minute as beat would tick: exactly what is expected, nothing twice, nothing late."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb, force_user
from notifications import sending
from notifications.clockwork import plan_time_events
from notifications.models import ChannelKind, Connection, Delivery, Event, Provider, Room
from notifications.services import save_habits
from tests.conftest import People
from tests.factories import add_prepared, make_experiment
from tests.notifications.told import RememberingChannel, read_and_plan, with_mail

pytestmark = pytest.mark.usefixtures("warehouse")

BERLIN = ZoneInfo("Europe/Berlin")
BEAT = dt.timedelta(minutes=1)
# The clocks go back in the night to 25 October.
FIRST = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)
TESTS = 12
DAY = dt.timedelta(days=1)


@dataclass
class Step:
    """Something that happens at a moment."""

    at: dt.datetime
    verb: Verb | None
    test: int
    expected: str = ""


def starts_at(test: int) -> dt.datetime:
    """Nine in the morning by Berlin's clocks, on a day of its own, two days apart, before and after the change."""
    day = dt.date(2026, 10, 7) + dt.timedelta(days=2 * test)
    return dt.datetime(day.year, day.month, day.day, 9, tzinfo=BERLIN).astimezone(dt.UTC)


def ends_at(test: int) -> dt.datetime:
    return starts_at(test) + 5 * DAY + dt.timedelta(minutes=test)


def steps() -> list[Step]:
    """People start each test in time but the third, pause every second one, and finish every one but the fourth."""
    made = []
    for test in range(TESTS):
        made.append(Step(starts_at(test) - DAY, None, test, "start_near"))
        if test != 2:
            made.append(Step(starts_at(test) - dt.timedelta(hours=2), Verb.START, test, "started"))
            made.append(Step(ends_at(test) - DAY, None, test, "end_near"))
            if test % 2:
                made.append(Step(starts_at(test) + DAY, Verb.PAUSE, test, "paused"))
                made.append(Step(starts_at(test) + 2 * DAY, Verb.RESUME, test, "resumed"))
        if test != 3:
            made.append(Step(ends_at(test) + DAY, Verb.FINISH, test, "finished"))
    return sorted(made, key=lambda step: step.at)


def beats(moments: list[dt.datetime]) -> Iterator[dt.datetime]:
    """Every tick around each moment, and some a day between them, when nothing may be told."""
    ticks = {moment.replace(second=0, microsecond=0) + BEAT * k for moment in moments for k in (-1, 0, 1)}
    hours = int((max(moments) - FIRST) / dt.timedelta(hours=1)) + 24
    yield from sorted(ticks | {FIRST + dt.timedelta(hours=hour) for hour in range(5, hours, 8)})


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> RememberingChannel:
    remembering = RememberingChannel()
    monkeypatch.setattr(sending, "channel_for", lambda delivery: remembering)
    return remembering


def tick() -> None:
    """One beat: what the tasks do, and the sweep's second look, as with two workers."""
    plan_time_events()
    for _ in range(2):
        read_and_plan()
    plan_time_events()
    for channel in ChannelKind:
        sending.send_due(channel)


def with_room_and_issue(test: Experiment) -> None:
    """The test has a chat room, and its issue is in a Jira that is connected."""
    chat, jira = (
        Connection.objects.get_or_create(name=provider, defaults={"provider": provider, "secret": b""})[0]
        for provider in (Provider.MATRIX, Provider.JIRA_CLOUD)
    )
    Room.objects.create(
        experiment=test, connection=chat, state=Room.State.OPEN, room_id=f"!{test.key}:example.org"
    )
    assert jira.is_active


def test_a_month_brings_exactly_what_is_expected(people: People, channel: RememberingChannel) -> None:
    with_mail(people.manager)
    boss = Actor.person(people.superuser)
    with clock.frozen_at(FIRST - DAY):
        tests = [
            make_experiment(
                Actor.person(people.manager),
                Status.DEV,
                key=f"month_{number}",
                starts_at=starts_at(number).isoformat(),
                ends_at=ends_at(number).isoformat(),
                draw="random",
                properties={"jira_issue": f"MONTH-{number + 1}"},
            )
            for number in range(TESTS)
        ]
    for test in tests:
        with_room_and_issue(test)
    expected = steps()
    with clock.frozen_at(FIRST):
        tick()
    todo = [step for step in expected if step.verb is not None]
    for moment in beats([step.at for step in expected]):
        with clock.frozen_at(moment):
            while todo and todo[0].at <= moment:
                step = todo.pop(0)
                ending = {"result": "rejected"} if step.verb == Verb.FINISH else None
                assert step.verb is not None
                apply_verb(boss, tests[step.test], step.verb, ending)
                tests[step.test].refresh_from_db()
            tick()
    told = Counter(Event.objects.filter(skipped="").values_list("kind", "experiment__key"))
    assert told == Counter((step.expected, f"month_{step.test}") for step in expected)
    late = [
        delivery
        for delivery in Delivery.objects.select_related("event")
        if delivery.sent_at is None or delivery.sent_at - delivery.event.at > BEAT
    ]
    assert late == []
    # All of it is told to the manager and in the room, what changed in the issue, too.
    commented = {"started", "paused", "resumed", "finished"}
    assert Counter(Delivery.objects.values_list("channel", "event__kind")) == Counter(
        [("mail", step.expected) for step in expected]
        + [("chat", step.expected) for step in expected]
        + [("jira", step.expected) for step in expected if step.expected in commented]
    )
    assert Counter(message.kind for _, message, *_ in channel.sent) == Counter(
        Delivery.objects.values_list("event__kind", flat=True)
    )
    # Each is told once: nobody's message has another's token.
    assert len({token for *_, token, _ in channel.sent}) == len(channel.sent)


def test_quiet_hours_follow_the_wall_clock_over_the_change(
    people: People, channel: RememberingChannel
) -> None:
    with_mail(people.manager)
    save_habits(
        people.manager,
        email="manager@example.org",
        time_zone="Europe/Berlin",
        quiet_from=dt.time(20),
        quiet_until=dt.time(8),
        quiet_weekends=False,
        digest=False,
        direct="mail",
    )
    with clock.frozen_at(FIRST - DAY):
        test = make_experiment(Actor.person(people.manager), Status.RUNNING)
    with clock.frozen_at(FIRST):
        tick()
    boss = Actor.person(people.superuser)
    for day, verb in ((24, Verb.PAUSE), (24, Verb.RESUME)):
        evening = dt.datetime(2026, 10, day, 21, tzinfo=BERLIN).astimezone(dt.UTC)
        with clock.frozen_at(evening):
            apply_verb(boss, test, verb)
            tick()
    assert [message.kind for _, message, *_ in channel.sent] == ["paused"], "a pause is urgent"
    # Eight in the morning of the 25th is 7:00 UTC, an hour later than the day before.
    for minute, count in ((dt.time(6, 59), 1), (dt.time(7), 2)):
        with clock.frozen_at(dt.datetime.combine(dt.date(2026, 10, 25), minute, dt.UTC)):
            tick()
        assert len(channel.sent) == count


def test_a_test_that_is_put_off_is_near_again_and_one_brought_forward_at_once(
    people: People, channel: RememberingChannel
) -> None:
    with_mail(people.manager)
    manager = Actor.person(people.manager)
    first = FIRST + 3 * DAY
    with clock.frozen_at(FIRST - DAY):
        test = make_experiment(manager, Status.DEV, starts_at=first.isoformat())
    with clock.frozen_at(FIRST):
        tick()
    for moment, start in ((first - DAY, first + 2 * DAY), (first + DAY, first + DAY + dt.timedelta(hours=3))):
        with clock.frozen_at(moment):
            tick()
            add_prepared(manager, test, starts_at=start.isoformat())
            test.refresh_from_db()
            tick()
            tick()
    near = Event.objects.filter(kind="start_near").order_by("pk")
    assert [event.data["moment"] for event in near] == [
        first.isoformat(),
        (first + 2 * DAY).isoformat(),
        (first + DAY + dt.timedelta(hours=3)).isoformat(),
    ]


def test_whoever_forced_a_user_hears_a_day_before_it_ends(
    people: People, channel: RememberingChannel
) -> None:
    with_mail(people.qa)
    with clock.frozen_at(FIRST):
        test = make_experiment(Actor.person(people.manager), Status.RUNNING)
        force_user(
            Actor.person(people.qa), test, "green", "production", user_id="4711", expires_at=FIRST + 3 * DAY
        )
        tick()
        # For a few hours, as an autotest does.
        soon = FIRST + dt.timedelta(hours=5)
        force_user(Actor.person(people.qa), test, "green", "devel", user_id="4712", expires_at=soon)
        tick()
    channel.sent.clear()
    for moment, count in (
        (FIRST + dt.timedelta(hours=1), 0),
        (FIRST + 2 * DAY - BEAT, 0),
        (FIRST + 2 * DAY, 1),
        (FIRST + 2 * DAY + BEAT, 1),
    ):
        with clock.frozen_at(moment):
            tick()
        assert len(channel.sent) == count
    ((recipient, message, *_),) = channel.sent
    assert recipient == "qa@example.org"
    assert "The user 4711 is forced into “green” (production) until 8 October 2026" in message.text
