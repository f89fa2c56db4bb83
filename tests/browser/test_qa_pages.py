"""The QA person's pages in a real browser, by mouse and keyboard: force, check, tests off, app servers."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from core import clock
from delivery.app_servers import Report, record_report
from delivery.services import publish
from experiments.lifecycle import Status
from experiments.models import Experiment, ForcedUser, TestsOff
from experiments.services import attach_settings_group, force_user, switch_tests_off
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.browser.test_looks import _complaints
from tests.conftest import People
from tests.factories import add_prepared, make_experiment

HOSTILE = "<img src=x onerror=alert(1)>'; DROP TABLE x; --\n\t\u202e{{ 7*7 }}"
ALL: list[Any] = [{"name": "control", "percent": "50"}, {"name": "green", "percent": "50"}]
CONDITIONS: list[Any] = [
    {"filter": "is_test_user", "operator": "eq", "value": "yes"},
    "OR",
    [
        {"filter": "country_id", "operator": "in", "value": ["40", "276"]},
        "AND",
        {"filter": "age", "operator": "gt", "value": "17"},
    ],
]


@pytest.fixture
def running(mia: Actor, people: People, warehouse: Any) -> Experiment:
    """A test as it was on the first of November, and is no more: it was for everyone then."""
    with clock.frozen_at(dt.datetime(2024, 11, 1, 12, tzinfo=dt.UTC)):
        experiment = make_experiment(mia, Status.RUNNING, key="green_button", variants=ALL)
        publish()
    add_prepared(mia, experiment, conditions=CONDITIONS, variants=ALL)
    attach_settings_group(mia, experiment, 2)
    publish()
    return experiment


def test_force_somebody_see_who_has_it_and_let_go(
    running: Experiment, mia: Actor, people: People, new_page: NewPage
) -> None:
    token, _ = create_token(mia, "shop", [Scope.DELIVER])

    def server_runs(name: str, version: int) -> None:
        record_report(token, Report(f"{name}:1:0123abcd", version, "1.0"))

    before = publish().manifest.version
    server_runs("web-1", before)
    server_runs("web-2", before)
    page = new_page(people.qa)
    page.goto("/forced/")
    expect(page.get_by_text("Nobody is forced.")).to_be_visible()
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
    server_runs("web-1", publish().manifest.version)
    # The page notices by itself.
    expect(row).to_contain_text("1 of 2 servers", timeout=30_000)
    server_runs("web-2", publish().manifest.version)
    expect(row).to_contain_text("2 of 2 servers", timeout=30_000)
    expect(row).not_to_contain_text("On its way")
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(row.get_by_text("web-2:1:0123abcd")).to_be_visible()
    _force(page, "", "")
    expect(page.get_by_text("Choose a test and a variant.")).to_be_visible()
    page.get_by_role("button", name="Remove 4711").click()
    expect(page.get_by_text("No longer forced: 4711")).to_be_visible()
    assert not ForcedUser.objects.exists()


def test_paste_a_list_with_a_wrong_line(running: Experiment, people: People, new_page: NewPage) -> None:
    page = new_page(people.qa)
    page.goto("/forced/")
    page.get_by_role("link", name="Paste a list of ids").click()
    page.get_by_label("Test and variant").select_option("green_button:green")
    page.get_by_label("Environment").select_option("devel")
    page.get_by_label("Ids", exact=True).fill("4711\n4712,blue\n4713,control")
    page.get_by_role("button", name="Force them all").click()
    expect(page.get_by_text("Line 2: Must be one of: control, green.")).to_be_visible()
    assert not ForcedUser.objects.exists()
    page.get_by_label("Ids", exact=True).fill("4711\n4712\n4713,control")
    page.get_by_role("button", name="Force them all").click()
    expect(page.get_by_text("Forced 3 in “green_button”.")).to_be_visible()
    page.get_by_role("searchbox", name="Search", exact=True).fill("4713")
    page.get_by_label("Environment").last.select_option("devel")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row", name=re.compile("User 4713"))).to_contain_text("control")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("Environment").last.select_option("production")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nobody like that is forced.")).to_be_visible()


def test_check_shows_which_predicate_failed(running: Experiment, people: People, new_page: NewPage) -> None:
    page = new_page(people.viewer)
    page.goto("/check/")
    page.get_by_label("User id").fill("100001")
    page.get_by_text("The user's profile, where").click()
    page.get_by_label("Country", exact=True).select_option("276")
    page.get_by_label("Age", exact=True).fill("12")
    page.get_by_label("Age", exact=True).press("Enter")
    answer = page.get_by_role("listitem").filter(has_text="green_button").first
    expect(answer).to_contain_text("The conditions are not met: it is not true that Age is greater than 17.")
    _open_by_keyboard(page)
    lines = page.locator(".us-tree-line:not(:has(.us-tree-line))")
    expect(lines).to_have_text(
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


def test_check_as_of_before_the_test_was_changed(
    running: Experiment, people: People, new_page: NewPage
) -> None:
    page = new_page(people.viewer)
    page.goto("/check/?user_id=100001&user_country_id=276&user_age=12")
    expect(page.locator(".us-answered-variant").first).to_contain_text("none")
    page.get_by_label("As of (UTC)").fill("2024-11-02T08:30:00")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="What they would have got")).to_be_visible()
    expect(page.get_by_text("What is known of the user is today's")).to_be_visible()
    expect(page.locator(".us-answered-variant strong")).to_have_text(re.compile("control|green"))
    expect(page.get_by_text("As delivered in version 1")).to_be_visible()
    page.get_by_label("As of (UTC)").fill("2024-10-01T08:30:00")
    page.get_by_role("button", name="Check").click()
    expect(
        page.get_by_text("Nothing had been delivered then: the first delivery was on 2024-11-01")
    ).to_be_visible()


def test_switch_all_tests_off_and_on_again(running: Experiment, people: People, new_page: NewPage) -> None:
    page = new_page(people.qa)
    page.goto("/tests-off/")
    page.get_by_label("or device id").fill("robot-7")
    page.get_by_label("Why").fill("nightly run")
    page.get_by_role("button", name="Switch off").click()
    row = page.get_by_role("row", name=re.compile("Device robot-7"))
    expect(row).to_contain_text("nightly run")
    page.goto("/check/?device_id=robot-7&split_group=7")
    expect(page.get_by_text("All tests are off for this user or device.").first).to_be_visible()
    page.get_by_role("link", name="Force into a variant").click()
    expect(page.get_by_label("or device id")).to_have_value("robot-7")
    page.goto("/tests-off/")
    page.get_by_role("button", name="Switch tests on again for robot-7").click()
    expect(page.get_by_text("Tests are on again for robot-7.")).to_be_visible()
    assert not TestsOff.objects.exists()


@pytest.mark.parametrize(("theme", "width"), [("light", WIDE), ("dark", NARROW)])
def test_they_look_right_whatever_stands_on_them(
    theme: str, width: int, running: Experiment, mia: Actor, people: People, new_page: NewPage
) -> None:
    qa = Actor.person(people.qa)
    old = publish().manifest.version
    tomorrow = clock.now() + dt.timedelta(days=1)
    force_user(qa, running, "green", "production", device_id=HOSTILE, reason=HOSTILE, expires_at=tomorrow)
    force_user(qa, running, "green", "production", user_id="W" * 200, reason="M" * 500)
    switch_tests_off(qa, device_id=HOSTILE, reason=HOSTILE)
    with clock.frozen_at(clock.now() - dt.timedelta(days=3)):
        force_user(qa, running, "green", "devel", user_id="gone", expires_at=tomorrow - dt.timedelta(days=2))
    token, _ = create_token(mia, "M" * 100, [Scope.DELIVER])
    new = publish().manifest.version
    for number in range(4):
        name = f"{'w' * 60}-{number}:1:0123abcd"
        record_report(token, Report(name, old if number == 3 else new, "1.0"))
    page = new_page(people.superuser, theme, width)
    wrong: list[str] = []
    for address in (
        "/forced/", "/forced/many/", "/tests-off/", "/servers/", "/check/",
        "/check/?user_id=100001&device_id=x&user_age=12&user_country_id=276&filter_platform=ios",
        f"/check/?user_id={'W' * 200}&as_of=2024-11-02T08:30",
    ):  # fmt: skip
        page.goto(address)
        expect(page.locator("[hx-trigger=load]")).to_have_count(0)
        page.evaluate(
            "document.querySelectorAll('details:not(.us-menu)').forEach((one) => { one.open = true; })"
        )
        wrong += [f"{address}: {found}" for found in _complaints(page)]
    assert not wrong, "\n".join(wrong)


def _force(page: Page, target: str, user_id: str) -> None:
    page.get_by_label("Test and variant").select_option(target)
    page.get_by_label("User id", exact=True).fill(user_id)
    page.get_by_role("button", name="Force", exact=True).click()


def _open_by_keyboard(page: Page) -> None:
    summary = page.locator(".us-conditions summary").first
    if page.locator(".us-conditions").first.get_attribute("open") is None:
        summary.focus()
        page.keyboard.press("Enter")
    expect(page.locator(".us-tree").first).to_be_visible()
