"""Texts: the variant's in the user's language, else the translation; never another variant's."""

import gettext
from typing import Any

import pytest

from usersplit_sdk import Client, RecordingHits, User
from usersplit_sdk.bound import Split, use_split
from usersplit_sdk.texts import Texts

TEST: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "key": "wording",
    "status": "running",
    "side": "server",
    "settings_group": 1,
    "conditions": [],
    "control": "control",
    "variants": [
        {"name": "control", "split_groups": [[1, 800]]},
        {"name": "short", "split_groups": [[801, 1600]]},
        {"name": "silent", "split_groups": [[1601, 2400]]},
    ],
    "tokens": {
        "pay_button": {
            "control": {"de": "Jetzt kaufen"},
            "short": {"en": "Get it", "de": "Hol es dir", "de-AT": "Nimm's"},
        },
        "Pay": {"short": {"de": "Zahl"}},
    },
}
CONTROL, SHORT, SILENT = User("1", 1), User("2", 1000), User("3", 2000)
GERMAN = {"Buy": "Kaufen", "Pay": "Zahlen"}


class Translations(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return GERMAN.get(message, message)

    def pgettext(self, context: str, message: str) -> str:
        return "Kaufen!" if (context, message) == ("in_a_hurry", "Buy") else message


def texts_in(language: str | None) -> Texts:
    return Texts(Translations().gettext, language=lambda: language)


@pytest.mark.parametrize(
    ("user", "language", "text"),
    [
        (SHORT, "de", "Hol es dir"),
        (SHORT, "de-AT", "Nimm's"),
        (SHORT, "de-CH", "Hol es dir"),
        (SHORT, "de_CH", "Hol es dir"),
        (SHORT, "en-US", "Get it"),
        (SHORT, "fr", "Kaufen"),
        (CONTROL, "de-AT", "Jetzt kaufen"),
        (CONTROL, "en", "Kaufen"),
        (SILENT, "de", "Kaufen"),
        (SILENT, "en", "Kaufen"),
        (None, "de", "Kaufen"),
    ],
)
def test_never_another_variants_text(user: User | None, language: str, text: str) -> None:
    with use_split(Split(Client.from_documents([TEST]), user)):
        assert texts_in(language).pgettext("pay_button", "Buy") == text


def test_a_message_can_be_its_own_token() -> None:
    texts = texts_in("de")
    assert (texts.gettext("Pay"), texts.gettext("Buy"), texts.gettext("Else")) == ("Zahlen", "Kaufen", "Else")
    with use_split(Split(Client.from_documents([TEST]), SHORT)):
        assert (texts.gettext("Pay"), texts.gettext("Buy"), texts.gettext("Else")) == (
            "Zahl",
            "Kaufen",
            "Else",
        )


def test_a_token_is_the_context_of_its_message() -> None:
    texts = Texts(Translations().gettext, Translations().pgettext, language=lambda: "de")
    assert (texts.pgettext("in_a_hurry", "Buy"), texts.pgettext("pay_button", "Buy")) == ("Kaufen!", "Kaufen")
    with use_split(Split(Client.from_documents([TEST]), SHORT)):
        assert texts.pgettext("pay_button", "Buy") == "Hol es dir"


def test_without_a_language_of_its_own_it_is_the_splits() -> None:
    client = Client.from_documents([TEST])
    for texts in (Texts(Translations().gettext), texts_in(None)):
        with use_split(Split(client, SHORT, language="en")):
            assert texts.text("pay_button", "Kaufen") == "Get it"


def test_who_saw_the_default_text_is_counted_too() -> None:
    hits = RecordingHits()
    client = Client.from_documents([TEST], hits=hits)
    with use_split(Split(client, SILENT)):
        texts_in("de").pgettext("pay_button", "Buy")
        texts_in("de").gettext("Buy")
    assert [hit.variant for hit in hits.hits] == ["silent"]
