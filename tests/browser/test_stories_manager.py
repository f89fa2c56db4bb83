"""A manager's whole way, with real workers: from an idea to a test whose code is cut out, by mouse, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from accounts.actors import Actor
from accounts.services import create_token
from experiments.audience_report import VariantAudience, audience_report
from experiments.lifecycle import Status
from experiments.models import Experiment, SettingsGroup
from tests.browser.app_server import decided, scan
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_experiment
from tests.waiting import wait_until
from tests.workers import WorkerProcess

pytestmark = pytest.mark.worker

GERMANY, FRANCE = 276, 250
NEWCOMER: dict[str, Any] = {"is_new_user": True, "is_test_user": False}
HALVES = [{"name": "a", "percent": "50"}, {"name": "b", "percent": "50"}]


def test_from_an_idea_to_code_that_is_cut_out(
    mia: Actor,
    people: People,
    warehouse: Any,
    password: str,
    new_page: NewPage,
    start_worker: Callable[..., WorkerProcess],
    settings: Settings,
    live_server: Any,
    tmp_path: Path,
) -> None:
    make_experiment(mia, Status.RUNNING, key="red_banner", properties={"area": "payments"}, variants=HALVES)
    settings.START_NEEDS_APPROVAL = True
    start_worker()
    folder = Path(settings.DELIVERY_DIR)
    page = new_page()
    _sign_in(page, password)
    _create_draft(page)
    _make_settings(page)
    _look_at_the_audience(page)
    _use(page, "Publish to dev", "Dev")
    green = _variants(1)[1].split_groups[0][0]

    def gets(variant: str | None, reason: str, **attributes: Any) -> None:
        wait_until(
            lambda: decided(folder, "green_button", green, **attributes) == (variant, reason),
            f"app servers answer {variant}, {reason}",
        )

    gets("green", "SPLIT", is_test_user=True)
    gets(None, "NOT_A_TEST_USER", **NEWCOMER, country_id=GERMANY)
    _try_it_out(new_page(people.qa), green)
    _get_approval(page, new_page(people.other_manager))
    _start(page)
    gets("green", "SPLIT", **NEWCOMER, country_id=GERMANY)
    gets(None, "CONDITIONS_NOT_MET", **NEWCOMER, country_id=FRANCE)
    _widen(page)
    gets("green", "SPLIT", **NEWCOMER, country_id=FRANCE)
    _use(page, "Pause", "Paused")
    gets(None, "PAUSED", **NEWCOMER, country_id=FRANCE)
    _use(page, "Resume", "Running")
    gets("green", "SPLIT", **NEWCOMER, country_id=FRANCE)
    _finish(page)
    gets("green", "WINNER", country_id=1)
    _cut_out(
        page, tmp_path / "code", live_server.url, create_token(mia, "pipeline", ["deliver", "manage"])[1]
    )
    found = Experiment.objects.get(key="green_button")
    assert (found.status, found.winner and found.winner.name, found.conclusion) == (
        Status.FINISHED,
        "green",
        "Green wins by 3 %.",
    )


def _variants(number: int) -> list[VariantAudience]:
    """What was drawn and counted for these settings: control, green."""
    made = SettingsGroup.objects.select_related("experiment", "preparation").get(
        experiment__key="green_button", number=number
    )
    report = audience_report(made)
    assert report is not None
    return report.variants


def _sign_in(page: Page, password: str) -> None:
    page.goto("/")
    page.get_by_label("User name").fill("manager")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def _create_draft(page: Page) -> None:
    page.get_by_role("link", name="New test").click()
    page.get_by_label("Name", exact=True).fill("Green button: Größer!")
    expect(page.get_by_role("textbox", name="Key", exact=True)).to_have_value("green_button_gro_er")
    page.get_by_role("textbox", name="Key", exact=True).fill("green_button")
    page.get_by_label("Area").fill("payments")
    page.get_by_role("button", name="Create the draft").click()
    expect(page.get_by_role("heading", name="Green button: Größer!")).to_be_visible()
    expect(page.get_by_text("Settings are saved: dates, who takes part, variants")).to_be_visible()


def _make_settings(page: Page) -> None:
    page.get_by_role("link", name="Make the settings").click()
    _build_conditions(page)
    sentence = "Test user is yes OR (Country is one of Austria, Germany AND New user is yes)"
    expect(page.locator("#preview")).to_contain_text(sentence)
    expect(page.locator("#preview")).to_contain_text(re.compile(r"[1-9][\d,]*\s+users meet\s+this today"))
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_label("Why these settings?").fill("First try")
    page.get_by_role("button", name="Save and prepare").click()
    # A worker prepares them; the page notices by itself.
    expect(page.get_by_text("current", exact=True)).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)


def _build_conditions(page: Page) -> None:
    page.get_by_role("button", name="Condition", exact=True).click()
    page.get_by_label("Filter of condition 1").select_option("is_test_user")
    page.get_by_label("Value of condition 1").select_option("true")
    page.get_by_role("button", name="Brackets", exact=True).click()
    page.get_by_label("Between condition 2 and the one before it").select_option("OR")
    page.get_by_label("Filter of condition 2.1").select_option("country_id")
    page.get_by_label("Comparison of condition 2.1").select_option("in")
    _tick_country(page, "ger", "Germany")
    _tick_country(page, "austria", "Austria")
    page.get_by_role("button", name="Condition in brackets 2").click()
    page.get_by_label("Filter of condition 2.2").select_option("is_new_user")
    page.get_by_label("Value of condition 2.2").select_option("true")


def _tick_country(page: Page, typed: str, country: str) -> None:
    values = page.get_by_role("group", name="Values of condition 2.1")
    values.get_by_label("Find in this list").fill(typed)
    values.get_by_label(country, exact=True).check()


def _look_at_the_audience(page: Page) -> None:
    """How many meet it, how many get which variant, and who is in the test of the same area too: by the rows."""
    users = [variant.users for variant in _variants(1)]
    card = page.get_by_role("region", name="Audience")
    for number in users:
        assert number
        expect(card).to_contain_text(f"{number:,}")
    other = card.get_by_role("row").filter(has_text="red_banner").first
    expect(other).to_contain_text("same area: payments")
    # Everybody is in a variant of the other one, so all of these are.
    expect(other).to_contain_text(f"{sum(users):,}")


def _use(page: Page, verb: str, status: str) -> None:
    page.get_by_role("link", name=verb, exact=True).click()
    page.locator("#question").get_by_role("button", name=verb).click()
    expect(page.locator("header .badge", has_text=status)).to_be_visible()


def _try_it_out(page: Page, split_group: int) -> None:
    """A test user of the company sees it in dev."""
    page.goto("/")
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name="Check a user").click()
    page.get_by_label("User id").fill("tester-1")
    page.get_by_text("The user's profile, where").click()
    page.get_by_label("Split group").fill(str(split_group))
    page.get_by_label("Test user").select_option("yes")
    page.get_by_role("button", name="Check", exact=True).click()
    row = page.get_by_role("listitem").filter(has_text="green_button").first
    expect(row.locator(".us-answered-variant")).to_have_text("green")


def _get_approval(page: Page, other: Page) -> None:
    """The one who asks cannot answer; another manager finds the test and gives the word."""
    page.get_by_role("button", name="Ask for approval").click()
    expect(page.get_by_text("You asked yourself, so somebody else has to approve.")).to_be_visible()
    page.get_by_role("link", name="Start not yet").click()
    expect(page.locator("#question").get_by_role("button", name="Start")).to_be_disabled()
    other.goto("/")
    other.get_by_role("link", name="Green button: Größer!").first.click()
    other.get_by_role("button", name="Approve the start").click()
    expect(other.get_by_text("Other Manager approved the start with settings 1")).to_be_visible()


def _start(page: Page) -> None:
    page.reload()
    page.get_by_role("link", name="Start", exact=True).click()
    numbers = r"[\d,]+ users meet the conditions; [1-9][\d,]* of them get one of two variants from now on\."
    expect(page.locator("#question")).to_contain_text(re.compile(numbers))
    page.locator("#question").get_by_role("button", name="Start").click()
    expect(page.locator("header .badge", has_text="Running")).to_be_visible()


def _widen(page: Page) -> None:
    """France too, while it runs: prepared aside, compared with what applies, and then attached."""
    page.get_by_role("link", name="Change settings").click()
    _tick_country(page, "france", "France")
    expect(page.locator("#preview")).to_contain_text("Austria, Germany, France")
    page.get_by_label("Why these settings?").fill("France too")
    page.get_by_role("button", name="Save and prepare").click()
    card = page.get_by_role("region", name="Settings", exact=True)
    expect(card.get_by_role("heading", name="Settings 2 are prepared and wait")).to_be_visible()
    expect(card).to_contain_text("“France too”")
    expect(card).to_contain_text(re.compile(r"[1-9][\d,]* of them get a variant; now it is [1-9]"))
    page.get_by_role("link", name="All versions, and what differs between any two").click()
    expect(page.locator("#compared").get_by_role("row", name="Conditions")).to_contain_text("France")
    page.go_back()
    first, second = SettingsGroup.objects.filter(experiment__key="green_button").order_by("number")
    assert Experiment.objects.get(key="green_button").current == first
    page.get_by_role("button", name="Attach: they apply from now on").click()
    expect(card.get_by_text("Settings 2 are current now.")).to_be_focused()
    expect(card.get_by_role("link", name="Settings 2", exact=True)).to_be_visible()
    expect(card.get_by_role("heading", name="Settings 2 are prepared and wait")).to_have_count(0)
    assert Experiment.objects.get(key="green_button").current == second
    # Who had a variant keeps it.
    assert [one.split_groups for one in _variants(2)] == [one.split_groups for one in _variants(1)]


def _finish(page: Page) -> None:
    page.get_by_role("link", name="Finish").click()
    page.get_by_label("Rejected").check()
    expect(page.get_by_label("Winner", exact=True)).to_be_hidden()
    page.locator("#question").get_by_role("link", name="Cancel").click()
    expect(page.locator("#question")).to_be_empty()
    expect(page.get_by_role("link", name="Finish")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("A variant won").check()
    page.get_by_label("Winner", exact=True).select_option("green")
    page.locator("#question").get_by_role("button", name="Finish").click()
    expect(page.get_by_text("Choose who gets the winner.")).to_be_visible()
    page.get_by_label("Everyone gets the winner").check()
    page.get_by_label("Conclusion").fill("Green wins by 3 %.")
    page.locator("#question").get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    expect(page.locator(".us-typed", has_text="Green wins by 3 %.").first).to_be_visible()


def _cut_out(page: Page, code: Path, url: str, secret: str) -> None:
    """Red in the list as long as the newest scan of the repository names it."""
    code.mkdir()
    named = code / "pay.py"
    named.write_text('variant = client.get_active_variant("green_button", user, request)\n')
    assert scan(code, url, secret).returncode == 1
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name="Tests", exact=True).click()
    page.get_by_role("link", name="Still in the code").click()
    row = page.get_by_role("row").filter(has_text="green_button")
    expect(row).to_have_class(re.compile("us-red"))
    row.get_by_role("link", name="Green button: Größer!").click()
    expect(page.get_by_role("region", name="In the code")).to_contain_text("pay.py:1")
    named.write_text("variant = 'green'\n")
    done = scan(code, url, secret)
    assert done.returncode == 0, done.stderr
    page.reload()
    expect(page.get_by_role("region", name="In the code")).to_contain_text("It is out of the code.")
    page.go_back()
    page.reload()
    expect(page.get_by_text("No test stands out like that: all is well.")).to_be_visible()
