"""Hits on the test's page, the page of hits nobody knows and one user's hits: both themes, both widths, keyboard, no scripts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from accounts.actors import Actor
from analytics.models import UnknownHits, Who
from core import clock
from experiments.lifecycle import Status
from experiments.models import SettingsGroup
from tests.analytics.counted import HOUR, count_hits
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.conftest import People
from tests.factories import make_experiment

LONG = "donaudampfschifffahrtsgesellschaftskapitaensmuetzenabzeichen"
VARIANTS = [
    {"name": "control", "percent": "30", "is_control": True},
    {"name": "green", "percent": "30"},
    {"name": LONG, "percent": "30"},
]


@pytest.fixture
def group(mia: Actor, warehouse: Any) -> SettingsGroup:
    """A test that runs for five days, with a mismatch, forced users and a typo somewhere."""
    found = make_experiment(mia, Status.RUNNING, key="button", variants=VARIANTS).current
    assert found is not None
    for hours in range(0, 120, 5):
        count_hits(found, "control", 60 + hours, 50, ago=hours * HOUR)
        count_hits(found, "green", 50, 30, ago=hours * HOUR)
        count_hits(found, LONG, 70, 50, ago=hours * HOUR)
    count_hits(found, "green", 3, 1, who=Who.FORCED)
    UnknownHits.objects.create(
        test="buton",
        settings_group=1,
        variant="<b>green</b> " + LONG[:40],
        environment="production",
        why="test",
        hits=1_204,
        first_at=clock.now() - dt.timedelta(days=3),
        last_at=clock.now(),
    )
    return found


def wrong_with(page: Page) -> list[str]:
    found = [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"][:2]
    ]
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, *(["scrolls sideways"] if sideways > 0 else [])]


@pytest.mark.parametrize(
    ("theme", "width"), [("light", NARROW), ("dark", NARROW), ("light", WIDE), ("dark", WIDE)]
)
def test_what_the_hits_say(
    theme: str, width: int, group: SettingsGroup, people: People, new_page: NewPage
) -> None:
    page = new_page(people.manager, theme, width)
    page.goto("/tests/button/")
    card = page.locator("#hits")
    expect(card.get_by_role("heading", name="The shares do not fit")).to_be_visible()
    expect(card).to_contain_text("Nobody saw more than one variant")
    card.get_by_text("As a table").click()
    expect(card.get_by_role("img")).to_have_count(2)
    assert wrong_with(page) == []
    card.get_by_role("link", name="By hour, last two days").click()
    expect(card.locator("#hits-by-hour")).to_have_attribute("aria-current", "true")
    card.get_by_role("link", name="Devel").click()
    expect(card).to_contain_text("No hit from devel yet")
    assert wrong_with(page) == []
    page.goto("/hits/unknown/")
    expect(page.get_by_role("link", name="button", exact=True)).to_be_visible()
    assert wrong_with(page) == []
    page.goto("/analytics/user-hits/?user_id=4711")
    expect(page.get_by_text("No hit of this user has come")).to_be_visible()
    assert wrong_with(page) == []


def test_it_refreshes_by_itself_without_taking_the_focus(
    group: SettingsGroup, people: People, new_page: NewPage
) -> None:
    page = new_page(people.manager)
    page.clock.install()
    page.goto("/tests/button/")
    card = page.locator("#hits")
    card.get_by_text("As a table").click()
    expect(card).not_to_contain_text("99,999")
    count_hits(group, "green", 99_999, 0, environment="production")
    more = f"{99_999 + 24 * 50:,}"
    # Who walks it with the keyboard is not disturbed …
    card.get_by_role("link", name="By hour, last two days").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(20_000)
    assert page.evaluate("document.activeElement.id") == "hits-by-hour"
    assert asked == []
    expect(page.locator("#hits-by-hour")).to_be_focused()
    # … and what is unfolded stays so.
    page.locator("h1").click()
    with page.expect_response("**/tests/button/hits/**"):
        page.clock.fast_forward(20_000)
    expect(card).to_contain_text(more)
    expect(card.locator("#hits-table")).to_have_attribute("open", "")


def test_without_scripts_there_are_pages(group: SettingsGroup, people: People, new_page: NewPage) -> None:
    page = new_page(people.manager, scripts=False)
    page.goto("/tests/button/")
    page.locator("#hits").get_by_role("link", name="Hits").click()
    expect(page.get_by_role("heading", name="The shares do not fit")).to_be_visible()
    page.get_by_role("link", name="By hour, last two days").click()
    expect(page.locator("#hits-by-hour")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Users who saw several variants").click()
    expect(page.get_by_text("Nobody saw more than one variant")).to_be_visible()
    page.goto("/hits/unknown/")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("If it is sent again, it comes back")).to_be_visible()
    expect(page.get_by_text("Every hit that came belongs to a test")).to_be_visible()
