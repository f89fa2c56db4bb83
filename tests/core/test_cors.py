"""Pages of other origins: only those named, only where clients ask, never with cookies."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

SHOP = "https://shop.example"
ASKING = ["/ofrep/v1/evaluate/flags", "/api/v1/active-variants/"]
SENDING = ["/api/v1/hits/", "/api/v1/events/"]
CLOSED = [
    "/api/v1/tests/",
    "/api/v1/qa/check/",
    "/api/v1/delivery/manifest",
    "/login/",
    "/tokens/",
    "/api/v1/schema/",
]


def preflight(address: str, origin: str = SHOP) -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return Client(headers=headers).options(address)


@pytest.fixture
def shop(settings: Settings) -> None:
    settings.CORS_ORIGINS = settings.CORS_ALLOWED_ORIGINS = [SHOP]


@pytest.mark.parametrize("address", ASKING + SENDING)
def test_a_named_origin_may_ask_and_send(db: None, shop: None, address: str) -> None:
    answer = preflight(address)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert {"authorization", "content-type", "if-none-match"} <= set(allowed.split(", "))
    refused = Client(headers={"Origin": SHOP}).post(address, {}, "application/json")
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == SHOP
    exposed = refused.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Retry-After"} <= set(exposed)
    assert "origin" in refused.headers["Vary"].lower()
    assert "Access-Control-Allow-Credentials" not in refused.headers


@pytest.mark.parametrize("address", CLOSED)
def test_everything_else_stays_closed(db: None, settings: Settings, address: str) -> None:
    settings.CORS_ORIGINS, settings.CORS_ALLOWED_ORIGINS = [SHOP, "*"], [SHOP]
    answer = preflight(address)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Origin" not in Client(headers={"Origin": SHOP}).get(address).headers


@pytest.mark.parametrize("address", ASKING + SENDING)
@pytest.mark.parametrize("origin", ["https://evil.example", "https://shop.example.evil.example", "null"])
def test_other_origins_may_not(db: None, shop: None, address: str, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(address, origin).headers


@pytest.mark.parametrize("address", ASKING + SENDING)
def test_unless_told_nobody_may(db: None, address: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(address).headers


def test_with_a_star_anybody_may_ask_and_nobody_unnamed_may_send(db: None, settings: Settings) -> None:
    settings.CORS_ORIGINS, settings.CORS_ALLOWED_ORIGINS = ["*"], []
    for address in ASKING:
        answer = preflight(address, "https://any.example")
        assert answer.headers["Access-Control-Allow-Origin"] == "https://any.example"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    for address in SENDING:
        assert "Access-Control-Allow-Origin" not in preflight(address, "https://any.example").headers
