"""A chat is connected and tested, a test gets its room, a person comes in, an event is muted, a failed message is sent again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect
from pytest_django import Settings

from accounts.actors import Actor
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from notifications.connections import check_connection
from notifications.models import ChannelKind, Connection, Delivery, DeliveryState
from notifications.rooms import keep_rooms
from notifications.sending import send_due
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.standin.server import Server, standing_in
from tests.notifications.standin.slack import TOKEN, Workspace
from tests.notifications.told import read_and_plan, with_mail

LONG = "donaudampfschifffahrtsgesellschaftskapitaensmuetzenabzeichen"


@pytest.fixture
def slack(settings: Settings) -> Iterator[tuple[Workspace, Server]]:
    """A workspace that knows the manager and the viewer."""
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    workspace = Workspace({"manager@example.org": "U0MANAGER", "viewer@example.org": "U0VIEWER"})
    with standing_in(workspace) as server:
        yield workspace, server


@pytest.fixture
def experiment(mia: Actor, people: People, warehouse: Any) -> Experiment:
    """A running test, of which nothing is told yet."""
    with_mail(people.manager, people.viewer, people.qa)
    read_and_plan()
    properties: dict[str, object] = {"name": f"Green button {LONG}"}
    found = make_experiment(mia, Status.RUNNING, key="green_button", properties=properties)
    read_and_plan()
    Delivery.objects.all().delete()
    return found


def test_from_the_connection_to_the_message_sent_again(
    people: People, experiment: Experiment, slack: tuple[Workspace, Server], new_page: NewPage
) -> None:
    workspace, server = slack
    _connect(new_page(people.superuser), f"{server.url}/api")
    page = new_page(people.manager)
    card = _make_room(page)
    _add_people(card)
    _mute_paused(card)
    _send_again(page, people, experiment, workspace)
    _look_at_all(new_page, people)


def _connect(page: Page, address: str) -> None:
    """With a token that is wrong first; what failed is said, and what was typed is not shown again."""
    page.goto("/connections/")
    expect(page.get_by_text("Nothing is connected yet")).to_be_visible()
    page.get_by_role("link", name="Slack", exact=True).click()
    page.get_by_label("Name").fill("Company chat")
    page.get_by_label("Address of the Web API").fill(address)
    page.get_by_label("Bot token").fill("xoxb-wrong")
    page.get_by_role("button", name="Save and test").click()
    check = page.locator("#check")
    expect(check).to_contain_text("A worker tries the account now")
    check_connection(Connection.objects.get().pk)
    expect(check).to_contain_text("Slack answered auth.test with invalid_auth")
    assert _complaints(page) == []
    expect(page.get_by_label("Bot token")).to_have_value("")
    page.get_by_label("Bot token").fill(TOKEN)
    page.get_by_role("button", name="Save and test").click()
    check_connection(Connection.objects.get().pk)
    expect(check).to_contain_text("Everything works")
    check.get_by_role("button", name="Test").press("Enter")
    expect(check).to_contain_text("A worker tries the account now")
    check_connection(Connection.objects.get().pk)
    expect(check).to_contain_text("As usersplit in Stand-in.")
    assert TOKEN not in page.content()


def _make_room(page: Page) -> Locator:
    page.goto("/tests/green_button/")
    card = page.locator("#notifications")
    card.get_by_role("button", name="Make a room").click()
    expect(card).to_contain_text("Being made")
    assert keep_rooms() == 1
    expect(card.get_by_role("list", name="In the room")).to_contain_text("manages the test, invited")
    return card


def _add_people(card: Locator) -> None:
    """One whom the chat knows, one whom it does not, one whom nobody does."""
    inside = card.get_by_role("list", name="In the room").get_by_role("listitem")
    card.get_by_label("Add a person").fill("viewer")
    card.get_by_label("Add a person").press("Enter")
    expect(card.get_by_role("status")).to_contain_text("Viewer is invited.")
    keep_rooms()
    expect(inside.filter(has_text="Viewer")).to_contain_text("invited")
    card.get_by_label("Add a person").fill("qa")
    card.get_by_role("button", name="Add to the room").click()
    expect(card.get_by_role("status")).to_contain_text("Qa is invited.")
    keep_rooms()
    expect(inside.filter(has_text="Qa")).to_contain_text("The chat knows nobody")
    card.get_by_label("Add a person").fill("nobody")
    card.get_by_role("button", name="Add to the room").click()
    expect(card.get_by_role("alert")).to_contain_text("Nobody has the user name “nobody”.")
    card.get_by_role("button", name="Remove Qa from the room").click()
    expect(card.get_by_role("status")).to_contain_text("Qa is taken out of the room.")
    keep_rooms()
    expect(inside).to_have_count(2)


def _mute_paused(card: Locator) -> None:
    card.get_by_text("Choose among its events").click()
    card.get_by_label("Paused").uncheck()
    # Enter in one of the boxes saves the choice, and does not mute the whole test.
    card.get_by_label("Paused").press("Enter")
    expect(card.get_by_role("status")).to_contain_text("Saved.")
    card.get_by_text("Choose among its events").click()
    expect(card.get_by_label("Paused")).not_to_be_checked()


def _send_again(page: Page, people: People, experiment: Experiment, workspace: Workspace) -> None:
    """The room hears of the pause at the second try; the manager, who muted it, does not."""
    workspace.error = "is_inactive"
    apply_verb(Actor.person(people.superuser), experiment, Verb.PAUSE)
    read_and_plan()
    send_due(ChannelKind.CHAT)
    assert not Delivery.objects.filter(person=people.manager).exists()
    page.goto("/notifications/")
    page.get_by_label("State").select_option("Given up")
    expect(page).to_have_url(re.compile("state=given_up"))
    results = page.locator("#results")
    expect(results).to_contain_text("is_inactive")
    workspace.error = ""
    results.get_by_role("button", name="Send again to The test's room").click()
    expect(page.get_by_role("status").first).to_contain_text("It is tried again within seconds.")
    assert "state=given_up" in page.url
    send_due(ChannelKind.CHAT)
    assert Delivery.objects.get().state == DeliveryState.SENT
    assert len(workspace.seen) == 1
    page.goto("/tests/green_button/")
    expect(page.locator("#notifications")).to_contain_text("Sent")


def _look_at_all(new_page: NewPage, people: People) -> None:
    connection = Connection.objects.get()
    Delivery.objects.update(state=DeliveryState.GIVEN_UP, answer=f"Slack answered {LONG}{LONG}.")
    addresses = [
        "/connections/",
        "/new/connection/webhook/",
        f"/connections/{connection.pk}/",
        "/tests/green_button/notifications/",
        "/notifications/",
        "/notifications/mine/",
    ]
    wrong: list[str] = []
    for theme, width, other in (("light", WIDE, NARROW), ("dark", NARROW, WIDE)):
        page = new_page(people.superuser, theme, width)
        for address in addresses:
            page.goto(address)
            expect(page.locator("[hx-trigger=load]")).to_have_count(0)
            expect(page.locator(".htmx-request, .htmx-settling")).to_have_count(0)
            wrong += [f"{address} {theme} {width}: {found}" for found in _complaints(page)]
            page.set_viewport_size({"width": other, "height": 900})
            wrong += [f"{address} {theme} {other}: {found}" for found in _too_wide(page)]
            page.set_viewport_size({"width": width, "height": 900})
    assert not wrong, "\n".join(wrong)


def _complaints(page: Page) -> list[str]:
    found = [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"][:2]
    ]
    return [*found, *_too_wide(page)]


def _too_wide(page: Page) -> list[str]:
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"scrolls {sideways} px sideways"] if sideways > 0 else []
