"""In the browser: the language chosen before and after signing in, the browser's own clocks, UTC by a key."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.conftest import People


def _in_tokyo(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})


def test_somebody_in_tokyo_signs_in_and_changes_the_language(
    people: People, password: str, new_page: NewPage
) -> None:
    page = new_page()
    _in_tokyo(page)
    html, now = page.locator("html"), page.locator("main time")
    page.goto("/login/?next=/me/")
    page.get_by_role("button", name="한국어").click()
    expect(html).to_have_attribute("lang", "ko")
    page.get_by_role("button", name="日本語").click()
    expect(html).to_have_attribute("lang", "ja")
    page.locator("[name=username]").fill("manager")
    page.locator("[name=password]").fill(password)
    page.locator("main .btn-primary").click()
    page.wait_for_url("**/me/")
    expect(html).to_have_attribute("lang", "ja")
    expect(now).to_contain_text("JST")
    expect(now).to_contain_text("/")

    page.locator("[name=language]").select_option("en")
    page.locator("main .btn-primary").first.click()
    expect(html).to_have_attribute("lang", "en")
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    local, utc = now.inner_text(), now.get_attribute("title")
    assert local.endswith("JST")
    page.keyboard.press("z")
    assert now.inner_text() == utc
    page.keyboard.press("z")
    assert now.inner_text() == local
    # For who has no keys of their own: the same behind a button.
    page.keyboard.press("?")
    page.get_by_role("button", name="times in UTC, and back").click()
    assert now.inner_text() == utc

    page.locator("[name=time_zone]").select_option("Europe/Berlin")
    page.locator("main .btn-primary").first.click()
    expect(now).to_contain_text("CE")


def test_a_superuser_sees_who_is_signed_in_and_which_page_it_is_at_any_height(
    people: People, new_page: NewPage
) -> None:
    page = new_page(people.superuser)
    for height in (900, 700):
        page.set_viewport_size({"width": 1440, "height": height})
        page.goto("/help/")
        for part in (".us-sidebar .us-person form", ".us-sidebar [aria-current=page]"):
            expect(page.locator(part)).to_be_in_viewport(ratio=1)
