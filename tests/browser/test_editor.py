"""The settings editor as people use it: conditions moved and saved, percents dealt, texts typed, by keyboard and in both themes."""

from __future__ import annotations

import json
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import AppText, Kind, SettingsGroup
from tests.browser.conftest import NARROW, NewPage
from tests.conftest import People
from tests.factories import make_draft, make_experiment

EDITOR = "/tests/green_button/settings/new/"
YOUNG: list[Any] = [{"filter": "age", "operator": "lt", "value": 30}]


def _ground(mia: Actor) -> None:
    make_draft(mia, key="green_button")
    make_experiment(mia, Status.RUNNING, kind=Kind.GROUP, key="young", conditions=YOUNG)
    AppText.objects.create(token="pay_button", language="en", text="Buy")
    AppText.objects.create(token="pay_button", language="de", text="Kaufen")


def _press(page: Page, name: str) -> None:
    """With the keyboard; the editor has answered when this is done."""
    page.get_by_role("button", name=name, exact=True).focus()
    with page.expect_response(lambda answer: answer.url.endswith(EDITOR)):
        page.keyboard.press("Enter")
    expect(page.locator(".htmx-request, .htmx-settling")).to_have_count(0)


def test_a_manager_builds_a_test_with_the_keyboard(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    _ground(mia)
    page = new_page(people.manager)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(EDITOR)
    _build_conditions(page)
    _deal_percents(page)
    _type_texts(page)
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_label("Starts (Asia/Tokyo)").fill("2030-01-02T09:00")
    _press(page, "Save and prepare")
    expect(page.get_by_text("Settings 1 are saved")).to_be_visible()
    made = SettingsGroup.objects.get(experiment__key="green_button")
    age = {"filter": "age", "source": "user", "operator": "lt", "value": 30}
    asked = {"filter": "is_test_user", "source": "user", "operator": "eq", "value": True}
    assert made.conditions == [[asked, "OR", [age]]]
    assert [(one.name, one.percent) for one in made.variants.all()] == [
        ("control", "10"),
        ("green", "7.5"),
        ("blue", "7.5"),
    ]
    assert made.tokens == {"pay_button": {"green": {"de": "Hol es dir"}}}
    assert made.starts_at is not None
    assert made.starts_at.isoformat() == "2030-01-02T00:00:00+00:00"


def _build_conditions(page: Page) -> None:
    page.get_by_label("Saved conditions").select_option("young")
    _press(page, "Add them in brackets")
    expect(page.get_by_text("The conditions of the user group")).to_be_visible()
    _press(page, "Condition")
    page.get_by_label("Filter of condition 2").select_option("is_test_user")
    page.get_by_label("Value of condition 2").select_option("true")
    page.get_by_label("Between condition 2 and the one before it").select_option("OR")
    expect(page.locator("#preview")).to_contain_text("Age is less than 30 OR Test user is yes")
    # What is pressed on a row that is just being replaced is pressed in vain.
    expect(page.locator(".htmx-request, .htmx-settling")).to_have_count(0)
    _press(page, "Move condition 2 up")
    page.get_by_label("Pick condition 1", exact=True).check()
    page.get_by_label("Pick condition 2", exact=True).check()
    _press(page, "( ) around what is ticked")
    expect(page.locator("#preview")).to_contain_text("Test user is yes OR Age is less than 30")
    # What is copied as JSON can be pasted again.
    page.locator("#as-json summary").click()
    page.get_by_role("button", name="Copy the conditions as JSON").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert json.loads(copied)[0][1] == "OR"
    _press(page, "Remove condition 1")
    expect(page.get_by_text("Everyone. Add a condition")).to_be_visible()
    page.locator("#as-json").evaluate("(one) => { one.open = true; }")
    page.get_by_label("Paste JSON here to take its place").fill(copied)
    _press(page, "Show this JSON as rows")
    expect(page.get_by_label("Filter of condition 1.2.1")).to_have_value("age")


def _deal_percents(page: Page) -> None:
    _press(page, "Add a variant")
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_label("Name of variant 3").fill("blue")
    page.get_by_label("Percent of variant 1").fill("10")
    page.get_by_label("Lock the share of variant 1").check()
    page.get_by_label("Total percent").fill("25")
    _press(page, "Deal the rest evenly")
    expect(page.locator("#shares")).to_contain_text("In all 25 % (600 of 2,400 split groups)")
    page.get_by_label("Percent of variant 3").fill("80")
    expect(page.locator("#shares")).to_contain_text("97.5 %")
    page.get_by_label("Percent of variant 3").fill("7.5")
    expect(page.locator("#shares")).to_contain_text("In all 25 %")


def _type_texts(page: Page) -> None:
    page.get_by_label("Token", exact=True).press_sequentially("kauf")
    expect(page.locator("#known-tokens option")).to_have_count(1)
    page.get_by_label("Token", exact=True).fill("pay_button")
    _press(page, "Try other words for it")
    german = page.get_by_role("group", name="Token 1, language de")
    expect(german).to_contain_text("Kaufen")
    german.get_by_label("green").fill("Hol es dir")
    expect(page.locator("#texts-preview")).to_contain_text("10 characters, now 6")


def test_the_full_editor_is_accessible_and_fits(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    _ground(mia)
    for theme, width in (("light", NARROW), ("dark", 1440)):
        page = new_page(people.manager, theme, width)
        page.goto(EDITOR)
        page.get_by_label("Saved conditions").select_option("young")
        _press(page, "Add them in brackets")
        page.get_by_label("Token", exact=True).fill("pay_button")
        _press(page, "Try other words for it")
        long = "Donaudampfschifffahrtsgesellschaft" * 4
        page.get_by_role("group", name="Token 1, language de").get_by_label("control").fill(long)
        expect(page.locator("#texts-preview")).to_contain_text("much longer")
        page.reload()
        expect(page.get_by_text("It is not saved yet")).to_be_visible()
        expect(page.get_by_role("group", name="Token 1, language de").get_by_label("control")).to_have_value(
            long
        )
        page.evaluate("document.querySelectorAll('#editor details').forEach((one) => { one.open = true; })")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto("/groups/young/")
        expect(page.locator("#uses")).to_contain_text("In no test yet")
