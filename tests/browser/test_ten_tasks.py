"""The ten tasks of docs/ten-tasks.md, each done as it says there: as many clicks as it claims, and the right answer on the page."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from accounts.actors import Actor
from accounts.models import User
from accounts.services import create_token
from core import clock
from delivery.app_servers import Report, record_report
from delivery.code_places import CodeScan, Place, report_scan
from delivery.services import publish
from experiments.audience_report import audience_report
from experiments.capacity_report import capacity_report
from experiments.lifecycle import Status
from experiments.models import Experiment
from experiments.services import edit_properties
from tests.analytics.counted import count_hits
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_experiment

DOCS: Final = Path(__file__).resolve().parents[2] / "docs/ten-tasks.md"
_ROW: Final = re.compile(r"^\| (\d+) \|.*\| (\d+) \|$", re.MULTILINE)
CLAIMED: Final = {int(number): int(clicks) for number, clicks in _ROW.findall(DOCS.read_text())}
WIDE: list[dict[str, object]] = [{"name": "a", "percent": "50"}, {"name": "b", "percent": "30"}]
YOUNG: list[Any] = [{"filter": "age", "operator": "lt", "value": 30}]


class Hand:
    """Does what a person does, and counts it. What it types goes where the focus is."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.clicks += 1

    def type(self, text: str) -> None:
        field = self.page.locator("input:focus, textarea:focus")
        expect(field).to_have_count(1)
        if field.get_attribute("type") == "date":
            field.fill(text)
        else:
            self.page.keyboard.type(text)

    def find(self, words: str) -> None:
        """The first that the search finds."""
        self.press("/")
        expect(self.page.get_by_label("Search for")).to_be_focused()
        self.type(words)
        self.press("Enter")
        expect(self.page).not_to_have_url(re.compile(r"//[^/]+/$"))

    def go(self, name: str) -> None:
        """By the side bar."""
        bar = self.page.get_by_role("navigation", name="Main").first
        self.click(bar.get_by_role("link", name=name, exact=True))

    def region(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)


def _shares_users(hand: Hand) -> None:
    hand.go("Overlap")
    hand.click(hand.page.get_by_label("Pairs with"))
    hand.type("green_button")
    pairs = hand.region("Pairs with “green_button”").locator("tbody tr")
    # What was made later was counted with what was there before.
    for key in ("red_banner", "planned"):
        other = Experiment.objects.select_related("current__experiment").get(key=key).current
        assert other is not None
        report = audience_report(other)
        assert report is not None
        users = next(one.users for one in report.intersections if one.experiment.key == "green_button")
        expect(pairs.filter(has_text=key)).to_contain_text(f"{users:,}")
    # What was swapped in can be walked as what was there before.
    hand.page.get_by_role("application", name="Overlap map").focus()
    hand.page.keyboard.press("ArrowDown")
    expect(hand.page.locator("#overlap-said")).not_to_contain_text("Nothing is pointed at.")


def _saw_nothing(hand: Hand) -> None:
    hand.find("100001")
    row = hand.page.get_by_role("listitem").filter(has_text="for_the_old").first
    expect(row.locator(".us-answered-variant")).to_have_text("none")
    expect(row.locator(".us-answered-why")).to_contain_text("it is not true that Age is greater than 200.")


def _would_get(hand: Hand) -> None:
    hand.find("planned")
    current = Experiment.objects.select_related("current__experiment").get(key="planned").current
    assert current is not None
    report = audience_report(current)
    assert report is not None
    rows = hand.region("Audience").get_by_role("group", name="Users per variant").locator("tbody tr")
    expect(rows).to_have_count(len(report.variants))
    for row, variant in zip(rows.all(), report.variants, strict=True):
        assert variant.users
        expect(row).to_contain_text(re.compile(rf"{variant.name}\s+{variant.users:,}\b"))


def _still_in_the_code(hand: Hand) -> None:
    hand.go("Tests")
    hand.click(hand.page.get_by_role("link", name="Still in the code"))
    rows = hand.page.locator("tbody").get_by_role("row")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("old_button")


def _stop(hand: Hand) -> None:
    hand.find("harmful")
    hand.click(hand.page.get_by_role("link", name="Pause", exact=True))
    hand.click(hand.page.locator("#question").get_by_role("button", name="Pause"))
    expect(hand.page.locator("header .badge", has_text="Paused")).to_be_visible()
    assert Experiment.objects.get(key="harmful").status == Status.PAUSED


def _since_monday(hand: Hand) -> None:
    today = clock.now().date()
    hand.find("green_button")
    hand.click(hand.page.get_by_role("link", name="All entries of the changelog"))
    hand.click(hand.page.get_by_label("From (UTC)"))
    hand.type(str(today - dt.timedelta(days=today.weekday())))
    entries = hand.page.locator("#results")
    expect(entries).not_to_contain_text("Long ago")
    expect(entries.get_by_role("listitem").first).to_contain_text("Superuser")
    expect(entries).to_contain_text("Hypothesis")


def _room(hand: Hand) -> None:
    hand.go("Capacity")
    hand.click(hand.page.get_by_text("As a table", exact=True))
    rows = hand.page.get_by_role("group", name="Free split groups by day as a table").locator("tbody tr")
    report = capacity_report(Actor.person(User.objects.get(username="manager")))
    expect(rows).to_have_count(len(report.stretches))
    for row, stretch in zip(rows.all(), report.stretches, strict=True):
        expect(row).to_contain_text(str(stretch.first))
        expect(row).to_contain_text(f"{stretch.free:,}")


def _old_version(hand: Hand) -> None:
    hand.go("Delivery status")
    rows = hand.page.get_by_role("row")
    expect(rows.filter(has_text="Behind")).to_contain_text("web-2")
    expect(rows.filter(has_text="Newest")).to_contain_text("web-1")


def _colleague(hand: Hand) -> None:
    hand.find("green_button")
    hand.click(hand.page.get_by_role("link", name="Edit properties"))
    hand.click(hand.page.get_by_role("checkbox", name="Other Manager (other_manager)"))
    hand.click(hand.page.get_by_role("button", name="Save"))
    expect(hand.region("Properties")).to_contain_text("Other Manager")
    managers = Experiment.objects.get(key="green_button").managers
    assert set(managers.values_list("username", flat=True)) == {"manager", "other_manager"}


def _to_print(hand: Hand) -> None:
    hand.find("old_button")
    hand.click(hand.page.get_by_role("link", name="Results").first)
    expect(hand.page.get_by_role("heading", name="Results of Old button")).to_be_visible()
    hand.page.evaluate("window.print = () => { window.printed = true; }")
    hand.click(hand.page.get_by_role("button", name="Print"))
    assert hand.page.evaluate("window.printed")
    expect(hand.page.get_by_role("main")).to_contain_text("Green wins")
    expect(hand.page.get_by_role("main")).to_contain_text("500")


TASKS: Final[dict[int, Callable[[Hand], None]]] = {
    1: _shares_users,
    2: _saw_nothing,
    3: _would_get,
    4: _still_in_the_code,
    5: _stop,
    6: _since_monday,
    7: _room,
    8: _old_version,
    9: _colleague,
    10: _to_print,
}


@pytest.fixture
def company(mia: Actor, people: People, warehouse: Any) -> None:
    """A few tests in each state, servers of which one is late, and code that names what is finished."""
    with clock.frozen_at(clock.now() - dt.timedelta(days=30)):
        make_experiment(mia, Status.RUNNING, key="green_button", variants=WIDE, message="Long ago")
    make_experiment(mia, Status.RUNNING, key="red_banner", variants=WIDE)
    ends_at = (clock.now() + dt.timedelta(days=10)).isoformat()
    make_experiment(mia, Status.RUNNING, key="harmful", conditions=YOUNG, ends_at=ends_at)
    old: list[Any] = [{"filter": "age", "operator": "gt", "value": 200}]
    make_experiment(mia, Status.RUNNING, key="for_the_old", conditions=old)
    make_experiment(mia, Status.DRAFT, key="planned", conditions=YOUNG, variants=WIDE)
    ending = {"result": "winner", "variant": "green", "scope": "everywhere", "conclusion": "Green wins."}
    for key in ("old_button", "cut_button"):
        make_experiment(mia, Status.FINISHED, key=key, ending=ending)
    finished = Experiment.objects.get(key="old_button")
    assert finished.current is not None
    count_hits(finished.current, "green", 600, 500)
    report_scan(
        mia, CodeScan("shop/web", "0123abcd", None, "", 12, [Place("old_button", "test", "pay.py", 7)])
    )
    green = Experiment.objects.get(key="green_button")
    edit_properties(Actor.person(people.superuser), green, {"hypothesis": "Green is seen sooner"})
    token, _ = create_token(mia, "shop", ["deliver"])
    late = publish().manifest.version
    edit_properties(mia, Experiment.objects.get(key="red_banner"), {"side": "client"})
    for name, version in (("web-1", publish().manifest.version), ("web-2", late)):
        record_report(token, Report(f"{name}:1:0123abcd", version, "1.0"))


def test_each_is_done_in_as_many_clicks_as_the_docs_claim(
    people: People, company: None, new_page: NewPage
) -> None:
    assert CLAIMED.keys() == TASKS.keys()
    page = new_page(people.manager)
    counted = {}
    for number, do in TASKS.items():
        page.goto("/")
        hand = Hand(page)
        do(hand)
        counted[number] = hand.clicks
    assert counted == CLAIMED
