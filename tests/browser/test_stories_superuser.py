"""A superuser's day: connects a chat, adds a filter, lets somebody in, makes them a manager, shuts them out, looks at the system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from accounts.actors import Actor
from accounts.models import Role, User
from audience.models import Filter
from experiments.lifecycle import Status
from notifications.models import Connection
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_draft, make_experiment
from tests.notifications.standin.server import Server, standing_in
from tests.notifications.standin.slack import TOKEN, Workspace
from tests.workers import WorkerProcess

pytestmark = pytest.mark.worker

PASSWORD = "another-good-long-password"


@pytest.fixture
def slack() -> Iterator[Server]:
    with standing_in(Workspace({})) as server:
        yield server


def test_from_a_connection_to_a_person_who_has_left(
    mia: Actor,
    people: People,
    warehouse: Any,
    new_page: NewPage,
    slack: Server,
    start_worker: Callable[..., WorkerProcess],
    live_server: Any,
    settings: Settings,
) -> None:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    settings.PUBLIC_URL = live_server.url
    start_worker(environment={"NOTIFICATIONS_ALLOW_PRIVATE": "127.0.0.0/8"})
    make_experiment(mia, Status.RUNNING, key="green_button")
    make_draft(mia, key="idea")
    page = new_page(people.superuser)
    page.goto("/")
    _connect(page, f"{slack.url}/api")
    _add_a_filter(page)
    newcomer = new_page()
    _let_somebody_in(page, newcomer)
    _make_a_manager(page, newcomer)
    _shut_out(page, newcomer)
    _look_at_the_system(page)


def _go(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def _connect(page: Page, address: str) -> None:
    """A worker tries the account; the page says what came of it by itself, and never shows the secret."""
    _go(page, "Connections")
    page.get_by_role("link", name="Slack", exact=True).click()
    page.get_by_label("Name").fill("Company chat")
    page.get_by_label("Address of the Web API").fill(address)
    page.get_by_label("Bot token").fill(TOKEN)
    page.get_by_role("button", name="Save and test").click()
    expect(page.locator("#check")).to_contain_text("Everything works")
    assert TOKEN not in page.content()
    assert TOKEN.encode() not in bytes(Connection.objects.get().secret)


def _add_a_filter(page: Page) -> None:
    """What it can be compared with follows from its type; conditions can ask for it at once."""
    _go(page, "Filters")
    page.get_by_role("link", name="New filter").click()
    page.get_by_label("Name").fill("loyalty")
    page.get_by_label("Label").fill("Loyalty points")
    page.get_by_label("Type").select_option("integer")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text="loyalty")).to_contain_text("Loyalty points")
    assert Filter.objects.get(name="loyalty").type == "integer"
    page.goto("/tests/idea/settings/new/")
    page.get_by_role("button", name="Condition", exact=True).click()
    page.get_by_label("Filter of condition 1").select_option("loyalty")
    page.get_by_label("Value of condition 1").fill("100")
    expect(page.locator("#preview")).to_contain_text("Loyalty points")
    page.get_by_role("link", name="Cancel").click()


def _let_somebody_in(page: Page, newcomer: Page) -> None:
    """By a link that works once; the password is theirs alone."""
    _go(page, "People and roles")
    page.get_by_role("link", name="Add somebody").click()
    page.get_by_label("User name").fill("nora")
    page.get_by_label("Name", exact=True).fill("Nora New")
    page.get_by_role("button", name="Add and make a link").click()
    link = page.locator("#link").inner_text()
    newcomer.goto(link)
    fields = newcomer.locator("input[type=password]")
    for field in fields.all():
        field.fill(PASSWORD)
    newcomer.get_by_role("button", name="Set the password").click()
    _sign_in(newcomer)
    expect(newcomer.get_by_role("heading", name="Home")).to_be_visible()
    expect(newcomer.get_by_role("link", name="New test")).to_have_count(0)
    newcomer.goto(link)
    expect(newcomer.get_by_role("button", name="Set the password")).to_have_count(0)


def _sign_in(page: Page) -> None:
    page.get_by_label("User name").fill("nora")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def _make_a_manager(page: Page, newcomer: Page) -> None:
    """It counts from the next page that they open."""
    _go(page, "People and roles")
    page.get_by_role("link", name="Nora New").click()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Role", exact=True).select_option(Role.MANAGER)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Nora New")).to_be_visible()
    newcomer.goto("/")
    expect(newcomer.get_by_role("link", name="New test").first).to_be_visible()
    _go(page, "Changelog")
    expect(page.get_by_role("main").get_by_text("nora").first).to_be_visible()


def _shut_out(page: Page, newcomer: Page) -> None:
    _go(page, "People and roles")
    page.get_by_role("link", name="Nora New").click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    newcomer.reload()
    _sign_in(newcomer)
    expect(newcomer.get_by_role("alert")).to_be_visible()
    assert not User.objects.get(username="nora").is_active


def _look_at_the_system(page: Page) -> None:
    """Every part by its name, the worker that runs among them, without a word of a secret."""
    _go(page, "System health")
    parts = page.locator(".us-parts")
    for name in ("PostgreSQL", "Redis", "Workers", "Delivery"):
        expect(parts.get_by_role("heading", name=name, exact=True)).to_be_visible()
    assert TOKEN not in page.content()
