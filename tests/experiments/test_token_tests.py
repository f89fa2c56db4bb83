"""A test that begins with a text: its draft, its editor, what stands below each field. Hostile words are words everywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.actors import Actor
from experiments.forms.app_texts import proposed_key
from experiments.forms.texts import TextHint, hint_of
from experiments.lifecycle import Status
from experiments.models import AppText, Experiment
from tests.conftest import People
from tests.factories import make_draft, make_experiment

HOSTILE = '"><script>alert(1)</script>{{ 7|add:7 }}'


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    AppText.objects.create(token="pay_button", language="en", text="Buy, {name}")
    AppText.objects.create(token="pay_button", language="de", text="Kaufen")
    return Actor.person(people.manager)


def _page(response: Any) -> str:
    return " ".join(response.content.decode().split())


# ---- from a text to its editor ---------------------------------------------------------------------------------


def test_a_draft_is_made_of_a_token_and_its_editor_has_it_picked(mia: Actor, client: Client) -> None:
    form = client.get("/texts/test/", {"token": "pay_button"}).context["form"]
    typed = {"token": "pay_button", "name": form["name"].value(), "key": form["key"].value()}
    made = client.post("/texts/test/", typed, follow=True)
    draft = Experiment.objects.get(key="pay_button_text")
    assert (draft.name, draft.status) == ("Text of pay_button", Status.DRAFT)
    assert made.redirect_chain[-1][0] == "/tests/pay_button_text/settings/new/?token=pay_button#texts"
    form = made.context["form"]
    assert [(row.name, row.percent) for row in form.variants] == [("control", "5"), ("new_text", "5")]
    assert form.control == "0"
    assert [line.language for line in form.texts[0].lines] == ["de", "en"]
    # The control's field shows what the application says, and the preview of both variants does.
    assert 'placeholder="Kaufen"' in _page(made)
    assert _page(made).count(">Kaufen</bdi>") == 2


def test_the_next_test_of_a_token_has_another_key(mia: Actor, client: Client) -> None:
    typed = {"token": "pay_button", "name": "Mine", "key": "pay_button_text"}
    client.post("/texts/test/", typed)
    assert proposed_key("pay_button") == "pay_button_text_2"
    taken = client.post("/texts/test/", typed)
    assert taken.status_code == 422
    assert "There is already a test with the key pay_button_text." in _page(taken)


@pytest.mark.parametrize(
    ("token", "key"),
    [
        ("Welcome back!", "welcome_back_text"),
        ("checkout.thanks", "checkout_thanks_text"),
        ("Ärger & Café", "arger_cafe_text"),
        ("購入する", "text_test"),
        ("7 days", "days_text"),
        ("x" * 500, f"{'x' * 53}_text"),
    ],
)
def test_keys_are_proposed_that_a_test_can_have(token: str, key: str, mia: Actor) -> None:
    assert proposed_key(token) == key
    assert make_draft(mia, key=key).key == key


@pytest.mark.parametrize("token", ["", "no_such_token", "\x00", "x" * 600])
def test_there_is_no_test_of_a_token_that_is_not_here(token: str, mia: Actor, client: Client) -> None:
    assert client.get("/texts/test/", {"token": token}).status_code == 404
    assert client.post("/texts/test/", {"token": token, "name": "x", "key": "xy"}).status_code == 404


def test_a_token_joins_the_settings_there_are(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, key="button", tokens={"greeting": {"green": {"en": "Hi"}}})
    for _ in range(2):
        form = client.get("/tests/button/settings/new/", {"token": "pay_button"}).context["form"]
        assert [one.token for one in form.texts] == ["greeting", "pay_button"]
        assert [row.name for row in form.variants] == ["control", "green"]
    again = client.get("/tests/button/settings/new/", {"token": "greeting"}).context["form"]
    assert [one.token for one in again.texts] == ["greeting"]


def test_a_user_group_has_no_texts_to_pick(mia: Actor, client: Client) -> None:
    make_draft(mia, key="loyal", kind="group")
    page = client.get("/groups/loyal/settings/new/", {"token": "pay_button"})
    assert page.context["form"].texts == []


# ---- below each field ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "typed", "missing", "unknown"),
    [
        ("Buy, {name}", "Get it, {nmae}", ("{name}",), ("{nmae}",)),
        ("%s of %s", "%s", ("%s",), ()),
        ("%(count)d new", "new: %(count)d", (), ()),
        ("100%% sure", "sure", (), ()),
        ("{count:,} in {{ shop }}", "{{ shop }}: {count:,}", (), ()),
        ("<b>Now</b> %1$s", "Now", ("%1$s", "</b>", "<b>"), ()),
        ("50 % off", "half off", (), ()),
        ("${price}", "{price}", ("${price}",), ("{price}",)),
    ],
)
def test_placeholders_are_compared(
    now: str, typed: str, missing: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    assert hint_of(typed, now) == TextHint(len(typed), len(now), missing, unknown)


def test_what_is_worth_knowing_stands_below_its_field(mia: Actor, client: Client) -> None:
    """On the page itself, and with each answer while somebody types."""
    make_draft(mia, key="button")
    typed = {
        "v.0.name": "control",
        "v.1.name": "green",
        "control": "0",
        "texts_as": "rows",
        "t.0.token": "pay_button",
        "t.0.0.language": "en",
        "t.0.0.v.1": "Get it, {nmae}",
        "t.0.1.language": "de",
        "t.0.1.v.1": "Nimm",
    }
    while_typing = _page(client.post("/tests/button/settings/new/texts/", typed))
    on_the_page = _page(client.post("/tests/button/settings/new/", typed | {"op": "refresh"}))
    assert 'id="t-0-0-1-hint" hx-swap-oob="true"' in while_typing
    for page in (while_typing, on_the_page):
        assert "14 characters, 3 more than now" in page
        assert "Keep {name}: the application puts something in its place." in page
        assert "{nmae} is not in the present text." in page
        assert "4 characters, 2 less than now" in page


# ---- hostile ---------------------------------------------------------------------------------------------------


def test_html_in_tokens_and_texts_is_text_everywhere(mia: Actor, client: Client) -> None:
    row = {"token": HOSTILE, "language": "en", "text": HOSTILE}
    file = SimpleUploadedFile(f"{HOSTILE}.json", json.dumps([row]).encode())
    looked_at = client.post("/texts/upload/", {"file": file})
    sent = {name: looked_at.context[name] for name in ("digest", "name")} | {
        "texts": looked_at.context["sent"]
    }
    assert client.post("/texts/upload/", sent | {"op": "apply"}).status_code == 302
    draft = make_draft(mia)
    pages = [
        looked_at,
        client.get("/texts/"),
        client.get("/texts/edit/", {"token": HOSTILE, "language": "en"}),
        client.get("/texts/test/", {"token": HOSTILE}),
        client.get(f"/tests/{draft.key}/settings/new/", {"token": HOSTILE}),
        client.get("/texts/tokens/", {"new_token": HOSTILE[:20]}),
        client.get("/changelog/"),
    ]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert(1)" not in page.content.decode()
        assert "&lt;script&gt;alert(1)" in page.content.decode()
        assert "{{ 7|add:7 }}" in page.content.decode()
