"""The values in code to paste: whoever has them meets the conditions that they were taken from."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import Actor
from audience.warehouse import Warehouse
from core import clock
from delivery.examples import example_for
from delivery.snippets import snippet_for
from experiments.lifecycle import Status
from tests.factories import make_experiment
from usersplit_sdk import User
from usersplit_sdk.trace import trace_conditions

OF_TYPES: dict[str, list[tuple[str, Any]]] = {
    "boolean": [("eq", True), ("eq", False), ("neq", True), ("is_set", None)],
    "integer": [
        ("eq", 50), ("neq", 1), ("in", [50, 51]), ("not_in", [1]), ("gt", 17), ("gte", 18), ("lt", 18),
        ("lte", 18), ("lt", 0), ("between", [18, 30]),
    ],
    "number": [("gt", 0.5), ("lt", 1.5), ("between", [0.25, 0.5])],
    "string": [
        ("eq", "web"), ("neq", "…"), ("in", ["web"]), ("not_in", ["…"]), ("contains", "Chrome"),
        ("starts_with", "de"), ("ends_with", "DE"), ("matches", "^Mozilla"),
    ],
    "date": [
        ("gt", "2026-11-01"), ("lt", "2026-11-01"), ("gt", "2026-11-01T12:00:00Z"), ("lt", "2026-11-01T12:00:00Z"),
        ("eq", "2026-11-01"), ("neq", "2026-11-01"), ("between", ["2025-01-01", "2025-02-01"]),
        ("within_days", 7), ("older_than_days", 0), ("older_than_days", 365),
    ],
    "version": [
        ("version_eq", "1.10"), ("version_gt", "1.10"), ("version_gte", "2"), ("version_lt", "1.10"),
        ("version_lt", "1.0.0"), ("version_lte", "3.1"),
    ],
    "list": [("has", 7), ("has_any", [7, 8]), ("has_none", [7])],
}  # fmt: skip
CASES = [(filter_type, *case) for filter_type, cases in OF_TYPES.items() for case in cases]


@pytest.mark.parametrize(("filter_type", "operator", "value"), CASES)
def test_an_example_meets_its_predicate(filter_type: str, operator: str, value: Any) -> None:
    predicate = {"filter": "f", "source": "user", "operator": operator, "type": filter_type}
    predicate |= {} if value is None else {"value": value}
    example = example_for(predicate, filter_type)
    user = User("1", 1, {"f": example})
    assert trace_conditions([predicate], user, None, clock.now()).met, example


def test_what_nothing_meets_is_shown_as_its_type_has_it() -> None:
    predicate = {"filter": "f", "source": "user", "operator": "version_lt", "value": "0"}
    assert example_for(predicate, "version") == "1.10"
    assert example_for({"filter": "f", "operator": "is_not_set", "source": "user"}, "boolean") is True
    assert example_for({"filter": "f", "operator": "eq", "source": "user", "value": 1}, "") == 1


def test_the_code_to_paste_has_a_value_beyond_the_bound(manager: Actor, warehouse: Warehouse) -> None:
    conditions = [
        {"filter": "age", "operator": "gt", "value": 17},
        "AND",
        {"filter": "client_version", "operator": "version_lt", "value": "2.0"},
    ]
    experiment = make_experiment(manager, Status.RUNNING, key="button", conditions=conditions)
    code = snippet_for(experiment, "python", "https://usersplit.example").code
    assert 'attributes={"age": 18}' in code
    assert 'attributes={"client_version": "1"}' in code
