"""The test list in a browser: typing narrows it and is the address, many tests are chosen and tagged, a view is kept."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from accounts.actors import Actor
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_draft


def test_a_manager_narrows_tags_and_keeps_a_view(mia: Actor, people: People, new_page: NewPage) -> None:
    for key, area in (("green_button", "payments"), ("red_button", "payments"), ("banner", "start page")):
        make_draft(mia, key=key, area=area)
    page = new_page(people.manager)
    page.goto("/tests/")
    rows = page.locator("#results tbody tr")
    expect(rows).to_have_count(3)

    page.get_by_role("searchbox", name="Search", exact=True).fill("button")
    expect(rows).to_have_count(2)
    expect(page).to_have_url(re.compile(r"/tests/\?q=button$"))
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page).to_have_url(re.compile("sort=name"))
    expect(rows.first).to_contain_text("Green button")

    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_label("2 chosen").fill("Winter")
    page.get_by_role("button", name="Add the tag").click()
    expect(page.get_by_role("status").filter(has_text="2 tests got the tag.")).to_be_visible()
    expect(page.locator("#results .badge", has_text="winter")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"q=button&sort=name$"))

    page.get_by_role("searchbox", name="Search", exact=True).fill("winter")
    expect(page).to_have_url(re.compile("q=winter"))
    page.get_by_text("Keep this view").click()
    page.get_by_label("Name", exact=True).fill("Winter tests")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("link", name="Winter tests")).to_have_attribute("aria-current", "true")
    page.goto("/tests/")
    expect(rows).to_have_count(3)
    page.get_by_role("link", name="Winter tests").click()
    expect(rows).to_have_count(2)
