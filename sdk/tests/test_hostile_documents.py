"""Whatever a test file holds, it harms nothing but its own test, and quickly."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usersplit_sdk import Client, InvalidDocument, Problem, Reason, User, parse_document
from usersplit_sdk.documents import FILE_LIMIT, read_json

GOOD: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 3,
    "starts_at": "2026-11-01T00:00:00Z",
    "ends_at": None,
    "conditions": [
        {"filter": "country_id", "source": "user", "operator": "in", "value": [50]},
        "OR",
        [{"filter": "ua", "source": "environment", "operator": "matches", "value": "Chrome"}],
    ],
    "control": "control",
    "variants": [
        {"name": "control", "split_groups": [[1, 3], [7, 7]]},
        {"name": "green", "split_groups": [[4, 6], [8, 9]], "payload": {"color": "#0a0"}},
    ],
    "forced": [{"variant": "green", "user_id": "123", "environment": "production"}],
    "outcome": {"result": "winner", "variant": "green", "scope": "conditions"},
    "tokens": {"pay_button": {"green": {"en": "Get it"}}},
}

json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["AND", "OR", "green"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["filter", "value", "name", "x"]), inner, max_size=4),
    ),
    max_leaves=10,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path] + [found for name, child in children for found in places(child, (*path, name))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(places(GOOD)), json_values)
def test_a_wrong_value_anywhere_is_refused_or_harmless(path: tuple[Any, ...], value: Any) -> None:
    document = replaced(GOOD, path, value)
    with contextlib.suppress(InvalidDocument):
        parse_document(document)
    client = Client.from_documents([document, {**GOOD, "key": "other", "status": "dev"}])
    user = User("1", 1, {"country_id": 50, "is_test_user": True})
    client.explain("green_button", user)
    assert client.explain("other", user).variant == "control"
    assert client.text("pay_button", user, language="en", default="Buy") in {"Buy", "Get it"}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(InvalidDocument):
        parse_document(read_json(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b"[" * 50_000 + b"]" * 50_000,
        b'{"format": NaN}',
        b'{"format": 1' + b"0" * 10_000 + b"}",
        b"\xff\xfe",
        b'"' + b"x" * FILE_LIMIT + b'"',
        json.dumps(GOOD).encode()[:-20],
    ],
    ids=[
        "empty",
        "open",
        "million-lists",
        "objects",
        "closed-lists",
        "nan",
        "huge-number",
        "not-utf8",
        "huge",
        "truncated",
    ],
)
def test_unreadable_file_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidDocument):
        parse_document(read_json(body))


def nested(depth: int) -> list[Any]:
    tree: list[Any] = []
    for _ in range(depth):
        tree = [tree]
    return tree


def endless() -> list[Any]:
    tree: list[Any] = []
    tree.append(tree)
    return tree


@pytest.mark.parametrize("tree", [nested(100), nested(900), endless()], ids=["100", "900", "endless"])
def test_deep_brackets_are_refused(tree: list[Any]) -> None:
    with pytest.raises(InvalidDocument, match="nested deeper"):
        parse_document({**GOOD, "conditions": tree})


def test_bearable_depth_and_size_are_accepted() -> None:
    predicate = {"filter": "x", "source": "user", "operator": "eq", "value": 1}
    wide: list[Any] = [predicate]
    for _ in range(499):
        wide += ["OR", predicate]
    client = Client.from_documents([{**GOOD, "outcome": None, "conditions": [nested(10), "AND", wide]}])
    assert client.explain("green_button", User("1", 1, {"x": 2})).detail == "conditions[2][998]"


def test_problem_is_reported_once_and_names_the_place(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Problem] = []
    broken = {**GOOD, "variants": [{"name": "green", "split_groups": [[9, 8]]}]}
    client = Client.from_documents([broken], on_error=told.append)
    for _ in range(3):
        decision = client.explain("green_button", User("1", 1))
    assert decision.reason is Reason.INVALID_TEST_FILE
    assert decision.detail == "variants[0].split_groups[0]: must ascend within 1..2400"
    assert [problem.where for problem in told] == ["tests/green_button.json"]
    assert len([r for r in caplog.records if r.name == "usersplit_sdk"]) == 1


def test_failing_callback_does_no_harm() -> None:
    def fail(problem: Problem) -> None:
        raise RuntimeError(problem)

    client = Client.from_documents([{"key": "broken"}, GOOD], on_error=fail)
    assert client.explain("green_button", User("1", 1, {"country_id": 50})).variant == "control"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["variants"][0]["split_groups"].append([10, 2400]),
        lambda d: d["tokens"]["pay_button"]["green"].update(en="changed"),
        lambda d: d["conditions"].clear(),
    ],
)
def test_compiled_test_does_not_follow_changes_of_its_document(change: Callable[[Any], None]) -> None:
    document = json.loads(json.dumps({**GOOD, "outcome": None}))
    client = Client.from_documents([document])
    change(document)
    assert client.explain("green_button", User("1", 100, {"country_id": 50})).variant is None
    assert client.explain("green_button", User("1", 4, {})).variant is None
    assert client.text("pay_button", User("1", 4, {"country_id": 50}), language="en", default="") == "Get it"
