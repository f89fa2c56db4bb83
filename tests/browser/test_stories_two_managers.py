"""Two managers, one test, at the same time: each is told of the other, nothing typed is lost, both get what they meant."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Experiment, SettingsGroup
from experiments.services import prepare_settings_group
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_experiment

ADDRESS = "/tests/green_button/"


def test_both_end_up_with_what_they_meant(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    make_experiment(
        mia,
        Status.RUNNING,
        key="green_button",
        properties={"managers": ["manager", "other_manager"], "description": "A button"},
    )
    mine, theirs = new_page(people.manager), new_page(people.other_manager)
    _both_edit_the_properties(mine, theirs)
    _both_make_settings(mine, theirs)
    _one_pauses_while_the_other_finishes(mine, theirs)


def _both_edit_the_properties(mine: Page, theirs: Page) -> None:
    for page in (mine, theirs):
        page.goto(ADDRESS)
        page.locator("#properties-edit").click()
        expect(page.get_by_label("Hypothesis")).to_be_visible()
    theirs.get_by_label("Hypothesis").fill("Green is seen sooner")
    mine.get_by_label("Hypothesis").fill("Green is liked")
    mine.get_by_label("Description").fill("The button below the price")
    theirs.get_by_role("button", name="Save").click()
    expect(theirs.locator("#properties dd", has_text="Green is seen sooner")).to_be_visible()
    mine.get_by_role("button", name="Save").click()
    expect(mine.get_by_role("alert")).to_contain_text("Somebody else changed the properties")
    expect(mine.get_by_role("cell", name="Green is seen sooner")).to_be_visible()
    expect(mine.get_by_label("Hypothesis")).to_have_value("Green is liked")
    expect(mine.get_by_label("Description")).to_have_value("The button below the price")
    # Now that both are known: one sentence for both.
    mine.get_by_label("Hypothesis").fill("Green is seen sooner, and liked")
    mine.get_by_role("button", name="Save").click()
    expect(mine.locator("#properties dd", has_text="Green is seen sooner, and liked")).to_be_visible()
    found = Experiment.objects.get()
    assert (found.hypothesis, found.description) == (
        "Green is seen sooner, and liked",
        "The button below the price",
    )


def _both_make_settings(mine: Page, theirs: Page) -> None:
    """Whoever comes second is told before it is saved, and then has a version of their own beside the other."""
    for page, why in ((theirs, "Dates"), (mine, "Grown-ups")):
        page.goto(ADDRESS)
        page.get_by_role("link", name="Change settings").click()
        page.get_by_label("Why these settings?").fill(why)
    mine.get_by_role("button", name="Condition", exact=True).click()
    mine.get_by_label("Filter of condition 1").select_option("age")
    mine.get_by_label("Comparison of condition 1").select_option("gte")
    mine.get_by_label("Value of condition 1").fill("18")
    theirs.get_by_label("Ends (UTC)").fill("2099-01-01T00:00")
    theirs.get_by_role("button", name="Save and prepare").click()
    expect(theirs.get_by_text("Settings 2 are saved")).to_be_visible()
    mine.get_by_role("button", name="Save and prepare").click()
    expect(mine.get_by_text("Somebody made settings 2 while you were editing")).to_be_visible()
    expect(mine.get_by_label("Value of condition 1")).to_have_value("18")
    expect(mine.get_by_label("Why these settings?")).to_have_value("Grown-ups")
    mine.get_by_role("button", name="Save and prepare").click()
    expect(mine.get_by_text("Settings 3 are saved")).to_be_visible()
    second, third = SettingsGroup.objects.filter(number__gt=1).order_by("number")
    assert second.ends_at is not None
    assert [one["value"] for one in third.conditions] == [18]
    for one in (second, third):
        assert prepare_settings_group(one.pk)


def _one_pauses_while_the_other_finishes(mine: Page, theirs: Page) -> None:
    """A confirmation that was read before the other one acted does nothing; the page shows how it is."""
    for page in (mine, theirs):
        page.goto(ADDRESS)
    mine.get_by_role("link", name="Finish").click()
    mine.get_by_label("Rejected").check()
    theirs.get_by_role("link", name="Pause").click()
    theirs.locator("#question").get_by_role("button", name="Pause").click()
    expect(theirs.locator("header .badge", has_text="Paused")).to_be_visible()
    mine.locator("#question").get_by_role("button", name="Finish").click()
    expect(mine.get_by_role("alert")).to_contain_text("is paused by now")
    expect(mine.get_by_role("link", name="Resume")).to_be_visible()
    assert Experiment.objects.get().status == Status.PAUSED
    # Told of it, they may still mean it.
    mine.get_by_role("link", name="Finish").click()
    mine.get_by_label("Rejected").check()
    mine.locator("#question").get_by_role("button", name="Finish").click()
    expect(mine.get_by_role("heading", name="Outcome")).to_be_visible()
    assert Experiment.objects.get().status == Status.FINISHED
