"""What a draw means for users, from counts."""

from __future__ import annotations

import numpy as np
import pytest

from audience.drawing import Share, draw_split_groups
from audience.occupancy import Occupant, owners_of
from audience.overlap import Change, Pair, compare_draws, movement, overlap_of
from audience.specs import SPLIT_GROUPS
from tests.audience.occupants import evenly, groups, occupant, owned_by


def test_overlap_is_counted_in_users() -> None:
    owners = owners_of({"control": range(1, 11), "green": range(11, 21)}, ["control", "green", "blue"])
    half = occupant("half", groups(range(6, 16)), users=4)
    double = occupant("double", groups(range(11, 31)), users=7)
    overlap = overlap_of(owners, [half, double], evenly(10), 3)
    assert overlap.users_per_variant == (100, 100, 0)
    assert overlap.users_in_variants == 200
    assert overlap.pairs == (Pair("double", 70, 0.35, False), Pair("half", 40, 0.2, False))
    assert overlap.worst_pair == overlap.pairs[0]
    assert overlap.mean_pair_users == 55


def test_users_in_other_tests_lie_between_the_largest_pair_and_the_sum_of_pairs() -> None:
    owners = owners_of({"a": range(1, 4)}, ["a"])
    others = [occupant("b", groups(1, 2), users=4), occupant("c", groups(2, 3), users=7)]
    overlap = overlap_of(owners, others, evenly(10), 1)
    assert overlap.users_in_other_tests_at_least == 4 + 7 + 7
    assert overlap.users_in_other_tests_at_most == 4 + 10 + 7


def test_tests_on_all_groups_and_finished_ones_are_not_held_against_a_draw() -> None:
    owners = owners_of({"a": range(1, 11)}, ["a"])
    everywhere = occupant("everywhere", groups(range(1, 2401)), users=5)
    over = occupant("over", groups(range(1, 11)), finished=True)
    strangers = occupant("strangers", groups(range(1, 11)), users=0)
    overlap = overlap_of(owners, [everywhere, over, strangers], evenly(10), 1)
    assert overlap.pairs == (Pair("everywhere", 50, 0.5, True),)
    assert (overlap.worst_pair, overlap.mean_pair_users, overlap.users_in_other_tests_at_most) == (None, 0, 0)


def test_overlap_without_users_is_nothing_rather_than_an_error() -> None:
    overlap = overlap_of(np.zeros(SPLIT_GROUPS, dtype=np.int16), [occupant("b", groups(1))], evenly(0), 2)
    assert (overlap.users_per_variant, overlap.users_in_variants, overlap.worst_pair) == ((0, 0), 0, None)


def test_what_is_compared_is_what_would_be_drawn() -> None:
    others = [occupant("b", groups(range(1, 2001)))]
    shares = [Share("control", 200), Share("green", 300)]
    compared = compare_draws(shares, others, 17, evenly(10))
    assert [row.objective for row in compared] == [
        "fewest_shared_users", "smallest_worst_pair", "random", "exclusive",
    ]  # fmt: skip
    for row in compared[:3]:
        drawn = draw_split_groups(shares, others, row.objective, 17, users=evenly(10))
        assert row.drawn is not None
        assert (row.drawn.owners == drawn.owners).all()
    fewest, exclusive = compared[0], compared[3]
    assert fewest.overlap is not None
    assert fewest.overlap.worst_pair == Pair("b", 1000, 0.2, False)
    assert exclusive.no_room is not None
    assert (exclusive.drawn, exclusive.no_room.wanted, exclusive.no_room.free) == (None, 500, 400)


def test_who_moves_is_counted_by_the_names_of_the_variants() -> None:
    before = owners_of({"control": range(1, 101), "green": range(101, 201)}, ["control", "green"])
    after = owners_of(
        {"green": range(91, 151), "control": range(1, 51), "blue": range(151, 301)},
        ["green", "control", "blue"],
    )
    moved = movement(
        before, after, evenly(3), previous_names=["control", "green"], names=["green", "control", "blue"]
    )
    assert (moved.stay, moved.join, moved.leave) == (3 * 100, 3 * 100, 3 * 40)
    assert moved.changes == (Change("control", "green", 10, 30), Change("green", "blue", 50, 150))
    assert moved.change == 180


def test_a_percent_that_changes_says_who_joins() -> None:
    first = draw_split_groups([Share("control", 120), Share("green", 120)], [], "random", 1)
    previous = {"control": owned_by(first.owners, 1), "green": owned_by(first.owners, 2)}
    second = draw_split_groups([Share("control", 240), Share("green", 240)], [], "random", 2, previous)
    names = ["control", "green"]
    moved = movement(first.owners, second.owners, evenly(10), previous_names=names, names=names)
    assert (moved.stay, moved.join, moved.leave, moved.changes) == (2400, 2400, 0, ())


def test_arrays_of_another_length_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="b: the arrays must have 2400 entries"):
        Occupant("b", np.zeros(10, dtype=np.int16), evenly(1))


def test_owners_of_unknown_variants_are_refused() -> None:
    with pytest.raises(ValueError, match="no variant 'red'; there are green"):
        owners_of({"red": [1]}, ["green"])
