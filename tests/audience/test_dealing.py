"""Dealt groups lie evenly over the variants, whatever other tests there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.dealing import LARGEST, deal_to_variants, unevenness
from audience.drawing import Share, draw_split_groups
from audience.occupancy import Groups, Occupant, Owners
from audience.specs import SPLIT_GROUPS
from tests.audience.occupants import groups, occupant, scattered


def nobody() -> Owners:
    return np.zeros(SPLIT_GROUPS, dtype=np.int16)


def some(count: int, seed: int = 0) -> Groups:
    return np.random.default_rng(seed).permutation(SPLIT_GROUPS)[:count]


def offs(owners: Owners, others: list[Occupant], variants: int) -> list[float]:
    return [entry["off"] for entry in unevenness(owners, variants, others)["listed"]]


@pytest.mark.parametrize(
    "sizes",
    [(240, 240), (120, 360), (24, 24), (800, 799, 801), (120, 480, 600), (1, 23), (600, 0, 600), (7, 2300)],
)
@pytest.mark.parametrize("tests", [1, 5])
def test_each_variant_of_the_largest_overlaps_is_spread_within_one_group(
    sizes: tuple[int, ...], tests: int
) -> None:
    others = scattered(np.random.default_rng(tests), tests)
    for seed in range(3):
        dealt = deal_to_variants(nobody(), some(sum(sizes), seed), sizes, others, np.random.default_rng(seed))
        assert np.bincount(dealt, minlength=len(sizes) + 1)[1:].tolist() == list(sizes)
        # Sizes without a good common divisor leave a few groups to chance.
        assert max(offs(dealt, others, len(sizes))) <= (1.5 if {799, 2300} & set(sizes) else 1)


def test_forty_tests_at_once_are_far_more_even_than_at_random() -> None:
    others = scattered(np.random.default_rng(2), 40)
    dealt = deal_to_variants(nobody(), some(480), (240, 240), others, np.random.default_rng(1))
    at_random = nobody()
    at_random[some(480)] = np.repeat([1, 2], 240)
    assert np.mean(offs(dealt, others, 2)) < np.mean(offs(at_random, others, 2)) / 3
    groups_shared = {other.label: other.weight * int((other.owned & (dealt > 0)).sum()) for other in others}
    largest = sorted(groups_shared, key=groups_shared.__getitem__)[-LARGEST:]
    listed = unevenness(dealt, 2, others)["listed"]
    assert max(entry["off"] for entry in listed if entry["label"] in largest) <= 0.5


def test_a_finished_test_is_spread_like_a_running_one() -> None:
    over = scattered(np.random.default_rng(3), 4, finished=True)
    drawn = draw_split_groups([Share("a", 200), Share("b", 400)], over, "fewest_shared_users", seed=0)
    assert max(offs(drawn.owners, over, 2)) <= 1


def test_a_test_on_all_groups_is_spread_too() -> None:
    owners = np.repeat(np.array([1, 2], dtype=np.int16), SPLIT_GROUPS // 2)
    everywhere = Occupant("everywhere", owners, np.full(SPLIT_GROUPS, 3, dtype=np.int64))
    drawn = draw_split_groups([Share("a", 240), Share("b", 240)], [everywhere], "random", seed=0)
    assert max(offs(drawn.owners, [everywhere], 2)) <= 0.5


def test_a_test_that_shares_nobody_is_not_looked_at() -> None:
    strangers = occupant("strangers", groups(range(1, 1201)), users=0)
    with_them = deal_to_variants(nobody(), some(480), (240, 240), [strangers], np.random.default_rng(1))
    without = deal_to_variants(nobody(), some(480), (240, 240), [], np.random.default_rng(1))
    assert (with_them == without).all()
    assert unevenness(with_them, 2, [strangers])["variants_met"] == 0


def test_the_largest_overlaps_come_before_many_small_ones() -> None:
    rng = np.random.default_rng(5)
    small = [
        Occupant(f"small {other.label}", other.owners, other.shared_users // 20)
        for other in scattered(rng, 300)
    ]
    large = [
        Occupant(f"large {other.label}", other.owners, other.shared_users + 500)
        for other in scattered(rng, 3)
    ]
    dealt = deal_to_variants(nobody(), some(96), (48, 48), small + large, rng)
    listed = unevenness(dealt, 2, small + large)["listed"]
    assert [entry["off"] <= 1 for entry in listed if entry["label"].startswith("large")].count(False) == 0


def test_uneven_groups_that_stay_are_made_up_for() -> None:
    """All of the other test's users are with the first variant; those dealt now go to the second."""
    other = occupant("b", groups(range(1, 241)))
    given = nobody()
    given[:24], given[2000:2024] = 1, 2
    dealt = deal_to_variants(given, np.arange(24, 456), (216, 216), [other], np.random.default_rng(0))
    assert (dealt[:24] == 1).all()
    assert (dealt[2000:2024] == 2).all()
    assert offs(dealt, [other], 2) == [0]


def test_the_variants_get_their_share_of_users_where_groups_differ_in_size() -> None:
    users = np.full(SPLIT_GROUPS, 100, dtype=np.int64)
    users[::40] = 900
    most = []
    for seed in range(20):
        dealt = deal_to_variants(nobody(), some(480), (240, 240), [], np.random.default_rng(seed), users)
        most.append(abs(int(users[dealt == 1].sum()) - int(users[dealt == 2].sum())))
    assert max(most) <= 800, "not more than one of the large groups"


def test_groups_and_sizes_must_go_together() -> None:
    with pytest.raises(ValueError, match="3 groups without an owner are to be dealt, 4 are wanted"):
        deal_to_variants(nobody(), some(3), (2, 2), [], np.random.default_rng(0))
    with pytest.raises(ValueError, match="without an owner"):
        deal_to_variants(np.ones(SPLIT_GROUPS, dtype=np.int16), some(4), (2, 2), [], np.random.default_rng(0))


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 400), min_size=1, max_size=5),
    tests=st.integers(0, 6),
    kept=st.integers(0, 200),
    seed=st.integers(0, 2**63 - 1),
)
def test_every_variant_gets_its_number_and_nobody_else_is_touched(
    sizes: list[int], tests: int, kept: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(SPLIT_GROUPS)
    given = nobody()
    given[order[:kept]] = rng.integers(1, len(sizes) + 1, kept)
    dealing = order[kept : kept + sum(sizes)]
    others = scattered(rng, tests)
    dealt = deal_to_variants(given, dealing, sizes, others, np.random.default_rng(seed))
    assert np.bincount(dealt[dealing], minlength=len(sizes) + 1)[1:].tolist() == sizes
    untouched = np.ones(SPLIT_GROUPS, dtype=bool)
    untouched[dealing] = False
    assert (dealt[untouched] == given[untouched]).all()
    again = deal_to_variants(given, dealing, sizes, others, np.random.default_rng(seed))
    assert (again == dealt).all()
