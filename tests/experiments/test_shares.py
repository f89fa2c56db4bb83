"""Percents while they are typed: what they come to, what is dealt around the locked ones, and parts of a total."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.forms.shares import VariantRow, deal_the_rest, shares_of
from experiments.percents import SPLIT_GROUPS, InexactPercent, format_percent, parse_percent


def _rows(*percents: str, locked: str = "") -> list[VariantRow]:
    return [
        VariantRow(f"v{index}", percent, is_locked=str(index) in locked)
        for index, percent in enumerate(percents)
    ]


@pytest.mark.parametrize(
    ("percents", "locked", "total", "dealt"),
    [
        (["5", "", ""], "0", "25", ["5", "10", "10"]),
        (["", "", ""], "", "100", ["33 1/3", "33 1/3", "33 1/3"]),
        (["10", "20", "30"], "1", "", ["20", "20", "20"]),
        (["", ""], "", "", ["50", "50"]),
        (["", "", ""], "", "1/6", ["1/12", "1/24", "1/24"]),
        (["nonsense", "5"], "1", "10", ["5", "5"]),
    ],
)
def test_the_rest_is_dealt_around_what_is_locked(
    percents: list[str], locked: str, total: str, dealt: list[str]
) -> None:
    rows = _rows(*percents, locked=locked)
    deal_the_rest(rows, total)
    assert [row.percent for row in rows] == dealt


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(1, 300), st.booleans()), min_size=1, max_size=20),
    st.integers(1, SPLIT_GROUPS),
)
def test_what_is_dealt_adds_up_exactly(variants: list[tuple[int, bool]], total: int) -> None:
    rows = [VariantRow("v", format_percent(groups), is_locked=locked) for groups, locked in variants]
    try:
        deal_the_rest(rows, format_percent(total))
    except InexactPercent:
        free = sum(not locked for _, locked in variants)
        assert not free or total - sum(groups for groups, locked in variants if locked) < free
        return
    assert sum(parse_percent(row.percent) for row in rows) == total
    assert all(
        row.percent == format_percent(groups)
        for row, (groups, locked) in zip(rows, variants, strict=True)
        if locked
    )
    free_shares = [parse_percent(row.percent) for row in rows if not row.is_locked]
    assert max(free_shares) - min(free_shares) <= 1


@pytest.mark.parametrize(
    ("percents", "locked", "total", "words"),
    [
        (["5", "5"], "01", "20", "Every variant is locked"),
        (["15", ""], "0", "10", "not enough is left"),
        (["x", ""], "0", "10", "The locked percent of v0 cannot be read"),
        (["5", ""], "", "0.7", "not a whole number"),
    ],
)
def test_what_cannot_be_dealt_is_said(percents: list[str], locked: str, total: str, words: str) -> None:
    with pytest.raises(InexactPercent, match=words):
        deal_the_rest(_rows(*percents, locked=locked), total)


def test_parts_are_parts_of_the_total() -> None:
    shares = shares_of(_rows("50", "30", "20"), "parts", "10")
    assert [row.percent for row in shares.rows] == ["5", "3", "2"]
    assert (shares.percent, shares.rest, shares.problem) == ("10", "90", "")


@pytest.mark.parametrize(
    ("percents", "total", "problem"),
    [
        (["50", "30"], "10", "The parts add up to 80 %"),
        (["50", "50"], "", "The total must be a percent"),
        (["50", "50"], "200", "200 is more than 100 %"),
    ],
)
def test_parts_that_do_not_add_up_are_said(percents: list[str], total: str, problem: str) -> None:
    assert problem in shares_of(_rows(*percents), "parts", total).problem


def test_a_part_that_is_no_whole_split_group_names_the_nearest() -> None:
    row = shares_of(_rows("33 1/3", "66 2/3"), "parts", "1/24").rows[0]
    assert row.groups is None
    assert "the nearest are 0 % and 1/24 % of all users" in row.problem


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.text(max_size=6), max_size=5),
    st.sampled_from(["each", "total", "parts"]),
    st.text(max_size=6),
)
def test_nothing_typed_raises(percents: list[str], split_by: str, total: str) -> None:
    shares: Any = shares_of(_rows(*percents), split_by, total)
    assert len(shares.rows) == len(percents)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("", ""),
        ('{"color": "#0a0"}', ""),
        ('{"a":\n 1,}', "line 2, column"),
        ("[1]", "must be an object"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_payload_is_looked_at_while_it_is_typed(payload: str, words: str) -> None:
    share = shares_of([VariantRow("green", "5", payload)], "each", "").rows[0]
    assert share.groups == 120
    assert words in share.payload_problem
    assert bool(words) == bool(share.payload_problem)
