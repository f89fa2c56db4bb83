"""A person types an issue, takes a proposed manager, and sees on the test's page what Jira says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Experiment
from notifications.issues import look_at_issues
from tests.browser.axe import complaints
from tests.browser.conftest import NARROW, NewPage
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.jiras import Connected, connected_jira

pytestmark = pytest.mark.usefixtures("warehouse")


@pytest.fixture
def jira(mia: Actor, people: People, settings: Settings) -> Iterator[Connected]:
    """Jira Cloud with PAY-17, which another manager watches."""
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    people.other_manager.email = "ola@example.org"
    people.other_manager.save(update_fields=["email"])
    with connected_jira(is_cloud=True) as jira:
        jira.standin.issues["PAY-17"].watchers = [{"displayName": "Ola", "emailAddress": "ola@example.org"}]
        yield jira


def test_an_issue_is_checked_while_it_is_typed_and_shown_on_the_page(
    mia: Actor, people: People, jira: Connected, new_page: NewPage
) -> None:
    make_experiment(mia, Status.FINISHED, key="green_button", properties={"name": "Green button"})
    page = new_page(people.manager)
    page.goto("/tests/green_button/")
    page.locator("#properties-edit").click()
    issue, said = page.get_by_label("Jira issue"), page.locator("#jira-check")
    issue.press_sequentially("PAY-1")
    expect(said).to_contain_text("Jira has no issue PAY-1 ")
    issue.press_sequentially("7")
    expect(said).to_contain_text("Green button")
    _take(page)
    assert complaints(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#jira")).to_contain_text("Jira is asked within a minute")
    saved = Experiment.objects.get()
    assert saved.jira_issue == "PAY-17"
    assert people.other_manager in saved.managers.all()
    look_at_issues()
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": NARROW, "height": 900})
    page.reload()
    card = page.locator("#jira")
    expect(card.get_by_role("link", name="PAY-17")).to_have_attribute(
        "href", f"{jira.server.url}/browse/PAY-17"
    )
    expect(card).to_contain_text("Cut green_button out of the code")
    assert complaints(page) == []


def _take(page: Page) -> None:
    """Take the proposal, by keyboard."""
    proposed = page.get_by_role("button", name="Other Manager")
    box = page.get_by_role("checkbox", name="Other Manager (other_manager)")
    expect(box).not_to_be_checked()
    proposed.focus()
    page.keyboard.press("Enter")
    expect(box).to_be_checked()
