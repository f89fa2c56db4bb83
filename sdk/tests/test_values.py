"""Versions, moments and numbers, and the table of operators that forms and SQL read."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usersplit_sdk import Client, User
from usersplit_sdk.operators import FILTER_TYPES, OPERATORS, InvalidOperand
from usersplit_sdk.values import as_number, parse_moment, parse_version, version_key

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)

versions = st.lists(st.integers(0, 999_999_999), min_size=1, max_size=6).map(lambda p: ".".join(map(str, p)))


@given(versions, versions)
def test_version_keys_sort_as_versions_do(one: str, other: str) -> None:
    left, right = parse_version(one), parse_version(other)
    key, other_key = version_key(one), version_key(other)
    assert left is not None
    assert right is not None
    assert key is not None
    assert other_key is not None
    assert len(key) == 54
    assert (left < right, left == right) == (key < other_key, key == other_key)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("1.10", (1, 10)), ("1.0.0", (1,)), ("0.0", (0,)), ("007", (7,)), ("1.2.3.4.5.6", (1, 2, 3, 4, 5, 6))],
)
def test_version(text: str, parts: tuple[int, ...]) -> None:
    assert parse_version(text) == parts


@pytest.mark.parametrize(
    "text", ["", ".", "1.", "v1", "1.2-rc", "1.2.3.4.5.6.7", "1234567890", "١", "1\n", 1.2, None]
)
def test_what_is_no_version(text: object) -> None:
    assert parse_version(text) is None
    assert version_key(text) is None


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31t12:00z",
        "2026-01-31 12:00:00.000",
        "2026-01-31T14:30:00+02:30",
        "2026-01-31T07:00:00-0500",
        "2026-01-31T12:00:00.000000000Z",
        NOON,
        NOON.replace(tzinfo=None),
        NOON.astimezone(timezone(timedelta(hours=-7))),
    ],
)
def test_moment(value: object) -> None:
    assert parse_moment(value) == (NOON, False)


@pytest.mark.parametrize("value", ["2026-01-31", date(2026, 1, 31)])
def test_day(value: object) -> None:
    assert parse_moment(value) == (NOON.replace(hour=0), True)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-02-30",
        "2026-1-1",
        "2026-01-31T",
        "2026-01-31T25:00",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00+99:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2026-01-31\n",
        "٢٠٢٦-01-31",
        1700000000,
        True,
        None,
    ],
)
def test_what_is_no_moment(value: object) -> None:
    assert parse_moment(value) is None


def test_numbers() -> None:
    assert [as_number(value) for value in (1, 1.5, Decimal("2.5"))] == [1, 1.5, Decimal("2.5")]
    assert [as_number(value) for value in (True, float("nan"), Decimal("NaN"), "1", None)] == [None] * 5


@pytest.mark.parametrize(
    ("operator", "operand", "value", "expected"),
    [
        ("eq", "2026-01-31", date(2026, 1, 31), "on"),
        ("neq", "2026-01-31", NOON, None),
        ("gte", "2026-01-31", NOON, "on"),
        ("lt", "2026-01-31T12:00:01Z", NOON.replace(tzinfo=None), "on"),
        ("gt", 1, Decimal("1.5"), "on"),
        ("eq", 1, float("nan"), None),
        ("neq", 1, float("nan"), None),
        ("lt", 1, float("nan"), None),
        ("gt", 1, float("inf"), "on"),
        ("has_any", ["a"], {"a", "b"}, "on"),
        ("in", [1], Decimal(1), "on"),
    ],
)
def test_values_that_json_does_not_have(
    operator: str, operand: object, value: object, expected: str | None
) -> None:
    predicate = {"filter": "x", "source": "user", "operator": operator, "value": operand}
    document = {
        "format": 1,
        "kind": "test",
        "key": "t1",
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [predicate],
        "variants": [{"name": "on", "split_groups": [[1, 2400]]}],
    }
    client = Client.from_documents([document])
    assert client.status.errors == ()
    assert client.get_active_variant("t1", User("1", 1, {"x": value})) == expected


def test_table_of_operators_is_whole() -> None:
    for name, operator in OPERATORS.items():
        assert operator.name == name
        assert operator.label
        assert operator.types <= set(FILTER_TYPES)
    assert {kind for operator in OPERATORS.values() for kind in operator.types} == set(FILTER_TYPES)


@pytest.mark.parametrize("operand", [float("inf"), float("nan"), None, {}, object()])
@pytest.mark.parametrize("name", [name for name, operator in OPERATORS.items() if operator.operand != "none"])
def test_operand_that_cannot_be_used_is_refused(name: str, operand: object) -> None:
    with pytest.raises(InvalidOperand):
        OPERATORS[name].build(operand, None)
