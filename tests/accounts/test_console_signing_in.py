"""Signing in and out, sessions that end, and API tokens."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import ApiToken
from accounts.tokens import token_digest
from changelog.models import Entry
from tests.conftest import People

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/tests/green_button/?a=1&b=2"}


def test_signing_in_leads_where_one_was_going(people: People, password: str, client: Client) -> None:
    page = client.get("/tests/", follow=True)
    assert page.redirect_chain == [("/login/?next=/tests/", 302)]
    assert "Sign in to go on where you were" in page.content.decode()
    response = client.post(
        "/login/?next=/tests/", {"username": "viewer", "password": password, "next": "/tests/"}
    )
    assert response["Location"] == "/tests/"
    assert "Home" in client.get("/").content.decode()


def test_nobody_is_led_away(people: People, password: str, client: Client) -> None:
    response = client.post(
        "/login/", {"username": "viewer", "password": password, "next": "https://evil.example/"}
    )
    assert response["Location"] == "/"


def test_a_wrong_password_is_said_clearly(people: People, client: Client) -> None:
    response = client.post("/login/", {"username": "viewer", "password": "wrong"})
    assert response.status_code == 422
    assert "do not go together" in response.content.decode()


def test_signing_out(people: People, client: Client) -> None:
    client.force_login(people.viewer)
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/tests/").status_code == 302


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_session_that_ended_under_htmx_leads_the_whole_page_to_the_sign_in(
    method: str, people: People, client: Client
) -> None:
    response = getattr(client, method)("/tests/green_button/audience/", headers=HTMX, follow=True)
    assert response["HX-Redirect"] == "/login/?next=/tests/green_button/%3Fa%3D1%26b%3D2"


def test_a_list_comes_back_as_it_was_asked_for(people: People, client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/tests/?status=running"}
    response = client.get("/tests/?status=running&q=green", headers=headers, follow=True)
    assert response["HX-Redirect"] == "/login/?next=/tests/%3Fstatus%3Drunning%26q%3Dgreen"


@pytest.mark.parametrize("wanted", ["http://[", "//[?q=1", "https://evil.example/tests/?q=1", "\x00?"])
def test_a_hostile_way_back_leads_to_the_page_one_was_on(client: Client, wanted: str) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/tests/?status=running"}
    response = client.get("/login/", {"next": wanted}, headers=headers)
    assert response["HX-Redirect"] == "/login/?next=/tests/%3Fstatus%3Drunning"


def test_a_current_address_that_is_none_is_not_followed(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://["}
    assert client.get("/login/", headers=headers)["HX-Redirect"] == "/login/?next=/"


def test_a_current_address_of_another_site_is_not_followed(people: People, client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/x"}
    response = client.get("/tests/", headers=headers, follow=True)
    assert response["HX-Redirect"] == "/login/?next=/"


def test_a_token_is_shown_once(people: People, client: Client) -> None:
    client.force_login(people.developer)
    typed = {
        "name": "deploy job",
        "scopes": ["read", "deliver"],
        "environment": "devel",
        "expires_on": "2099-12-31",
    }
    answer = client.post("/tokens/", typed)
    assert (answer.status_code, answer["Location"]) == (302, "/tokens/")
    response = client.get("/tokens/")
    token = ApiToken.objects.get()
    secret = response.context["secret"]
    assert token_digest(secret) == token.digest
    assert secret in response.content.decode()
    assert token.expires_at is not None
    assert token.expires_at.isoformat() == "2100-01-01T00:00:00+00:00"
    assert secret not in client.get("/tokens/").content.decode()
    assert "Your new token" not in client.get("/tokens/").content.decode()
    assert secret not in str(list(Entry.objects.values()))
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": ""}, "Give the token a name"),
        ({"scopes": []}, "Choose at least one of"),
        ({"scopes": ["root"]}, "is not one of the available choices"),
        ({"environment": "moon"}, "is not one of the available choices"),
        ({"expires_on": "2001-01-01"}, "already have expired"),
        ({"expires_on": "soon"}, "Enter a valid date"),
    ],
)
def test_a_token_that_cannot_be(
    changed: dict[str, object], message: str, people: People, client: Client
) -> None:
    client.force_login(people.developer)
    typed = {"name": "job", "scopes": ["read"], "environment": "production", "expires_on": ""} | changed
    response = client.post("/tokens/", typed)
    assert response.status_code == 422
    assert message in response.content.decode()
    assert not ApiToken.objects.exists()


def test_tokens_are_their_owners(people: People, token: tuple[ApiToken, str], client: Client) -> None:
    client.force_login(people.developer)
    assert "everything" not in client.get("/tokens/").content.decode()
    assert client.post(f"/tokens/{token[0].pk}/revoke/").status_code == 403
    client.force_login(people.superuser)
    assert client.post(f"/tokens/{token[0].pk}/revoke/").status_code == 302
    assert "Revoked" in client.get("/tokens/").content.decode()
    assert client.post("/tokens/999999/revoke/").status_code == 404


def test_a_form_without_its_csrf_token_is_refused_politely(people: People) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.viewer)
    response = client.post("/logout/")
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def test_every_page_forbids_inline_scripts(people: People, client: Client) -> None:
    client.force_login(people.viewer)
    response = client.get("/tests/")
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    text = response.content.decode()
    assert "<style" not in text
    assert " style=" not in text
    assert " on" + "click=" not in text
