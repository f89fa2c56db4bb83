"""Rooms follow tests and people, whatever fails and whoever is killed; the provider is asked for nothing that is done."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from accounts.actors import Actor
from accounts.models import User
from changelog.models import Entry
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb, edit_properties
from notifications import rooms
from notifications.channels.base import SendFailed
from notifications.models import Connection, Delivery, Event, Provider, Room, RoomMember
from notifications.planning import NOBODY
from notifications.services_rooms import add_to_room, ask_for_room, remove_from_room
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.chat_in_memory import Chat, Killed
from tests.notifications.told import read_and_plan

pytestmark = pytest.mark.usefixtures("warehouse")
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)


@pytest.fixture
def chat(people: People, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    """The connected chat, which knows everybody but the viewer. The clock stands still."""
    known = {person.username: f"@{person.username}" for person in people if person != people.viewer}
    chat = Chat(known)
    monkeypatch.setattr(rooms, "channel_of", lambda connection: chat)
    Connection.objects.create(
        name="chat", provider=Provider.MATRIX, url="https://chat.example.org", secret=b""
    )
    with clock.frozen_at(NOW):
        yield chat


def running(people: People, status: Status = Status.RUNNING) -> Experiment:
    return make_experiment(Actor.person(people.manager), status)


def asked(people: People, experiment: Experiment | None = None) -> Room:
    return ask_for_room(Actor.person(people.manager), experiment or running(people))


def managed_by(people: People, room: Room, *managers: User) -> None:
    names = [manager.username for manager in managers]
    edit_properties(Actor.person(people.superuser), room.experiment, {"managers": names})


def inside(chat: Chat, room: Room) -> set[str]:
    return chat.rooms[room.token.hex]


def later(**time: float) -> dt.datetime:
    return NOW + dt.timedelta(**time)


def a_whole_life(people: People, experiment: Experiment) -> Iterator[None]:
    """What people do, one thing after another."""
    actor = Actor.person(people.manager)
    room = asked(people, experiment)
    yield
    add_to_room(actor, experiment, people.qa)
    managed_by(people, room, people.manager, people.other_manager)
    yield
    remove_from_room(actor, experiment, people.qa)
    managed_by(people, room, people.other_manager)
    yield
    apply_verb(Actor.person(people.superuser), experiment, Verb.FINISH, {"result": "rejected"})
    read_and_plan()
    Delivery.objects.update(state="sent")
    yield


def test_whoever_is_killed_after_whichever_call_is_followed_by_another_with_the_same_end(
    people: People, chat: Chat
) -> None:
    experiment = running(people)
    worlds: list[tuple[set[str], bool, str]] = []
    while chat.kill_at is None:
        chat.kill_at = len(worlds)
        begun = transaction.savepoint()
        for _ in a_whole_life(people, experiment):
            for _ in range(2):
                with contextlib.suppress(Killed):
                    rooms.keep_rooms()
        ((room_id, who),) = chat.rooms.items()
        worlds.append((who, chat.archived == {room_id}, Room.objects.get().state))
        chat.rooms.clear()
        chat.archived.clear()
        transaction.savepoint_rollback(begun)
    # Create; find and invite thrice; remove twice; archive; and once nobody is killed.
    assert worlds == [({"@other_manager"}, True, "archived")] * 11


def test_what_happens_while_the_room_is_made_comes_into_it_and_nothing_older(
    people: People, chat: Chat
) -> None:
    experiment, superuser = running(people), Actor.person(people.superuser)
    apply_verb(superuser, experiment, Verb.PAUSE)
    read_and_plan()
    with clock.frozen_at(later(minutes=1)):
        room = asked(people, experiment)
        apply_verb(superuser, experiment, Verb.RESUME)
        read_and_plan()
        assert not Delivery.objects.filter(recipient=f"room:{room.pk}").exists()
        rooms.keep_rooms()
        rooms.keep_rooms()
    told = Delivery.objects.filter(recipient=f"room:{room.pk}", connection=room.connection)
    assert list(told.values_list("event__kind", "state")) == [("resumed", "pending")]


def test_what_happened_to_a_draft_is_told_to_no_room(people: People, chat: Chat) -> None:
    experiment = make_experiment(Actor.person(people.manager), Status.DRAFT)
    room = asked(people, experiment)
    untold = {"experiment": experiment, "planned_at": NOW, "at": NOW}
    Event.objects.create(key="1", kind="settings_changed", skipped="A draft is its managers' own.", **untold)
    Event.objects.create(key="2", kind="paused", skipped=NOBODY, **untold)
    apply_verb(Actor.person(people.superuser), experiment, Verb.PUBLISH)
    rooms.keep_rooms()
    told = Delivery.objects.filter(recipient=f"room:{room.pk}")
    assert list(told.values_list("event__key", flat=True)) == ["2"]


def test_what_is_done_is_not_asked_for_again(
    people: People, chat: Chat, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        asked(people)
    assert rooms.keep_rooms() == 3
    assert chat.verbs() == ["create", "find", "invite"] * 3
    with django_assert_num_queries(6):
        assert rooms.keep_rooms() == 0
    assert chat.verbs() == []


def test_who_manages_who_was_added_and_who_may_sign_in_is_in_the_room(people: People, chat: Chat) -> None:
    actor, room = Actor.person(people.manager), asked(people)
    add_to_room(actor, room.experiment, people.other_manager)
    add_to_room(actor, room.experiment, people.qa)
    managed_by(people, room, people.manager, people.other_manager)
    rooms.keep_rooms()
    assert inside(chat, room) == {"@manager", "@other_manager", "@qa"}
    managed_by(people, room, people.manager)
    rooms.keep_rooms()
    assert inside(chat, room) == {"@manager", "@other_manager", "@qa"}, "added by hand, so they stay"
    User.objects.filter(pk=people.qa.pk).update(is_active=False)
    remove_from_room(actor, room.experiment, people.other_manager)
    rooms.keep_rooms()
    assert inside(chat, room) == {"@manager"}
    managed_by(people, room, people.manager, people.other_manager)
    rooms.keep_rooms()
    assert inside(chat, room) == {"@manager", "@other_manager"}


def test_who_is_not_found_holds_up_nobody_and_is_looked_for_again(people: People, chat: Chat) -> None:
    room = asked(people)
    add_to_room(Actor.person(people.manager), room.experiment, people.viewer)
    rooms.keep_rooms()
    assert inside(chat, room) == {"@manager"}
    assert RoomMember.objects.get(person=people.viewer).state == "unknown"
    chat.people["viewer"] = "@viewer"
    with clock.frozen_at(later(minutes=59)):
        assert rooms.keep_rooms() == 0
    with clock.frozen_at(later(minutes=61)):
        assert rooms.keep_rooms() == 1
    assert inside(chat, room) == {"@manager", "@viewer"}


def test_who_cannot_be_taken_out_is_tried_again_and_never_forgotten(people: People, chat: Chat) -> None:
    actor, room = Actor.person(people.manager), asked(people)
    add_to_room(actor, room.experiment, people.qa)
    rooms.keep_rooms()
    remove_from_room(actor, room.experiment, people.qa)
    chat.fails = lambda verb, argument: SendFailed("may not", permanent=True) if verb == "remove" else None
    rooms.keep_rooms()
    member = RoomMember.objects.get(person=people.qa)
    assert (member.state, member.error) == ("leaving", "may not")
    chat.fails = lambda verb, argument: None
    with clock.frozen_at(later(hours=2)):
        rooms.keep_rooms()
    assert inside(chat, room) == {"@manager"}


def test_a_provider_that_is_down_or_asks_to_wait_is_left_alone(people: People, chat: Chat) -> None:
    room = asked(people)
    chat.fails = lambda verb, argument: SendFailed("slow down", retry_after=77)
    rooms.keep_rooms()
    room.refresh_from_db()
    assert (room.state, room.error, room.not_before) == ("wanted", "slow down", later(seconds=77))
    with clock.frozen_at(later(seconds=76)):
        assert rooms.keep_rooms() == 0
    chat.fails = lambda verb, argument: SendFailed("out of order", provider_down=True)
    moment = later(seconds=77)
    for _ in range(3):
        with clock.frozen_at(moment):
            assert rooms.keep_rooms() == 1
        moment += dt.timedelta(hours=1)
    connection = Connection.objects.get()
    assert (connection.failures, connection.last_error) == (3, "out of order")
    with clock.frozen_at(later(seconds=78, hours=2)):
        assert rooms.keep_rooms() == 0, "the connection is closed for a while"
    chat.fails = lambda verb, argument: None
    with clock.frozen_at(later(hours=9)):
        assert rooms.keep_rooms() == 1
    room.refresh_from_db()
    assert (room.state, room.error, Connection.objects.get().failures) == ("open", "", 0)


def test_a_room_that_cannot_be_made_says_so_until_somebody_asks_again(people: People, chat: Chat) -> None:
    room = asked(people)
    chat.fails = lambda verb, argument: SendFailed("no more rooms", permanent=True)
    for _ in range(2):
        rooms.keep_rooms()
    room.refresh_from_db()
    assert (room.state, room.error, chat.verbs()) == ("failed", "no more rooms", ["create"])
    chat.fails = lambda verb, argument: None
    assert asked(people, room.experiment).pk == room.pk
    rooms.keep_rooms()
    room.refresh_from_db()
    assert (room.state, room.url) == ("open", f"https://chat.example.org/{room.token.hex}")


def test_what_nobody_thought_of_is_an_answer_too(people: People, chat: Chat) -> None:
    room = asked(people)
    chat.has_rooms = False
    rooms.keep_rooms()
    room.refresh_from_db()
    assert (room.state, room.error) == ("failed", "This kind of connection has no rooms.")
    asked(people, room.experiment)
    chat.has_rooms, chat.people = True, None  # type: ignore[assignment]  # the kind of mistake that is meant
    rooms.keep_rooms()
    room.refresh_from_db()
    assert (room.state, room.error) == ("open", "AttributeError in our own code; the log says more.")


def test_everything_done_to_a_room_is_in_the_changelog(people: People, chat: Chat) -> None:
    room = asked(people)
    actor, before = (
        Actor.person(people.manager),
        Entry.objects.filter(subject_key=room.experiment.key).count(),
    )
    rooms.keep_rooms()
    for _ in range(2):
        add_to_room(actor, room.experiment, people.qa)
        rooms.keep_rooms()
    for _ in range(2):
        remove_from_room(actor, room.experiment, people.qa)
    entries = Entry.objects.filter(subject_key=room.experiment.key).order_by("pk")
    told = [(entry.actor_name, entry.message) for entry in entries][before - 1 :]
    assert told == [
        ("Manager", "Asked for a chat room (chat)"),
        ("Notifications", "Made the chat room"),
        ("Manager", "Added Qa to the chat room"),
        ("Manager", "Took Qa out of the chat room"),
    ]
