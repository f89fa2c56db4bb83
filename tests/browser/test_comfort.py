"""What is there for whoever sees or points otherwise: the focus stays where one was, and nothing moves for those who asked so."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.analytics.counted import count_hits
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_experiment

TEST = "/tests/green_button/"
# Where, what is pressed by keyboard (role, name), and the part of the page within which the focus has to be afterwards.
PRESSED = (
    (TEST, "link", "JavaScript", "#code"),
    (TEST, "link", "By hour, last two days", "#hits"),
    (TEST, "link", "Devel", "#hits"),
    (TEST, "button", "People only", "#changelog"),
    (TEST, "link", "Edit properties", "#properties"),
    (TEST, "link", "Pause", "#question"),
    (TEST, "button", "Count again", "#audience"),
    (f"{TEST}settings/new/", "button", "Add a variant", "#editor"),
    (f"{TEST}settings/new/", "button", "Condition", "#editor"),
)  # fmt: skip
# Where, the field that is chosen from or typed into, what, and what is swapped then.
CHOSEN = (
    ("/tests/", "Area", "payments", "**/tests/?*"),
    ("/calendar/", "Area", "payments", "**/calendar/?*"),
    ("/overlap/", "Area", "payments", "**/overlap/?*"),
    (f"{TEST}changelog/", "Action", "start", "**/changelog/?*"),
)


def _ground(mia: Actor) -> None:
    test = make_experiment(mia, Status.RUNNING, key="green_button", properties={"area": "payments"})
    assert test.current is not None
    count_hits(test.current, "green", 60, 50)


def _settled(page: Page) -> None:
    expect(page.locator("[hx-trigger=load]")).to_have_count(0)
    expect(page.locator(".htmx-request, .htmx-settling, .htmx-swapping")).to_have_count(0)


def test_the_focus_is_kept_over_swaps(mia: Actor, people: People, warehouse: Any, new_page: NewPage) -> None:
    _ground(mia)
    page = new_page(people.manager)
    lost = []
    for address, role, name, region in PRESSED:
        page.goto(address)
        _settled(page)
        page.get_by_role(role, name=name, exact=True).first.focus()  # type: ignore[arg-type]  # one of its words
        with page.expect_response(lambda answer: "/static/" not in answer.url):
            page.keyboard.press("Enter")
        _settled(page)
        if not page.evaluate("(region) => !!document.activeElement.closest(region)", region):
            lost.append(
                f"{address}: {name}: {page.evaluate('document.activeElement.outerHTML.slice(0, 100)')}"
            )
    for address, label, option, answered in CHOSEN:
        page.goto(address)
        _settled(page)
        field = page.get_by_label(label, exact=True)
        field.focus()
        with page.expect_response(answered):
            field.select_option(option)
        _settled(page)
        if not field.evaluate("(one) => one === document.activeElement"):
            lost.append(f"{address}: {label}")
    assert not lost, "\n".join(lost)
    assert Experiment.objects.get().status == Status.RUNNING


def test_nothing_moves_for_whoever_asked_for_that(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    """Pages of these tests ask for reduced motion; nothing of theirs may take longer than an eye sees."""
    _ground(mia)
    page = new_page(people.manager)
    for address in ("/", "/tests/", TEST, f"{TEST}settings/new/", "/overlap/"):
        page.goto(address)
        _settled(page)
        moving = page.evaluate(
            """() => [...document.querySelectorAll("*")].filter((one) => {
              const style = getComputedStyle(one);
              const times = `${style.transitionDuration},${style.animationDuration}`.split(",");
              return times.some((time) => parseFloat(time) > 0.02) || style.scrollBehavior === "smooth";
            }).slice(0, 5).map((one) => one.outerHTML.slice(0, 100))"""
        )
        assert moving == [], f"{address}: {moving}"
