"""A test's life in Slack: asked for, made, filled, told, put in step, archived; by the same services as in Matrix."""

from __future__ import annotations

import datetime as dt

import pytest
from pytest_django import Settings

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb, edit_properties
from notifications import rooms, sending
from notifications.kinds import EventKind
from notifications.models import ChannelKind, Delivery, Habits, Room, RoomMember
from notifications.services_rooms import add_to_room, ask_for_room
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.standin.server import Behaviour, Server, standing_in
from tests.notifications.standin.slack import BOT, Workspace
from tests.notifications.standin.stages import slack_stage
from tests.notifications.told import read_and_plan, with_mail

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("warehouse")]
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
PEOPLE = {"manager@example.org": "U0MANAGER", "qa@example.org": "U0QA"}


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Settings) -> None:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]


def made_room(workspace: Workspace, server: Server, people: People) -> tuple[Experiment, Room]:
    """A test in dev with a room, in which its manager is."""
    with_mail(people.manager, people.other_manager, people.qa)
    slack_stage().connect(server.url)
    with clock.frozen_at(NOW - dt.timedelta(hours=1)):
        experiment = make_experiment(Actor.person(people.manager), Status.DEV)
        # What happened before there is a room is not for the room.
        read_and_plan()
    ask_for_room(Actor.person(people.manager), experiment)
    assert rooms.keep_rooms() == 1
    room = Room.objects.get(experiment=experiment)
    assert workspace.channels[room.room_id].members == {BOT, "U0MANAGER"}
    return experiment, room


def test_a_room_follows_its_test_to_the_end(people: People) -> None:
    workspace = Workspace(PEOPLE)
    with standing_in(workspace) as server, clock.frozen_at(NOW):
        experiment, room = made_room(workspace, server, people)
        channel = workspace.channels[room.room_id]
        add_to_room(Actor.person(people.manager), experiment, people.qa)
        # Slack knows nobody with the other manager's address: that holds up no other.
        edit_properties(
            Actor.person(people.manager),
            experiment,
            {"managers": [people.manager.username, people.other_manager.username]},
        )
        rooms.keep_rooms()
        assert channel.members == {BOT, "U0MANAGER", "U0QA"}
        unknown = RoomMember.objects.get(room=room, person=people.other_manager)
        assert (unknown.state, "knows nobody" in unknown.error) == ("unknown", True)

        apply_verb(Actor.person(people.superuser), experiment, Verb.START)
        read_and_plan()
        sending.send_due(ChannelKind.CHAT)
        assert [text.splitlines()[0].endswith("has started") for text in workspace.seen] == [True]
        apply_verb(Actor.person(people.superuser), experiment, Verb.FINISH, {"result": "rejected"})
        read_and_plan()
        rooms.keep_rooms()
        assert not channel.is_archived, "the room has not heard of it yet"
        sending.send_due(ChannelKind.CHAT)
        rooms.keep_rooms()
        assert channel.is_archived
        assert len(workspace.seen) == 2


@pytest.mark.parametrize("method", ["create", "setTopic", "invite"])
def test_whatever_answer_is_lost_there_is_one_room(people: People, method: str) -> None:
    workspace = Workspace(PEOPLE)
    with standing_in(workspace) as server, clock.frozen_at(NOW):
        server.behaves(Behaviour.LOST, on=f"conversations.{method}", times=1)
        with_mail(people.manager)
        slack_stage().connect(server.url)
        experiment = make_experiment(Actor.person(people.manager), Status.DEV)
        ask_for_room(Actor.person(people.manager), experiment)
        rooms.keep_rooms()
        with clock.frozen_at(NOW + dt.timedelta(hours=2)):
            rooms.keep_rooms()
        room = Room.objects.get()
        made = [channel for channel in workspace.channels.values() if channel.name.startswith("split-")]
        assert [channel.id for channel in made] == [room.room_id]
        assert made[0].members == {BOT, "U0MANAGER"}
        assert made[0].topic.startswith("Split test ")


def test_a_person_who_chose_the_chat_is_told_there_else_by_mail(people: People) -> None:
    workspace = Workspace(PEOPLE)
    with standing_in(workspace) as server, clock.frozen_at(NOW):
        experiment, _ = made_room(workspace, server, people)
        for person in (people.manager, people.other_manager):
            Habits.objects.create(person=person, direct=ChannelKind.CHAT)
        edit_properties(
            Actor.person(people.superuser),
            experiment,
            {"managers": [people.manager.username, people.other_manager.username]},
        )
        apply_verb(Actor.person(people.superuser), experiment, Verb.START)
        read_and_plan()
        sending.send_due(ChannelKind.CHAT)
        assert len(workspace.channels["DU0MANAGER"].messages) == 1
        fallen = Delivery.objects.get(channel=ChannelKind.MAIL, event__kind=EventKind.STARTED)
        assert (fallen.person, fallen.recipient) == (people.other_manager, "other_manager@example.org")
