"""What goes wrong on ordinary days: scripts that are off, text that bites, a search that is typed fast."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import SettingsGroup
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_draft, make_experiment


def test_settings_without_scripts(mia: Actor, people: People, new_page: NewPage) -> None:
    make_draft(mia, key="green_button")
    page = new_page(people.manager, scripts=False)
    page.goto("/tests/green_button/settings/new/")
    page.get_by_label("Name of variant 2").fill("green")
    page.get_by_role("button", name="Condition", exact=True).click()
    page.get_by_label("Filter of condition 1").select_option("age")
    page.get_by_role("button", name="Show the choices").click()
    page.get_by_label("Comparison of condition 1").select_option("between")
    page.get_by_role("button", name="Show the choices").click()
    page.get_by_label("From, in condition 1").fill("18")
    page.get_by_label("To, in condition 1").fill("30")
    page.get_by_role("button", name="Add a variant").click()
    page.get_by_label("Name of variant 3").fill("blue")
    page.get_by_label("Percent of variant 3").fill("2.5")
    page.get_by_role("button", name="Save and prepare").click()
    made = SettingsGroup.objects.get()
    assert made.conditions == [{"filter": "age", "source": "user", "operator": "between", "value": [18, 30]}]
    assert [(one.name, one.percent) for one in made.variants.all()] == [
        ("control", "5"),
        ("green", "5"),
        ("blue", "2.5"),
    ]


def test_text_that_bites_does_not(mia: Actor, people: People, warehouse: Any, new_page: NewPage) -> None:
    evil = "<img src=x onerror=\"document.title='bitten'\"><script>document.title='bitten'</script>"
    make_experiment(
        mia,
        Status.RUNNING,
        key="evil",
        properties={"name": evil, "description": evil, "area": evil[:60]},
        message=evil,
    )
    page = new_page(people.manager)
    for address in (
        "/tests/",
        "/tests/evil/",
        "/changelog/",
        "/tests/evil/settings/new/",
        "/tests/evil/audience/",
    ):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert "bitten" not in page.title() or evil in page.title()
        assert page.locator("img").count() == 0


def test_what_is_typed_survives_the_builders_buttons(mia: Actor, people: People, new_page: NewPage) -> None:
    make_draft(mia, key="green_button")
    page = new_page(people.manager)
    page.goto("/tests/green_button/settings/new/")
    page.get_by_label("Why these settings?").fill("Half a thought")
    page.get_by_label("Starts (UTC)").fill("2030-01-02T03:04")
    page.get_by_role("button", name="Condition", exact=True).click()
    expect(page.get_by_label("Filter of condition 1")).to_be_visible()
    expect(page.get_by_label("Why these settings?")).to_have_value("Half a thought")
    expect(page.get_by_label("Starts (UTC)")).to_have_value("2030-01-02T03:04")


def test_the_search_follows_the_typing(mia: Actor, people: People, new_page: NewPage) -> None:
    make_draft(mia, key="green_button")
    make_draft(mia, key="red_banner")
    page = new_page(people.manager)
    page.goto("/tests/")
    page.get_by_role("searchbox", name="Search", exact=True).press_sequentially("green")
    expect(page.get_by_text("red_banner")).to_have_count(0)
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_be_focused()
    assert "q=green" in page.url
    page.reload()
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_have_value("green")


def test_the_theme_is_remembered(mia: Actor, people: People, new_page: NewPage) -> None:
    page = new_page(people.manager, "light")
    page.goto("/tests/")
    theme = page.locator("html")
    expect(theme).to_have_attribute("data-bs-theme", "light")
    button = page.get_by_role("button", name="Theme")
    button.click()
    button.click()
    expect(theme).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(theme).to_have_attribute("data-bs-theme", "dark")
    button.click()
    expect(theme).to_have_attribute("data-bs-theme", "light")
