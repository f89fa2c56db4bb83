"""Chances over many seeds are what the percents say, given the objective. The same in full size: `python -m bench simulation`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audience import dealing
from audience.balancing import Places, Rows
from audience.dealing import deal_to_variants
from audience.drawing import OBJECTIVES, Objective, Occupant, Share, draw_split_groups
from audience.occupancy import Owners
from audience.specs import SPLIT_GROUPS
from bench.simulation_chances import chances, company, draws, grown_draws, kinds, leaning
from tests.audience.occupants import evenly, scattered

# Standardised chi-squares and means: what is fair goes beyond this once in tens of thousands of times.
TOO_FAR = 4.5


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_without_other_tests_each_group_is_as_likely_as_any(objective: Objective) -> None:
    found = chances(draws(objective, [], 600), kinds([]))
    assert found.drawn.freedom == SPLIT_GROUPS - 1
    assert abs(found.drawn.standardised) < TOO_FAR
    assert abs(found.landed.standardised) < TOO_FAR


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_beside_other_tests_groups_of_a_kind_are_as_likely_as_each_other(objective: Objective) -> None:
    others = company()
    owners = draws(objective, others, 400)
    found = chances(owners, kinds(others))
    assert found.drawn.freedom >= 1000
    assert abs(found.drawn.standardised) < TOO_FAR
    assert abs(found.landed.standardised) < TOO_FAR
    assert leaning(owners, others) < TOO_FAR


def test_plain_random_is_blind_for_what_other_tests_own() -> None:
    found = chances(draws("random", company(), 600), np.zeros(SPLIT_GROUPS, dtype=np.int64))
    assert abs(found.drawn.standardised) < TOO_FAR


def test_the_groups_that_a_growing_test_gets_are_as_likely_as_any() -> None:
    others = company()
    found = chances(grown_draws("random", others, 400), kinds([]))
    assert abs(found.drawn.standardised) < TOO_FAR
    assert abs(found.landed.standardised) < TOO_FAR


def test_these_checks_notice_a_draw_that_is_not_fair() -> None:
    rng = np.random.default_rng(0)
    owners = np.zeros((600, SPLIT_GROUPS), dtype=np.int16)
    favour = np.where(np.arange(SPLIT_GROUPS) < 1200, 0.9, 1.1)
    for row in owners:
        row[np.argsort(rng.exponential(size=SPLIT_GROUPS) / favour)[:72]] = np.repeat([1, 2], [24, 48])
    assert chances(owners, kinds([])).drawn.standardised > TOO_FAR
    small = company()[1]
    for row in owners:
        mine = np.flatnonzero(row)
        row[mine] = np.where(rng.random(72) < np.where(small.owners[mine] == 1, 0.37, 0.32), 1, 2)
    assert leaning(owners, [small]) > TOO_FAR


@pytest.mark.parametrize("objective", [name for name in OBJECTIVES if name != "random"])
def test_with_free_groups_enough_the_overlap_is_zero(objective: Objective) -> None:
    owned = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    owned[np.random.default_rng(1).permutation(SPLIT_GROUPS)[:2328]] = 1
    owners = draws(objective, [Occupant("b", owned, evenly(1))], 200)
    assert not owners[:, owned > 0].any()
    assert (owners[:, owned == 0] > 0).all()


def test_equally_busy_groups_are_as_likely_as_any() -> None:
    owned = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    owned[:2376] = 1
    owners = draws("fewest_shared_users", [Occupant("b", owned, evenly(5))], 400)
    assert (owners[:, 2376:] > 0).all(), "all 24 free groups are taken"
    assert abs(chances(owners, owned.astype(np.int64)).drawn.standardised) < TOO_FAR


def test_the_deal_to_variants_does_not_look_at_where_a_group_comes_from() -> None:
    owned = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    owned[:2376] = 1
    owners = draws(
        "fewest_shared_users", [Occupant("b", owned, np.arange(SPLIT_GROUPS, dtype=np.int64))], 600
    )
    for part in (owners[:, :2376], owners[:, 2376:]):
        landed = int((part == 1).sum())
        assert landed / (part > 0).sum() == pytest.approx(1 / 3, abs=0.012)


@pytest.mark.parametrize(
    ("sizes", "seeds"), [((12, 36), 800), ((16, 16, 16), 800), ((8, 20), 600), ((3, 11, 34), 100)]
)
def test_each_dealt_group_lands_in_each_variant_as_often_as_the_sizes_say(
    sizes: tuple[int, ...], seeds: int
) -> None:
    """The sharpest case: always the same few groups, each unlike any other, and more to balance than can be."""
    total = sum(sizes)
    rng = np.random.default_rng(total)
    others, groups = scattered(rng, 8), rng.permutation(SPLIT_GROUPS)[:total]
    users = rng.poisson(3, SPLIT_GROUPS).astype(np.int64)
    nobody = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    dealt = np.stack(
        [
            deal_to_variants(nobody, groups, sizes, others, np.random.default_rng(seed), users)[groups]
            for seed in range(seeds)
        ]
    )
    for number, size in enumerate(sizes, start=1):
        share = size / total
        far = ((dealt == number).sum(axis=0) - seeds * share) / math.sqrt(seeds * share * (1 - share))
        assert np.abs(far).max() < TOO_FAR
        assert (float((far**2).sum()) - total) / math.sqrt(2 * total) < TOO_FAR


def test_chances_stay_whatever_is_done_to_make_blocks_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst that could be done: the large group always into the first block."""

    def into_the_first(rows: Rows, blocks: Places, *_: object) -> int:
        large = int(np.argmax(rows.values[:, -1]))
        blocks[0], blocks[large] = blocks[large], blocks[0]
        return 1

    monkeypatch.setattr(dealing, "swap_towards_even", into_the_first)
    users = np.where(np.arange(SPLIT_GROUPS) == 5, 1000, 10).astype(np.int64)
    nobody, groups, seeds = np.zeros(SPLIT_GROUPS, dtype=np.int16), np.arange(16), 2000
    landed = np.array(
        [
            deal_to_variants(nobody, groups, (4, 12), [], np.random.default_rng(seed), users)[5]
            for seed in range(seeds)
        ]
    )
    assert abs((landed == 1).sum() - seeds / 4) < TOO_FAR * math.sqrt(seeds * 3 / 16)


def test_each_group_lands_in_each_variant_when_a_test_grows_evenly() -> None:
    """What is kept may be uneven, and is made up for; over many first draws that evens out."""
    others = scattered(np.random.default_rng(8), 5)
    first = [Share("a", 12), Share("b", 12)]
    found: list[Owners] = []
    for seed in range(500):
        kept = draw_split_groups(first, [], "random", seed).owners
        previous = {
            name: (np.flatnonzero(kept == number) + 1).tolist() for number, name in ((1, "a"), (2, "b"))
        }
        found.append(
            draw_split_groups([Share("a", 36), Share("b", 36)], others, "random", seed, previous).owners
        )
    owners = np.stack(found)
    assert leaning(owners, others) < TOO_FAR
    assert abs(chances(owners, kinds([])).landed.standardised) < TOO_FAR


def test_who_is_together_with_whom_is_as_random_as_it_can_be() -> None:
    """Only that keeps false positives right beside effects that nobody told the deal of."""
    rng = np.random.default_rng(2)
    others, groups = scattered(rng, 12, most_groups=1200), rng.permutation(SPLIT_GROUPS)[:60]
    nobody = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    dealt = np.stack(
        [
            deal_to_variants(nobody, groups, (30, 30), others, np.random.default_rng(seed))[groups]
            for seed in range(400)
        ]
    )
    assert len({tuple(row == row[0]) for row in dealt}) == 400, "no two deals alike"
    together = np.stack([(dealt == dealt[:, [group]]).mean(axis=0) for group in range(60)])[
        np.triu_indices(60, 1)
    ]
    luck = math.sqrt(0.25 / 400)
    assert together.mean() == pytest.approx(29 / 59)
    assert together.std() < 3 * luck
