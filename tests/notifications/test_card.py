"""The card of a test: its room, who is in it, what was told, and what one hears oneself."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind
from notifications.kinds import EVENTS, EventKind
from notifications.models import Connection, Mute, Provider, Room, RoomMember
from notifications.planning import is_muted
from tests.conftest import People
from tests.factories import make_draft, make_experiment
from tests.notifications.test_pages import failed

pytestmark = pytest.mark.usefixtures("warehouse")
CARD = "/tests/button/notifications/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def experiment(people: People) -> Experiment:
    return make_experiment(Actor.person(people.manager), Status.RUNNING, key="button")


@pytest.fixture
def console(client: Client, people: People, experiment: Experiment) -> Client:
    """Signed in as the test's manager."""
    client.force_login(people.manager)
    return client


@pytest.fixture
def chat(db: None) -> Connection:
    return Connection.objects.create(name="Company chat", provider=Provider.SLACK, secret=b"")


def post(console: Client, below: str, **data: object) -> str:
    """What the card says afterwards."""
    answer = console.post(f"{CARD}{below}", data, headers=HTMX, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_a_chat_it_says_whom_to_ask(console: Client, people: People) -> None:
    card = console.get(CARD, headers=HTMX).content.decode()
    assert "No chat is connected." in card
    assert "Make a room" not in card
    assert "<html" not in card
    assert "<html" in console.get(CARD).content.decode()
    console.force_login(people.superuser)
    assert "/connections/" in console.get(CARD, headers=HTMX).content.decode()


def test_a_room_is_asked_for_and_watched_until_it_is_there(console: Client, chat: Connection) -> None:
    assert "A room in Company chat" in console.get(CARD).content.decode()
    card = post(console, "room/")
    assert "The room is made now" in card
    assert 'hx-trigger="every 2s"' in card
    Room.objects.update(error="Answered 503.")
    card = console.get(CARD).content.decode()
    assert "every 15s" in card, "what fails is looked at less often"
    assert "Answered 503." in card
    looks = HTMX | {"HX-Trigger": "room"}
    assert "HX-Trigger" not in console.get(CARD, headers=looks)
    Room.objects.update(state=Room.State.OPEN, error="", url="https://chat.example.org/r")
    told = console.get(CARD, headers=looks)["HX-Trigger"]
    assert '"history-changed"' in told
    assert '"room-changed"' in told
    card = console.get(CARD).content.decode()
    assert 'href="https://chat.example.org/r"' in card
    assert "every" not in card


def test_what_could_not_be_made_is_tried_again(console: Client, chat: Connection) -> None:
    post(console, "room/")
    Room.objects.update(state=Room.State.FAILED, error="<not allowed>")
    card = console.get(CARD).content.decode()
    assert "&lt;not allowed&gt;" in card
    assert "Try again" in card
    post(console, "room/")
    assert Room.objects.get().state == Room.State.WANTED


def test_people_are_added_and_removed(console: Client, people: People, chat: Connection) -> None:
    post(console, "room/")
    assert "Viewer is invited." in post(console, "room/add/", person=" VIEWER ")
    member = RoomMember.objects.get(person=people.viewer)
    assert member.by_hand
    RoomMember.objects.update(state=RoomMember.State.UNKNOWN, error="The chat knows nobody like that.")
    card = console.get(CARD).content.decode()
    assert "The chat knows nobody like that." in card
    assert '<option value="viewer">' not in card, "is in already"
    assert '<option value="qa">' in card
    assert "Viewer is taken out of the room." in post(console, "room/remove/", person="viewer")
    member.refresh_from_db()
    assert member.state == RoomMember.State.LEAVING


@pytest.mark.parametrize("name", ["", "nobody", "x" * 200, "a\x00b"])
def test_nobody_can_be_added_who_is_nobody(console: Client, chat: Connection, name: str) -> None:
    post(console, "room/")
    card = post(console, "room/add/", person=name)
    assert "user name" in card
    assert 'role="alert"' in card
    assert not RoomMember.objects.exists()


def test_managers_belong_into_the_room(console: Client, people: People, chat: Connection) -> None:
    post(console, "room/")
    RoomMember.objects.create(room=Room.objects.get(), person=people.manager)
    card = console.get(CARD).content.decode()
    assert "manages the test" in card
    assert "Remove" not in card
    assert "managers belong into its room" in post(console, "room/remove/", person="manager")


def test_others_look_but_change_nothing(console: Client, people: People, chat: Connection) -> None:
    post(console, "room/")
    console.force_login(people.viewer)
    card = console.get(CARD).content.decode()
    assert "Being made" in card
    assert "Add a person" not in card
    assert console.post(f"{CARD}room/add/", {"person": "qa"}).status_code == 403
    make_draft(Actor.person(people.manager), "secret_idea")
    assert console.get("/tests/secret_idea/notifications/").status_code == 404
    assert console.post("/tests/secret_idea/notifications/mutes/", {"act": "mute"}).status_code == 404


def test_a_test_or_some_of_its_events_are_muted(
    console: Client, people: People, experiment: Experiment
) -> None:
    event = failed(experiment).event
    assert "You hear nothing of this test." in post(console, "mutes/", act="mute")
    assert is_muted(people.manager, event, "mail")
    assert "You manage this test" in post(console, "mutes/", act="unmute")
    wanted = [kind for kind in EVENTS if kind != EventKind.PAUSED]
    post(console, "mutes/", act="choose", wanted=wanted)
    assert list(Mute.objects.values_list("experiment", "kind")) == [(experiment.pk, "paused")]
    assert is_muted(people.manager, event, "mail")
    post(console, "mutes/", act="choose", wanted=list(EVENTS))
    assert not is_muted(people.manager, event, "mail")
    assert "nothing that can be done" in post(console, "mutes/", act="dance")


def test_a_choice_for_all_tests_is_left_alone(console: Client, people: People) -> None:
    Mute.objects.create(person=people.manager, kind=EventKind.STARTED)
    assert "you turned it off for everything" in console.get(CARD).content.decode()
    post(console, "mutes/", act="choose", wanted=list(EVENTS))
    assert Mute.objects.filter(kind=EventKind.STARTED, experiment=None).exists()


def test_what_failed_is_sent_again_from_the_card(console: Client, experiment: Experiment) -> None:
    delivery = failed(experiment)
    card = console.get(CARD).content.decode()
    assert "no such &lt;b&gt;address" in card
    assert "Send again" in card
    answer = console.post(
        f"/notifications/{delivery.pk}/resend/", {"from": "card"}, headers=HTMX, follow=True
    )
    assert answer.redirect_chain == [(CARD, 302)]
    assert "It is tried again within seconds." in answer.content.decode()


def test_sending_again_from_the_record_keeps_its_filters(console: Client, experiment: Experiment) -> None:
    delivery = failed(experiment)
    answer = console.post(f"/notifications/{delivery.pk}/resend/?state=given_up&q=butt")
    assert answer["Location"] == "/notifications/?state=given_up&q=butt"


def test_a_user_group_has_no_room(console: Client, people: People, chat: Connection) -> None:
    make_experiment(Actor.person(people.manager), Status.RUNNING, kind=Kind.GROUP, key="christmas")
    card = console.get("/groups/christmas/notifications/").content.decode()
    assert "Chat room" not in card
    assert "Mute this user group" in card
    answer = console.post("/groups/christmas/notifications/room/", follow=True)
    assert "Only tests have rooms" in answer.content.decode()


def test_the_record_asks_the_same_number_of_questions_however_long_it_is(
    console: Client, experiment: Experiment
) -> None:
    counts = []
    for number in (1, 12):
        for one in range(number):
            failed(experiment, f"{number}.{one}@example.org")
        with CaptureQueriesContext(connection) as asked:
            console.get("/notifications/")
        counts.append(len(asked))
    assert counts[0] == counts[1]
