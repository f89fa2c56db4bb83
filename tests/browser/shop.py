"""A shop's page in a real browser, from a web server of its own and with a strict policy, that uses the browser client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route

MODULE = Path(__file__).parents[2] / "static/client/usersplit.js"
_PAGE = b'<!doctype html><title>Shop</title><link rel="icon" href="data:,"><script type="module" src="/shop.js"></script>'
_SCRIPT = b'import { UserSplit } from "/usersplit.js"; window.UserSplit = UserSplit;'
_START = """async (options) => {
  window.problems = [];
  window.split = new UserSplit({ onError: (error) => problems.push(String(error)), ...options });
  return await split.ready();
}"""


Files = Mapping[str, tuple[str, bytes]]
"""By path: the media type and the content."""


@contextmanager
def web_server(files: Files, policy: str = "") -> Iterator[str]:
    """The address of a web server that has these files and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files.get(self.path, ("", b""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind or "text/plain")
            if policy:
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def shop_server(api: str) -> Iterator[str]:
    """The address of the shop: its pages may talk to themselves and to `api`; the module is copied, as many will do."""
    files = {
        "/shop": ("text/html", _PAGE),
        "/shop.js": ("text/javascript", _SCRIPT),
        "/usersplit.js": ("text/javascript", MODULE.read_bytes()),
    }
    policy = f"default-src 'none'; script-src 'self'; img-src data:; connect-src 'self' {api}"
    with web_server(files, policy) as origin:
        yield origin


@dataclass
class Shop:
    """Its pages in one browser profile."""

    context: BrowserContext
    origin: str
    api: str
    token: str
    crashes: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.on("request", self._note)
        self.context.on("weberror", lambda error: self.crashes.append(str(error.error)))

    def let_server(self, behave: Callable[[Route], None] | None) -> None:
        """What becomes of questions to the server from now on; None: it is asked."""
        self.context.unroute(f"{self.api}/api/**")
        if behave is not None:
            self.context.route(f"{self.api}/api/**", behave)

    def visit(self) -> Page:
        """A new page, the module loaded, no client made yet."""
        page = self.context.new_page()
        page.goto(f"{self.origin}/shop")
        page.wait_for_function("() => window.UserSplit")
        return page

    def start(self, page: Page, **options: Any) -> bool:
        """Make `window.split` and wait until it is ready: whether the server answered in time."""
        given = {"url": self.api, "token": self.token, "timeout": 60_000, "supportedTests": ["green_button"]}
        answered: bool = page.evaluate(_START, {**given, **options})
        return answered

    def hits(self) -> list[dict[str, Any]]:
        """The hits that were sent, once for each time they were."""
        return [hit for body in self.asked for hit in body.get("hits", ())]

    def _note(self, request: Request) -> None:
        if request.method == "POST":
            self.asked.append(json.loads(request.post_data or "{}"))


def down(route: Route) -> None:
    """Nobody answers."""
    route.abort("connectionrefused")


def variant(page: Page, key: str = "green_button", *, log_hit: bool = False) -> str | None:
    """What the page shows."""
    shown: str | None = page.evaluate("([key, hit]) => split.variant(key, hit)", [key, log_hit])
    return shown


def wait_for(page: Page, condition: Callable[[], object], what: str) -> None:
    """As `wait_until`, while the browser's events go on being heard."""
    for _ in range(6_000):
        if condition():
            return
        page.wait_for_timeout(10)
    pytest.fail(f"still not: {what}")


def wait_until_sent(page: Page) -> None:
    """Until the client has no hits left to send."""
    page.wait_for_function(
        "() => { const kept = JSON.parse(localStorage.getItem('usersplit.1')); return !kept.hits.length && !kept.batches.length; }"
    )
