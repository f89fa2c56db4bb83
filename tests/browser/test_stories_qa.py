"""A QA person's day: force a user and watch the servers get it, ask why somebody saw nothing, switch tests off, let go."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from pytest_django import Settings

from accounts.actors import Actor
from accounts.models import ApiToken, Scope
from accounts.services import create_token
from delivery.app_servers import Report, record_report
from delivery.services import deliver, publish
from experiments.models import Experiment, ForcedUser, TestsOff
from tests.browser.app_server import decided
from tests.browser.conftest import NewPage
from tests.conftest import People


def test_force_see_who_has_it_ask_why_and_let_go(
    running: Experiment, mia: Actor, people: People, new_page: NewPage, settings: Settings
) -> None:
    folder = Path(settings.DELIVERY_DIR)
    token, _ = create_token(mia, "shop", [Scope.DELIVER])
    page = new_page(people.qa)
    page.goto("/")
    _force(page, token)
    deliver()
    assert decided(folder, "green_button", 1) == ("green", "FORCED")
    _ask_why(page)
    _as_of_a_past_moment(page)
    _switch_off(page)
    deliver()
    assert decided(folder, "green_button", 1) == ("green", "FORCED")
    _let_go(page)
    deliver()
    assert decided(folder, "green_button", 1) == (None, "CONDITIONS_NOT_MET")
    assert not ForcedUser.objects.exists()
    assert not TestsOff.objects.exists()


def _go(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def _server_runs(token: ApiToken, name: str, version: int) -> None:
    record_report(token, Report(f"{name}:1:0123abcd", version, "1.0"))


def _force(page: Page, token: ApiToken) -> None:
    """The page follows by itself how far the force has come: two servers, one after the other."""
    before = publish().manifest.version
    for name in ("web-1", "web-2"):
        _server_runs(token, name, before)
    _go(page, "Forced users")
    expect(page.get_by_text("Nobody is forced.")).to_be_visible()
    page.get_by_role("button", name="Force", exact=True).click()
    expect(page.get_by_text("Choose a test and a variant.")).to_be_visible()
    page.get_by_label("Test and variant").select_option("green_button:green")
    page.get_by_label("User id", exact=True).fill("4711")
    page.get_by_label("Why").fill("Bug 17")
    page.get_by_label("Last day").fill("2999-12-31")
    page.keyboard.press("Enter")
    row = page.get_by_role("row", name=re.compile("User 4711"))
    expect(row).to_contain_text("Bug 17")
    expect(row).to_contain_text("3000-01-01 00:00 UTC")
    expect(row).to_contain_text("On its way")
    expect(row).to_contain_text("0 of 2 servers")
    _server_runs(token, "web-1", publish().manifest.version)
    expect(row).to_contain_text("1 of 2 servers")
    _server_runs(token, "web-2", publish().manifest.version)
    expect(row).to_contain_text("2 of 2 servers")
    expect(row).not_to_contain_text("On its way")
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(row.get_by_text("web-2:1:0123abcd")).to_be_visible()


def _answer(page: Page) -> Locator:
    return page.get_by_role("listitem").filter(has_text="green_button").first


def _ask_why(page: Page) -> None:
    """The predicate that decided, what the user has, and what would have to be otherwise."""
    _go(page, "Check a user")
    page.get_by_label("User id").fill("100001")
    page.get_by_text("The user's profile, where").click()
    page.get_by_label("Country", exact=True).select_option("276")
    page.get_by_label("Age", exact=True).fill("12")
    page.get_by_label("Age", exact=True).press("Enter")
    expect(_answer(page)).to_contain_text(
        "The conditions are not met: it is not true that Age is greater than 17."
    )
    conditions = page.locator(".us-conditions").first
    if conditions.get_attribute("open") is None:
        conditions.locator("summary").focus()
        page.keyboard.press("Enter")
    expect(page.locator(".us-tree").first).to_be_visible()
    expect(page.locator(".us-tree-line:not(:has(.us-tree-line))")).to_have_text(
        [
            re.compile(r"False\s+Test user is yes\s+The user has: no"),
            re.compile(r"True\s+Country is one of Austria, Germany\s+The user has: Germany"),
            re.compile(r"AND\s+False\s+Age is greater than 17\s+The user has: 12\s+This decided"),
        ]
    )
    # Whoever gets the address sees the same.
    address = page.url
    page.goto("/tests/")
    page.goto(address)
    expect(page.get_by_text("it is not true that Age is greater than 17.")).to_be_visible()
    page.get_by_label("Age", exact=True).fill("40")
    page.get_by_label("Age", exact=True).press("Enter")
    expect(page.locator(".us-answered-variant strong")).to_have_text(re.compile("control|green"))


def _as_of_a_past_moment(page: Page) -> None:
    """The same user was in the test before it was narrowed."""
    page.get_by_label("Age", exact=True).fill("12")
    page.get_by_label("Age", exact=True).press("Enter")
    expect(page.locator(".us-answered-variant").first).to_contain_text("none")
    page.get_by_label("As of (UTC)").fill("2024-11-02T08:30:00")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("heading", name="What they would have got")).to_be_visible()
    expect(page.get_by_text("What is known of the user is today's")).to_be_visible()
    expect(page.locator(".us-answered-variant strong")).to_have_text(re.compile("control|green"))
    expect(page.get_by_text("As delivered in version 1")).to_be_visible()
    page.get_by_label("As of (UTC)").fill("2024-10-01T08:30:00")
    page.get_by_role("button", name="Check", exact=True).click()
    never = "Nothing had been delivered then: the first delivery was on 2024-11-01"
    expect(page.get_by_text(never)).to_be_visible()


def _switch_off(page: Page) -> None:
    _go(page, "Tests off")
    page.get_by_label("or device id").fill("robot-7")
    page.get_by_label("Why").fill("nightly run")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("row", name=re.compile("Device robot-7"))).to_contain_text("nightly run")
    _go(page, "Check a user")
    page.get_by_label("Device id").fill("robot-7")
    page.get_by_text("The user's profile, where").click()
    page.get_by_label("Split group").fill("7")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("All tests are off for this user or device.").first).to_be_visible()
    page.get_by_role("link", name="Force into a variant").click()
    expect(page.get_by_label("or device id")).to_have_value("robot-7")


def _let_go(page: Page) -> None:
    _go(page, "Forced users")
    page.get_by_role("button", name="Remove 4711").click()
    expect(page.get_by_text("No longer forced: 4711")).to_be_visible()
    _go(page, "Tests off")
    page.get_by_role("button", name="Switch tests on again for robot-7").click()
    expect(page.get_by_text("Tests are on again for robot-7.")).to_be_visible()
