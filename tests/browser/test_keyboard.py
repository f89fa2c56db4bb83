"""Without a mouse: every stop is visible, focus is never lost over swaps, and settings can be made by keys alone."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_draft, make_experiment


def _focused(page: Page) -> str:
    return str(
        page.evaluate(
            "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
        )
    )


def _tab_to(page: Page, label: str, most: int = 80) -> None:
    """Press Tab until the element of that name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        here = _focused(page)
        name = page.evaluate("document.activeElement.labels?.[0]?.textContent.trim() ?? ''")
        if label in {here, name}:
            return
    raise AssertionError(f"Tab never came to {label!r}")


def test_the_first_stop_skips_to_the_content(mia: Actor, people: People, new_page: NewPage) -> None:
    page = new_page(people.manager)
    page.goto("/tests/")
    page.keyboard.press("Tab")
    assert _focused(page) == "Skip to the content"
    assert page.locator(".skip-link").bounding_box() is not None
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_every_stop_is_seen(mia: Actor, people: People, warehouse: Any, new_page: NewPage) -> None:
    make_experiment(mia, Status.DEV, key="green_button")
    page = new_page(people.manager)
    for address in ("/tests/", "/tests/green_button/", "/tests/green_button/settings/new/"):
        page.goto(address)
        stops = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            look = page.evaluate(
                """() => {
                  const one = document.activeElement, style = getComputedStyle(one);
                  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
                  return [one.outerHTML.slice(0, 120), ring || style.boxShadow !== "none", one === document.body];
                }"""
            )
            if look[2]:
                break
            assert look[1], f"no ring on {address}: {look[0]}"
            stops.add(look[0])
        assert len(stops) > 10


def test_settings_by_keys_alone(mia: Actor, people: People, new_page: NewPage) -> None:
    make_draft(mia, key="green_button")
    page = new_page(people.manager)
    page.goto("/tests/green_button/settings/new/")
    _tab_to(page, "Condition")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Filter of condition 1")).to_be_focused()
    page.keyboard.type("Test user")
    expect(page.get_by_label("Value of condition 1")).to_be_visible()
    expect(page.get_by_label("Filter of condition 1")).to_be_focused()
    _tab_to(page, "Value of condition 1")
    page.keyboard.type("yes")
    expect(page.locator("#preview")).to_contain_text("Test user is yes")
    _tab_to(page, "Name of variant 2")
    page.keyboard.type("green")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The settings card says how far")).to_be_visible()
    assert Experiment.objects.get().settings_groups.count() == 1


def test_a_name_typed_slowly_is_one_name(mia: Actor, people: People, new_page: NewPage) -> None:
    """Were the row fetched anew after the first letter, the second would begin another name: a for Age."""
    make_draft(mia, key="green_button")
    page = new_page(people.manager)
    page.goto("/tests/green_button/settings/new/")
    _tab_to(page, "Condition")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Filter of condition 1")).to_be_focused()
    page.keyboard.type("Language", delay=150)
    expect(page.get_by_label("Value of condition 1")).to_be_visible()
    expect(page.get_by_label("Filter of condition 1")).to_have_value("language")


def test_a_field_listens_as_soon_as_it_is_there(mia: Actor, people: People, new_page: NewPage) -> None:
    make_draft(mia, key="green_button")
    page = new_page(people.manager)
    page.goto("/tests/green_button/settings/new/")
    page.evaluate(
        """() => new MutationObserver((_, observer) => {
          const list = document.querySelector("#conditions select[name$='.filter']");
          if (list) {
            observer.disconnect();
            list.value = "language";
            list.dispatchEvent(new Event("change", { bubbles: true }));
          }
        }).observe(document.body, { childList: true, subtree: true })"""
    )
    page.get_by_role("button", name="Condition", exact=True).click()
    expect(page.get_by_label("Value of condition 1")).to_be_visible()


def test_a_question_takes_the_focus_and_is_answered_by_keys(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    make_experiment(mia, Status.DEV, key="green_button")
    page = new_page(people.manager)
    page.goto("/tests/green_button/")
    _tab_to(page, "Start")
    page.keyboard.press("Enter")
    expect(page.locator("#question-title")).to_be_focused()
    _tab_to(page, "Start")
    page.keyboard.press("Enter")
    expect(page.locator("header .badge", has_text="Running")).to_be_visible()


def test_editing_a_card_moves_the_focus_there_and_back(mia: Actor, people: People, new_page: NewPage) -> None:
    make_draft(mia, key="green_button")
    page = new_page(people.manager)
    page.goto("/tests/green_button/")
    page.locator("#properties-edit").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#properties-title")).to_be_focused()
    page.get_by_label("Hypothesis").fill("It helps.")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.locator("#properties").get_by_text("It helps.")).to_be_visible()
    expect(page.locator("#properties-edit")).to_be_focused()
