"""What servers, storage and pages may do to the browser client: it costs variants, never the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.shop import Shop, shop_server, variant

ANSWERS: list[tuple[int, str]] = [
    (200, ""),
    (200, "<html>Sign in to the hotel's network</html>"),
    (200, "null"),
    (200, "5"),
    (200, "[]"),
    (200, "{}"),
    (200, '{"variants": null}'),
    (200, '{"variants": ["green"]}'),
    (200, "[" * 100_000),
    (401, '{"variants": {"green_button": "stolen"}}'),
    (500, "<h1>500</h1>"),
]
ODD = json.dumps(
    {
        "variants": {"green_button": 5, "__proto__": {"polluted": True}, "constructor": "x", "ok": "yes"},
        "payloads": [],
        "hits": {"ok": "text", "green_button": None},
    }
)
GOOD = json.dumps({"variants": {"green_button": "green"}, "hits": {}})


@pytest.fixture
def shop(chromium: Browser, live_server: Any) -> Iterator[Shop]:
    context = chromium.new_context()
    context.set_default_timeout(60_000)
    with shop_server(live_server.url) as origin:
        shop = Shop(context, origin, live_server.url, "none")
        yield shop
        context.close()
    assert shop.crashes == []


def answer(shop: Shop, status: int, body: str) -> None:
    headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*, Authorization"}
    shop.let_server(
        lambda route: route.fulfill(
            status=status, body=body, content_type="application/json", headers=headers
        )
    )


def test_a_useless_answer_leaves_what_was_known(shop: Shop) -> None:
    page = shop.visit()
    for status, body in ANSWERS:
        answer(shop, status, body)
        assert shop.start(page, user="new") is False
        assert variant(page) is None
        assert page.evaluate("problems.length") == 1
    answer(shop, 200, GOOD)
    assert shop.start(page, user="known")
    for status, body in ANSWERS:
        answer(shop, status, body)
        assert page.evaluate("split.refresh()") is False
        assert variant(page) == "green"
        assert shop.start(page, user="known") is False
        assert variant(page) == "green"


def test_odd_parts_of_an_answer_are_nothing(shop: Shop) -> None:
    page = shop.visit()
    answer(shop, 200, ODD)
    assert shop.start(page)
    for key in ("green_button", "__proto__", "toString", "hasOwnProperty"):
        assert variant(page, key, log_hit=True) is None
    assert page.evaluate("[null, 5, {}, [], undefined].map((key) => split.variant(key))") == [None] * 5
    assert variant(page, "ok", log_hit=True) == "yes"
    assert page.evaluate("[split.payload('ok'), split.payload('__proto__'), ({}).polluted]") == [
        None,
        None,
        None,
    ]


def test_whatever_lies_in_storage_is_survived(shop: Shop) -> None:
    page = shop.visit()
    answer(shop, 200, GOOD)
    for stored in (
        "", "{", "null", "5", "[]", '"text"', '{"group": 2401, "device": "<b>"}', '{"answers": [], "seen": 5, "hits": {}}',
        '{"answers": {"a": null, "b": 5, "c": ["x"], "__proto__": [1]}, "batches": [null, 5, {}], "hits": [null]}',
    ):  # fmt: skip
        page.evaluate("stored => localStorage.setItem('usersplit.1', stored)", stored)
        assert shop.start(page, user="known")
        assert variant(page, log_hit=True) == "green"
        kept = json.loads(page.evaluate("localStorage.getItem('usersplit.1')"))
        assert 1 <= kept["group"] <= 2400
        assert len(kept["device"]) == 36


def test_storage_stays_small(shop: Shop) -> None:
    page = shop.visit()
    answer(shop, 200, GOOD)
    for number in range(8):
        assert shop.start(page, user=f"user {number}")
    kept = json.loads(page.evaluate("localStorage.getItem('usersplit.1')"))
    assert len(kept["answers"]) <= 6
    assert "user 7" in str(kept["answers"])


STORAGES = [
    "{ getItem() { throw 1 }, setItem() { throw 2 } }",
    "{ getItem: () => null, setItem() { throw new DOMException('full', 'QuotaExceededError') } }",
    "{ getItem: () => ({}), setItem: 5 }",
    "null",
    "5",
]


def test_without_storage_it_works_for_the_page(shop: Shop) -> None:
    page = shop.visit()
    for storage in STORAGES:
        answer(shop, 200, GOOD)
        page.evaluate(f"window.split = new UserSplit({{ url: '{shop.api}', storage: {storage} }})")
        assert page.evaluate("split.ready()"), storage
        assert variant(page, log_hit=True) == "green"
        answer(shop, 500, "")
        assert page.evaluate("split.refresh()") is False
        assert variant(page) == "green"


OPTIONS = [
    "", "null", "5", "'text'", "{ url: 5, timeout: 'x' }", "{ user: Symbol() }", "{ user: 10n }", "{ user: () => 1 }",
    "{ onError() { throw 1 } , url: 'http://[' }", "{ onError: 5, url: 'http://[' }", "{ environment: 5 }",
    "{ supportedTests: (() => { const a = []; a.push(a); return a })() }", "{ deviceId: Symbol() }",
    "{ storage: new Proxy({}, { get() { throw 1 } }) }",
]  # fmt: skip


def test_whatever_it_is_made_with_it_never_throws(shop: Shop) -> None:
    page = shop.visit()
    answer(shop, 500, "")
    for options in OPTIONS:
        found = page.evaluate(
            f"""async () => {{
              const split = new UserSplit({options});
              const found = [await split.ready(), split.variant("a"), split.payload("a"), split.logHit("a")];
              return [...found, await split.setUser(Symbol()), await split.refresh()];
            }}"""
        )
        assert found == [False, None, None, None, False, False], options
