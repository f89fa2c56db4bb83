"""Loose input becomes a typed tree, or an error that names its place."""

from __future__ import annotations

from typing import Any

import pytest

from audience.conditions import MAX_ERRORS, parse_conditions, used_filters, walk_predicates
from core.errors import InvalidInput
from tests.audience.catalogues import WIDER


def parse(raw: object) -> list[Any]:
    return parse_conditions(raw, WIDER)


def errors(raw: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse(raw)
    return {error.path: error.message for error in caught.value.errors}


def one(name: str, operator: str, *value: object) -> dict[str, object]:
    return {"filter": name, "operator": operator, **({"value": value[0]} if value else {})}


def test_the_example_of_the_contract_is_typed() -> None:
    tree = parse(
        [
            one("is_test_user", "eq", "Yes"),
            "OR",
            [one("country_id", "in", ["50"]), "AND", one("is_new_user", "eq", "1")],
        ]
    )
    assert tree == [
        {"filter": "is_test_user", "source": "user", "operator": "eq", "value": True},
        "OR",
        [
            {"filter": "country_id", "source": "user", "operator": "in", "value": [50]},
            "AND",
            {"filter": "is_new_user", "source": "user", "operator": "eq", "value": True},
        ],
    ]


@pytest.mark.parametrize(
    ("name", "operator", "loose", "typed"),
    [
        ("is_paying", "eq", "no", False),
        ("is_paying", "eq", 1, True),
        ("is_paying", "neq", " TRUE ", True),
        ("age", "eq", "50", 50),
        ("age", "eq", 50.0, 50),
        ("age", "between", ["18", 30], [18, 30]),
        ("country_id", "in", "50", [50]),
        ("country_id", "in", ["50", 50, 276], [50, 276]),
        ("score", "gt", "1.5", 1.5),
        ("score", "gt", "1e2", 100),
        ("language", "eq", "de", "de"),
        ("language", "in", [50], ["50"]),
        ("app_version", "version_gt", "1.10", "1.10"),
        ("app_version", "version_gt", 2, "2"),
        ("registered_at", "gte", "2026-01-31", "2026-01-31"),
        ("registered_at", "gte", "2026-01-31 12:00:00+02:00", "2026-01-31T10:00:00Z"),
        ("registered_at", "within_days", "30", 30),
        ("tags", "has_any", ["a", 5], ["a", "5"]),
        ("language", "matches", r"^d\w$", r"^d\w$"),
    ],
)
def test_values_are_cast_by_the_type_of_the_filter(
    name: str, operator: str, loose: object, typed: object
) -> None:
    (predicate,) = parse([one(name, operator, loose)])
    assert predicate["value"] == typed
    assert type(predicate["value"]) is type(typed)


def test_date_filters_carry_their_type_and_the_catalogue_decides_the_source() -> None:
    raw = [{**one("registered_at", "lt", "2026-01-31"), "source": "environment", "type": "string"}]
    assert parse(raw) == [
        {"filter": "registered_at", "source": "user", "operator": "lt", "type": "date", "value": "2026-01-31"}
    ]
    assert parse([one("platform", "eq", "web")])[0]["source"] == "environment"


def test_questions_of_presence_have_no_value() -> None:
    assert parse([one("age", "is_set")]) == [{"filter": "age", "source": "user", "operator": "is_set"}]
    assert parse([one("age", "is_not_set", None)])[0].keys() == {"filter", "source", "operator"}
    assert "takes no value" in errors([one("age", "is_set", 5)])["conditions[0].value"]


def test_a_parsed_tree_parses_to_itself() -> None:
    tree = parse(
        [
            one("registered_at", "between", ["2026-01-01", "2026-02-01"]),
            "and",
            [],
            "or",
            [one("tags", "has", "x")],
        ]
    )
    assert parse(tree) == tree


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (None, "conditions"),
        ({"filter": "age"}, "conditions"),
        ("age > 5", "conditions"),
        ([5], "conditions[0]"),
        (["AND"], "conditions[0]"),
        ([one("age", "eq", 1), one("age", "eq", 2)], "conditions[1]"),
        ([one("age", "eq", 1), "XOR", one("age", "eq", 2)], "conditions[1]"),
        ([one("age", "eq", 1), "AND"], "conditions[1]"),
        ([one("age", "eq", 1), "AND", [one("age", "eq", 2), "OR"]], "conditions[2][1]"),
        (
            [one("age", "eq", 1), "OR", [one("country_id", "in", ["50", "fifty"])]],
            "conditions[2][0].value[1]",
        ),
        ([{"operator": "eq", "value": 1}], "conditions[0].filter"),
        ([{"filter": ["age"], "operator": "eq", "value": 1}], "conditions[0].filter"),
        ([{"filter": "age", "value": 1}], "conditions[0].operator"),
        ([{"filter": "age", "operator": {}, "value": 1}], "conditions[0].operator"),
        ([one("age", "contains", "5")], "conditions[0].operator"),
        ([one("age", "eq")], "conditions[0].value"),
        ([one("age", "eq", None)], "conditions[0].value"),
        ([one("age", "eq", True)], "conditions[0].value"),
        ([one("age", "eq", "１２")], "conditions[0].value"),
        ([one("age", "eq", 1.5)], "conditions[0].value"),
        ([one("age", "eq", 2**63)], "conditions[0].value"),
        ([one("age", "eq", 10**5000)], "conditions[0].value"),
        ([one("age", "eq", "9" * 900)], "conditions[0].value"),
        ([one("score", "eq", float("nan"))], "conditions[0].value"),
        ([one("score", "eq", 10**400)], "conditions[0].value"),
        ([one("score", "eq", "inf")], "conditions[0].value"),
        ([one("age", "between", [5])], "conditions[0].value"),
        ([one("age", "between", [5, 1])], "conditions[0].value"),
        ([one("registered_at", "between", ["2026-02-01", "2026-01-01"])], "conditions[0].value"),
        ([one("country_id", "in", [])], "conditions[0].value"),
        ([one("country_id", "in", list(range(5_001)))], "conditions[0].value"),
        ([one("registered_at", "eq", "2026-02-30")], "conditions[0].value"),
        ([one("registered_at", "within_days", -1)], "conditions[0].value"),
        ([one("registered_at", "within_days", 10**9)], "conditions[0].value"),
        ([one("app_version", "version_eq", 1.10)], "conditions[0].value"),
        ([one("app_version", "version_eq", "1.0-beta")], "conditions[0].value"),
        ([one("language", "eq", "a\x00")], "conditions[0].value"),
        ([one("language", "eq", "\ud800")], "conditions[0].value"),
        ([one("language", "eq", "x" * 1_001)], "conditions[0].value"),
        ([one("language", "matches", "(.*a){12}")], "conditions[0].value"),
        ([one("language", "matches", "(?=a)")], "conditions[0].value"),
        ([one("language", "matches", "[")], "conditions[0].value"),
        ([one("is_paying", "eq", "maybe")], "conditions[0].value"),
        ([one("tags", "has", ["a"])], "conditions[0].value"),
        ([{**one("age", "eq", 1), "negate": True}], "conditions[0]"),
        ([{"filter": "age", "operator": "eq", "value": 1, 5: True}], "conditions[0]"),
        ([one("old_one", "eq", 1)], "conditions[0].filter"),
    ],
)
def test_each_fault_is_named_by_its_path(raw: object, path: str) -> None:
    found = errors(raw)
    assert list(found) == [path]
    assert all(message and len(message) < 300 for message in found.values())


def test_an_unknown_filter_brings_near_misses_to_mind() -> None:
    assert "country_id" in errors([one("contry_id", "eq", 1)])["conditions[0].filter"]


def test_a_wrong_operator_is_answered_with_the_possible_ones() -> None:
    message = errors([one("is_paying", "gt", 1)])["conditions[0].operator"]
    assert "eq, neq, is_set, is_not_set" in message


def test_an_archived_filter_stays_where_it_is_used() -> None:
    raw = [one("old_one", "eq", "1")]
    assert parse_conditions(raw, WIDER, already_used=["old_one"])[0]["value"] == 1


def test_all_faults_are_reported_at_once_up_to_a_limit() -> None:
    wrong: list[object] = []
    for _ in range(100):
        wrong += [one("nobody", "eq", 1), "AND"]
    assert len(errors([one("age", "eq", "x"), "AND", one("nobody", "eq", 1)])) == 2
    assert len(errors(wrong[:-1])) == MAX_ERRORS
    assert len(errors([one("age", "in", ["x"] * 5_000)])) == MAX_ERRORS


@pytest.mark.parametrize("depth", [11, 100, 100_000])
def test_deep_brackets_get_one_clear_error(depth: int) -> None:
    tree: list[object] = [one("age", "eq", 1)]
    for _ in range(depth):
        tree = [tree]
    assert errors(tree) == {"conditions": "has brackets nested more than 10 deep"}


def test_ten_brackets_are_fine() -> None:
    tree: list[object] = [one("age", "eq", 1)]
    for _ in range(10):
        tree = [tree]
    assert [path for path, _ in walk_predicates(parse(tree))] == ["conditions" + "[0]" * 11]


def test_ten_thousand_predicates_get_one_clear_error() -> None:
    raw: list[object] = [one("age", "eq", 1)]
    for _ in range(9_999):
        raw += ["OR", one("age", "eq", 1)]
    found = errors(raw)
    assert list(found) == ["conditions"]
    assert "more than 500 conditions" in found["conditions"]


def test_five_hundred_predicates_are_fine() -> None:
    raw: list[object] = [one("age", "eq", 1)]
    for _ in range(499):
        raw += ["AND", one("age", "eq", 1)]
    assert len(list(walk_predicates(parse(raw)))) == 500


def test_walking_survives_any_depth() -> None:
    tree: list[object] = [one("age", "eq", 1)]
    for _ in range(100_000):
        tree = [tree]
    assert used_filters(tree) == {"age"}
