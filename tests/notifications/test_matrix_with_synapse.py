"""Rooms and messages in Matrix, as a real Synapse keeps them and as people read them there."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.actors import Actor
from accounts.models import User
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.services import apply_verb, edit_properties
from notifications import rooms, tasks
from notifications.channels.base import RoomRef
from notifications.channels.matrix import MARK, Matrix
from notifications.models import Connection, Delivery, DeliveryState, Habits, Provider, Room, RoomMember
from notifications.secrets import encrypt
from notifications.services_rooms import add_to_room, ask_for_room, remove_from_room
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.synapse import Homeserver, Resident, bot_of, matrix, message
from tests.notifications.told import read_and_plan
from tests.waiting import wait_until
from tests.workers import WorkerProcess

DEATHS = 10


def named(person: User) -> User:
    """The same person under a user name that the homeserver does not know yet."""
    person.username = f"{person.username}_{uuid.uuid4().hex[:8]}"
    person.save(update_fields=["username"])
    return person


def connect(homeserver: Homeserver) -> tuple[Connection, Resident]:
    bot = bot_of(homeserver)
    connection = Connection.objects.create(
        name="Matrix", provider=Provider.MATRIX, url=homeserver.url, secret=encrypt(bot.token)
    )
    return connection, bot


@pytest.mark.worker
@pytest.mark.usefixtures("transactional_db", "warehouse")
def test_a_start_is_read_in_the_room_once_however_often_the_worker_dies(
    homeserver: Homeserver,
    people: People,
    start_worker: Callable[..., WorkerProcess],
    tmp_path: Path,
) -> None:
    diary = tmp_path / "diary"
    start_worker(
        queues="notify_chat",
        application="tests.notifications.dying_worker",
        environment={
            "DIARY": str(diary),
            "DEATHS": str(DEATHS),
            "NOTIFICATIONS_ALLOW_PRIVATE": "127.0.0.0/8",
        },
    )
    connect(homeserver)
    managers = [named(people.manager), named(people.other_manager)]
    residents = [homeserver.register(manager.username) for manager in managers]
    actor = Actor.person(people.manager)
    properties: dict[str, object] = {"managers": [manager.username for manager in managers]}
    experiment = make_experiment(actor, Status.DEV, properties=properties)

    room = ask_for_room(actor, experiment)
    invited, beat = RoomMember.objects.filter(room=room, state="invited"), Beat()
    wait_until(lambda: invited.count() == 2 or not beat.asks(room), "the managers are invited", 240)
    room.refresh_from_db()
    for resident in residents:
        assert resident.invitations() == [room.room_id]
        resident.join(room.room_id)

    read_and_plan()
    apply_verb(Actor.person(people.superuser), experiment, Verb.START)
    read_and_plan()
    delivery = Delivery.objects.get(recipient=f"room:{room.pk}")
    for died in range(1, DEATHS + 1):
        tasks.send_chat.delay()
        wait_until(lambda: deaths(diary) == died, f"the worker died {died} times", 240)  # noqa: B023
        # Two minutes later, for all that the next attempt can see.
        Delivery.objects.update(leased_until=clock.now() - dt.timedelta(seconds=1))
    tasks.send_chat.delay()
    sent = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENT)
    wait_until(sent.exists, "it is written down", 240)

    for resident in residents:
        (read,) = resident.messages(room.room_id)
        assert read["body"].startswith(f"“{experiment.name}” has started\n")
        assert experiment.key in read["formatted_body"]
        assert read[MARK] == delivery.token.hex
    assert sent.get().attempts == DEATHS + 1
    assert diary.read_text().splitlines() == ["In the room."] + ["It had got through before."] * (DEATHS - 1)


class Beat:
    """Asks for rooms every few seconds, as beat does, which no worker of a test has.

    A homeserver on a busy machine may be late, and more than once: after three times nothing goes there for a while, and
    what was asked for meanwhile has come to nothing.
    """

    def __init__(self) -> None:
        self._next = time.monotonic() + 10

    def asks(self, room: Room) -> bool:
        """Whatever paused the room or its connection is over."""
        if time.monotonic() > self._next:
            self._next = time.monotonic() + 10
            Connection.objects.filter(pk=room.connection_id).update(closed_until=None)
            Room.objects.filter(pk=room.pk).update(not_before=clock.now())
            tasks.keep_rooms.delay()
        return True


def deaths(diary: Path) -> int:
    return len(diary.read_text().splitlines()) if diary.exists() else 0


class Killed(BaseException):
    """No handler catches it, as none catches kill -9."""


@pytest.fixture
def opened(homeserver: Homeserver, people: People, warehouse: object) -> tuple[Resident, Resident, Room]:
    """We, the manager, and the room of a running test."""
    _, bot = connect(homeserver)
    at_home = homeserver.register(named(people.manager).username)
    actor = Actor.person(people.manager)
    room = ask_for_room(actor, make_experiment(actor, Status.RUNNING))
    rooms.keep_rooms()
    room.refresh_from_db()
    at_home.join(room.room_id)
    return bot, at_home, room


@pytest.mark.usefixtures("warehouse")
def test_a_room_is_made_once_also_by_whoever_dies_before_writing_it_down(
    homeserver: Homeserver, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bot = connect(homeserver)
    at_home = homeserver.register(named(people.manager).username)
    actor = Actor.person(people.manager)
    room = ask_for_room(actor, make_experiment(actor, Status.RUNNING))
    with monkeypatch.context() as patch:
        create = Matrix.create_room

        def killed_after(channel: Matrix, name: str, topic: str, token: uuid.UUID) -> RoomRef:
            create(channel, name, topic, token)
            raise Killed

        patch.setattr(Matrix, "create_room", killed_after)
        with pytest.raises(Killed):
            rooms.keep_rooms()
    rooms.keep_rooms()
    room.refresh_from_db()
    assert bot.call("GET", "/joined_rooms")["joined_rooms"] == [room.room_id]
    assert bot.state(room.room_id, "m.room.name") == {"name": room.experiment.name}
    assert room.experiment.key in bot.state(room.room_id, "m.room.topic")["topic"]
    assert bot.state(room.room_id, "m.room.join_rules") == {"join_rule": "invite"}
    assert bot.members(room.room_id) == {bot.user_id: "join", at_home.user_id: "invite"}


def test_who_is_in_the_room_follows_the_managers_and_who_was_added(
    homeserver: Homeserver, people: People, opened: tuple[Resident, Resident, Room]
) -> None:
    bot, at_home, room = opened
    actor, experiment, qa = Actor.person(people.manager), room.experiment, named(people.qa)
    other = homeserver.register(named(people.other_manager).username)

    def managed_by(*managers: User) -> None:
        experiment.refresh_from_db()
        names = [manager.username for manager in managers]
        edit_properties(actor, experiment, {"managers": names}, experiment.revision)
        rooms.keep_rooms()

    add_to_room(actor, experiment, qa)
    managed_by(people.manager, people.other_manager)
    assert bot.members(room.room_id)[other.user_id] == "invite"
    unknown = RoomMember.objects.get(person=qa)
    assert (unknown.state, unknown.error.split(" with ")[0]) == ("unknown", "The chat knows nobody")

    added = homeserver.register(qa.username)
    add_to_room(actor, experiment, qa)
    managed_by(people.manager)
    people_there = [at_home.user_id, other.user_id, added.user_id]
    assert [bot.members(room.room_id)[one] for one in people_there] == ["join", "leave", "invite"]

    added.join(room.room_id)
    added.leave(room.room_id)
    rooms.keep_rooms()
    assert added.invitations() == [], "who leaves is left in peace"
    add_to_room(actor, experiment, qa)
    rooms.keep_rooms()
    added.join(room.room_id)
    remove_from_room(actor, experiment, qa)
    rooms.keep_rooms()
    assert bot.members(room.room_id)[added.user_id] == "leave"


def test_a_room_hears_of_the_finish_and_is_archived(
    people: People, opened: tuple[Resident, Resident, Room]
) -> None:
    bot, at_home, room = opened
    read_and_plan()
    apply_verb(Actor.person(people.manager), room.experiment, Verb.FINISH, {"result": "rejected"})
    rooms.keep_rooms()
    room.refresh_from_db()
    assert room.state == "open", "the room has not heard of it yet"
    read_and_plan()
    tasks.send_chat()
    for _ in range(2):
        rooms.keep_rooms()
        matrix(bot).archive(room.room_id)
    room.refresh_from_db()
    assert room.state == "archived"
    (read,) = at_home.messages(room.room_id)
    assert read["body"].splitlines()[0] == f"“{room.experiment.name}” is finished"
    assert bot.state(room.room_id, "m.room.name") == {"name": f"Archived: {room.experiment.name}"}
    path = f"/rooms/{room.room_id}/send/m.room.message/1"
    answer = at_home.ask("PUT", path, {"msgtype": "m.text", "body": "one more thing"})
    assert answer.status_code == 403


@pytest.mark.usefixtures("warehouse")
def test_direct_messages_come_in_a_room_for_two_and_into_no_other_when_repeated(
    homeserver: Homeserver, people: People
) -> None:
    connection, bot = connect(homeserver)
    manager = named(people.manager)
    at_home = homeserver.register(manager.username)
    Habits.objects.create(person=manager, direct="chat")
    experiment = make_experiment(Actor.person(manager), Status.RUNNING)
    read_and_plan()
    for verb in (Verb.PAUSE, Verb.RESUME):
        apply_verb(Actor.person(people.superuser), experiment, verb)
        read_and_plan()
        Delivery.objects.update(not_before=clock.now())
        tasks.send_chat()
    assert [(row.connection, row.state) for row in Delivery.objects.all()] == [(connection, "sent")] * 2
    (room_id,) = at_home.invitations()
    at_home.join(room_id)
    assert [read["body"].splitlines()[0] for read in at_home.messages(room_id)] == [
        f"“{experiment.name}” is paused",
        f"“{experiment.name}” goes on",
    ]
    at_home.leave(room_id)
    matrix(bot).send(message("Once more"), at_home.user_id, uuid.uuid4(), repeated=False)
    assert at_home.invitations() == [room_id], "who asked for messages here is asked in again"
