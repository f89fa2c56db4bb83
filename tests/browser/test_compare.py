"""Comparing draws as people do: by keys, without scripts, and told when what they compared no longer holds."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Draw, SettingsGroup
from experiments.services import prepare_settings_group
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.conftest import People
from tests.factories import make_draft, make_experiment

NEW = "/tests/green_button/settings/new/"
HALF: list[dict[str, object]] = [{"name": "a", "percent": "25"}, {"name": "b", "percent": "25"}]


@pytest.fixture
def crowded(mia: Actor, warehouse: Any) -> None:
    make_experiment(mia, Status.RUNNING, key="red_banner", variants=HALF)
    make_experiment(mia, Status.RUNNING, key="blue_box", variants=HALF)
    make_draft(mia, key="green_button")


def _users(page: Page, objective: str) -> list[str]:
    """Users per variant on the card of an objective."""
    card = page.locator(".us-objective", has=page.locator(f"input[value={objective}]"))
    return card.locator("dl > div").first.locator("strong").all_inner_texts()


@pytest.mark.parametrize(("scripts", "width"), [(True, WIDE), (True, NARROW), (False, NARROW)])
def test_compared_picked_and_saved_is_what_was_seen(
    scripts: bool, width: int, crowded: None, people: People, new_page: NewPage
) -> None:
    page = new_page(people.manager, width=width, scripts=scripts)
    page.goto(NEW)
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_role("button", name="Compare the draws").press("Enter")
    expect(page.locator(".us-objective-compared")).to_have_count(3)
    expect(page.get_by_label("Name of variant 2")).to_have_value("green")
    seen = _users(page, "random")
    page.get_by_label("Plain random").check()
    page.get_by_role("button", name="Save and prepare").click()
    expect(page.get_by_text("The settings card says how far")).to_be_visible()
    made = SettingsGroup.objects.get(experiment__key="green_button")
    assert prepare_settings_group(made.pk)
    assert Draw.objects.get(settings_group=made).objective == "random"
    page.goto("/tests/green_button/audience/")
    rows = page.get_by_role("group", name="Users per variant").locator("tbody tr")
    assert [row.locator("td").nth(1).inner_text() for row in rows.all()] == seen


def test_the_comparison_takes_the_focus_and_the_arrows_pick(
    crowded: None, people: People, new_page: NewPage
) -> None:
    page = new_page(people.manager)
    page.goto(NEW)
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_role("button", name="Compare the draws").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[role=status]:focus")).to_contain_text("users meet the conditions")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Fewest shared users")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Smallest worst pair")).to_be_checked()


def test_a_change_afterwards_says_that_it_no_longer_holds(
    crowded: None, people: People, new_page: NewPage
) -> None:
    page = new_page(people.manager)
    page.goto(NEW)
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_role("button", name="Compare the draws").click()
    no_longer = page.get_by_text("You changed the settings after this was compared")
    expect(no_longer).to_be_hidden()
    page.get_by_label("Why these settings?").fill("Because")
    page.get_by_label("Plain random").check()
    expect(no_longer).to_be_hidden()
    page.get_by_label("Percent of variant 2").fill("10")
    expect(no_longer).to_be_visible()
    page.get_by_role("button", name="Compare again").click()
    expect(no_longer).to_be_hidden()
    expect(page.locator(".us-objective-compared")).to_have_count(3)


def test_typing_a_percent_updates_the_users_per_variant(
    crowded: None, people: People, warehouse: Any, new_page: NewPage
) -> None:
    page = new_page(people.manager)
    page.goto(NEW)
    expect(page.locator("#preview")).to_contain_text(f"{round(warehouse.user_count() * 0.05):,} in control")
    page.get_by_label("Percent of variant 1").fill("20")
    expect(page.locator("#preview")).to_contain_text(f"{round(warehouse.user_count() * 0.2):,} in control")
