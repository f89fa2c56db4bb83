"""Who may ask for a room and say who is in it, and when not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.actors import Actor
from accounts.models import User
from core.errors import Conflict, DomainError, InvalidInput, NotAllowed, NotFound
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind
from notifications.models import Connection, Provider, Room, RoomMember
from notifications.services_rooms import add_to_room, ask_for_room, remove_from_room
from tests.conftest import People
from tests.factories import make_draft, make_experiment

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat() -> Connection:
    return Connection.objects.create(
        name="chat", provider=Provider.MATRIX, url="https://chat.example.org", secret=b""
    )


def refused(kind: type[DomainError], what: Callable[..., object], *given: object) -> str:
    with pytest.raises(kind) as error:
        what(*given)
    return error.value.detail


@pytest.mark.usefixtures("chat", "warehouse")
def test_managers_of_the_test_and_superusers_say_who_is_in_the_room(people: People) -> None:
    experiment = make_experiment(Actor.person(people.manager), Status.DEV)
    for person in (people.other_manager, people.developer, people.qa, people.viewer):
        actor = Actor.person(person)
        refused(NotAllowed, ask_for_room, actor, experiment)
        refused(NotAllowed, add_to_room, actor, experiment, people.qa)
        refused(NotAllowed, remove_from_room, actor, experiment, people.qa)
    assert not Room.objects.exists()
    room = ask_for_room(Actor.person(people.manager), experiment)
    assert ask_for_room(Actor.person(people.superuser), experiment) == room
    assert add_to_room(Actor.person(people.superuser), experiment, people.qa).by_hand


@pytest.mark.usefixtures("chat")
def test_a_draft_of_others_does_not_exist(people: People) -> None:
    draft = make_draft(Actor.person(people.manager))
    refused(NotFound, ask_for_room, Actor.person(people.other_manager), draft)
    refused(NotFound, add_to_room, Actor.person(people.viewer), draft, people.qa)


def test_what_there_is_no_room_for_is_said(people: People, warehouse: object) -> None:
    actor = Actor.person(people.manager)
    draft = make_draft(actor)
    assert "No chat is connected" in refused(Conflict, ask_for_room, actor, draft)
    Connection.objects.create(
        name="off", provider=Provider.MATRIX, url="https://a.example", secret=b"", is_active=False
    )
    Connection.objects.create(name="hook", provider=Provider.WEBHOOK, url="https://a.example", secret=b"")
    assert "No chat is connected" in refused(Conflict, ask_for_room, actor, draft)
    Connection.objects.create(name="on", provider=Provider.SLACK, url="https://a.example", secret=b"")
    group = make_draft(actor, kind=Kind.GROUP)
    assert "Only tests have rooms" in refused(Conflict, ask_for_room, actor, group)
    finished = make_experiment(actor, Status.FINISHED)
    assert "The test is finished" in refused(Conflict, ask_for_room, actor, finished)
    for change in (add_to_room, remove_from_room):
        assert "has no chat room" in refused(Conflict, change, actor, draft, people.qa)
    room = ask_for_room(actor, draft)
    Room.objects.filter(pk=room.pk).update(state=Room.State.ARCHIVED)
    for change in (add_to_room, remove_from_room):
        assert "is archived" in refused(Conflict, change, actor, draft, people.qa)


@pytest.mark.usefixtures("chat")
def test_managers_are_not_taken_out_and_nobody_is_added_who_cannot_sign_in(people: People) -> None:
    actor = Actor.person(people.manager)
    draft: Experiment = make_draft(actor)
    ask_for_room(actor, draft)
    assert "managers belong into its room" in refused(
        Conflict, remove_from_room, actor, draft, people.manager
    )
    User.objects.filter(pk=people.qa.pk).update(is_active=False)
    people.qa.refresh_from_db()
    assert "cannot sign in any more" in refused(InvalidInput, add_to_room, actor, draft, people.qa)
    remove_from_room(actor, draft, people.viewer)
    assert not RoomMember.objects.exists()
