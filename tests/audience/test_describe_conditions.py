"""Conditions as sentences."""

from __future__ import annotations

import pytest

from audience.conditions import describe_conditions, parse_conditions
from tests.audience.catalogues import DEFAULT
from tests.audience.test_parse_conditions import one


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ([], "everyone"),
        ([one("is_test_user", "eq", "1")], "Test user is yes"),
        ([one("country_id", "in", [276, 40])], "Country is one of Germany, Austria"),
        ([one("country_id", "eq", 999)], "Country is 999"),
        ([one("language", "eq", "de")], "Language is German"),
        ([one("user_agent", "contains", "Mobile")], "User agent contains “Mobile”"),
        ([one("age", "between", [18, 30])], "Age is between 18 and 30"),
        ([one("registered_at", "within_days", 30)], "Registered is within the last 30 days"),
        ([one("registered_at", "older_than_days", 1)], "Registered is longer ago than 1 day"),
        ([one("age", "is_not_set")], "Age is not set"),
        (
            [one("is_paying", "eq", 0), "OR", [one("age", "gt", 30), "AND", one("age", "lt", 40)]],
            "Paying user is no OR (Age is greater than 30 AND Age is less than 40)",
        ),
    ],
)
def test_conditions_read_as_a_sentence(raw: object, sentence: str) -> None:
    assert describe_conditions(parse_conditions(raw, DEFAULT), DEFAULT) == sentence


def test_long_lists_end_in_a_number() -> None:
    tree = parse_conditions([one("age", "in", list(range(50)))], DEFAULT)
    assert describe_conditions(tree, DEFAULT, most_values=3) == "Age is one of 0, 1, 2 and 47 more"
    assert describe_conditions(tree, DEFAULT, most_values=None).endswith("48, 49")


def test_a_filter_that_is_gone_appears_under_its_name() -> None:
    tree = [{"filter": "gone", "source": "user", "operator": "eq", "value": True}]
    assert describe_conditions(tree, {}) == "gone is yes"
