"""Every operator has its words and its sentence; in English they are those of the SDK; another order of words is possible."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from audience import operator_words
from audience.describing import describe_conditions
from audience.specs import FilterSpec
from usersplit_sdk.operators import OPERATORS

AGE = {"age": FilterSpec("age", "Age", "integer")}
VALUES: dict[str, Any] = {"many": [1, 2], "range": [1, 2], "days": 3, "none": None}


@pytest.mark.parametrize("name", OPERATORS)
def test_the_english_words_are_those_of_the_sdk(name: str) -> None:
    operator = OPERATORS[name]
    assert operator_words.label_of(name) == operator.label
    predicate = {"filter": "age", "operator": name, "value": VALUES.get(operator.operand, 1)}
    assert describe_conditions([predicate], AGE).startswith(f"Age {operator.label.removesuffix(' days')}")


@pytest.mark.parametrize(("days", "words"), [(1, "1 day"), (0, "0 days"), (2, "2 days")])
def test_days_are_counted(days: int, words: str) -> None:
    within = {"filter": "age", "operator": "within_days", "value": days}
    assert describe_conditions([within], AGE) == f"Age is within the last {words}"


def test_a_language_may_put_the_comparison_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Japanese does: the pattern decides where the filter, the value and the comparison stand."""
    monkeypatch.setattr(operator_words, "_SENTENCES", {"gte": "%(filter)sが%(value)s以上"})
    predicate = {"filter": "age", "operator": "gte", "value": 18}
    assert describe_conditions([predicate], AGE) == "Ageが18以上"


def test_percent_signs_of_names_are_no_patterns() -> None:
    catalogue = {"age": FilterSpec("age", "100 %s of %(value)s", "string")}
    predicate = {"filter": "age", "operator": "eq", "value": "50 %d"}
    with override("ja"):
        said = describe_conditions([predicate], catalogue)
    assert "100 %s of %(value)s" in said
    assert "50 %d" in said
