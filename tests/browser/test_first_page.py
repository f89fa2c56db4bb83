"""What a first visit costs, that a second costs only the page itself, and that nothing jumps while cards load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, Route, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from bench.pages_ground import Size, make_ground
from tests.browser.conftest import NewPage

GROUND: Final = Size(running=40, paused=3, dev=3, draft=3, finished=6, groups=2)
TEST: Final = "/tests/test_7/"
OTHERS: Final = ["admin", "rest_framework", "drf_spectacular_sidecar"]
MOST_BYTES: Final = 400_000
MOST_SHIFT: Final = 0.1
# Of every request: its path and the bytes over the wire, 0 from the cache.
TRANSFERS: Final = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map((one) => [new URL(one.name).pathname, one.transferSize])"""
WATCH: Final = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries().filter((entry) => !entry.hadRecentInput)) {
      window.shifts.push([one.value, one.sources.map((source) => source.node?.id || source.node?.className || source.node?.nodeName)]);
    }
  }).observe({ type: "layout-shift", buffered: true });
}"""


@pytest.fixture
def as_in_production(
    _static_files_as_they_are: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveServer]:
    """Static files are collected, compressed, under names that say their content, and the product itself serves them."""
    compressed = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES, "staticfiles": compressed}
    # Files of the API's pages and of the admin, most of all files, are on none of these.
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=OTHERS)
    # Else Django's own server of tests would answer for them.
    handler = "django.contrib.staticfiles.handlers.StaticFilesHandler"
    monkeypatch.setattr(handler, lambda application: application)
    server = LiveServer("localhost")
    yield server
    server.stop()


@pytest.fixture
def boss(transactional_db: None, warehouse: Any) -> User:
    return make_ground(GROUND)


def _transfers(page: Page, address: str) -> dict[str, int]:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    return dict(page.evaluate(TRANSFERS))


def test_a_first_visit_is_light_and_files_are_kept(
    new_page: NewPage, as_in_production: LiveServer, boss: User
) -> None:
    for address in ("/", "/tests/", TEST):
        # Each of its own, with an empty cache.
        page = new_page(boss)
        first = _transfers(page, as_in_production.url + address)
        files = [path for path in first if path.startswith("/static/")]
        assert len(files) > 8
        assert any(path.endswith(".woff2") for path in files)
        assert 0 < sum(first.values()) <= MOST_BYTES, (address, first)
        again = _transfers(page, as_in_production.url + address)
        assert {path: size for path, size in again.items() if path.startswith("/static/") and size} == {}


def _shifts(page: Page) -> list[Any]:
    page.wait_for_load_state("networkidle")
    found: list[Any] = page.evaluate("() => window.shifts")
    return found


def test_nothing_jumps(new_page: NewPage, boss: User) -> None:
    page = new_page(boss)
    page.add_init_script(f"({WATCH})()")
    shifts = {}
    for address in ("/", TEST, f"{TEST}settings/new/", "/overlap/", "/calendar/", "/tests/"):
        page.goto(address)
        shifts[address] = _shifts(page)
    page.locator("#q").press_sequentially("test_7")
    expect(page.locator(".us-tests tbody tr")).to_have_count(1)
    shifts["typing"] = _shifts(page)
    too_much = {
        address: found for address, found in shifts.items() if sum(one[0] for one in found) > MOST_SHIFT
    }
    assert too_much == {}


def test_what_takes_longer_than_half_a_second_shows_that_it_goes_on(new_page: NewPage, boss: User) -> None:
    page = new_page(boss)
    page.goto("/tests/")
    held: list[Route] = []
    page.route("**/tests/?q=*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright asks a function for its parameters
    bar = page.locator("#waiting")
    expect(bar).to_be_hidden()
    page.locator("#q").fill("test_7")
    expect(bar).to_be_visible()
    held[0].continue_()
    expect(page.locator(".us-tests tbody tr")).to_have_count(1)
    expect(bar).to_be_hidden()
