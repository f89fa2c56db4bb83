"""Whatever comes: an item that is not right is refused by itself and in words, and nothing brings the server down."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import uuid
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Scope
from analytics import folding
from analytics.ingest_body import KINDS, MAX_BYTES, MAX_ITEMS, MAX_PACKED_BYTES, read_batch
from analytics.items import Limits
from analytics.models import UnknownHits, WaitingBatch
from core import clock
from core.errors import InvalidInput
from tests.analytics.batches import batch, event, hit, send
from tests.api import Api, problem, wrong_fields
from tests.conftest import People

NOW = clock.now()


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.developer, [Scope.INGEST])


def without(name: str, item: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in item.items() if key != name}


def refused_fields(answer: dict[str, Any]) -> list[str]:
    return [error["field"] for error in answer["rejected"][0]["errors"]]


BAD_HITS: list[tuple[object, list[str]]] = [
    (None, ["hit"]),
    (3, ["hit"]),
    ("hit", ["hit"]),
    ([], ["hit"]),
    ({}, ["settings_group", "test", "time", "variant"]),
    (hit(test=None), ["test"]),
    (hit(test=""), ["test"]),
    (hit(test="x" * 65), ["test"]),
    (hit(test=["a"]), ["test"]),
    (hit(test="a\x00b"), ["test"]),
    (hit(test="\ud800"), ["test"]),
    (hit(settings_group="1"), ["settings_group"]),
    (hit(settings_group=0), ["settings_group"]),
    (hit(settings_group=1.5), ["settings_group"]),
    (hit(settings_group=True), ["settings_group"]),
    (hit(settings_group=10**400), ["settings_group"]),
    (hit(settings_group=2**31), ["settings_group"]),
    (hit(variant=7), ["variant"]),
    (hit(variant={"a": {"b": [1, 2, {"c": None}]}}), ["variant"]),
    (hit(user_id=4711), ["user_id"]),
    (hit(user_id="x" * 201), ["user_id"]),
    (hit(user_id="a\x00"), ["user_id"]),
    (hit(device_id="\udfff\ud800"), ["device_id"]),
    (hit(device_id=False), ["device_id"]),
    (hit(split_group=0), ["split_group"]),
    (hit(split_group=2401), ["split_group"]),
    (hit(split_group="7"), ["split_group"]),
    (hit(environment="staging"), ["environment"]),
    (hit(environment=""), ["environment"]),
    (hit(time=1732270000), ["time"]),
    (hit(time="yesterday"), ["time"]),
    (hit(time="2026-11-22T10:00:00"), ["time"]),
    (hit(time="2026-13-45T10:00:00Z"), ["time"]),
    (hit(time="0001-01-01T00:00:00+14:00"), ["time"]),
    (hit(time="9999-12-31T23:59:59-14:00"), ["time"]),
    (hit(forced="yes"), ["forced"]),
    (hit(forced=None), ["forced"]),
    (hit(test_user=1), ["test_user"]),
    (hit(colour="green"), ["colour"]),
    (hit(**{"\ud800\x00": 1}), ["\\x00\\x00"]),
    (hit(test="", variant="", split_group=-1), ["test", "variant", "split_group"]),
]
BAD_EVENTS: list[tuple[object, list[str]]] = [
    ({}, ["event", "time"]),
    (event(event="Order paid"), ["event"]),
    (event(event="paid\n"), ["event"]),
    (event(event="a" * 65), ["event"]),
    (event(event=""), ["event"]),
    (event(value="3"), ["value"]),
    (event(value=True), ["value"]),
    (event(value=10**400), ["value"]),
    (event(value=1e200), ["value"]),
    (event(user_id=None), ["user_id"]),
    (event(user_id="", device_id=""), ["user_id"]),
    (event(variant="green"), ["variant"]),
]


@pytest.mark.parametrize(
    ("stream", "item", "fields"),
    [("hits", *case) for case in BAD_HITS] + [("events", *case) for case in BAD_EVENTS],
)
def test_a_bad_item_is_refused_by_its_field_and_the_rest_is_taken(
    api: Api, stream: str, item: object, fields: list[str]
) -> None:
    good = hit() if stream == "hits" else event()
    answer = send(api, good, item, good, stream=stream)
    assert (answer["accepted"], answer["rejected_count"]) == (2, 1)
    assert answer["rejected"][0]["index"] == 1
    assert refused_fields(answer) == fields
    assert all(len(error["message"]) > 10 for error in answer["rejected"][0]["errors"])


RAW_ITEMS: list[tuple[bytes, str]] = [
    (b'{"test": "a", "test": "b"}', "test"),
    (b'{"test": "a", "\\u0074est": "b"}', "test"),
    (json.dumps(hit())[:-1].encode() + b', "variant": "control"}', "variant"),
    (json.dumps(hit())[:-1].encode() + b', "variant"\t\n : "control"}', "variant"),
    (b'{"value": [{"a": 1, "a": 2}]}', "a"),
    (b'"' + b"x" * 100_000 + b'"', "hit"),
    (b"[" * 300 + b"]" * 300, "hit"),
    (b'{"test": ' + b"[" * 300 + b"]" * 300 + b"}", "test"),
    (b'{"test": "\xff\xfe"}', "hit"),
    (b'{"\xff": 1}', "hit"),
    (b'{"settings_group": 1e999}', "settings_group"),
    (b'{"settings_group": ' + b"9" * 10_000 + b"}", "settings_group"),
]


def test_half_a_pair_is_told_from_what_looks_like_one(api: Api) -> None:
    users = ["\U0001f5dd", "\\ud800", "\\\\ud800", "\\\U0001f5dd\ud800"]
    answer = send(api, *[hit(user_id=user) for user in users])
    assert [refusal["index"] for refusal in answer["rejected"]] == [3]


@pytest.mark.parametrize(("raw", "field"), RAW_ITEMS)
def test_json_that_no_library_would_write_is_refused_item_by_item(api: Api, raw: bytes, field: str) -> None:
    good = json.dumps(hit()).encode()
    body = b'{"batch_id": "%b", "hits": [%b, %b, %b]}' % (str(uuid.uuid4()).encode(), good, raw, good)
    response = api.post("/hits/", body)
    assert response.status_code == 202, response.content[:500]
    answer = response.json()
    assert (answer["accepted"], answer["rejected_count"]) == (2, 1)
    assert field in refused_fields(answer)


ID = b'"batch_id": "7d1e7f0e-3c55-4bd5-9a52-0b6f6d2f6c11"'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"null", "body"),
        (b"[]", "body"),
        (b"{", "body"),
        (b"\xff\xfe{}", "body"),
        (b"[" * 200_000, "body"),
        (b'{"hits": []}', "batch_id"),
        (b'{"batch_id": "7", "hits": []}', "batch_id"),
        (b'{"batch_id": 7, "hits": []}', "batch_id"),
        (b"{" + ID + b"}", "hits"),
        (b"{" + ID + b', "hits": {}}', "hits"),
        (b"{" + ID + b', "hits": null}', "hits"),
        (b"{" + ID + b', "hits": [NaN]}', "body"),
        (b"{" + ID + b', "hits": [1,]}', "body"),
        (b"{" + ID + b', "hits": [], "more": 1}', "more"),
        (b"{" + ID + b', "hits": [], "hits": []}', "hits"),
        (b"{" + ID + b', "hits": [], "\\u0068its": []}', "hits"),
        (b"{" + ID + b", " + ID + b', "hits": []}', "batch_id"),
        (b"{" + ID + b', "hits": [' + b"0," * 10_000 + b"0]}", "hits"),
        (b"{" + ID + b', "hits": [' + b"0," * 3_000_000 + b"0]}", "body"),
    ],
)
def test_what_makes_the_whole_batch_unusable_is_told(api: Api, body: bytes, field: str) -> None:
    assert field in wrong_fields(api.post("/hits/", body))
    assert not WaitingBatch.objects.exists()


def test_as_many_as_allowed_are_taken(api: Api) -> None:
    assert send(api, *[hit()] * MAX_ITEMS)["accepted"] == MAX_ITEMS
    assert wrong_fields(api.post("/hits/", batch(*[hit()] * (MAX_ITEMS + 1)))) == ["hits"]


def test_of_many_refused_items_the_first_hundred_are_told(api: Api) -> None:
    answer = send(api, *[{"test": number} for number in range(500)])
    assert answer["rejected_count"] == 500
    assert [refusal["index"] for refusal in answer["rejected"]] == list(range(100))


def test_of_many_unknown_hits_the_most_frequent_hundred_are_told(api: Api) -> None:
    answer = send(api, *[hit(test=f"t_{number % 300}") for number in range(601)])
    assert answer["unknown_count"] == 601
    assert len(answer["unknown"]) == 100
    assert answer["unknown"][0]["test"] == "t_0"


def packed(api: Api, content: bytes, encoding: str = "gzip") -> Any:
    return api.post("/hits/", content, headers={"Content-Encoding": encoding})


def test_a_bomb_does_not_go_off(api: Api) -> None:
    bomb = gzip.compress(b"0" * (MAX_BYTES + 1))
    assert len(bomb) < 100_000
    problem(packed(api, bomb), 413)
    # A hundred times as much would be made if it were unpacked first and measured then.
    problem(packed(api, gzip.compress(b"0" * (20 * MAX_BYTES), 1)), 413)


def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    problem(api.post("/hits/", b" " * (MAX_PACKED_BYTES + 1)), 413)


def test_bodies_that_are_not_what_they_say_are_refused(api: Api) -> None:
    good = gzip.compress(json.dumps(batch(hit())).encode())
    for content in (b"{}", good[:-5], good + b"x", good + good, b""):
        assert wrong_fields(packed(api, content)) == ["body"]
    problem(packed(api, good, "br"), 415)
    problem(packed(api, zlib.compress(b"{}"), "deflate"), 415)
    problem(api.post("/hits/", b"a=1", content_type="application/x-www-form-urlencoded"), 415)
    problem(api.send("GET", "/hits/"), 405)


def test_hits_too_far_ahead_or_too_long_ago_are_refused(api: Api, settings: Any) -> None:
    settings.HITS_MAX_AGE_DAYS = 10
    day = dt.timedelta(days=1)
    now = clock.now()
    moments = [now + day / 12, now + day / 25, now - 9.9 * day, now - 10.1 * day]
    answer = send(api, *[hit(time=moment.isoformat()) for moment in moments])
    assert [
        (refusal["index"], refused_fields({"rejected": [refusal]})) for refusal in answer["rejected"]
    ] == [
        (0, ["time"]),
        (3, ["time"]),
    ]


def test_hostile_names_come_through_the_fold(api: Api) -> None:
    names = ["'; DROP TABLE x;--", "<script>alert(1)</script>", 'a\nb\t\\"', "\u202e\U0001f5dd", "{}", "null"]
    send(api, *[hit(test=name, variant=name) for name in names])
    folding.fold()
    assert sorted(UnknownHits.objects.values_list("test", "variant")) == sorted(
        (name, name) for name in names
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**400, "\ud800", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from([field for kind in KINDS.values() for field in kind.__struct_fields__])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["hits", "events"]),
    st.dictionaries(FIELDS | st.text(max_size=3), JSON, max_size=4),
    st.sets(FIELDS),
)
def test_an_item_is_taken_or_there_is_a_reason(
    stream: str, changes: dict[str, object], missing: set[str]
) -> None:
    good = hit(time=NOW.isoformat()) if stream == "hits" else event(time=NOW.isoformat())
    item = {name: value for name, value in {**good, **changes}.items() if name not in missing}
    body = json.dumps(batch(item, good, stream=stream)).encode()
    limits = Limits.at(NOW, "production", 366)
    try:
        read = read_batch(stream, body, limits)
    except InvalidInput as error:
        # NaN and Infinity, which Python writes, are in no JSON.
        assert "Is not JSON" in error.detail  # noqa: PT017
        return
    assert len(read.items) + len(read.refused) == 2
    assert all(refusal.errors and refusal.index == 0 for refusal in read.refused)
    if item.get("environment", "") is None:
        # As good as left out: it is the token's.
        item["environment"] = "production"
    for taken in read.items:
        again = json.loads(msgspec.json.encode(taken))
        assert {**again, "time": None} == {**again, **item, "time": None} or taken is read.items[-1]
