"""The lottery of new users."""

from __future__ import annotations

import numpy as np

from audience.entropy import random_split_groups


def test_split_groups_are_uniform_and_in_range() -> None:
    groups = random_split_groups(480_000)
    counts = np.bincount(groups, minlength=2401)
    assert (len(counts), counts[0]) == (2401, 0)
    statistic = float(((counts[1:] - 200) ** 2 / 200).sum())
    assert abs(statistic - 2399) < 6 * (2 * 2399) ** 0.5


def test_no_two_draws_are_alike() -> None:
    assert random_split_groups(1_000).tolist() != random_split_groups(1_000).tolist()
    assert random_split_groups(0).tolist() == []
