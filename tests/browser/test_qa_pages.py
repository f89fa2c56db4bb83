"""The QA person's pages in a real browser, by mouse and keyboard: force, check, tests off, app servers."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from playwright.sync_api import expect

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from core import clock
from delivery.app_servers import Report, record_report
from delivery.services import publish
from experiments.models import Experiment, ForcedUser
from experiments.services import force_user, switch_tests_off
from tests.browser.axe import complaints
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.conftest import People

HOSTILE = "<img src=x onerror=alert(1)>'; DROP TABLE x; --\n\t\u202e{{ 7*7 }}"


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
    expect(page.get_by_role("row", name=re.compile("User 4713"))).to_contain_text("control")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("Environment").last.select_option("production")
    expect(page.get_by_text("Nobody like that is forced.")).to_be_visible()


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
        wrong += [f"{address}: {found}" for found in complaints(page)]
    assert not wrong, "\n".join(wrong)
