"""A viewer's day: all that may be seen is seen; nothing that changes something is offered, and the server refuses it anyway."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

from playwright.sync_api import Page, expect

from accounts.actors import Actor
from changelog.models import Entry
from experiments.lifecycle import Status
from experiments.models import Experiment
from experiments.services import force_user
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import add_prepared, make_draft, make_experiment

# What stands on buttons and links that change something.
CHANGES = re.compile(
    r"^(New test|New user group|Pause|Finish|Resume|Start|Publish.*|Change settings|Edit.*|Attach.*|Take up again.*|Copy and change.*"
    r"|Make a room|Count again|Add the tag|Take it away|Force|Remove .*|Switch off|New filter|Make the settings|Check now|Ask Jira.*)$"
)
# Every page of the side bar that a viewer has, by its heading.
PAGES = ("Tests", "User groups", "Calendar", "Overlap", "Capacity", "Split groups", "Check a user", "Forced users",
         "Hits nobody knows", "Changelog", "Notifications", "Filters", "Delivery status")  # fmt: skip
REFUSED: Final[tuple[tuple[str, dict[str, str | float | bool]], ...]] = (
    ("/new/tests/", {"key": "mine", "name": "Mine", "side": "server"}),
    ("/tests/green_button/verbs/pause/", {"expected_status": "running"}),
    ("/tests/green_button/properties/edit/", {"name": "Mine"}),
    ("/tests/green_button/settings/2/attach/", {}),
    ("/tests/green_button/approval/approve/", {}),
    ("/tests/green_button/notifications/room/", {}),
    ("/tests-off/", {"user_id": "5"}),
    ("/new/filter/", {"name": "mine", "label": "Mine", "type": "integer", "source": "user"}),
    ("/new/connection/slack/", {}),
    ("/filters/age/archive/", {}),
)  # fmt: skip


def test_all_is_seen_and_nothing_changed(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    test = make_experiment(
        mia, Status.RUNNING, key="green_button", properties={"hypothesis": "Green is seen"}
    )
    add_prepared(mia, test, message="Wider")
    make_draft(mia, key="secret_idea")
    force_user(mia, test, "green", "production", user_id="4711", reason="Bug 17")
    page = new_page(people.viewer)
    page.goto("/")
    for name in PAGES:
        page.get_by_role("navigation", name="Main").first.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        _expect_nothing_to_change(page)
        expect(page.get_by_text("secret_idea")).to_have_count(0)
    _read_the_test(page)
    before = (Entry.objects.count(), list(Experiment.objects.order_by("pk").values()))
    _try_anyway(page)
    assert (Entry.objects.count(), list(Experiment.objects.order_by("pk").values())) == before


def _expect_nothing_to_change(page: Page) -> None:
    main = page.get_by_role("main")
    expect(main.get_by_role("button", name=CHANGES)).to_have_count(0)
    expect(main.get_by_role("link", name=CHANGES)).to_have_count(0)


def _read_the_test(page: Page) -> None:
    """Everything that is known of it, the draft of other settings included."""
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name="Tests", exact=True).click()
    page.get_by_role("link", name="Green button").click()
    for name in ("Settings", "Audience", "Hits", "Code", "In the code"):
        expect(page.get_by_role("region", name=name, exact=True)).to_be_visible()
    expect(page.locator("[hx-trigger=load]")).to_have_count(0)
    expect(page.get_by_text("Green is seen")).to_be_visible()
    expect(page.get_by_role("heading", name="Settings 2 are prepared and wait")).to_be_visible()
    _expect_nothing_to_change(page)
    expect(page.get_by_role("group", name="What can be done now")).to_have_count(0)


def _try_anyway(page: Page) -> None:
    """As somebody would who knows the addresses: with the session and its token."""
    token = next(one["value"] for one in page.context.cookies() if one["name"] == "csrftoken")
    for address, fields in REFUSED:
        answer = page.request.post(address, form=fields, headers={"X-CSRFToken": token})
        assert answer.status == HTTPStatus.FORBIDDEN, f"{address}: {answer.status}"
    for address in ("/connections/", "/system/", "/loads/", "/new/tests/"):
        assert page.request.get(address).status == HTTPStatus.FORBIDDEN, address
    draft = page.goto("/tests/secret_idea/")
    assert draft is not None
    assert draft.status == HTTPStatus.NOT_FOUND
