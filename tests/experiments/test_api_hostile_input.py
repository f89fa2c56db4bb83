"""Whatever is sent, the answer is a problem that names the field: nothing is saved, nothing crashes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.actors import Actor
from audience.warehouse import Warehouse
from core.bodies import MAX_BODY_BYTES
from experiments.lifecycle import Status
from experiments.models import Experiment, SettingsGroup
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import TWO_VARIANTS, make_draft, make_experiment

MEGABYTE = "x" * 2**20


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.manager)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "key"),
        (b"null", "body"),
        (b"[]", "body"),
        (b'"text"', "body"),
        (b"17", "body"),
        (b"{", "body"),
        (b'{"key": "a", }', "body"),
        (b"key=green&name=Green", "body"),
        (b'{"key": "\xff\xfe"}', "body"),
        (b'\xef\xbb\xbf{"key": "a"}', "body"),
        (b'{"key": "aa", "name": NaN}', "body"),
        (b'{"key": "aa", "name": -Infinity}', "body"),
        (b'{"key": "aa", "name": 1e400}', "name"),
        (b'{"key": "aa", "name": ' + b"9" * 10_000 + b"}", "body"),
        (b'{"key": "aa", "key": "bb", "name": "B"}', "key"),
        (b'{"key": "aa", "name": "B", "x": {"y": 1, "y": 2}}', "y"),
        (json.dumps(dict.fromkeys(map(str, range(20_001)))).encode(), "body"),
        (b"[" * 100_000, "body"),
        (b'{"key":' * 100_000, "body"),
        (b'{"key": "aa", "name": ' + b"[" * 300 + b"]" * 300 + b"}", "name"),
        (b'{"key": "aa", "name": "a\\u0000b"}', "name"),
        (b'{"key": "aa", "name": "\\ud800"}', "name"),
        (b'{"key": "aa", "name": "A", "\\ud800": 1}', "\\ud800"),
        (b'{"key": "aa", "name": "A", "\\u0000": 1}', "\x00"),
        (b'{"key": "\\ud800\\u0000", "name": "A"}', "key"),
        (json.dumps({"key": "aa", "name": "A", "description": MEGABYTE}).encode(), "description"),
        (json.dumps({"key": MEGABYTE, "name": "A"}).encode(), "key"),
        (json.dumps({"key": "aa", "name": "A", "managers": ["\x00"]}).encode(), "managers"),
        (json.dumps({"key": "aa", "name": "A", "managers": [MEGABYTE]}).encode(), "managers"),
        (json.dumps({"key": "aa", "name": "A", "managers": [{}]}).encode(), "managers"),
        (json.dumps({"key": "aa", "name": "A", MEGABYTE: 1}).encode(), "x" * 64),
    ],
)
def test_creating(api: Api, body: bytes, field: str) -> None:
    assert field in wrong_fields(api.post("/tests/", body))
    assert not Experiment.objects.exists()


def test_ten_thousand_wrong_fields_are_answered_with_the_first_of_them(api: Api) -> None:
    body = {f"field_{number}": 1 for number in range(10_000)} | {"key": "aa", "name": "A"}
    answer = api.post("/tests/", body)
    assert len(wrong_fields(answer)) == 20
    assert len(answer.content) < 10_000


def predicate(**changes: object) -> dict[str, Any]:
    return {"filter": "country_id", "operator": "in", "value": [50], **changes}


def joined(count: int) -> list[Any]:
    return [predicate() if number % 2 == 0 else "OR" for number in range(2 * count - 1)]


def nested(depth: int) -> list[Any]:
    tree: list[Any] = [predicate()]
    for _ in range(depth):
        tree = [tree]
    return tree


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"conditions": "everyone"}, "conditions"),
        ({"conditions": {}}, "conditions"),
        ({"conditions": joined(10_000)}, "conditions"),
        ({"conditions": nested(100)}, "conditions"),
        ({"conditions": nested(300)}, "conditions"),
        ({"conditions": [predicate(filter="no_such_filter")]}, "conditions[0].filter"),
        ({"conditions": [predicate(filter=["country_id"])]}, "conditions[0].filter"),
        ({"conditions": [predicate(filter="\x00")]}, "conditions[0].filter"),
        ({"conditions": [predicate(operator="resembles")]}, "conditions[0].operator"),
        ({"conditions": [predicate(operator={})]}, "conditions[0].operator"),
        ({"conditions": [predicate(), "XOR", predicate()]}, "conditions[1]"),
        ({"conditions": [predicate(), predicate()]}, "conditions[1]"),
        ({"conditions": [predicate(), "AND"]}, "conditions[1]"),
        ({"conditions": [predicate(value=[10**30])]}, "conditions[0].value[0]"),
        ({"conditions": [predicate(value=[1.5])]}, "conditions[0].value[0]"),
        ({"conditions": [predicate(value=list(range(5_001)))]}, "conditions[0].value"),
        ({"conditions": [predicate(filter="language", operator="matches", value="(.*a){20}")]}, "conditions[0].value"),
        ({"conditions": [predicate(filter="language", operator="eq", value="\ud800")]}, "conditions[0].value"),
        ({"conditions": [predicate(filter="language", operator="eq", value=MEGABYTE)]}, "conditions[0].value"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"starts_at": "2026-13-45T99:99:99Z"}, "starts_at"),
        ({"starts_at": 10**30}, "starts_at"),
        ({"ends_at": "99999-01-01"}, "ends_at"),
        ({"starts_at": "2026-12-01", "ends_at": "2026-11-01"}, "ends_at"),
        ({"variants": []}, "variants"),
        ({"variants": {}}, "variants"),
        ({"variants": ["green"]}, "variants[0]"),
        ({"variants": [{"name": "a", "percent": "1"}] * 10_000}, "variants"),
        ({"variants": [{"name": "a/b", "percent": "1"}]}, "variants[0].name"),
        ({"variants": [{"name": "a", "percent": "101"}]}, "variants[0].percent"),
        ({"variants": [{"name": "a", "percent": -1}]}, "variants[0].percent"),
        ({"variants": [{"name": "a", "percent": 10**4000}]}, "variants[0].percent"),
        ({"variants": [{"name": "a", "percent": "1/0"}]}, "variants[0].percent"),
        ({"variants": [{"name": "a", "percent": "9" * 100_000}]}, "variants[0].percent"),
        ({"variants": [{"name": "a", "percent": "60"}, {"name": "b", "percent": "60"}]}, "variants"),
        ({"variants": [{"name": "a", "percent": "1", "is_control": "yes"}]}, "variants[0].is_control"),
        ({"variants": [{"name": "a", "percent": "1", "payload": [1]}]}, "variants[0].payload"),
        ({"variants": [{"name": "a", "percent": "1", "payload": {"x": MEGABYTE}}]}, "variants[0].payload"),
        ({"variants": [{"name": "a", "percent": "1", "payload": {"x": "\x00"}}]}, "variants[0].payload.x"),
        ({"variants": [{"name": "a", "percent": "1", "payload": {"\ud800": 1}}]}, "variants[0].payload"),
        ({"variants": [{"name": "a", "percent": "1", "\ud800": 1}]}, "variants[0].\\ud800"),
        ({"total_percent": {}, "variants": [{"name": "a"}]}, "total_percent"),
        ({"exclusive_with": ["\x00"], "draw": "exclusive"}, "exclusive_with"),
        ({"exclusive_with": "green"}, "exclusive_with"),
        ({"tokens": {"a": {"b": "c"}}}, "tokens.a.b"),
        ({"tokens": [1]}, "tokens"),
        ({"tokens": []}, "tokens"),
        ({"message": {}}, "message"),
        ({"draw": 0}, "draw"),
        ({"exclusive_with": {}}, "exclusive_with"),
        ({"message": MEGABYTE}, "message"),
    ],
)  # fmt: skip
def test_settings(api: Api, manager: Actor, content: dict[str, Any], field: str) -> None:
    make_draft(manager, "green_button")
    answer = api.post("/tests/green_button/settings-groups/", {"variants": TWO_VARIANTS, **content})
    assert field in wrong_fields(answer)
    assert not SettingsGroup.objects.exists()


def test_a_body_that_is_too_large_is_413(api: Api) -> None:
    problem(api.post("/tests/", b'{"description": "' + b"x" * MAX_BODY_BYTES + b'"}'), 413)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "☃"],
)
def test_a_body_that_is_not_json_is_415(api: Api, content_type: str) -> None:
    problem(api.post("/tests/", b'{"key": "aa", "name": "A"}', content_type=content_type), 415)


def test_a_body_without_its_length_is_411(api: Api) -> None:
    problem(api.send("POST", "/tests/", headers={"Transfer-Encoding": "chunked"}), 411)


@pytest.mark.parametrize(
    "key",
    [
        "a%2Fb",
        "%00",
        "..%2f..%2fetc%2fpasswd",
        "%ED%A0%80",
        "%FF",
        "x" * 5_000,
        "'; DROP TABLE x; --",
        "<script>",
        "%0A",
        "☃",
    ],
)
@pytest.mark.parametrize("below", ["", "settings-groups/", "settings-groups/1/", "changelog/"])
def test_a_key_in_the_address_that_cannot_be_is_not_found(api: Api, key: str, below: str) -> None:
    problem(api.get(f"/tests/{key}/{below}"), 404)


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"{", b'{"surprise": 1}', b'{"expected_status": {}}', b"\xff"]
)
@pytest.mark.parametrize("verb", ["start", "pause", "finish"])
def test_verbs(api: Api, manager: Actor, warehouse: Warehouse, verb: str, body: bytes) -> None:
    make_experiment(manager, Status.DEV, key="green_button")
    problem(api.post(f"/tests/green_button/{verb}/", body), 400)
    assert api.get("/tests/green_button/").json()["status"] == "dev"


@pytest.mark.parametrize(
    "token", ["", "x" * 100_000, "ust_ÿ", "ust_\x00", "Bearer Bearer", "ust_" + "a" * 43]
)
def test_a_token_that_is_none_is_401(db: None, token: str) -> None:
    assert problem(Api(None).get("/tests/", headers={"Authorization": f"Bearer {token}"}), 401)["code"]
