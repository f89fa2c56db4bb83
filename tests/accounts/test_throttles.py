"""Limits per token: counted for all processes, said with every answer, and never in the way when the cache is down."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts import throttling
from accounts.models import Scope
from accounts.throttling import look, take
from core import clock
from tests.api import Api, problem
from tests.conftest import People

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _own_counters(settings: Settings) -> None:
    """Other processes count in the same Redis."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": uuid.uuid4().hex}}


@pytest.fixture
def narrow(settings: Settings) -> None:
    settings.API_LIMITS = {"read": 3, "write": 2, "bulk": 4}


def test_tests_count_in_redis_as_the_product_does() -> None:
    assert "Redis" in type(cache._connections[cache._alias]).__name__  # type: ignore[attr-defined]  # of the proxy


def test_the_request_after_the_last_is_refused_until_the_window_ends(people: People, narrow: None) -> None:
    api = Api.of(people.manager)
    with clock.frozen_at(NOON):
        answers = [api.get("/tests/") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert problem(answers[-1], 429)["code"] == "throttled"
        seconds = int(answers[-1].headers["Retry-After"])
        assert 1 <= seconds <= 60
    with clock.frozen_at(NOON + dt.timedelta(seconds=seconds - 1)):
        problem(api.get("/tests/"), 429)
    with clock.frozen_at(NOON + dt.timedelta(seconds=seconds)):
        assert api.get("/tests/").status_code == 200


def test_every_answer_says_what_is_left(people: People, narrow: None) -> None:
    api = Api.of(people.manager)
    with clock.frozen_at(NOON):
        for left in (2, 1, 0, 0):
            answer = api.get("/tests/")
            assert answer.headers["RateLimit-Policy"] == '"read";q=3;w=60'
            assert re.fullmatch(rf'"read";r={left};t=[0-9]+', answer.headers["RateLimit"])
        tagged = Api.of(people.manager).get("/tests/", headers={"If-None-Match": "*"})
        assert (tagged.status_code, "RateLimit" in tagged.headers) == (304, True)


def test_reads_writes_and_bulk_are_counted_apart(people: People, narrow: None) -> None:
    api = Api.of(people.manager)
    with clock.frozen_at(NOON):
        for _ in range(3):
            assert api.post("/tests/", {}).status_code in {400, 429}
        problem(api.post("/tests/", {}), 429)
        assert api.get("/tests/").status_code == 200
        served = [api.get("/delivery/manifest").status_code for _ in range(5)]
        assert served == [200, 200, 200, 200, 429]


def test_each_token_has_its_own_counter_and_so_has_each_person(people: People, narrow: None) -> None:
    with clock.frozen_at(NOON):
        first, second, browser = Api.of(people.manager), Api.of(people.manager), Client()
        browser.force_login(people.manager)
        for _ in range(4):
            status = first.get("/tests/").status_code
        assert status == 429
        assert second.get("/tests/").status_code == 200
        assert browser.get("/api/v1/tests/").status_code == 200


def test_of_many_at_once_exactly_so_many_pass() -> None:
    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(lambda _: not take("read", "token:1", 50).is_used_up, range(120)))
    assert passed.count(True) in {50, 100}  # 100 when a minute ended meanwhile


def test_looking_counts_nothing() -> None:
    with clock.frozen_at(NOON):
        assert [look("x", "y", 1).is_used_up for _ in range(3)] == [False] * 3
        assert not take("x", "y", 1).is_used_up
        assert look("x", "y", 1).is_used_up


def test_dead_tokens_are_refused_more_cheaply_after_a_while_and_good_ones_pass(
    people: People, settings: Settings
) -> None:
    settings.REFUSED_TOKENS_A_MINUTE = 2
    with clock.frozen_at(NOON):
        statuses = [Api("ust_" + "x" * 43).get("/tests/").status_code for _ in range(3)]
        assert statuses == [401, 401, 429]
        assert Api.of(people.manager).get("/tests/").status_code == 200


def test_without_redis_everybody_passes_and_the_log_says_so_once(
    people: People, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(throttling, "_health", throttling._CacheHealth())
    settings.API_LIMITS = {"read": 1, "write": 1, "bulk": 1}
    settings.CACHES = {
        "default": settings.CACHES["default"] | {"LOCATION": "unix:///nowhere/redis.sock?db=0"}
    }
    api = Api.of(people.manager, [Scope.READ])
    assert [api.get("/tests/").status_code for _ in range(5)] == [200] * 5
    assert [record.levelname for record in caplog.records if "not counted" in record.message] == ["ERROR"]


def test_once_it_is_back_requests_are_counted_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(throttling, "_health", throttling._CacheHealth())
    monkeypatch.setattr(throttling, "_RETRY_SECONDS", 0.0)
    right = settings.CACHES
    settings.CACHES = {"default": right["default"] | {"LOCATION": "unix:///nowhere/redis.sock?db=0"}}
    assert take("read", "a", 5).used == 0
    settings.CACHES = right
    assert take("read", "a", 5).used == 1
    assert "counted again" in caplog.text
