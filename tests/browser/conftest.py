"""A real Chromium before the live server. Every page fails its test when the console of the browser complains."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from accounts.actors import Actor
from accounts.models import User
from core import clock
from delivery.services import publish
from experiments.lifecycle import Status
from experiments.models import Experiment
from experiments.services import attach_settings_group
from tests.chromium import PATIENCE
from tests.conftest import People
from tests.factories import add_prepared, make_experiment
from tests.waiting import wait_until

WIDE, NARROW = 1440, 390
_EXPECTED = (
    # Refused forms are answered with 4xx on purpose; the browser reports each.
    "the server responded with a status of 4",
    # htmx reports requests that a newer one replaced, or that ended with their page.
    "htmx:afterRequest",
    "htmx:sendAbort",
)
NewPage = Callable[..., Page]
_HALVES: list[Any] = [{"name": "control", "percent": "50"}, {"name": "green", "percent": "50"}]
_CONDITIONS: list[Any] = [
    {"filter": "is_test_user", "operator": "eq", "value": "yes"},
    "OR",
    [
        {"filter": "country_id", "operator": "in", "value": ["40", "276"]},
        "AND",
        {"filter": "age", "operator": "gt", "value": "17"},
    ],
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def new_page(chromium: Browser, live_server: Any) -> Iterator[NewPage]:
    """Open a page: `person` is signed in on it, `theme` light or dark, `width` in pixels, `scripts` off for plain HTML.

    Where requests `fail` on purpose the browser says so: that is no complaint, errors of scripts are.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(known in message.text for known in _EXPECTED):
            complaints.append(message.text)

    def open_page(
        person: User | None = None,
        theme: str = "light",
        width: int = WIDE,
        *,
        scripts: bool = True,
        fails: bool = False,
    ) -> Page:
        context = chromium.new_context(
            base_url=live_server.url,
            color_scheme="dark" if theme == "dark" else "light",
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        if person is not None:
            sign_in(context, person, live_server.url)
        page = context.new_page()
        if not fails:
            page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    # What the closed pages still asked for would otherwise meet a database that the next test empties.
    wait_until(lambda: not _open_requests(), "every request of the closed pages to end", seconds=60)
    assert complaints == []


def _open_requests() -> list[threading.Thread]:
    """The live server's threads, one per connection, by the name the standard library gives them."""
    return [one for one in threading.enumerate() if "process_request_thread" in one.name]


def sign_in(context: BrowserContext, person: User, url: str) -> None:
    """Give the browser a session, as the sign-in form would."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    assert session.session_key is not None
    context.add_cookies(
        [{"name": django_settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": url}]
    )


@pytest.fixture
def mia(transactional_db: None, people: People) -> Actor:
    """The manager, as services know her."""
    return Actor.person(people.manager)


@pytest.fixture
def running(mia: Actor, people: People, warehouse: Any) -> Experiment:
    """A test as it was on the first of November, and is no more: it was for everyone then."""
    with clock.frozen_at(dt.datetime(2024, 11, 1, 12, tzinfo=dt.UTC)):
        experiment = make_experiment(mia, Status.RUNNING, key="green_button", variants=_HALVES)
        publish()
    add_prepared(mia, experiment, conditions=_CONDITIONS, variants=_HALVES)
    attach_settings_group(mia, experiment, 2)
    publish()
    return experiment
