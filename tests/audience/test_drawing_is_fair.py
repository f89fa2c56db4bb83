"""Chances over many seeds are what the percents say, given the objective."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audience.drawing import OBJECTIVES, Objective, Occupant, Share, draw_split_groups
from audience.specs import SPLIT_GROUPS

SEEDS = 300
SHARES = [Share("control", 240), Share("green", 480)]


def draws(objective: Objective, others: list[Occupant]) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    return np.stack([draw_split_groups(SHARES, others, objective, seed).owners for seed in range(SEEDS)])


def chi_square(counts: np.ndarray[tuple[int], np.dtype[np.int64]], chance: float) -> float:
    """Standardised: about 0 ± 1 if each count is a sum of SEEDS tries with that chance, drawn without replacement."""
    expected = SEEDS * chance
    statistic = float(((counts - expected) ** 2).sum() / (expected * (1 - chance)))
    freedom = len(counts) - 1
    return (statistic - freedom) / math.sqrt(2 * freedom)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_without_other_tests_each_group_is_as_likely_as_any(objective: Objective) -> None:
    owners = draws(objective, [])
    for number, share in enumerate(SHARES, start=1):
        assert abs(chi_square((owners == number).sum(axis=0), share.split_groups / SPLIT_GROUPS)) < 4


def test_among_free_groups_each_is_as_likely_as_any() -> None:
    owned = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    owned[:1200] = 1
    owners = draws("fewest_shared_users", [Occupant("b", owned, np.ones(SPLIT_GROUPS, dtype=np.int64))])
    assert not owners[:, :1200].any(), "with free groups enough, the overlap is zero"
    for number, share in enumerate(SHARES, start=1):
        assert abs(chi_square((owners[:, 1200:] == number).sum(axis=0), share.split_groups / 1200)) < 4


def test_equally_busy_groups_are_as_likely_as_any() -> None:
    owned = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    owned[:2000] = 1
    owners = draws("fewest_shared_users", [Occupant("b", owned, np.full(SPLIT_GROUPS, 5, dtype=np.int64))])
    assert (owners[:, 2000:] > 0).all(), "all 400 free groups are taken"
    assert abs(chi_square((owners[:, :2000] > 0).sum(axis=0), 320 / 2000)) < 4


def test_the_deal_to_variants_does_not_look_at_where_a_group_comes_from() -> None:
    owned = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    owned[:2000] = 1
    owners = draws("fewest_shared_users", [Occupant("b", owned, np.arange(SPLIT_GROUPS, dtype=np.int64))])
    control_among_free = (owners[:, 2000:] == 1).mean()
    control_among_busy = (owners[:, :2000] == 1).sum() / (owners[:, :2000] > 0).sum()
    assert abs(control_among_free - 1 / 3) < 0.01
    assert abs(control_among_busy - 1 / 3) < 0.01
