"""Django: template tags, gettext, and what they do with characters that HTML knows."""

from __future__ import annotations

import pytest
from django.core.signing import Signer
from django.template import Context, Template
from django.test import Client, override_settings
from django.utils import translation

from tests.integrations.files import BUTTON, CONTROL, GREEN, a_client
from usersplit_sdk import RecordingHits, User
from usersplit_sdk.bound import Split, use_split
from usersplit_sdk.integrations.django import texts
from usersplit_sdk.integrations.guests import SALT

pytestmark = pytest.mark.usefixtures("site")


def rendered(client: Client, template: str, split_group: int = GREEN, **query: str) -> str:
    client.cookies["usersplit"] = Signer(salt=SALT).sign(str(split_group))
    return client.get(
        "/page/", {"template": template, **query}, headers={"accept-language": "de"}
    ).content.decode()


@pytest.mark.parametrize("query", [{"request": "given"}, {}], ids=["request in the context", "without"])
@pytest.mark.parametrize(
    ("template", "page"),
    [
        ('{% variant "green_button" %}', "&lt;green&gt;"),
        ('{% variant "green_button" as v %}{% if v == "<green>" %}yes{% endif %}', "yes"),
        ('{% variant "unknown" %}', ""),
        ('{% variant "unknown" as v %}{% if v %}yes{% else %}no{% endif %}', "no"),
        ('{% payload "green_button" as button %}{{ button.color }}', "#0a0"),
        ('{% is_in_group "germans" as german %}{{ german|yesno }}', "yes"),
        ('{% split_text "pay_button" "Buy" %}', "Get &lt;it&gt;"),
        ('{% split_text "pay_button" "Buy" as label %}{{ label }}', "Get &lt;it&gt;"),
        ('{% split_text "no_token" "Buy & go" %}', "Buy & go"),
        ('{% split_text "no_token" untrusted %}', "&lt;b&gt;"),
    ],
)
def test_tags(client: Client, template: str, page: str, query: dict[str, str]) -> None:
    assert rendered(client, template, GREEN, context='{"untrusted": "<b>"}', **query) == page


def test_tags_without_a_request_answer_as_the_code_stands() -> None:
    tags = '{% variant "a" %}{% payload "a" %}{% is_in_group "a" %}{% split_text "a" "Buy" %}'
    assert Template("{% load usersplit %}" + tags).render(Context()) == "FalseBuy"


def test_a_variant_in_a_template_is_a_hit_unless_told(client: Client, site: RecordingHits) -> None:
    rendered(client, '{% variant "green_button" log_hit=False %}')
    assert site.hits == []
    rendered(client, '{% variant "green_button" %}')
    assert [hit.variant for hit in site.hits] == ["<green>"]


def test_texts_are_in_the_active_language(client: Client) -> None:
    tag = '{% split_text "pay_button" "Buy" %}'
    with translation.override("de-at"):
        assert rendered(client, tag) == "Hol es dir"
        assert rendered(client, tag, CONTROL) == "Jetzt kaufen"
    with translation.override("fr"):
        assert rendered(client, tag) == "Buy"


def test_texts_of_a_region_are_found(client: Client, site: RecordingHits) -> None:
    tokens = {"pay_button": {"<green>": {"de": "Hol es dir", "de-AT": "Nimm's"}}}
    regional, _ = a_client({**BUTTON, "tokens": tokens})
    with override_settings(USERSPLIT={"CLIENT": regional}), translation.override("de-at"):
        assert rendered(client, '{% split_text "pay_button" "Buy" as label %}{{ label|safe }}') == "Nimm's"
        with use_split(Split(regional, User("1", GREEN))):
            assert texts.pgettext("pay_button", "Buy") == "Nimm's"


def test_a_translation_in_the_context_of_its_token_is_found() -> None:
    # Django's own catalogue has this message in this context only.
    with translation.override("de"):
        assert texts.gettext("Dec.") == "Dec."
        assert texts.pgettext("abbrev. month", "Dec.") == "Dez."


def test_gettext_gives_way_to_the_variants_text() -> None:
    client, _ = a_client()
    lazy = texts.pgettext_lazy("pay_button", "Monday")
    with translation.override("de"):
        assert (str(lazy), texts.gettext("Monday")) == ("Montag", "Montag")
        with use_split(Split(client, User("1", GREEN))):
            assert (str(lazy), texts.gettext("Monday")) == ("Hol es dir", "Montag")
            assert texts.gettext("pay_button") == "Hol es dir"
    with translation.override("fr"), use_split(Split(client, User("1", GREEN))):
        assert str(lazy) == "lundi"
