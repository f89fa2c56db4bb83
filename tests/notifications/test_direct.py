"""Messages to people themselves: in the chat for those who want it, and by e-mail where the chat fails."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.actors import Actor
from core.errors import Conflict
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from notifications.channels import registry
from notifications.channels.base import Account, SendFailed
from notifications.models import (
    ChannelKind,
    Connection,
    Delivery,
    DeliveryState,
    Habits,
    Mute,
    Provider,
    Room,
)
from notifications.secrets import encrypt
from notifications.sending import send_due
from notifications.services import resend
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.told import RememberingChannel, read_and_plan, with_mail

pytestmark = pytest.mark.usefixtures("warehouse")
MINE = "/notifications/mine/"
FORM = {"email": "manager@example.org", "time_zone": "UTC", "wanted": ["paused"]}


class Chat(RememberingChannel):
    """Knows the people in `known` by their user names."""

    known: tuple[str, ...] = ("manager",)

    def __init__(self, account: Account) -> None:
        super().__init__()

    def find_person(self, email: str, username: str) -> str | None:
        return f"U{username}" if username in self.known else None


@pytest.fixture
def chat(db: None, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setattr(registry, "PROVIDERS", {Provider.SLACK: Chat})
    return Connection.objects.create(name="Chat", provider=Provider.SLACK, secret=encrypt("secret"))


def pause_a_test(people: People) -> None:
    """Of which its manager is told."""
    read_and_plan()
    experiment = make_experiment(Actor.person(people.manager), Status.RUNNING)
    read_and_plan()
    Delivery.objects.all().delete()
    apply_verb(Actor.person(people.superuser), experiment, Verb.PAUSE)
    read_and_plan()


def test_one_says_to_be_told_in_the_chat(client: Client, people: People, chat: Connection) -> None:
    client.force_login(people.manager)
    assert "In the chat, else by e-mail" in client.get(MINE).content.decode()
    assert client.post(MINE, {**FORM, "direct": "chat"}).status_code == 302
    assert Habits.objects.get().direct == ChannelKind.CHAT
    pause_a_test(people)
    assert send_due(ChannelKind.CHAT) == 1
    delivery = Delivery.objects.get()
    assert (delivery.channel, delivery.state) == (ChannelKind.CHAT, DeliveryState.SENT)
    # Without a chat there is no choice, and what was chosen stays.
    Connection.objects.update(is_active=False)
    assert "In the chat, else by e-mail" not in client.get(MINE).content.decode()
    assert client.post(MINE, FORM).status_code == 302
    assert Habits.objects.get().direct == ChannelKind.CHAT
    assert client.post(MINE, {**FORM, "direct": "smoke"}).status_code == 302
    assert Habits.objects.get().direct == ChannelKind.CHAT


@pytest.mark.parametrize("without_mails", [False, True])
def test_whom_the_chat_does_not_know_gets_a_mail(
    people: People, chat: Connection, monkeypatch: pytest.MonkeyPatch, without_mails: bool
) -> None:
    monkeypatch.setattr(Chat, "known", ())
    with_mail(people.manager)
    Habits.objects.create(person=people.manager, direct=ChannelKind.CHAT)
    if without_mails:
        Mute.objects.create(person=people.manager, kind="paused", channel=ChannelKind.MAIL)
    pause_a_test(people)
    send_due(ChannelKind.CHAT)
    failed = Delivery.objects.get(channel=ChannelKind.CHAT)
    assert failed.state == DeliveryState.GIVEN_UP
    assert failed.answer == "The chat knows nobody with this e-mail address or user name."
    mails = Delivery.objects.filter(channel=ChannelKind.MAIL)
    assert [mail.recipient for mail in mails] == ([] if without_mails else ["manager@example.org"])


def test_a_chat_that_is_down_is_tried_again_before_a_mail_is_written(
    people: People, chat: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(self: Chat, *args: object, **options: object) -> None:
        raise SendFailed("Answered 503.", provider_down=True)

    monkeypatch.setattr(Chat, "send", down)
    with_mail(people.manager)
    Habits.objects.create(person=people.manager, direct=ChannelKind.CHAT)
    pause_a_test(people)
    send_due(ChannelKind.CHAT)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.channel) == (DeliveryState.FAILED, ChannelKind.CHAT)


def test_a_room_hears_nothing_while_its_chat_is_switched_off(people: People, chat: Connection) -> None:
    off = Connection.objects.create(name="Old chat", provider=Provider.SLACK, secret=b"", is_active=False)
    pause_a_test(people)
    Delivery.objects.all().delete()
    experiment = Experiment.objects.get()
    Room.objects.create(experiment=experiment, connection=off, state=Room.State.OPEN, room_id="C1")
    apply_verb(Actor.person(people.manager), experiment, Verb.RESUME)
    read_and_plan()
    assert not Delivery.objects.exists()
    Connection.objects.update(is_active=True)
    apply_verb(Actor.person(people.manager), experiment, Verb.PAUSE)
    read_and_plan()
    delivery = Delivery.objects.get()
    delivery.state = DeliveryState.GIVEN_UP
    delivery.save()
    Connection.objects.update(is_active=False)
    with pytest.raises(Conflict, match="Old chat is switched off"):
        resend(Actor.person(people.manager), delivery.pk)


def test_a_refused_form_keeps_what_was_ticked(client: Client, people: People) -> None:
    client.force_login(people.manager)
    page = client.post(MINE, {**FORM, "email": "nobody"}).content.decode()
    ticked = [part.split('"')[0] for part in page.split('value="')[1:] if "checked" in part.split(">")[0]]
    assert ticked == ["paused"]


def test_a_mail_that_was_ended_by_its_link_is_still_heard_of_in_the_chat(
    client: Client, people: People, chat: Connection
) -> None:
    Mute.objects.create(person=people.manager, kind="paused", channel=ChannelKind.MAIL)
    Habits.objects.create(person=people.manager, direct=ChannelKind.CHAT)
    client.force_login(people.manager)
    page = client.get(MINE).content.decode()
    assert "checked" in page.split('value="paused"')[1].split(">")[0]
    Habits.objects.update(direct=ChannelKind.MAIL)
    page = client.get(MINE).content.decode()
    assert "checked" not in page.split('value="paused"')[1].split(">")[0]
