"""A new token's secret on its way to the page that shows it."""

from __future__ import annotations

import datetime as dt

from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import ApiToken
from accounts.tokens import token_digest
from core import clock
from tests.conftest import People

TYPED = {"name": "shop server", "scopes": ["read"], "environment": "production", "expires_on": ""}


def test_no_table_and_no_address_holds_it(people: People, client: Client) -> None:
    client.force_login(people.superuser)
    answer = client.post("/tokens/?everybody", TYPED)
    assert answer["Location"] == "/tokens/?everybody"
    kept = [str(dict(row.get_decoded())) for row in Session.objects.all()]
    secret = client.get("/tokens/?everybody").context["secret"]
    assert token_digest(secret) == ApiToken.objects.get().digest
    assert any("shown_once" in row for row in kept)
    assert not any(secret in row for row in kept)
    assert not any("shown_once" in row.get_decoded() for row in Session.objects.all())


def test_it_is_kept_for_minutes_only_and_for_nobody_else(people: People, client: Client) -> None:
    client.force_login(people.developer)
    client.post("/tokens/", TYPED)
    client.force_login(people.superuser)
    assert client.get("/tokens/").context["secret"] == ""
    client.post("/tokens/", TYPED)
    with clock.frozen_at(clock.now() + dt.timedelta(minutes=6)):
        assert client.get("/tokens/").context["secret"] == ""


def test_a_look_without_a_page_and_a_mistake_leave_it(people: People, client: Client) -> None:
    client.force_login(people.developer)
    client.post("/tokens/", TYPED)
    client.head("/tokens/")
    assert client.post("/tokens/", TYPED | {"name": ""}).status_code == 422
    assert client.get("/tokens/").context["secret"].startswith("ust_")


def test_what_somebody_else_put_there_is_nothing(people: People, client: Client) -> None:
    client.force_login(people.developer)
    session = client.session
    session["shown_once"] = "ust_made_up"
    session.save()
    assert client.get("/tokens/").context["secret"] == ""
