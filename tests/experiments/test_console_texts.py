"""Texts per variant and language in the editor: typed, shown beside the application's own, measured, kept as JSON where rows cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.html import strip_tags

from accounts.actors import Actor
from experiments.app_texts import UnreadableTexts, read_texts
from experiments.models import AppText, Experiment, SettingsGroup
from tests.conftest import People
from tests.factories import make_draft

NEW = "/tests/green_button/settings/new/"
TYPED = {
    "based_on": "0",
    "conditions_as": "rows",
    "v.0.name": "control",
    "v.0.percent": "5",
    "v.1.name": "green",
    "v.1.percent": "5",
    "v.2.name": "blue",
    "v.2.percent": "5",
    "split_by": "each",
    "draw": "fewest_shared_users",
    "texts_as": "rows",
}
BUY = {
    "t.0.token": "pay_button",
    "t.0.0.language": "en",
    "t.0.0.v.0": "",
    "t.0.0.v.1": "Get it, {name}",
    "t.0.0.v.2": "Buy it right now while it lasts",
    "t.0.1.language": "de",
    "t.0.1.v.1": "Hol es dir",
}


@pytest.fixture
def draft(people: People, client: Client) -> Experiment:
    client.force_login(people.manager)
    AppText.objects.create(token="pay_button", language="en", text="Buy, {name}")
    AppText.objects.create(token="pay_button", language="de", text="Kaufen")
    return make_draft(Actor.person(people.manager), key="green_button")


def _page(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_texts_are_saved_as_typed_and_come_back(draft: Experiment, client: Client) -> None:
    assert client.post(NEW, TYPED | BUY).status_code == 302
    made = SettingsGroup.objects.get()
    assert made.tokens == {
        "pay_button": {
            "green": {"en": "Get it, {name}", "de": "Hol es dir"},
            "blue": {"en": "Buy it right now while it lasts"},
        }
    }
    form = client.get(f"{NEW}?from=1").context["form"]
    assert not form.texts_are_json
    assert form.texts[0].lines[1].texts == {1: "Hol es dir", 2: ""}


def test_a_token_brings_its_languages_and_what_it_says_now(draft: Experiment, client: Client) -> None:
    response = client.post(NEW, TYPED | {"op": "add_token", "new_token": "pay_button"})
    assert [line.language for line in response.context["form"].texts[0].lines] == ["de", "en"]
    assert "Kaufen" in _page(response)
    assert "6 characters" in _page(response)
    assert client.post(NEW, TYPED | {"op": "add_token"}).status_code == 422


def test_the_preview_measures(draft: Experiment, client: Client) -> None:
    text = _page(client.post(f"{NEW}texts/", TYPED | BUY))
    assert "14 characters, now 11" in text
    assert "much longer: look whether it fits" in text
    assert text.count("lacks {name}") == 1


def test_texts_follow_their_variant(draft: Experiment, client: Client) -> None:
    """Renamed it takes them along; taken out they go; those behind keep theirs."""
    client.post(NEW, TYPED | BUY | {"v.1.name": "lime"})
    assert set(SettingsGroup.objects.get().tokens["pay_button"]) == {"lime", "blue"}
    form = client.post(NEW, TYPED | BUY | {"op": "remove_variant:1"}).context["form"]
    assert form.texts[0].lines[0].texts == {0: "", 1: "Buy it right now while it lasts"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"t.0.token": " "}, "Token 1: say which token"),
        ({"t.0.1.language": ""}, "Token 1: say in which language"),
        ({"t.0.1.language": "en"}, "Token 1: en is there twice"),
        (
            {"t.1.token": "pay_button", "t.1.0.language": "en", "t.1.0.v.1": "x"},
            "The token pay_button is there twice",
        ),
        ({"t.0.0.v.1": "a\x00"}, "Must not contain NUL"),
        ({"t.0.0.v.1": "x" * 70_000}, "Is larger than 65,536 bytes"),
    ],
)
def test_what_is_wrong_is_said_and_kept(
    changed: dict[str, str], message: str, draft: Experiment, client: Client
) -> None:
    response = client.post(NEW, TYPED | BUY | changed)
    assert response.status_code == 422
    assert message in _page(response)
    assert "Buy it right now while it lasts" in _page(response)


def test_the_card_shows_the_texts_and_any_two_versions_differ(draft: Experiment, client: Client) -> None:
    client.post(NEW, TYPED | BUY)
    client.post(NEW, TYPED | {"based_on": "1", "message": "none"})
    client.post(NEW, TYPED | BUY | {"based_on": "2", "t.0.1.v.1": "Nimm es"})
    page = strip_tags(_page(client.get("/tests/green_button/settings/3/", {"against": "1"})))
    assert "What differs from settings 1" in page
    assert "[removed: Hol ]" in page
    assert "[added: Nimm ]" in page
    assert client.get("/tests/green_button/settings/3/", {"against": "9"}).status_code == 404


def test_json_and_rows_are_the_same_texts(draft: Experiment, client: Client) -> None:
    form = client.post(NEW, TYPED | BUY | {"op": "texts_as_json"}).context["form"]
    as_json = {"texts_as": "json", "tokens": form.tokens}
    back = client.post(NEW, TYPED | as_json | {"op": "texts_as_rows"}).context["form"]
    assert back.texts[0].lines[0].texts[1] == "Get it, {name}"
    strange = {"texts_as": "json", "tokens": '{"a": {"no such variant": {"en": "x"}}}', "op": "texts_as_rows"}
    assert client.post(NEW, TYPED | strange).status_code == 422


@pytest.mark.parametrize(
    "op", ["remove_token:9", "remove_language:0.9", "add_language:x", "remove_language:0"]
)
def test_buttons_for_what_is_not_there_do_nothing(op: str, draft: Experiment, client: Client) -> None:
    form = client.post(NEW, TYPED | BUY | {"op": op, f"t.{'9' * 30}.token": "x"}).context["form"]
    assert len(form.texts) == 1
    assert len(form.texts[0].lines) == 2


def test_tokens_are_found_by_name_and_by_text(draft: Experiment, client: Client) -> None:
    for wanted in ("PAY", "kauf"):
        assert 'value="pay_button"' in _page(client.get("/texts/tokens/", {"new_token": wanted}))
    for nothing in ("", "%", "\x00"):
        assert "option" not in _page(client.get("/texts/tokens/", {"new_token": nothing}))


PO = r"""
# the header
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\n"

msgctxt "pay_button"
msgid "Buy"
msgstr "Kau"
"fen \"jetzt\""

msgid "one"
msgid_plural "many"
msgstr[0] "eins"
msgstr[1] "viele"
#, fuzzy
msgid "Guess"
msgstr "Vermutung"

msgid "Untranslated"
msgstr ""
#~ msgid "Gone"
#~ msgstr "Weg"
"""


def test_translations_of_gettext_are_read() -> None:
    assert read_texts(PO, "de.po") == {"pay_button": 'Kaufen "jetzt"', "one": "eins"}


def test_json_is_read_with_dots() -> None:
    assert read_texts('{"a": "x", "b": {"c": {"d": "y"}}}', "de.json") == {"a": "x", "b.c.d": "y"}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("[]", "a.json"),
        ("{", "a.json"),
        ('{"a": 5}', "a.json"),
        ("[" * 100_000, "a.json"),
        ("nonsense", "a.po"),
        ('msgid "a\nmsgstr', "a.po"),
        ('"a"', "a.po"),
        (r'msgid "\x"', "a.po"),
    ],
)
def test_what_is_no_file_of_texts_is_said(content: str, name: str) -> None:
    with pytest.raises(UnreadableTexts):
        read_texts(content, name)


def test_the_command_loads_and_replaces(draft: Experiment, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "de.json"
    file.write_text('{"new_one": "Neu"}', "utf-8")
    call_command("import_texts", str(file), "--language", "de", "--replace")
    assert "1 texts in de loaded, 0 left out." in capsys.readouterr().out
    assert set(AppText.objects.values_list("token", "language")) == {("pay_button", "en"), ("new_one", "de")}
    for arguments in ([str(file), "--language", "d e"], [str(tmp_path / "none.po"), "--language", "de"]):
        with pytest.raises(CommandError):
            call_command("import_texts", *arguments)
