"""The API's documentation and the card *Code*, in a real browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Request, expect

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from tests.browser.conftest import NewPage
from tests.conftest import People
from tests.factories import make_experiment


def test_every_operation_is_listed_with_its_scope_and_nothing_comes_from_elsewhere(
    transactional_db: None, new_page: NewPage, live_server: Any
) -> None:
    page = new_page()
    asked: set[str] = set()

    def note(request: Request) -> None:
        asked.add(urlsplit(request.url).netloc if request.url.startswith("http") else "")

    page.on("request", note)
    page.goto("/api/v1/docs/")
    schema = page.request.get("/api/v1/schema/", headers={"Accept": "application/json"}).json()
    operations = [
        (path, operation) for path, methods in schema["paths"].items() for operation in methods.values()
    ]
    expect(page.locator(".opblock")).to_have_count(len(operations))
    shown = page.locator(".opblock-summary-path").evaluate_all("found => found.map(one => one.dataset.path)")
    assert sorted(shown) == sorted(path for path, _ in operations)
    for _, operation in operations:
        assert f"`{operation['x-scope']}`" in operation["description"]
    start = page.locator(".opblock", has_text="/api/v1/tests/{key}/start/")
    start.locator(".opblock-summary-control").first.click()
    expect(start.get_by_text("Scope of the token: manage")).to_be_visible()
    expect(start.get_by_text("Idempotency-Key", exact=True)).to_be_visible()
    assert asked - {"", urlsplit(live_server.url).netloc} == set()


def test_the_code_of_a_test_in_each_language(
    people: People, mia: Actor, warehouse: Warehouse, new_page: NewPage
) -> None:
    make_experiment(mia, Status.RUNNING, key="button", properties={"side": "client_server"})
    page = new_page(people.developer)
    page.goto("/tests/button/")
    card = page.locator("#code")
    expect(card.get_by_role("heading", name="Code")).to_be_visible()
    expect(card.locator("#code-text")).to_contain_text('client.get_active_variant("button"')
    for name, said in (("JavaScript", 'split.variant("button")'), ("curl", "/api/v1/active-variants/")):
        link = card.get_by_role("link", name=name)
        link.focus()
        page.keyboard.press("Enter")
        expect(card.locator("#code-text")).to_contain_text(said)
        expect(link).to_have_attribute("aria-current", "true")
        expect(link).to_be_focused()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card.get_by_role("button", name="Copy the code").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (card.locator("#code-text").text_content() or "").strip()
