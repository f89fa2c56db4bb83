"""The browser client, in Chromium, on a page of another origin with a strict policy."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Sum
from playwright.sync_api import Browser, Route

from accounts.actors import Actor
from accounts.services import create_token
from analytics.models import Batch
from delivery.evaluation import delivered_now
from delivery.services import publish
from experiments.lifecycle import Status
from experiments.services import force_user
from tests.browser.shop import MODULE, Shop, down, shop_server, variant, wait_for, wait_until_sent
from tests.factories import make_experiment
from usersplit_sdk import Environment, User

HALVES: list[dict[str, object]] = [
    {"name": "control", "percent": "50", "is_control": True},
    {"name": "green", "percent": "50", "payload": {"color": "#0a0"}},
]
STORED = "JSON.parse(localStorage.getItem('usersplit.1'))"


@pytest.fixture
def shop(chromium: Browser, live_server: Any, mia: Actor, settings: Any) -> Iterator[Shop]:
    for key, side in (("green_button", "client"), ("checkout", "client_server")):
        experiment = make_experiment(mia, Status.RUNNING, key=key, properties={"side": side}, variants=HALVES)
        for name in ("control", "green"):
            force_user(mia, experiment, name, "production", user_id=f"in_{name}")
    publish()
    _, token = create_token(mia, "shop", ["evaluate", "ingest"])
    context = chromium.new_context()
    context.set_default_timeout(60_000)
    with shop_server(live_server.url) as origin:
        settings.CORS_ALLOWED_ORIGINS = [origin]
        shop = Shop(context, origin, live_server.url, token)
        yield shop
        context.close()
    assert shop.crashes == []


def user(split_group: int, name: str = "4711") -> dict[str, Any]:
    return {"id": name, "splitGroup": split_group, "attributes": {}}


def test_it_is_a_module_of_less_than_three_kilobytes() -> None:
    source = MODULE.read_bytes()
    assert len(gzip.compress(source, 9, mtime=0)) < 3_000
    assert b"eval(" not in source
    assert b"import " not in source


def test_the_page_shows_what_the_engine_decides_and_its_hit_arrives_once(shop: Shop) -> None:
    page = shop.visit()
    assert shop.start(page, user=user(7), supportedTests=["green_button", "checkout"])
    engine = delivered_now().client("production")
    environment = Environment(supported_tests=["green_button", "checkout"])
    # A test of both sides: the server, which says so too that its client knows the test, decides the same.
    for key in ("green_button", "checkout"):
        assert variant(page, key) == engine.get_active_variant(key, User("4711", 7), environment)
    expected = {"green": {"color": "#0a0"}, "control": None}[variant(page)]  # type: ignore[index]
    assert page.evaluate("split.payload('green_button')") == expected
    assert (variant(page, "never"), page.evaluate("split.payload('never')")) == (None, None)
    for _ in range(3):
        shown = variant(page, log_hit=True)
    wait_until_sent(page)
    again = shop.visit()
    assert shop.start(again, user=user(7))
    variant(again, log_hit=True)
    variant(again, "checkout", log_hit=True)
    assert shop.start(again, user=user(7, "4712"))
    variant(again, log_hit=True)
    wait_until_sent(again)
    assert Batch.objects.aggregate(taken=Sum("items"), refused=Sum("refused")) == {"taken": 2, "refused": 0}
    assert [hit["user_id"] for hit in shop.hits()] == ["4711", "4712"]
    first = shop.hits()[0]
    assert (first["test"], first["variant"], first["settings_group"], first["split_group"]) == (
        "green_button",
        shown,
        1,
        7,
    )
    assert [batch.answer["unknown"] for batch in Batch.objects.all()] == [[], []]
    assert page.evaluate("problems") == []


def test_the_last_known_variants_are_there_when_the_server_is_down(shop: Shop) -> None:
    page = shop.visit()
    assert shop.start(page, user=user(7))
    shown = variant(page)
    shop.let_server(down)
    page = shop.visit()
    assert shop.start(page, user=user(7)) is False
    with page.expect_request("**/api/v1/hits/"):
        assert variant(page, log_hit=True) == shown is not None
    page.wait_for_function("() => problems.length === 2")
    assert not Batch.objects.exists()
    page.close()
    shop.let_server(None)
    page = shop.visit()
    assert shop.start(page, user=user(7))
    wait_until_sent(page)
    assert Batch.objects.get().items == 1


def test_an_answer_that_comes_late_is_for_the_next_page(shop: Shop) -> None:
    held: list[Route] = []
    shop.let_server(lambda route: held.append(route))  # noqa: PLW0108 - Playwright looks into functions
    page = shop.visit()
    assert shop.start(page, user=user(7), timeout=10) is False
    assert variant(page) is None
    wait_for(page, lambda: held, "the server was asked")
    held[0].continue_()
    page.wait_for_function(f"() => Object.keys({STORED}.answers).length")
    assert variant(page) is None
    shop.let_server(down)
    page = shop.visit()
    assert shop.start(page, user=user(7)) is False
    assert variant(page) is not None


def test_another_user_never_sees_the_variants_of_the_one_before(shop: Shop) -> None:
    page = shop.visit()
    assert shop.start(page, user="in_control")
    assert variant(page) == "control"
    assert page.evaluate("split.setUser({ id: 'in_green' })")
    assert variant(page) == "green"
    shop.let_server(down)
    assert page.evaluate("split.setUser('somebody_else')") is False
    assert variant(page) is None
    assert page.evaluate("split.setUser('in_control')") is False
    assert variant(page) == "control"
    shop.let_server(None)
    assert page.evaluate("split.setUser('in_green'), split.setUser('in_control')")
    assert variant(page) == "control"


def test_a_guest_keeps_the_variant_whoever_signs_in(shop: Shop) -> None:
    page = shop.visit()
    assert shop.start(page)
    first, shown = shop.asked[-1]["environment"], variant(page)
    assert shown in {"control", "green"}
    assert 1 <= first["split_group"] <= 2400
    for name in ("in_control", "in_green"):
        assert page.evaluate("name => split.setUser(name)", name)
    page = shop.visit()
    assert shop.start(page)
    assert (shop.asked[-1]["environment"], variant(page)) == (first, shown)
    variant(page, log_hit=True)
    wait_until_sent(page)
    assert Batch.objects.get().items == 1
    [hit] = shop.hits()
    assert (hit["user_id"], hit["device_id"], hit["split_group"]) == (
        None,
        first["device_id"],
        first["split_group"],
    )


def test_an_application_may_keep_the_guest_itself(shop: Shop) -> None:
    page = shop.visit()
    assert shop.start(page, deviceId="d1", splitGroup=7, environment={"platform": "web"})
    assert shop.asked[-1]["environment"] == {"platform": "web", "device_id": "d1", "split_group": 7}


def test_new_guests_are_drawn_from_all_split_groups(shop: Shop) -> None:
    page = shop.visit()
    drawn = page.evaluate(
        """async () => {
          window.fetch = async () => new Response("{}");
          const drawn = [];
          for (let count = 0; count < 1000; count++) {
            let kept = null;
            new UserSplit({ storage: { getItem: () => kept, setItem: (name, value) => (kept = value) } });
            drawn.push(JSON.parse(kept).group);
          }
          return drawn;
        }"""
    )
    # Of 1000 draws from 2400, 818 different ones are expected, give or take 11.
    assert 750 < len(set(drawn)) < 890
    assert 1 <= min(drawn) <= 60
    assert 2340 <= max(drawn) <= 2400
