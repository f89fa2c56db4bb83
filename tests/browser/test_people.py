"""A superuser lets somebody in, who chooses a password, works, and is shut out: all in the browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.browser.conftest import NARROW, NewPage
from tests.conftest import People


def no_barriers(page: Page) -> None:
    found: Any = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.usefixtures("transactional_db")
def test_somebody_is_let_in_and_shut_out_again(people: People, new_page: NewPage) -> None:
    boss, stranger = new_page(people.superuser, theme="dark"), new_page(width=NARROW)
    boss.goto("/people/")
    no_barriers(boss)
    boss.get_by_role("link", name="Add somebody").click()
    boss.get_by_label("Name", exact=True).fill("Yuki Mori")
    boss.get_by_role("button", name="Add and make a link").click()
    expect(boss.get_by_text("Nothing is saved yet")).to_be_visible()
    no_barriers(boss)
    boss.get_by_label("User name").fill("yuki")
    boss.get_by_role("button", name="Add and make a link").click()
    expect(boss.get_by_role("heading", name="Yuki Mori is added.")).to_be_focused()
    no_barriers(boss)

    stranger.goto(boss.locator("#link").inner_text())
    no_barriers(stranger)
    stranger.get_by_label("New password").fill("correct horse battery")
    stranger.get_by_label("The same once more").fill("correct horse battery")
    stranger.get_by_role("button", name="Set the password").click()
    stranger.get_by_label("User name").fill("yuki")
    stranger.get_by_label("Password").fill("correct horse battery")
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("heading", name="Home")).to_be_visible()
    stranger.goto("/people/")
    expect(stranger.get_by_role("link", name="Add somebody")).to_have_count(0)
    no_barriers(stranger)

    boss.goto("/people/")
    boss.get_by_role("searchbox", name="Search", exact=True).fill("yuk")
    expect(boss.get_by_role("status").filter(has_text="1 person")).to_be_visible()
    expect(boss).to_have_url(re.compile(r"q=yuk"))
    boss.get_by_role("link", name="Yuki Mori").click()
    boss.get_by_role("button", name="Switch off").click()
    expect(boss.get_by_text("is signed out everywhere")).to_be_visible()
    no_barriers(boss)
    stranger.get_by_role("link", name="Yuki Mori").first.click()
    expect(stranger.get_by_role("heading", name="Sign in")).to_be_visible()
    assert not User.objects.get(username="yuki").is_active
