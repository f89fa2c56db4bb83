"""A manager's whole way: from an idea to a finished test, by mouse and keyboard, in a real browser."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from experiments.models import Experiment, SettingsGroup
from experiments.services import prepare_settings_group
from tests.browser.conftest import NewPage
from tests.conftest import People


def test_from_idea_to_finished(
    mia: Any, people: People, warehouse: Any, password: str, new_page: NewPage
) -> None:
    page = new_page()
    page.goto("/")
    page.get_by_label("User name").fill("manager")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    _create_draft(page)
    _make_settings(page)
    _use(page, "Publish to dev", "Dev")
    _start(page)
    _use(page, "Pause", "Paused")
    _use(page, "Resume", "Running")
    _finish(page)
    assert Experiment.objects.get().status == "finished"


def _create_draft(page: Page) -> None:
    page.get_by_role("link", name="New test").click()
    page.get_by_label("Name", exact=True).fill("Green button: Größer!")
    expect(page.get_by_role("textbox", name="Key", exact=True)).to_have_value("green_button_gro_er")
    page.get_by_role("textbox", name="Key", exact=True).fill("green_button")
    page.get_by_label("Area").fill("payments")
    page.get_by_role("button", name="Create the draft").click()
    expect(page.get_by_role("heading", name="Green button: Größer!")).to_be_visible()
    expect(page.get_by_text("Settings are saved: dates, who takes part, variants")).to_be_visible()


def _make_settings(page: Page) -> None:
    page.get_by_role("link", name="Make the settings").click()
    _build_conditions(page)
    sentence = "Test user is yes OR (Country is one of Austria, Germany AND New user is yes)"
    expect(page.locator("#preview")).to_contain_text(sentence)
    expect(page.locator("#preview")).to_contain_text(re.compile(r"[1-9][\d,]*\s+users meet\s+this today"))
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_label("Why these settings?").fill("First try")
    page.get_by_role("button", name="Save and prepare").click()

    expect(page.get_by_role("progressbar")).to_be_visible()
    assert prepare_settings_group(SettingsGroup.objects.get().pk)
    # The page notices by itself.
    expect(page.get_by_text("current", exact=True)).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.locator("#audience")).to_contain_text("meet the conditions")


def _start(page: Page) -> None:
    page.get_by_role("link", name="Start", exact=True).click()
    numbers = r"[\d,]+ users meet the conditions; [1-9][\d,]* of them get one of two variants from now on\."
    expect(page.locator("#question")).to_contain_text(re.compile(numbers))
    page.get_by_role("button", name="Start").click()
    expect(page.locator("header .badge", has_text="Running")).to_be_visible()


def _finish(page: Page) -> None:
    page.get_by_role("link", name="Finish").click()
    page.get_by_label("A variant won").check()
    page.get_by_label("Winner", exact=True).select_option("green")
    page.locator("#question").get_by_role("button", name="Finish").click()
    expect(page.get_by_text("Must be one of: everywhere, conditions.")).to_be_visible()
    page.get_by_label("Everyone gets the winner").check()
    page.get_by_label("Conclusion").fill("Green wins by 3 %.")
    page.locator("#question").get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    expect(page.locator(".us-typed", has_text="Green wins by 3 %.").first).to_be_visible()


def _build_conditions(page: Page) -> None:
    page.get_by_role("button", name="Condition", exact=True).click()
    page.get_by_label("Filter of condition 1").select_option("is_test_user")
    page.get_by_label("Value of condition 1").select_option("true")
    page.get_by_role("button", name="Brackets", exact=True).click()
    page.get_by_label("Between condition 2 and the one before it").select_option("OR")
    page.get_by_label("Filter of condition 2.1").select_option("country_id")
    page.get_by_label("Comparison of condition 2.1").select_option("in")
    values = page.get_by_role("group", name="Values of condition 2.1")
    values.get_by_label("Find in this list").fill("ger")
    values.get_by_label("Germany").check()
    values.get_by_label("Find in this list").fill("austria")
    values.get_by_label("Austria").check()
    page.get_by_role("button", name="Condition in brackets 2").click()
    page.get_by_label("Filter of condition 2.2").select_option("is_new_user")
    page.get_by_label("Value of condition 2.2").select_option("true")


def _use(page: Page, verb: str, status: str) -> None:
    page.get_by_role("link", name=verb, exact=True).click()
    page.locator("#question").get_by_role("button", name=verb).click()
    expect(page.locator("header .badge", has_text=status)).to_be_visible()
