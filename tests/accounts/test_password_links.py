"""The one-time link: whom it lets in, once, and all that makes it useless."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts.actors import Actor
from accounts.link_mails import link_path, mail_link
from accounts.models import User
from accounts.password_links import is_valid_link, link_expires_at, link_token
from accounts.people import add_person, choose_password, make_link, switch_person, update_person
from changelog.models import Entry
from core import clock
from core.errors import Conflict
from tests.conftest import People

NEW = "correct horse battery"


@pytest.fixture
def superuser(people: People) -> Actor:
    return Actor.person(people.superuser)


@pytest.fixture
def yuki(superuser: Actor) -> User:
    person = add_person(superuser, username="yuki", name="Yuki", email="yuki@example.org", role="viewer")
    return make_link(superuser, person.pk, by_mail=False)


def choose(browser: Client, password: str, repeated: str | None = None) -> tuple[int, str]:
    typed = {"password": password, "repeated": password if repeated is None else repeated}
    answer = browser.post("/choose-password/", typed)
    return answer.status_code, answer.content.decode()


def test_whoever_has_the_link_chooses_a_password_once(yuki: User, client: Client) -> None:
    path = link_path(yuki)
    opened = client.get(path)
    # The token is in no address that a page could tell others.
    assert opened["Location"] == "/choose-password/"
    page = client.get("/choose-password/")
    assert "Yuki" in page.content.decode()
    assert link_token(yuki) not in page.content.decode()
    done = client.post("/choose-password/", {"password": NEW, "repeated": NEW}, follow=True)
    assert "Your password is set. Sign in as yuki." in done.content.decode()
    assert authenticate(username="yuki", password=NEW) == yuki
    for address in (path, "/choose-password/"):
        again = client.get(address)
        assert (again.status_code, "works no more" in again.content.decode()) == (410, True)
    with pytest.raises(Conflict):
        choose_password(yuki.pk, link_token(yuki), "another good one")
    assert Entry.objects.order_by("-pk")[0].message == "Yuki (yuki) chose a password by a link"


@pytest.mark.parametrize(
    ("password", "repeated", "message"),
    [
        ("", "", "This field is required"),
        ("12345678", "12345678", "too common"),
        ("short", "short", "too short"),
        ("yuki@example", "yuki@example", "too similar"),
        (NEW, NEW + "x", "The two are not the same"),
        (NEW, "", "This field is required"),
    ],
)
def test_a_password_that_will_not_do(
    yuki: User, client: Client, password: str, repeated: str, message: str
) -> None:
    client.get(link_path(yuki))
    status, text = choose(client, password, repeated)
    assert (status, message in text) == (422, True)
    assert f'"{password}"' not in text.replace('""', "")
    assert choose(client, NEW)[0] == 302


def test_a_link_ends(yuki: User, superuser: Actor, people: People) -> None:
    def works() -> bool:
        return is_valid_link(User.objects.get(pk=yuki.pk), token)

    token = link_token(yuki)
    assert works()
    with clock.frozen_at(clock.now() + dt.timedelta(days=4)):
        assert not works()
    make_link(superuser, yuki.pk, by_mail=False)
    assert not works()
    token = link_token(User.objects.get(pk=yuki.pk))
    update_person(superuser, yuki.pk, revision=1, name="Yuki Mori", email=yuki.email, role="qa")
    assert works()
    update_person(superuser, yuki.pk, revision=2, name="Yuki", email="other@example.org", role="qa")
    assert not works()
    make_link(superuser, yuki.pk, by_mail=False)
    token = link_token(User.objects.get(pk=yuki.pk))
    switch_person(superuser, yuki.pk, revision=3, is_active=False)
    assert not works()
    with pytest.raises(Conflict, match="switched off"):
        make_link(superuser, yuki.pk, by_mail=False)
    switch_person(superuser, yuki.pk, revision=4, is_active=True)
    assert not works()


def test_a_link_is_for_one_person(yuki: User, people: People) -> None:
    assert not is_valid_link(people.viewer, link_token(yuki))
    people.viewer.link_made_at = yuki.link_made_at
    assert not is_valid_link(people.viewer, link_token(yuki))


@pytest.mark.parametrize(
    "token", ["x", "-", "a-b-c", "zzzzzzzzzzzzzzzz-x", "-1-x", "é-ü", "c9-" + "0" * 5000]
)
@pytest.mark.parametrize("person_id", ["{yuki}", "0", "9" * 40])
def test_made_up_links(yuki: User, client: Client, person_id: str, token: str) -> None:
    answer = client.get(f"/choose-password/{person_id.format(yuki=yuki.pk)}/{token}/")
    assert answer.status_code == 410
    assert client.get("/choose-password/").status_code == 410
    assert choose(client, NEW)[0] == 410


def test_a_reset_leaves_the_old_password_until_it_is_used_then_ends_sessions(
    superuser: Actor, people: People, password: str
) -> None:
    elsewhere, here = Client(), Client()
    elsewhere.force_login(people.qa)
    person = make_link(superuser, people.qa.pk, by_mail=False)
    assert authenticate(username="qa", password=password) == person
    assert elsewhere.get("/tokens/").status_code == 200
    here.get(link_path(person))
    assert choose(here, NEW)[0] == 302
    assert authenticate(username="qa", password=password) is None
    assert elsewhere.get("/tokens/").status_code == 302


def test_the_link_is_mailed_and_lies_nowhere_else(
    yuki: User, superuser: Actor, settings: Settings, client: Client
) -> None:
    settings.PUBLIC_URL = "https://split.example/"
    assert mail_link(yuki.pk)
    (message,) = mail.outbox
    assert message.to == ["yuki@example.org"]
    assert f"https://split.example{link_path(yuki)}" in message.body
    until = link_expires_at(yuki)
    assert until is not None
    assert f"{until:%Y-%m-%d %H:%M} UTC" in message.body
    # A task that comes twice mails the same link: the first mail's still works.
    assert mail_link(yuki.pk)
    assert client.get(link_path(yuki))["Location"] == "/choose-password/"
    assert link_token(yuki) not in str(list(Entry.objects.values()))


@pytest.mark.parametrize(("host", "sent"), [("mail.example.org", 1), ("", 0)])
def test_a_mail_is_sent_only_where_there_is_a_mail_server(
    host: str,
    sent: int,
    yuki: User,
    people: People,
    settings: Settings,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.EMAIL_HOST = host
    asked: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        "core.tasks.current_app.send_task", lambda name, args=(), **_: asked.append((name, args))
    )
    client.force_login(people.superuser)
    with django_capture_on_commit_callbacks(execute=True):
        # Nobody can mail somebody without an address.
        client.post(f"/people/{people.viewer.pk}/link/")
        text = client.post(f"/people/{yuki.pk}/link/").content.decode()
    # The link itself is in no queue.
    assert asked == [("accounts.tasks.mail_link", (yuki.pk,))] * sent
    assert ("It is mailed to yuki@example.org, too." in text) is bool(sent)


def test_no_mail_about_a_link_that_works_no_more(yuki: User, superuser: Actor, people: People) -> None:
    switch_person(superuser, yuki.pk, revision=1, is_active=False)
    assert not mail_link(yuki.pk)
    assert not mail_link(people.viewer.pk)
    assert not mail_link(10**9)
    assert mail.outbox == []
