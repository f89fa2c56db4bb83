"""What somebody types stays: over a reload, a session that ends, a second sign-in and an answer that never comes."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, Route, expect

from accounts.actors import Actor
from experiments.models import Experiment, SettingsGroup
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import add_settings, make_draft

EDITOR = "/tests/green_button/settings/new/"


def _sign_in(page: Page, password: str) -> None:
    page.get_by_label("User name").fill("manager")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def _fill(page: Page) -> None:
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_label("Why these settings?").fill("Half a thought")
    page.get_by_role("button", name="Condition", exact=True).click()
    page.get_by_label("Filter of condition 1").select_option("age")
    page.get_by_label("Value of condition 1").fill("18")


def _expect_all_of_it(page: Page) -> None:
    expect(page.get_by_text("It is not saved yet")).to_be_visible()
    expect(page.get_by_label("Value of condition 1")).to_have_value("18")
    expect(page.get_by_label("Name of variant 2")).to_have_value("green")
    expect(page.get_by_label("Why these settings?")).to_have_value("Half a thought")


def test_an_answer_that_overtakes_the_redrawing_does_not_empty_what_was_kept(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    """The count beside the conditions is asked for as soon as the page is there, before what was typed is back on it."""
    make_draft(mia, key="green_button")
    page = new_page(people.manager)
    page.goto(EDITOR)
    _fill(page)
    redrawing: list[Route] = []
    page.route(f"**{EDITOR}", lambda route: _hold_posts(route, redrawing))
    with page.expect_event("response", lambda answer: answer.url.endswith("/preview/")) as counted:
        page.reload()
    counted.value.finished()
    expect(page.locator("#preview.htmx-request")).to_have_count(0)
    # The count of the form as it was does not come in time, so it is not what saves it.
    page.route("**/preview/", lambda route: None)
    redrawing[0].continue_()
    _expect_all_of_it(page)
    page.goto("/tests/")
    page.unroute_all()
    page.goto(EDITOR)
    _expect_all_of_it(page)


def _hold_posts(route: Route, held: list[Route]) -> None:
    if route.request.method == "POST":
        held.append(route)
    else:
        route.continue_()


def test_a_form_in_a_card_is_offered_again(mia: Actor, people: People, new_page: NewPage) -> None:
    make_draft(mia, key="green_button")
    page = new_page(people.manager)
    page.goto("/tests/green_button/")
    page.locator("#properties-edit").click()
    page.get_by_label("Hypothesis").fill("People like green")
    page.reload()
    page.get_by_role("link", name="Go on with it").click()
    expect(page.get_by_label("Hypothesis")).to_have_value("People like green")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert Experiment.objects.get().hypothesis == "People like green"
    expect(page.get_by_text("Go on with it")).to_have_count(0)
    # What somebody drops is gone.
    page.goto("/tests/green_button/")
    page.locator("#properties-edit").click()
    page.get_by_label("Hypothesis").fill("Never mind")
    page.reload()
    page.get_by_role("button", name="Drop it").click()
    page.reload()
    expect(page.get_by_text("Go on with it")).to_have_count(0)


def test_without_scripts_the_sign_in_carries_the_form(
    mia: Actor, people: People, password: str, new_page: NewPage
) -> None:
    make_draft(mia, key="green_button")
    page = new_page(people.manager, scripts=False)
    page.goto(EDITOR)
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_label("Why these settings?").fill("Two\n\nlines <b>")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save and prepare").click()
    expect(page.get_by_text("It is not saved, and not lost")).to_be_visible()
    _sign_in(page, "not the password")
    _sign_in(page, password)
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_text("Settings 1 are saved")).to_be_visible()
    assert SettingsGroup.objects.get().message.splitlines() == ["Two", "", "lines <b>"]


def test_a_refused_form_says_why_and_a_conflict_is_settled(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    """What was kept must not take the place of the answer that says what is wrong with it."""
    test = make_draft(mia, key="green_button")
    page = new_page(people.manager)
    page.goto(EDITOR)
    _fill(page)
    page.get_by_label("Token", exact=True).fill("a token that nobody added")
    page.get_by_label("Percent of variant 2").fill("0.7")
    page.get_by_role("button", name="Save and prepare").click()
    expect(page.get_by_role("link", name="Variant 2, percent")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("link", name="Variant 2, percent")).to_be_visible()
    expect(page.get_by_label("Token", exact=True)).to_have_value("a token that nobody added")
    page.get_by_label("Percent of variant 2").fill("5")
    add_settings(mia, test, message="Theirs")
    page.get_by_role("button", name="Save and prepare").click()
    expect(page.get_by_text("Somebody made settings 1 while you were editing")).to_be_visible()
    page.get_by_role("button", name="Save and prepare").click()
    expect(page.get_by_text("Settings 2 are saved")).to_be_visible()
