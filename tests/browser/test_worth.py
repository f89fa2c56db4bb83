"""Is it worth running? Asked on the test's page in both themes, narrow and wide, and without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.conftest import People
from tests.factories import make_experiment

HALVES = [{"name": "control", "percent": "50", "is_control": True}, {"name": "green", "percent": "50"}]


@pytest.fixture
def button(mia: Actor, warehouse: Any) -> None:
    make_experiment(mia, Status.DEV, key="button", variants=HALVES)


def wrong_with(page: Page) -> list[str]:
    found = [violation["id"] for violation in Axe().run(page).response["violations"]]
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, *(["scrolls sideways"] if sideways > 0 else [])]


@pytest.mark.parametrize(("theme", "width"), [("light", NARROW), ("dark", NARROW), ("dark", WIDE)])
def test_asked_and_answered_on_the_page(
    theme: str, width: int, button: None, people: People, new_page: NewPage
) -> None:
    page = new_page(people.manager, theme, width)
    page.goto("/tests/button/")
    card = page.locator("#worth")
    card.get_by_role("button", name="Work it out").click()
    expect(card.get_by_role("alert")).to_contain_text("cannot be worked out")
    card.get_by_text("More: new users").click()
    assert wrong_with(page) == []
    card.get_by_label("What it is today").fill("5")
    card.get_by_label("Change you hope for").fill("20")
    card.get_by_role("button", name="Work it out").click()
    answer = page.locator("#worth-answer")
    expect(answer).to_contain_text("In 28 days it reaches about", timeout=60_000)
    expect(answer).to_contain_text("To find 20 % higher (5 % → 6 %) it has to run")
    expect(answer).to_be_focused()
    assert page.url.endswith("/tests/button/")
    assert wrong_with(page) == []


def test_without_scripts_it_is_a_page_of_its_own(button: None, people: People, new_page: NewPage) -> None:
    page = new_page(people.manager, scripts=False)
    page.goto("/tests/button/")
    page.get_by_role("link", name="Is it worth running?").click()
    page.get_by_label("What it is today").fill("5")
    page.get_by_role("button", name="Work it out").click()
    expect(page.locator("#worth-answer")).to_contain_text("In 28 days it reaches about", timeout=60_000)
    assert "baseline=5" in page.url
