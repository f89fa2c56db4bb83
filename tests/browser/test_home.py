"""A manager's morning by keyboard: home, search, calendar, overlap map; and the keys themselves."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from tests.browser.axe import complaints
from tests.browser.conftest import NARROW, NewPage
from tests.conftest import People
from tests.factories import make_draft, make_experiment

WIDE: list[dict[str, object]] = [{"name": "a", "percent": "60"}, {"name": "b", "percent": "30"}]


@pytest.fixture
def morning(mia: Actor, warehouse: Any) -> None:
    make_draft(mia, key="idea", name="An idea")
    for key, area in (("green_button", "payments"), ("red_banner", "shop")):
        make_experiment(mia, Status.RUNNING, key=key, properties={"area": area}, variants=WIDE)


def _press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_morning_by_keyboard(people: People, morning: None, new_page: NewPage) -> None:
    page = new_page(people.manager)
    page.goto("/")
    needs = page.get_by_role("region", name="What needs you")
    expect(needs).to_contain_text("It has no settings yet")
    # Search: the first answer by Enter, however fast somebody types.
    _press(page, "/")
    field = page.get_by_label("Search for")
    expect(field).to_be_focused()
    page.keyboard.type("green")
    _press(page, "Enter")
    expect(page).to_have_url(re.compile(r"/tests/green_button/$"))
    # To the calendar, one area, and by its bar to the test.
    _press(page, "g", "c")
    expect(page.get_by_role("heading", name="Calendar")).to_be_visible()
    page.get_by_label("Area").select_option("shop")
    expect(page.locator(".us-gantt-row a").filter(has_text="Green button")).to_have_count(0)
    page.locator(".us-gantt-bar a").click()
    expect(page).to_have_url(re.compile(r"/tests/red_banner/$"))
    # Over the map with the arrow keys, and into the pair.
    _press(page, "g", "o")
    expect(page).to_have_url(re.compile(r"/overlap/$"))
    page.wait_for_load_state()
    box = page.get_by_role("application", name="Overlap map")
    box.focus()
    _press(page, "ArrowDown")
    said = page.locator("#overlap-said")
    expect(said).to_contain_text(re.compile(r"red_banner and green_button: [\d,]+ users in both"))
    _press(page, "ArrowRight")
    expect(said).to_contain_text("red_banner (Red banner)")
    _press(page, "ArrowLeft", "Enter")
    expect(page).to_have_url(re.compile(r"/overlap/red_banner/green_button/$"))
    expect(page.get_by_role("table")).to_be_visible()


def test_the_search_is_walked_with_arrows_and_gives_the_focus_back(
    people: People, morning: None, new_page: NewPage
) -> None:
    page = new_page(people.manager, width=NARROW)
    page.goto("/capacity/")
    button = page.locator(".us-topbar").get_by_role("link", name="Search")
    button.click()
    found = page.locator("#found")
    expect(found.get_by_role("link", name="Calendar")).to_be_visible()
    page.keyboard.type("banner")
    link = found.get_by_role("link", name="Red banner")
    expect(found.locator("[data-for=banner]")).to_be_visible()
    _press(page, "ArrowDown")
    expect(link).to_be_focused()
    # Behind the last page of the help that has the word is the field again.
    for _ in range(found.get_by_role("link").count()):
        _press(page, "ArrowDown")
    expect(page.get_by_label("Search for")).to_be_focused()
    assert complaints(page) == []
    _press(page, "Escape")
    expect(button).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_keys_are_listed_do_nothing_in_fields_and_can_be_switched_off(
    theme: str, people: People, mia: Actor, new_page: NewPage
) -> None:
    page = new_page(people.viewer, theme)
    page.goto("/tests/")
    dialog = page.get_by_role("dialog", name="Keys")
    _press(page, "?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("link", name="New test")).to_have_count(0)
    assert complaints(page) == []
    dialog.get_by_role("button", name="Switch single keys off").click()
    _press(page, "Escape", "g", "h", "/")
    expect(page.get_by_role("dialog", name="Search")).to_be_hidden()
    expect(page).to_have_url(re.compile("/tests/$"))
    page.locator(".us-sidebar").get_by_role("button", name="Keys").click()
    dialog.get_by_role("button", name="Switch single keys on").click()
    _press(page, "Escape")
    page.locator("#q").focus()
    page.keyboard.type("g/h?")
    expect(page.locator("#q")).to_have_value("g/h?")


def test_without_scripts_the_same_is_there(people: People, morning: None, new_page: NewPage) -> None:
    page = new_page(people.manager, scripts=False)
    page.goto("/overlap/")
    expect(
        page.get_by_role("row").filter(has_text=re.compile("(green_button|red_banner) and"))
    ).to_be_visible()
    page.locator(".us-sidebar").get_by_role("link", name="Search").click()
    page.get_by_role("main").get_by_label("Search for").fill("idea")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    page.get_by_role("link", name="An idea").click()
    expect(page).to_have_url(re.compile("/tests/idea/$"))
