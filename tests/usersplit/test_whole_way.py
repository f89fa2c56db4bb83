"""The main road, as a product manager walks it: `make run`, a browser, workers, delivery, and an app server that decides."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import PATIENCE
from tests.usersplit.product import Product, running_product
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.worker]

KEY = "whole_way"
GERMANY, FRANCE = 276, 250

# An application server: it knows the SDK and the folder, nothing else of the product.
APP_SERVER = """
import json, sys
from usersplit_sdk import Client, User
with Client.from_directory(sys.argv[1], environment="production") as client:
    for line in sys.stdin:
        user = json.loads(line)
        found = client.explain(sys.argv[2], User(**user) if user else None)
        print(json.dumps([found.variant, found.reason, found.detail]), flush=True)
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("product")
    with running_product(folder / "var", folder / "output.txt") as running:
        yield running


@pytest.fixture
def page(product: Product, chromium: Browser) -> Iterator[Page]:
    """Signed in as the demo's manager."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    login = product.demo["logins"]["manager"]
    page.goto(product.url)
    page.get_by_label("User name").fill(login["username"])
    page.get_by_label("Password").fill(login["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    yield page
    page.close()


def ask(product: Product, *users: dict[str, Any] | None) -> list[tuple[str | None, str, str | None]]:
    """What another process with nothing but the SDK says about these users."""
    answer = subprocess.run(
        [sys.executable, "-c", APP_SERVER, str(product.delivery), KEY],
        input="".join(json.dumps(user) + "\n" for user in users),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [tuple(json.loads(line)) for line in answer.stdout.splitlines()]


def create_the_test(page: Page) -> None:
    page.get_by_role("link", name="New test").click()
    page.get_by_label("Name", exact=True).fill("The whole way")
    page.get_by_role("textbox", name="Key", exact=True).fill(KEY)
    page.get_by_label("Area").fill("payments")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="The whole way")).to_be_visible()


def write_the_conditions(page: Page) -> None:
    """is_test_user = yes OR (country in Germany, France AND new user)."""
    page.get_by_role("link", name="Make the settings").click()
    page.get_by_role("button", name="Condition", exact=True).click()
    page.get_by_label("Filter of condition 1").select_option(label="Test user")
    page.get_by_label("Value of condition 1").select_option(label="yes")
    page.get_by_role("button", name="Brackets", exact=True).click()
    page.get_by_label("Between condition 2 and the one before it").select_option("OR")
    page.get_by_label("Filter of condition 2.1").select_option("country_id")
    page.get_by_label("Comparison of condition 2.1").select_option("in")
    within = page.get_by_role("group", name="Condition 2.1")
    within.get_by_label("Germany").check()
    within.get_by_label("France", exact=True).check()
    page.get_by_role("button", name="Condition in brackets 2").click()
    page.get_by_label("Filter of condition 2.2").select_option("is_new_user")
    page.get_by_label("Value of condition 2.2").select_option(label="yes")
    # The sentence beside the builder, and the users who meet it, counted while it is written.
    expect(page.get_by_text("users meet this today")).to_be_visible()


def name_the_variants(page: Page) -> None:
    for number, name in enumerate(("control", "green")):
        page.locator(f"[name='v.{number}.name']").fill(name)
        page.locator(f"[name='v.{number}.percent']").fill("5")
    page.get_by_role("button", name="Save and prepare").click()


def test_from_an_idea_to_a_variant_on_an_app_server(product: Product, page: Page) -> None:
    create_the_test(page)
    write_the_conditions(page)
    name_the_variants(page)

    # The page updates itself when the worker is done.
    expect(page.get_by_text("users meet the conditions")).to_be_visible()
    settings = product.read(f"/api/v1/tests/{KEY}/settings-groups/1/")
    shown = page.locator("#audience").text_content() or ""
    assert f"{settings['audience']['users']:,}" in shown
    for variant in settings["variants"]:
        assert variant["users"] > 0
        assert f"{variant['users']:,}" in shown
    for other in product.read("/api/v1/tests/?status=running")["results"]:
        if other["key"] != KEY:
            assert other["key"] in shown

    page.get_by_role("link", name="Publish to dev").click()
    page.get_by_role("button", name="Publish to dev").click()
    expect(page.get_by_role("link", name="Start")).to_be_visible()
    page.get_by_role("link", name="Start").click()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("link", name="Pause")).to_be_visible()

    def is_delivered() -> bool:
        path = product.delivery / "tests" / f"{KEY}.json"
        return path.exists() and json.loads(path.read_text())["status"] == "running"

    wait_until(is_delivered, "the running test is in the folder")
    in_green = settings["variants"][1]["split_groups"][0][0]
    owned = {
        group
        for variant in settings["variants"]
        for first, last in variant["split_groups"]
        for group in range(first, last + 1)
    }
    outside = min(set(range(1, 2401)) - owned)
    newcomer = {"country_id": FRANCE, "is_new_user": True, "is_test_user": False}
    assert ask(
        product,
        {"id": "1", "split_group": in_green, "attributes": {"is_test_user": True}},
        {"id": "2", "split_group": in_green, "attributes": newcomer},
        {"id": "3", "split_group": outside, "attributes": newcomer},
        {"id": "4", "split_group": in_green, "attributes": newcomer | {"is_new_user": False}},
        {"id": "5", "split_group": in_green, "attributes": newcomer | {"country_id": 1}},
        None,
    ) == [
        ("green", "SPLIT", None),
        ("green", "SPLIT", None),
        (None, "SPLIT_GROUP_NOT_IN_TEST", None),
        (None, "CONDITIONS_NOT_MET", "conditions[2][2]"),
        (None, "CONDITIONS_NOT_MET", "conditions[2][0]"),
        (None, "CONDITIONS_NOT_MET", "conditions[2][0]"),
    ]


def test_files_that_are_documents_of_this_origin_carry_the_policy_of_the_pages(product: Product) -> None:
    for name in ("drf_spectacular_sidecar/swagger-ui-dist/oauth2-redirect.html", "img/usersplit.svg"):
        with urllib.request.urlopen(f"{product.url}/static/{name}", timeout=30) as answer:
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"], name
