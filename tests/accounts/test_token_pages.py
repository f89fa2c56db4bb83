"""The page of API tokens: whose one sees, what is said of each, who ends one."""

from __future__ import annotations

import datetime as dt

from django.test import Client

from accounts.actors import Actor
from accounts.models import ApiToken, User
from accounts.services import create_token, revoke_token
from core import clock
from tests.api import Api
from tests.conftest import People


def make(person: User, name: str, *scopes: str, days: int | None = None) -> ApiToken:
    ends = clock.now() + dt.timedelta(days=days) if days else None
    return create_token(Actor.person(person), name, scopes or ["read"], expires_at=ends)[0]


def page_of(person: User, query: str = "") -> str:
    browser = Client()
    browser.force_login(person)
    return browser.get(f"/tokens/{query}").content.decode()


def test_superusers_see_everybodys_others_their_own(people: People) -> None:
    make(people.developer, "shop server")
    make(people.qa, "autotests")
    everybodys = page_of(people.superuser, "?everybody")
    assert "shop server" in everybodys
    assert "acts for Developer" in everybodys
    assert "shop server" not in page_of(people.superuser)
    for query in ("", "?everybody"):
        own = page_of(people.qa, query)
        assert "autotests" in own
        assert "shop server" not in own


def test_each_says_whether_it_works_and_when_it_was_used(people: People) -> None:
    _, secret = create_token(Actor.person(people.viewer), "used one", ["read"])
    assert "never used" in page_of(people.viewer)
    Api(secret).get("/tests/")
    assert "last used" in page_of(people.viewer)
    make(people.viewer, "short one", days=1)
    with clock.frozen_at(clock.now() + dt.timedelta(days=2)):
        assert "Expired" in page_of(people.viewer)
    revoke_token(Actor.person(people.viewer), make(people.viewer, "gone").pk)
    assert "Revoked" in page_of(people.viewer)


def test_those_that_work_come_first(people: People) -> None:
    old = make(people.viewer, "old but good")
    revoke_token(Actor.person(people.viewer), make(people.viewer, "newer, revoked").pk)
    text = page_of(people.viewer)
    assert text.index("old but good") < text.index("newer, revoked")
    assert old.revoked_at is None


def test_the_page_says_which_may_be_read_by_everybody(people: People) -> None:
    make(people.viewer, "shop page", "evaluate", "ingest")
    assert "may be in a page" in page_of(people.viewer)
    ApiToken.objects.update(scopes=["evaluate", "read"])
    text = page_of(people.viewer)
    assert "may be in a page" not in text
    assert "In a page or an app everybody can read the token" in text


def test_a_superuser_who_revokes_comes_back_to_everybodys(people: People) -> None:
    token = make(people.developer, "shop server")
    browser = Client()
    browser.force_login(people.superuser)
    answer = browser.post(f"/tokens/{token.pk}/revoke/", {"everybody": ""})
    assert answer["Location"] == "/tokens/?everybody"
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_a_token_of_somebody_who_left_is_said_not_to_work(people: People) -> None:
    make(people.developer, "shop server")
    people.developer.is_active = False
    people.developer.save()
    assert "its owner has left" in page_of(people.superuser, "?everybody")
