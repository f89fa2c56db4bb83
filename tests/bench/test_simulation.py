"""What the simulation's tables must show, in a small size. In full: `python -m bench simulation`."""

from __future__ import annotations

import pytest

from bench.simulation import (
    CONFOUNDERS,
    Confounder,
    false_positive_table,
    false_positives,
    overlap_rows,
    overlap_table,
)

NINE_IN_TEN = CONFOUNDERS[2]


def test_ours_shares_nobody_where_there_is_room_and_far_fewer_where_there_is_not() -> None:
    _, roomy = overlap_rows(0.5, worlds=2)
    _, full = overlap_rows(2.4, worlds=2)
    for name in ("fewest shared users", "smallest worst pair"):
        assert roomy[name].in_two == 0
        assert full[name].in_two < full["free first, then random"].in_two / 1.5
    assert full["fewest shared users"].in_two <= full["smallest worst pair"].in_two
    assert full["smallest worst pair"].worst_pair < full["plain random"].worst_pair / 2
    assert roomy["plain random"].in_two > 0


def test_the_balanced_deal_keeps_false_positives_where_they_belong() -> None:
    found = false_positives(NINE_IN_TEN, seeds=1000)
    assert 0.03 <= found["balanced"] <= 0.07
    assert found["range"] == pytest.approx(0.9, abs=0.05)


def test_a_strong_effect_spoils_a_plain_random_deal_and_not_a_balanced_one() -> None:
    strong = Confounder("", 24, 1200, 2500, 0.02)
    found = false_positives(strong, seeds=500)
    assert found["balanced"] < 0.1
    assert found["random"] > 0.2
    assert found["not told"] == pytest.approx(found["random"], abs=0.07)


def test_the_tables_have_a_row_per_case() -> None:
    assert len(overlap_table([0.5], worlds=1).splitlines()) == 2 + 4
    assert len(false_positive_table(seeds=2).splitlines()) == 3 + len(CONFOUNDERS)
