"""Superusers add people, change them, shut them out and let them in again; what is told of it, and what is refused."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.actors import Actor
from accounts.models import Role, User
from accounts.people import add_person, make_link, switch_person, update_person
from accounts.services import create_token
from changelog.models import Entry, SubjectKind
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound, StaleTransition
from tests.api import Api
from tests.conftest import People

YUKI = {"username": "yuki.mori", "name": "森　雪", "email": "yuki@example.org", "role": "qa"}


@pytest.fixture
def superuser(people: People) -> Actor:
    return Actor.person(people.superuser)


def told() -> list[str]:
    entries = Entry.objects.filter(subject_kind=SubjectKind.ACCOUNT).order_by("pk")
    return [entry.message for entry in entries]


def test_who_is_added_cannot_sign_in_before_choosing_a_password(superuser: Actor) -> None:
    person = add_person(superuser, **YUKI)
    assert (str(person), person.role, person.email) == ("森 雪", Role.QA, "yuki@example.org")
    assert not person.has_usable_password()
    assert (person.is_superuser, person.is_staff) == (False, False)
    assert told() == ["Added 森 雪 (yuki.mori) as QA"]


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        ({"username": ""}, "username", "by which they sign in"),
        ({"username": "a b"}, "username", "letters, digits"),
        ({"username": "mia\x00"}, "username", "visible characters"),
        ({"username": "../admin"}, "username", "letters, digits"),
        ({"username": "m" * 151}, "username", "at most 150"),
        ({"username": "MANAGER"}, "username", "already"),
        ({"name": " \n"}, "name", "colleagues know them"),
        ({"name": "a\x1b[31m"}, "name", "visible characters"),
        ({"name": "a\ud800"}, "name", "visible characters"),
        ({"email": "nobody"}, "email", "e-mail address"),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "email", "visible characters"),
        ({"role": "god"}, "role", "superuser, manager"),
    ],
)
def test_somebody_who_cannot_be(superuser: Actor, changed: dict[str, str], field: str, message: str) -> None:
    before = User.objects.count()
    with pytest.raises(InvalidInput) as refusal:
        add_person(superuser, **(YUKI | changed))
    assert [error.path for error in refusal.value.errors] == [field]
    assert message in refusal.value.errors[0].message
    assert User.objects.count() == before
    assert told() == []


def test_all_that_is_wrong_is_named_at_once(superuser: Actor) -> None:
    with pytest.raises(InvalidInput) as refusal:
        add_person(superuser, username="", name="", email="x", role="x")
    assert [error.path for error in refusal.value.errors] == ["username", "name", "email", "role"]


@pytest.mark.parametrize("who", ["manager", "developer", "qa", "viewer"])
def test_nobody_but_superusers_looks_after_people(people: People, who: str) -> None:
    actor, target = Actor.person(getattr(people, who)), people.other_manager
    kept = {"name": "X", "email": "", "role": "superuser"}
    with pytest.raises(NotAllowed):
        add_person(actor, **YUKI)
    with pytest.raises(NotAllowed):
        update_person(actor, target.pk, revision=1, **kept)
    with pytest.raises(NotAllowed):
        switch_person(actor, target.pk, revision=1, is_active=False)
    with pytest.raises(NotAllowed):
        make_link(actor, target.pk, by_mail=False)
    # Nor with oneself.
    with pytest.raises(NotAllowed):
        update_person(actor, getattr(people, who).pk, revision=1, **kept)
    assert told() == []


def test_a_change_is_told_without_the_address(superuser: Actor, people: People) -> None:
    mia = people.manager
    after = update_person(
        superuser, mia.pk, revision=1, name="Mia Park", email="mia@example.org", role="superuser"
    )
    assert (str(after), after.role, after.is_superuser, after.revision) == ("Mia Park", "superuser", True, 2)
    entry = Entry.objects.get(subject_kind=SubjectKind.ACCOUNT)
    assert (entry.actor, entry.subject_key, entry.subject_id) == (people.superuser, "manager", mia.pk)
    assert [(one["label"], one["before"], one["after"]) for one in entry.changes] == [
        ("Name", "Manager", "Mia Park"),
        ("E-mail", None, "a new one"),
        ("Role", "Manager", "Superuser"),
    ]
    assert "example.org" not in str(Entry.objects.values())
    # What is as it was is no change.
    assert (
        update_person(
            superuser, mia.pk, revision=2, name="Mia Park", email="mia@example.org", role="superuser"
        ).revision
        == 2
    )
    assert len(told()) == 1


def test_a_change_of_what_somebody_else_changed_is_refused(superuser: Actor, people: People) -> None:
    kept = {"name": "Viewer", "email": "", "role": "viewer"}
    update_person(superuser, people.viewer.pk, revision=1, **(kept | {"role": "qa"}))
    with pytest.raises(StaleTransition, match="was changed in the meantime"):
        update_person(superuser, people.viewer.pk, revision=1, **kept)
    with pytest.raises(StaleTransition):
        switch_person(superuser, people.viewer.pk, revision=1, is_active=False)
    assert User.objects.get(pk=people.viewer.pk).role == "qa"


@pytest.mark.parametrize("person_id", [0, 10**6, 2**63 - 1, 2**63, 10**40])
def test_somebody_who_is_not_there(superuser: Actor, person_id: int) -> None:
    with pytest.raises(NotFound):
        switch_person(superuser, person_id, revision=1, is_active=False)
    with pytest.raises(NotFound):
        make_link(superuser, person_id, by_mail=True)


def test_nobody_shuts_themselves_out(superuser: Actor, people: People) -> None:
    me = people.superuser
    with pytest.raises(InvalidInput, match="from yourself"):
        update_person(superuser, me.pk, revision=1, name="Superuser", email="", role="viewer")
    with pytest.raises(Conflict, match="your own account"):
        switch_person(superuser, me.pk, revision=1, is_active=False)
    assert str(update_person(superuser, me.pk, revision=1, name="Sue", email="", role="superuser")) == "Sue"


def test_the_last_superuser_who_can_sign_in_stays(people: People, superuser: Actor) -> None:
    machine = Actor.machine("a command")
    # Invited, but never here: nobody could let anybody in.
    add_person(superuser, **(YUKI | {"role": "superuser"}))
    with pytest.raises(Conflict, match="last superuser"):
        switch_person(machine, people.superuser.pk, revision=1, is_active=False)
    with pytest.raises(Conflict, match="last superuser"):
        update_person(machine, people.superuser.pk, revision=1, name="S", email="", role="viewer")
    update_person(machine, people.manager.pk, revision=1, name="Mia", email="", role="superuser")
    assert not switch_person(machine, people.superuser.pk, revision=1, is_active=False).is_active


def test_off_ends_sessions_for_good_and_stops_tokens_until_on_again(people: People, superuser: Actor) -> None:
    browser = Client()
    browser.force_login(people.developer)
    api = Api(create_token(Actor.person(people.developer), "shop", ["read"])[1])
    assert browser.get("/tokens/").status_code == api.get("/tests/").status_code == 200
    off = switch_person(superuser, people.developer.pk, revision=1, is_active=False)
    assert browser.get("/tokens/").status_code == 302
    assert api.get("/tests/").status_code == 401
    assert switch_person(superuser, off.pk, revision=2, is_active=False).revision == 2
    switch_person(superuser, off.pk, revision=2, is_active=True)
    # A browser that somebody left open somewhere does not come to life again.
    assert browser.get("/tokens/").status_code == 302
    assert api.get("/tests/").status_code == 200
    assert told() == [
        "Switched the account of Developer (developer) off",
        "Switched the account of Developer (developer) on again",
    ]
