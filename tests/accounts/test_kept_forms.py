"""A form that comes after its session ended is carried through the sign-in; what must not be is not."""

from __future__ import annotations

import json
from html import unescape

import pytest
from django.test import Client

from accounts.kept_forms import read_kept_form
from tests.conftest import People

EDITOR = "/tests/green_button/settings/new/"


def test_the_form_comes_back_after_the_sign_in(people: People, password: str) -> None:
    client = Client()
    page = client.post(EDITOR, {"message": '"><b>', "exclusive_with": ["a", "b"]})
    assert page.status_code == 401
    kept = page.context["kept"].as_text()
    assert '"><b>' not in page.content.decode()
    signed_in = client.post(
        "/login/", {"username": "manager", "password": password, "next": EDITOR, "kept": kept}
    )
    text = signed_in.content.decode()
    assert f'action="{EDITOR}"' in text
    assert '"><b>' in unescape(text)
    assert text.count('name="exclusive_with"') == 2


@pytest.mark.parametrize(
    "fields", [{"password": "x"}, {"client_secret": "x"}, {"message": "x" * 1_100_000}, {}]
)
def test_secrets_and_floods_are_not_kept(fields: dict[str, str], people: People) -> None:
    response = Client().post(EDITOR, fields)
    assert response.status_code == 302
    assert response["Location"] == f"/login/?next={EDITOR}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "[" * 100_000,
        '["/x/"]',
        '["/x/", 5]',
        '["/x/", [["a"]]]',
        '["/x/", [["a", 5]]]',
        '["//evil.example/x", [["a", "b"]]]',
        '["https://evil.example/", [["a", "b"]]]',
        '["/\\\\evil.example/", [["a", "b"]]]',
    ],
)
def test_what_was_not_written_here_is_no_form(text: str) -> None:
    assert read_kept_form(text) is None


def test_a_form_from_another_site_is_refused_before_it_is_kept(people: People) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(EDITOR, {"message": "x"}).status_code == 403


def test_a_forged_address_leads_nowhere(people: People, password: str) -> None:
    kept = json.dumps(["https://evil.example/", [["a", "b"]]])
    response = Client().post("/login/", {"username": "manager", "password": password, "kept": kept})
    assert response.status_code == 302
    assert response["Location"] == "/"
