"""A manager tests other words for a text, from nothing at all to prepared settings, without a developer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from accounts.actors import Actor
from changelog.models import Entry, SubjectKind
from experiments.models import SettingsGroup
from experiments.services import prepare_settings_group
from tests.browser.axe import complaints
from tests.browser.conftest import NARROW, NewPage
from tests.conftest import People

SHOP = """token,language,text
pay_button,en,"Buy, {name}"
pay_button,ja,"{name}さん、購入する"
greeting,en,<b>Hello</b>
"""


def test_a_token_test_from_nothing_to_prepared(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage, tmp_path: Path
) -> None:
    page = new_page(people.manager)
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Texts").click()
    expect(page.get_by_text("No texts yet")).to_be_visible()
    _upload_texts(page, tmp_path)
    _begin_test(page)
    _type_texts(page)
    page.get_by_role("button", name="Save and prepare").click()
    expect(page.get_by_text("Settings 1 are saved")).to_be_visible()
    made = SettingsGroup.objects.get(experiment__key="pay_button_text")
    assert made.tokens == {"pay_button": {"new_text": {"en": "Get it, {name}", "ja": "{name}さん、今すぐ"}}}
    assert prepare_settings_group(made.pk)
    page.goto("/texts/?q=pay_button")
    expect(page.get_by_role("link", name="Text of pay_button")).to_be_visible()
    page.get_by_role("link", name="Text of pay_button").click()
    expect(page.locator("#settings")).to_contain_text("{name}さん、今すぐ")


def _upload_texts(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="Upload a file").first.click()
    file = folder / "shop.csv"
    file.write_text(SHOP.replace("greeting,en", "greeting,"), "utf-8")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_text("Line 4: language must not be empty")).to_be_visible()
    file.write_text(SHOP, "utf-8")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_text("shop.csv: 3 new, 0 changed")).to_be_visible()
    assert complaints(page) == []
    page.get_by_role("button", name="Apply all of it").click()
    expect(page.get_by_text("3 texts are changed.")).to_be_visible()
    # Words of the application are words, whatever they look like.
    expect(page.get_by_text("<b>Hello</b>")).to_be_visible()
    assert Entry.objects.filter(subject_kind=SubjectKind.TEXT).count() == 1


def _begin_test(page: Page) -> None:
    page.get_by_placeholder("Token or some of its text").fill("購入")
    expect(page.get_by_text("1 token")).to_be_visible()
    page.get_by_role("link", name="Test other texts pay_button").click()
    expect(page.get_by_label("Key", exact=True)).to_have_value("pay_button_text")
    assert complaints(page) == []
    page.get_by_role("button", name="Create the draft").click()
    expect(page).to_have_url("/tests/pay_button_text/settings/new/?token=pay_button#texts")


def _type_texts(page: Page) -> None:
    english = page.get_by_role("group", name="Token 1, language en")
    japanese = page.get_by_role("group", name="Token 1, language ja")
    expect(english).to_contain_text("Buy, {name}")
    english.get_by_label("new_text").fill("Get it now or never, friend")
    expect(english).to_contain_text("27 characters, 16 more than now")
    expect(english).to_contain_text("Keep {name}")
    english.get_by_label("new_text").fill("Get it, {name}")
    expect(english).to_contain_text("14 characters, 3 more than now")
    expect(english).not_to_contain_text("Keep {name}")
    japanese.get_by_label("new_text").fill("{name}さん、今すぐ")
    preview = page.locator("#texts-preview")
    expect(preview.get_by_text("{name}さん、今すぐ")).to_be_visible()
    expect(preview.get_by_text("Buy, {name}")).to_be_visible()
    page.set_viewport_size({"width": NARROW, "height": 900})
    assert complaints(page) == []
