"""Loads of users in a real browser: readable in both themes and widths; a running one shows how far it is and stops by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from accounts.actors import Actor
from audience.load_history import LoadLog, recorded_load
from audience.loading import Reject
from audience.models import UserLoad, Watermark
from audience.source_services import create_source
from core.errors import InvalidInput
from tests.browser.axe import complaints
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.conftest import People

pytestmark = pytest.mark.browser
MACHINE = Actor.machine("Command line")


def failed_load() -> UserLoad:
    with (
        pytest.raises(InvalidInput),
        recorded_load("a_file_with_a_rather_long_name_" * 4 + ".csv", MACHINE) as log,
    ):
        fail(log)
    return UserLoad.objects.get()


def fail(log: LoadLog) -> None:
    for line in range(2, 40):
        log.reject(
            Reject(line, 'registered_at must be a date like 2026-01-31 or 2026-01-31T10:00:00Z, not "x"')
        )
    raise InvalidInput.at("file", "breaks off or is damaged after line 40: Compressed file ended")


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_load_pages_can_be_read(theme: str, width: int, people: People, new_page: NewPage) -> None:
    load = failed_load()
    for name in ("shop", "a_source_with_a_very_long_name_of_sixty_three_characters_all_told"):
        create_source(
            MACHINE,
            name=name[:63].rstrip("_"),
            database_variable=f"SOURCE_{name.upper()}"[:100],
            query="SELECT id FROM users",
            changed_at_column="changed",
        )
    Watermark.objects.create(
        name="shop", fingerprint="x", kind="timestamptz", value="2026-10-01 12:00:00.123456+00:00"
    )
    page: Page = new_page(people.superuser, theme, width)
    wrong = []
    with recorded_load("shop", MACHINE):
        for address in ("/loads/", f"/loads/{load.pk}/", "/new/source/", "/sources/shop/"):
            page.goto(address)
            wrong += [f"{address}: {found}" for found in complaints(page)]
    assert not wrong, "\n".join(wrong)


def test_progress_is_shown_and_stops_by_itself(people: People, new_page: NewPage) -> None:
    page: Page = new_page(people.superuser, "light", WIDE)
    with recorded_load("users.csv", MACHINE) as log:
        page.goto("/loads/")
        expect(page.get_by_text("Reading")).to_be_visible()
        log.told = 0.0
        log.progress(70_000, 0.5)
        expect(page.get_by_role("cell", name="70,000")).to_be_visible()
        log.failed("file: breaks off")
    expect(page.get_by_text("failed", exact=True)).to_be_visible()
    expect(page.locator("[hx-trigger^='every ']")).to_have_count(0)
