"""Keys, times, languages, code and sinks of an application that fail: the check answers, or answers nothing."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone, tzinfo
from types import ModuleType
from typing import Any

import pytest
from fuzz.hostile_objects import VALUES, Grumpy, Told, Unhashable

from usersplit_sdk import Client, Hit, Problem, Reason, RecordingHits, User


def document(key: str, **changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": key,
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [],
        "variants": [{"name": "one", "split_groups": [[3, 3]]}],
        **changes,
    }


GROUP = {
    "format": 1,
    "kind": "group",
    "key": "group",
    "status": "running",
    "settings_group": 1,
    "conditions": [{"filter": "a", "source": "user", "operator": "eq", "value": "web"}],
}
KEYS: list[Any] = [*VALUES, None, [], {}, math.nan, 0, b"all", Unhashable("all"), Grumpy("all"), ("all",)]


@pytest.mark.parametrize("number", range(len(KEYS)))
def test_any_key_text_and_language(number: int) -> None:
    key, user = KEYS[number], User("1", 3)
    tokens = {"pay": {"one": {"en": "Get it"}}}
    client = Client.from_documents([document("all", tokens=tokens)], [GROUP], hits=RecordingHits())
    assert client.get_active_variant(key, user) in (None, "one")
    assert client.explain(key, user).variant in (None, "one")
    assert client.is_in_group(key, user) is False
    assert client.payload(key, user) is None
    assert client.control(key) is None
    assert client.log_hit(key, "one", user) in (True, False)
    assert client.log_hit("all", key, user) is False
    assert client.text(key, user, language="en", default="Buy") == "Buy"
    assert client.text("pay", user, language=key, default="Buy") == "Buy"
    assert client.text(Grumpy("pay"), user, language=Unhashable("en-US"), default="Buy") == "Get it"
    assert client.active_variants(user, now=key) == {"all": "one"}


class Nowhere(tzinfo):
    def utcoffset(self, moment: datetime | None) -> Any:
        raise Told

    dst = tzname = utcoffset


class Unsaid(Nowhere):
    def utcoffset(self, moment: datetime | None) -> Any:
        return None


@pytest.mark.parametrize(
    "zone",
    [Nowhere(), Unsaid(), timezone(timedelta(hours=14)), timezone.utc],
    ids=["nowhere", "unsaid", "far", "utc"],
)
@pytest.mark.parametrize("moment", [datetime.min, datetime.max])  # noqa: DTZ901 - the zones follow
def test_any_time(moment: datetime, zone: tzinfo) -> None:
    older = [{"filter": "a", "source": "user", "operator": "older_than_days", "value": 3}]
    dated = document("dated", conditions=older, starts_at="2026-11-01T00:00:00Z")
    client = Client.from_documents([dated, document("timed", conditions=older)], [GROUP])
    user, now = User("1", 3, {"a": "2020-01-01"}), moment.replace(tzinfo=zone)
    for key in ("dated", "timed"):
        assert client.explain(key, user, now=now).variant == client.active_variants(user, now=now).get(key)
    assert client.is_in_group("group", user, now=now) is False


def test_conditions_in_code_may_fail_in_any_way() -> None:
    module = ModuleType("conditions")
    told: list[Problem] = []

    def missing(name: str) -> Any:
        raise Told(name)

    def fail(user: Any, request: Any) -> Any:
        raise Told

    module.__getattr__ = missing  # type: ignore[method-assign]
    client = Client.from_documents([document("all")], conditions_module=module, on_error=told.append)
    for _ in range(2):
        assert client.get_active_variant("all", User("1", 3)) is None
        assert client.active_variants(User("1", 3)) == {}
    assert len(told) == 1
    client.additional_conditions("all")(fail)
    assert client.explain("all", User("1", 3)).reason is Reason.ADDITIONAL_CONDITIONS_NOT_MET
    assert client.get_active_variant("all", User("1", 3)) is None


def test_a_sink_and_a_callback_may_fail_in_any_way() -> None:
    class Full(RecordingHits):
        def record(self, hit: Hit) -> None:
            raise Told

        def close(self) -> None:
            raise Told

    def fail(problem: Problem) -> None:
        raise Told

    with Client.from_documents([document("all")], hits=Full(), on_error=fail) as client:
        assert client.get_active_variant("all", User("1", 3)) == "one"
        assert client.log_hit("all", "one", User("1", 3)) is False
