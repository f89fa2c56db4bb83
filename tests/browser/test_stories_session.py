"""A session that ends in the middle: of the editor, of a card, and of a verb's confirmation. Nothing typed is lost."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Experiment, SettingsGroup
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_draft, make_experiment

EDITOR = "/tests/green_button/settings/new/"


def test_a_session_that_ends_in_the_middle(
    mia: Actor, people: People, warehouse: Any, password: str, new_page: NewPage
) -> None:
    make_draft(mia, key="green_button")
    make_experiment(mia, Status.RUNNING, key="red_banner")
    page = new_page(people.manager)
    _in_the_middle_of_the_editor(page, password)
    _in_a_card(page, password)
    _in_a_confirmation(page, password)


def _end_the_session(page: Page) -> None:
    page.context.clear_cookies(name="sessionid")


def _sign_in(page: Page, password: str) -> None:
    page.get_by_label("User name").fill("manager")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def _in_the_middle_of_the_editor(page: Page, password: str) -> None:
    page.goto(EDITOR)
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_label("Why these settings?").fill("Half a thought")
    page.get_by_role("button", name="Condition", exact=True).click()
    page.get_by_label("Filter of condition 1").select_option("age")
    page.get_by_label("Value of condition 1").fill("18")
    page.reload()
    _expect_all_of_it(page)
    # The session ends under a button of the editor.
    _end_the_session(page)
    page.get_by_role("button", name="Add a variant").click()
    _sign_in(page, password)
    _expect_all_of_it(page)
    # It ends again, and the sign-in happens in another tab, which changes the token that forms carry.
    _end_the_session(page)
    other = page.context.new_page()
    other.goto(EDITOR)
    _sign_in(other, password)
    other.wait_for_url(f"**{EDITOR}")
    other.close()
    page.get_by_role("button", name="Save and prepare").click()
    expect(page.get_by_text("Settings 1 are saved")).to_be_visible()
    made = SettingsGroup.objects.get(experiment__key="green_button")
    assert (made.message, [one["value"] for one in made.conditions]) == ("Half a thought", [18])
    # Saved is saved: nothing comes back.
    page.goto(EDITOR)
    expect(page.get_by_label("Why these settings?")).to_have_value("")
    expect(page.get_by_text("It is not saved yet")).to_have_count(0)


def _expect_all_of_it(page: Page) -> None:
    expect(page.get_by_text("It is not saved yet")).to_be_visible()
    expect(page.get_by_label("Value of condition 1")).to_have_value("18")
    expect(page.get_by_label("Name of variant 2")).to_have_value("green")
    expect(page.get_by_label("Why these settings?")).to_have_value("Half a thought")


def _in_a_card(page: Page, password: str) -> None:
    """A part of the page that is asked for without a session leads to the sign-in, and back to the whole page."""
    page.goto("/tests/red_banner/")
    page.wait_for_load_state("networkidle")
    _end_the_session(page)
    page.locator("#properties-edit").click()
    expect(page.get_by_text("Sign in to go on where you were")).to_be_visible()
    _sign_in(page, password)
    page.wait_for_url("**/tests/red_banner/")


def _in_a_confirmation(page: Page, password: str) -> None:
    """Nothing is done before the person is known; then it is asked once more, and done once."""
    page.wait_for_load_state("networkidle")
    page.get_by_role("link", name="Finish").click()
    page.get_by_label("Rejected").check()
    page.get_by_label("Conclusion").fill("Nobody saw it")
    _end_the_session(page)
    page.locator("#question").get_by_role("button", name="Finish").click()
    expect(page.get_by_text("It is not saved, and not lost")).to_be_visible()
    assert Experiment.objects.get(key="red_banner").status == Status.RUNNING
    _sign_in(page, password)
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    found = Experiment.objects.get(key="red_banner")
    assert (found.status, found.conclusion) == (Status.FINISHED, "Nobody saw it")
