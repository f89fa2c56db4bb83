"""The client's methods, and that no host object makes them raise."""

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import pytest

from usersplit_sdk import (
    Client,
    Environment,
    Hit,
    Problem,
    Reason,
    RecordingHits,
    User,
    draw_split_group,
)

TEST: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 3,
    "conditions": [],
    "control": "control",
    "variants": [
        {"name": "control", "split_groups": [[1, 1200]]},
        {"name": "green", "split_groups": [[1201, 2000]], "payload": {"color": ["#0a0"]}},
    ],
    "forced": [{"variant": "green", "user_id": "7", "environment": "production"}],
    "tokens": {
        "pay_button": {
            "green": {"en": "Get it", "de": "Hol es dir", "pt-BR": "Leva já", "zh-Hans": "拿走", "zh": "買"}
        }
    },
}
GREEN = User("1", 1300)
CONTROL = User("2", 1)
OUTSIDE = User("3", 2300)


def client_of(*tests: dict[str, Any], **options: Any) -> tuple[Client, RecordingHits]:
    hits = RecordingHits()
    return Client.from_documents(tests or [TEST], hits=hits, **options), hits


def test_get_active_variant_logs_a_hit() -> None:
    client, sink = client_of()
    request = Environment(device_id="d1")
    assert client.get_active_variant("green_button", GREEN, request) == "green"
    [hit] = sink.hits
    assert hit.time.tzinfo is not None
    assert hit == Hit("green_button", 3, "green", "1", "d1", 1300, "production", hit.time, False, False)
    assert hit.as_json()["time"] == hit.time.isoformat()


def test_nothing_is_logged_without_a_variant_or_on_request() -> None:
    client, sink = client_of()
    assert client.get_active_variant("green_button", OUTSIDE) is None
    assert client.get_active_variant("green_button", GREEN, log_hit=False) == "green"
    client.explain("green_button", GREEN)
    client.active_variants(GREEN)
    client.payload("green_button", GREEN)
    assert sink.hits == []


def test_log_hit_records_what_was_shown() -> None:
    client, sink = client_of()
    assert client.log_hit("green_button", "green", User(7, 5, {"is_test_user": True}))
    assert (sink.hits[0].user_id, sink.hits[0].forced, sink.hits[0].test_user) == ("7", True, True)
    assert not client.log_hit("green_button", "blue", GREEN)
    assert not client.log_hit("unknown", "green", GREEN)


def test_hits_of_a_finished_test_tell_that_it_is_still_in_the_code() -> None:
    outcome = {"result": "winner", "variant": "green", "scope": "everywhere"}
    client, sink = client_of({**TEST, "status": "finished", "outcome": outcome})
    assert client.get_active_variant("green_button", GREEN) == "green"
    assert [hit.variant for hit in sink.hits] == ["green"]


def test_active_variants_of_a_request() -> None:
    client, _ = client_of(
        TEST, {**TEST, "key": "another"}, {**TEST, "key": "paused", "status": "paused"}, {"key": "bad"}
    )
    assert client.active_variants(GREEN) == {"another": "green", "green_button": "green"}
    assert client.active_variants(OUTSIDE) == {}
    assert client.active_variants(None, Environment(split_group=1)) == {
        "another": "control",
        "green_button": "control",
    }


def test_payload_is_a_copy() -> None:
    client, _ = client_of()
    payload = client.payload("green_button", GREEN)
    assert payload == {"color": ["#0a0"]}
    assert isinstance(payload, dict)
    payload["color"].append("changed")
    assert client.payload("green_button", GREEN) == {"color": ["#0a0"]}
    assert client.payload("green_button", CONTROL) is None
    assert client.payload("unknown", GREEN) is None


@pytest.mark.parametrize(
    ("user", "language", "text"),
    [
        (GREEN, "en", "Get it"),
        (GREEN, "de-AT", "Hol es dir"),
        (GREEN, "de_AT", "Hol es dir"),
        (GREEN, "DE", "Hol es dir"),
        (GREEN, "pt-br", "Leva já"),
        (GREEN, "pt", "Buy"),
        (GREEN, "zh_Hans_CN", "拿走"),
        (GREEN, "-", "Buy"),
        (GREEN, "", "Buy"),
        (GREEN, "fr", "Buy"),
        (CONTROL, "en", "Buy"),
        (OUTSIDE, "en", "Buy"),
        (None, "en", "Buy"),
    ],
)
def test_text_in_the_users_variant_and_language(user: User | None, language: str, text: str) -> None:
    client, sink = client_of()
    assert client.text("pay_button", user, language=language, default="Buy") == text
    assert client.text("unknown", user, language=language, default="Buy") == "Buy"
    assert len(sink.hits) == (1 if user in (GREEN, CONTROL) else 0)


def test_additional_conditions_come_last() -> None:
    told: list[Problem] = []
    client, _ = client_of(on_error=told.append)
    asked: list[object] = []

    @client.additional_conditions("green_button")
    def only_even(user: User | None, request: Environment) -> bool:
        asked.append((user, request))
        return user is not None and user.id == "1"

    assert client.explain("green_button", GREEN).variant == "green"
    assert asked == [(GREEN, Environment())]
    assert client.explain("green_button", CONTROL).reason is Reason.ADDITIONAL_CONDITIONS_NOT_MET
    asked.clear()
    assert client.explain("green_button", OUTSIDE).reason is Reason.SPLIT_GROUP_NOT_IN_TEST
    assert client.explain("green_button", User("7", 1)).reason is Reason.FORCED
    assert asked == []
    assert told == []


@pytest.mark.parametrize("answer", [ZeroDivisionError("x"), "yes", None])
def test_failing_additional_conditions_mean_not_in_the_test_and_are_told_once(answer: object) -> None:
    told: list[Problem] = []
    client, _ = client_of(on_error=told.append)

    @client.additional_conditions("green_button")
    def broken(user: User | None, request: Environment) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    for _ in range(3):
        assert client.explain("green_button", GREEN).reason is Reason.ADDITIONAL_CONDITIONS_NOT_MET
    assert client.active_variants(GREEN) == {}
    assert len(told) == 1


def test_tests_off_that_is_malformed_is_reported() -> None:
    client, _ = client_of(tests_off={"user_ids": [1]})
    assert client.status.errors == ("tests_off: tests_off.user_ids: must hold texts only",)
    assert client.get_active_variant("green_button", GREEN) == "green"


class Rude(Mapping[str, Any]):
    """A mapping, or a value, that fails at everything."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(key)

    def get(self, key: str, _default: Any = None) -> Any:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError

    @property
    def attributes(self) -> Any:
        raise RuntimeError


ODD = [
    None,
    0,
    -1,
    "",
    "x",
    1.5,
    float("nan"),
    True,
    [],
    {},
    object(),
    Rude(),
    b"x",
    10**5000,
    ["a"],
    {"a": Rude()},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda value: type(value).__name__)
def test_no_host_object_makes_a_check_raise(odd: Any) -> None:
    conditions: list[Any] = []
    for operator, operand in [("neq", 1), ("not_in", ["a"]), ("has_none", [1]), ("matches", "a"), ("gt", 1)]:
        conditions += [{"filter": "x", "source": "user", "operator": operator, "value": operand}, "OR"]
    conditions.append({"filter": "x", "source": "environment", "operator": "is_set"})
    client, _ = client_of({**TEST, "side": "client", "conditions": conditions})
    users = [
        odd,
        User(odd),
        User("1", odd),
        User("1", 1, odd),
        User("1", 1, {"x": odd}),
        User("1", 1, {"x": [odd]}),
    ]
    requests = [
        odd,
        Environment(odd),
        Environment("d", odd),
        Environment("d", {"x": odd}, odd),
        Environment(split_group=odd),
    ]
    for user in users:
        for request in requests:
            assert isinstance(client.explain("green_button", user, request).reason, Reason)
            assert client.get_active_variant("green_button", user, request) in {None, "control", "green"}
            client.active_variants(user, request)
            client.log_hit("green_button", "green", user, request)
            assert client.text("pay_button", user, request, language=odd, default="Buy") in {"Buy", "Get it"}
    assert client.explain(odd).reason is Reason.UNKNOWN_TEST
    assert client.explain("green_button", GREEN, now=odd).settings_group == 3
    assert client.get_active_variant(odd, GREEN) is None
    assert client.is_in_group(odd) is False
    assert client.payload(odd) is None
    assert client.text(odd, language="en", default="Buy") == "Buy"
    assert client.log_hit(odd, odd) is False


def test_failing_sink_does_no_harm() -> None:
    class Failing(RecordingHits):
        def record(self, hit: Hit) -> None:
            raise OSError(hit.test)

        def close(self) -> None:
            raise OSError("full")

    with Client.from_documents([TEST], hits=Failing()) as client:
        assert client.get_active_variant("green_button", GREEN) == "green"
        assert client.log_hit("green_button", "green", GREEN) is False


def test_time_without_an_offset_is_utc() -> None:
    client, _ = client_of({**TEST, "starts_at": "2026-11-22T12:00:00Z"})
    naive = datetime(2026, 11, 22, 12)  # noqa: DTZ001 - this is what the test is about
    assert client.explain("green_button", GREEN, now=naive).reason is Reason.SPLIT
    assert client.explain("green_button", GREEN, now=naive.replace(hour=11)).reason is Reason.OUTSIDE_DATES
    assert client.explain("green_button", GREEN, now=naive.replace(tzinfo=timezone.utc)).variant == "green"


def test_split_groups_are_drawn_evenly_from_1_to_2400() -> None:
    drawn = Counter(draw_split_group() for _ in range(20_000))
    assert min(drawn) >= 1
    assert max(drawn) <= 2400
    assert len(drawn) > 2300  # of 2400; 8.3 draws a group on average
    assert max(drawn.values()) < 40


def test_values_can_be_copied_and_compared() -> None:
    assert copy.deepcopy(GREEN) == GREEN
    assert Reason.SPLIT == "SPLIT"
    assert f"{Reason.SPLIT}" == "SPLIT"
