"""A developer's day: makes a token, copies the test's code and runs it, sees the first hits, and where the code names the test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from pytest_django import Settings

from accounts.actors import Actor
from accounts.models import ApiToken
from analytics.models import TotalHits
from analytics.tasks import fold
from delivery.services import publish
from experiments.lifecycle import Status
from tests.browser.app_server import scan
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_experiment
from tests.waiting import wait_until

HALVES = [{"name": "control", "percent": "50"}, {"name": "green", "percent": "50"}]
GERMAN: list[Any] = [{"filter": "country_id", "operator": "in", "value": [276]}]


def test_from_a_token_to_the_first_hit(
    mia: Actor,
    people: People,
    warehouse: Any,
    new_page: NewPage,
    live_server: Any,
    settings: Settings,
    tmp_path: Path,
) -> None:
    settings.PUBLIC_URL = live_server.url
    make_experiment(mia, Status.RUNNING, key="green_button", variants=HALVES, conditions=GERMAN)
    publish()
    page = new_page(people.developer)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/")
    secret = _make_token(page, "App servers of the shop", "Read test files", "Send hits and events")
    code = tmp_path / "code"
    code.mkdir()
    (code / "pay.py").write_text(_copy_the_code(page))
    variant = _run(code / "pay.py", secret)
    assert variant in {"control", "green"}
    _see_the_hit(page, variant)
    pipeline = _make_token(page, "Pipeline", "Read test files", "Create and change tests and groups")
    done = scan(code, live_server.url, pipeline)
    assert done.returncode == 0, done.stderr
    _open_the_test(page)
    expect(page.get_by_role("region", name="In the code")).to_contain_text("pay.py:")
    assert ApiToken.objects.get(name="App servers of the shop").last_used_at


def _make_token(page: Page, name: str, *scopes: str) -> str:
    """The secret, which is shown this once."""
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name="API tokens").click()
    page.get_by_label("Name", exact=True).fill(name)
    for scope in scopes:
        page.get_by_label(scope).check()
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", name="Your new token")).to_be_visible()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name="API tokens").click()
    expect(page.get_by_role("button", name=f"Revoke {name}")).to_be_visible()
    assert secret not in page.content()
    return secret


def _open_the_test(page: Page) -> None:
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name="Tests", exact=True).click()
    page.get_by_role("link", name="Green button").click()


def _copy_the_code(page: Page) -> str:
    _open_the_test(page)
    card = page.get_by_role("region", name="Code", exact=True)
    expect(card).to_contain_text("with the scopes deliver and ingest")
    card.get_by_role("button", name="Copy the code").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert isinstance(copied, str)
    return copied


def _run(file: Path, secret: str) -> str:
    """The code as it was pasted, in a process that knows the SDK and its token, and says what it got."""
    last_lines = "client.close()\nprint(variant)\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{file.read_text()}\n{last_lines}"],
        env=os.environ | {"USERSPLIT_TOKEN": secret},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _see_the_hit(page: Page, variant: str) -> None:
    # As beat has it done every few seconds.
    fold()
    found = wait_until(TotalHits.objects.first, "the hit is counted")
    assert (found.variant, found.hits) == (variant, 1)
    _open_the_test(page)
    row = page.get_by_role("region", name="Hits").get_by_role("row").filter(has_text=variant)
    expect(row.first).to_contain_text("1")
