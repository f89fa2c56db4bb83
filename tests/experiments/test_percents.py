"""Percents are exact, or refused with what would be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.percents import SPLIT_GROUPS, InexactPercent, deal_evenly, format_percent, parse_percent


@given(st.integers(0, SPLIT_GROUPS))
def test_every_number_of_split_groups_has_a_percent_that_reads_back(groups: int) -> None:
    assert parse_percent(format_percent(groups)) == groups


@pytest.mark.parametrize(
    ("percent", "groups"),
    [("5", 120), (5, 120), (12.5, 300), ("0.125", 3), ("33 1/3", 800), ("1/24", 1), (0, 0), ("100 %", 2400)],
)
def test_what_can_be_dealt(percent: object, groups: int) -> None:
    assert parse_percent(percent) == groups


def test_what_cannot_be_dealt_is_refused_with_the_nearest_that_can() -> None:
    with pytest.raises(InexactPercent, match=r"5 % and 5 1/24 %"):
        parse_percent("5.01")
    with pytest.raises(InexactPercent, match=r"9 11/12 % and 10 5/24 %"):
        deal_evenly("10", 7)


@pytest.mark.parametrize(
    ("percent", "nearest"),
    [
        (100 / 3, "33 1/3 % and 33.375 %"),
        ("33.33333333333333", "33 7/24 % and 33 1/3 %"),
        (1e-05, "0 % and 1/24 %"),
    ],
)
def test_the_nearest_are_named_however_many_decimals_a_program_sends(percent: object, nearest: str) -> None:
    with pytest.raises(InexactPercent, match=nearest):
        parse_percent(percent)


@pytest.mark.parametrize(
    "percent", ["-1", "101", "five", "1e3", "1/0", True, None, [], float("nan"), float("inf"), 10**400]
)
def test_what_is_no_percent_is_refused(percent: object) -> None:
    with pytest.raises(InexactPercent):
        parse_percent(percent)


@given(st.text(max_size=30) | st.floats() | st.decimals() | st.integers())
def test_anything_is_either_a_whole_number_of_groups_or_refused(percent: object) -> None:
    try:
        groups = parse_percent(percent)
    except InexactPercent:
        return
    assert 0 <= groups <= SPLIT_GROUPS
