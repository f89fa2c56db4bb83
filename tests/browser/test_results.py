"""The results page on a screen and on paper: what stands on it, what is left out, how many sheets it takes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from accounts.actors import Actor
from experiments.lifecycle import Status
from tests.analytics.counted import HOUR, count_hits
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.conftest import People
from tests.factories import make_experiment

LONG = "donaudampfschifffahrtsgesellschaftskapitaensmuetzenabzeichen"
VARIANTS = [
    {"name": "control", "percent": "40", "is_control": True},
    {"name": "green", "percent": "30"},
    {"name": LONG, "percent": "30"},
]
MOST_SHEETS = 3


@pytest.fixture
def button(mia: Actor, warehouse: Any) -> None:
    """A finished test with a winner, hits of five days, and long words."""
    ending = {
        "result": "winner",
        "variant": "green",
        "scope": "everywhere",
        "conclusion": "Green sells. " * 20,
    }
    properties: dict[str, object] = {
        "hypothesis": f"A green button sells more. {LONG}",
        "metric": "orders",
        "success": "+5 %",
    }
    test = make_experiment(
        mia, Status.FINISHED, key="button", variants=VARIANTS, ending=ending, properties=properties
    )
    assert test.current is not None
    for hours in range(1, 120, 5):
        for name, users in (("control", 40), ("green", 30), (LONG, 30)):
            count_hits(test.current, name, users + hours, users, ago=hours * HOUR)


def settled(page: Page) -> None:
    expect(page.locator("[hx-trigger=load], .htmx-request")).to_have_count(0)


def wrong_with(page: Page) -> list[str]:
    found = [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"][:2]
    ]
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, *(["scrolls sideways"] if sideways > 0 else [])]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_results_are_read_printed_and_handed_on(
    theme: str, button: None, people: People, new_page: NewPage
) -> None:
    page = new_page(people.viewer, theme)
    page.goto("/tests/button/")
    settled(page)
    page.get_by_role("link", name="Results").first.click()
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Results of Button")
    expect(page.locator("main")).to_contain_text("green won. Everyone has been getting it since")
    expect(page.locator("main")).to_contain_text("No event of these users has come")
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        assert wrong_with(page) == []
    page.evaluate("window.print = () => { document.body.dataset.asked = 'yes'; }")
    page.get_by_role("button", name="Print").click()
    expect(page.locator("body")).to_have_attribute("data-asked", "yes")

    page.emulate_media(media="print")
    for left_out in (".us-sidebar", ".us-topbar", "main .btn", "main nav", "main form", "main .us-help"):
        for found in page.locator(left_out).all():
            expect(found).to_be_hidden()
    expect(page.get_by_role("img", name="Users of each variant")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).colorScheme || 'light'") != "dark"
    assert _lightness(page, "color") < 0.5 < _lightness(page, "background-color", "html")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("[data-print-date]")).to_contain_text(re.compile(r"printed on \d{4}-\d\d-\d\d"))
    for paper in ("A4", "Letter"):
        assert 1 <= _sheets(page.pdf(format=paper)) <= MOST_SHEETS
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0


def _lightness(page: Page, what: str, of: str = "main") -> float:
    """0 is black, 1 is white: as a canvas paints the computed colour."""
    return float(
        page.evaluate(
            """([what, of]) => {
                const paper = document.createElement("canvas").getContext("2d");
                paper.fillStyle = getComputedStyle(document.querySelector(of)).getPropertyValue(what);
                paper.fillRect(0, 0, 1, 1);
                const [red, green, blue] = paper.getImageData(0, 0, 1, 1).data;
                return (red + green + blue) / 3 / 255;
            }""",
            [what, of],
        )
    )


def _sheets(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))
