"""Servers that fail, networks that end, sessions that are over: the person learns of it where they look, and keeps what they typed."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from accounts.actors import Actor
from changelog.models import Entry
from experiments.lifecycle import Status
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_draft, make_experiment

EDITOR = "/tests/green_button/settings/new/"

PRESS_THREE_TIMES = """button => new Promise((shown) => {
    button.click();
    button.click();
    button.click();
    const look = () => document.getElementById("waiting").hidden ? requestAnimationFrame(look) : shown();
    look();
})"""


def answer_with(status: int, body: str) -> Any:
    return lambda route: route.fulfill(status=status, content_type="text/html", body=body)


def test_a_card_that_does_not_come_offers_to_try_again(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    make_experiment(mia, Status.RUNNING, key="green_button")
    page = new_page(people.manager, fails=True)
    audience = re.compile("/green_button/audience/$")
    page.route(audience, answer_with(502, "<h1>Proxy</h1>"))
    page.goto("/tests/green_button/")
    card = page.locator("#audience")
    expect(card.get_by_text("This could not be loaded.")).to_be_visible()
    page.wait_for_load_state("networkidle")
    # Other cards that came take nothing of it away.
    expect(card.get_by_role("alert")).to_be_visible()
    page.unroute(audience)
    card.get_by_role("button", name="Try again").click()
    expect(card.get_by_text("users meet the conditions").first).to_be_visible()
    expect(card).to_be_focused()


def test_a_failure_is_told_in_the_window_until_the_same_part_succeeds(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    make_experiment(mia, Status.RUNNING, key="green_button")
    page = new_page(people.manager, fails=True)
    page.goto("/tests/green_button/")
    page.wait_for_load_state("networkidle")
    edit = re.compile("/properties/edit/$")
    page.route(edit, lambda route: route.abort())
    page.locator("#properties-edit").click()
    told = page.get_by_role("alert").filter(has_text="The server cannot be reached")
    expect(told).to_be_in_viewport()
    page.unroute(edit)
    page.locator("#properties-edit").click()
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_be_visible()
    expect(told).to_have_count(0)
    # Whoever has read it closes it.
    page.route(edit, lambda route: route.abort())
    page.goto("/tests/green_button/")
    page.locator("#properties-edit").click()
    told.get_by_role("button", name="Close").click()
    expect(told).to_have_count(0)


def test_no_refusal_takes_the_place_of_what_is_typed(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    make_draft(mia, key="green_button")
    page = new_page(people.manager, fails=True)
    page.goto(EDITOR)
    why = page.get_by_label("Why these settings?")
    why.fill("Half a thought")
    [token] = [one["value"] for one in page.context.cookies() if one["name"] == "csrftoken"]
    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="Add a variant").click()
    expect(page.get_by_text("This form has expired")).to_be_in_viewport()
    expect(why).to_have_value("Half a thought")
    page.context.add_cookies([{"name": "csrftoken", "value": token, "url": page.url}])
    # What somebody else than the server answers is not shown at all.
    buttons = re.compile("/settings/new/")
    page.route(buttons, answer_with(403, "<h1>Firewall</h1>"))
    page.get_by_role("button", name="Add a variant").click()
    expect(page.get_by_text("The server could not do that")).to_be_in_viewport()
    expect(page.get_by_text("Firewall")).to_have_count(0)
    expect(why).to_have_value("Half a thought")
    page.unroute(buttons)
    _signed_out_while_it_counts(page)


def test_what_is_pressed_three_times_is_done_once(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    make_experiment(mia, Status.RUNNING, key="green_button")
    page = new_page(people.manager)
    page.goto("/tests/green_button/verbs/pause/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/verbs/pause/", hold)
    button = page.get_by_role("button", name="Pause", exact=True)
    # Until it shows that it goes on; the page cannot be asked from outside while it is about to be left.
    button.evaluate(PRESS_THREE_TIMES)
    assert len(held) == 1
    held[0].continue_()
    expect(page.get_by_text("is paused now")).to_be_visible()
    assert Entry.objects.filter(verb="pause").count() == 1


def test_who_does_not_see_the_list_hears_what_it_holds(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    for key in ("green_button", "red_banner"):
        make_experiment(mia, Status.RUNNING, key=key)
    page = new_page(people.manager)
    page.goto("/tests/")
    page.get_by_role("searchbox", name="Search", exact=True).fill("green")
    expect(page.locator("#announcer")).to_have_text("The list has changed: All 1")
    # "Back" loads the page anew, with all that its scripts do.
    page.go_back()
    expect(page.get_by_text("red_banner")).to_be_visible()
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_have_value("")
    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_label(re.compile("^Choose "), exact=False)).to_have_count(3)
    page.get_by_role("searchbox", name="Search", exact=True).fill("red")
    expect(page.locator("#announcer")).to_have_text("The list has changed: All 1")
    page.goto("/changelog/")
    page.get_by_label("Action").select_option("start")
    expect(page.locator("#announcer")).to_have_text("The list has changed: rows: 2")


def _signed_out_while_it_counts(page: Page) -> None:
    """Nobody is led away in the middle of a word."""
    page.context.clear_cookies(name="sessionid")
    page.get_by_label("Percent of variant 2").fill("7")
    told = page.get_by_role("alert").filter(has_text="You are signed out. What you typed is kept.")
    expect(told).to_be_in_viewport()
    expect(page.get_by_label("Why these settings?")).to_have_value("Half a thought")
    told.get_by_role("link", name="Sign in again").click()
    expect(page.get_by_label("User name")).to_be_visible()
