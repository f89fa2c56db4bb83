"""What axe and the eye have against a page: accessibility, and whatever has to be scrolled sideways."""

from __future__ import annotations

import json
from typing import Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# WCAG 2.2 A and AA, and what axe itself recommends beyond (landmarks, order of headings). Named, as rules of 2.2 such as
# the size of targets run only for whoever asks for them.
_TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RUN: Final = f"""async () => {{
  const found = await axe.run(document, {{
    runOnly: {json.dumps(_TAGS)}, resultTypes: ["violations"], elementRef: false, selectors: false,
  }});
  return found.violations.flatMap((one) => one.nodes.slice(0, 2).map(
    (node) => `${{one.id}}: ${{node.html.slice(0, 200)}} ${{(node.failureSummary ?? "").slice(0, 300)}}`));
}}"""


def sideways(page: Page) -> list[str]:
    """How far the page has to be scrolled sideways, if it has."""
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"scrolls {over} px sideways"] if over > 0 else []


def complaints(page: Page) -> list[str]:
    """Violations as sentences, at the width the page has now. axe is brought in once per loaded document."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return [*page.evaluate(_RUN), *sideways(page)]
