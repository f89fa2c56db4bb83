"""Guessing passwords: refused before they are looked at, without locking anybody out."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from core import clock
from tests.conftest import People

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _own_counters(settings: Settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": uuid.uuid4().hex}}


def sign_in(name: str, password: str, address: str = "10.0.0.1", **headers: str) -> Any:
    return Client(REMOTE_ADDR=address, headers=headers).post(
        "/login/", {"username": name, "password": password}
    )


def test_after_ten_wrong_ones_the_right_one_waits_too(people: People, password: str) -> None:
    with clock.frozen_at(NOON):
        assert [sign_in("viewer", f"wrong {number}").status_code for number in range(10)] == [422] * 10
        refused = sign_in("viewer", password)
        assert refused.status_code == 429
        assert "Try again in" in refused.content.decode()
        seconds = int(refused.headers["Retry-After"])
        # Neither somebody else at this address nor the person at another one is kept out.
        assert sign_in("qa", password).status_code == 302
        assert sign_in("viewer", password, address="10.0.0.2").status_code == 302
    with clock.frozen_at(NOON + dt.timedelta(seconds=seconds)):
        assert sign_in("viewer", password).status_code == 302


def test_names_tried_in_turn_are_bounded_by_the_address(
    people: People, password: str, settings: Settings
) -> None:
    settings.REFUSED_PASSWORDS_A_MINUTE = 5
    with clock.frozen_at(NOON):
        assert [sign_in(f"name{number}", "x").status_code for number in range(6)] == [422] * 5 + [429]
        assert sign_in("viewer", password).status_code == 429


def test_signing_in_rightly_is_never_counted(people: People, password: str) -> None:
    with clock.frozen_at(NOON):
        assert {sign_in("viewer", password).status_code for _ in range(15)} == {302}


def test_behind_proxies_the_address_is_what_our_outermost_one_saw(
    people: People, password: str, settings: Settings
) -> None:
    settings.PROXIES = 2
    settings.REFUSED_PASSWORDS_A_MINUTE = 1
    chain = {"X-Forwarded-For": "made-up, 203.0.113.7, 10.0.0.9"}
    with clock.frozen_at(NOON):
        assert sign_in("viewer", "x", **chain).status_code == 422
        assert sign_in("viewer", "x", **chain).status_code == 429
        # What a client says of itself stands further left and changes nothing.
        lies = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7, 10.0.0.9"}
        assert sign_in("viewer", "x", **lies).status_code == 429
        other = {"X-Forwarded-For": "203.0.113.8, 10.0.0.9"}
        assert sign_in("viewer", "x", **other).status_code == 422
