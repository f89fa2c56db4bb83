"""A newcomer's whole tour: home says that there is one, each step leads to its place, and the strip says the next."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from experiments.models import Experiment, SettingsGroup
from experiments.services import prepare_settings_group
from tests.analytics.counted import count_hits
from tests.browser.axe import complaints
from tests.browser.conftest import NARROW, NewPage
from tests.conftest import People


def test_from_nothing_to_a_finished_test(mia: Any, people: People, warehouse: Any, new_page: NewPage) -> None:
    page = new_page(people.manager)
    page.goto("/")
    expect(page.get_by_role("heading", name="New here? Your first test, step by step")).to_be_visible()
    page.get_by_role("link", name="Show the steps").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("1. Write down the idea")
    assert complaints(page) == []

    page.get_by_role("link", name="The draft").click()
    page.get_by_label("Name", exact=True).fill("Green button")
    page.get_by_role("button", name="Create the draft").click()
    _strip(page, 2, "Say who takes part, and the variants", "The settings").click()
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_role("button", name="Save and prepare").click()
    _strip(page, 3, "Let it be prepared, and look at the audience", "The audience and the overlap")
    settings = SettingsGroup.objects.get()
    assert prepare_settings_group(settings.pk)
    # The page notices by itself, and the strip with it.
    _verb(page, 4, "Publish it to dev", "Publish to dev")
    _strip(page, 5, "Try it out", "Force somebody into a variant")
    _try(page)

    page.goto("/tests/green_button/")
    expect(_strip(page, 6, "Put it into the code", "The lines to paste")).to_have_attribute(
        "href", re.compile("#code$")
    )
    count_hits(settings, settings.variants.all()[0].name, 1, 1, environment="devel")
    page.reload()
    _verb(page, 7, "Start it", "Start")
    _strip(page, 8, "See the hits come in", "The hits")
    count_hits(settings, settings.variants.all()[0].name, 5, 5)
    page.reload()
    _strip(page, 9, "Finish it", "Finish").click()
    page.get_by_label("Rejected").check()
    page.locator("#question").get_by_role("button", name="Finish").click()
    expect(page.locator(".us-guide-strip")).to_contain_text("Your first test is done.")
    assert Experiment.objects.get().status == "finished"

    page.get_by_role("link", name="All steps").click()
    expect(page.get_by_text("9 of 9 steps are done.")).to_be_visible()
    page.set_viewport_size({"width": NARROW, "height": 900})
    assert complaints(page) == []
    page.get_by_role("button", name="Put it away for good").click()
    expect(page.get_by_text("The first test is put away.")).to_be_visible()
    page.goto("/tests/green_button/")
    expect(page.locator("#hits h2")).to_be_visible()
    expect(page.locator(".us-guide-strip")).to_have_count(0)


def _strip(page: Page, number: int, title: str, link: str) -> Any:
    """The link of the strip, which stays at the bottom of the window."""
    strip = page.locator(".us-guide-strip")
    expect(strip).to_contain_text(f"Your first test: step {number} of 9 – {title}")
    expect(strip).to_be_in_viewport()
    return strip.get_by_role("link", name=link, exact=True)


def _verb(page: Page, number: int, title: str, button: str) -> None:
    _strip(page, number, title, button.split(maxsplit=1)[0]).click()
    page.locator("#question").get_by_role("button", name=button).click()
    expect(page.locator("#question form")).to_have_count(0)


def _try(page: Page) -> None:
    """Looking leaves no trace, so it is said on the page of the steps."""
    page.get_by_role("link", name="All steps").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("5. Try it out")
    page.get_by_role("link", name="Check a user", exact=True).last.click()
    expect(page).to_have_url(re.compile(r"/check/\?q=green_button"))
    page.go_back()
    page.get_by_role("button", name="I have checked one").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("6. Put it into the code")
