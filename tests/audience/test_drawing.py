"""What a draw promises, looked at one draw at a time."""

from __future__ import annotations

import dataclasses
from typing import cast

import numpy as np
import pytest

from audience.drawing import OBJECTIVES, NotEnoughRoom, Objective, Occupant, Share, draw_split_groups
from audience.specs import SPLIT_GROUPS
from tests.audience.occupants import groups, occupant, owned_by

FEWEST: Objective = "fewest_shared_users"


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_variant_gets_exactly_its_groups_and_none_twice(objective: Objective) -> None:
    shares = [Share("control", 0), Share("a", 1), Share("b", 1_199), Share("c", 1_200)]
    drawn = draw_split_groups(shares, [], objective, seed=1)
    assert [int((drawn.owners == number).sum()) for number in range(5)] == [0, 0, 1, 1_199, 1_200]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_same_seed_gives_the_same_draw(objective: Objective) -> None:
    others = [occupant("b", groups(range(1, 500)), 3)]
    first, again, other = (
        draw_split_groups([Share("a", 600)], others, objective, seed=seed) for seed in (7, 7, 8)
    )
    assert (first.owners == again.owners).all()
    assert first.log == again.log
    assert (first.owners != other.owners).any()


def test_free_groups_come_before_busy_ones() -> None:
    others = [occupant("b", groups(range(1, 2001)))]
    drawn = draw_split_groups([Share("a", 200), Share("b", 200)], others, FEWEST, seed=3)
    assert owned_by(drawn.owners, 0) == list(range(1, 2001))
    more = draw_split_groups([Share("a", 500)], others, FEWEST, seed=3)
    assert (more.owners[2000:] == 1).all()
    assert more.log["reasons"]["free"] == [[2001, 2400]]


def test_groups_of_the_tests_that_share_the_fewest_users_come_first() -> None:
    much, little = (
        occupant("much", groups(range(1, 1201)), 50),
        occupant("little", groups(range(1001, 2401)), 3),
    )
    drawn = draw_split_groups([Share("a", 1_300)], [much, little], FEWEST, seed=0)
    assert (
        set(range(1201, 2401))
        <= set(owned_by(drawn.owners, 1))
        <= set(range(1, 1001)) | set(range(1201, 2401))
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_group_is_not_drawn_for_the_few_users_it_happens_to_hold(objective: Objective) -> None:
    # Two users a group on average, as luck has it: a draw that looked at them would get next to nobody.
    users = np.random.default_rng(5).poisson(2.0, SPLIT_GROUPS).astype(np.int64)
    crowded = [
        Occupant("b", groups(range(1, 2400)).astype(np.int16), users),
        Occupant("c", groups(range(2, 2401)).astype(np.int16), users),
    ]
    others = [] if objective == "exclusive" else crowded
    got = [
        users[draw_split_groups([Share("a", 240)], others, objective, seed).owners > 0].sum()
        for seed in range(40)
    ]
    assert np.mean(got) == pytest.approx(users.sum() / 10, rel=0.05)


def test_tests_on_all_groups_or_without_common_users_make_none_busy() -> None:
    everywhere = occupant("everywhere", groups(range(1, 2401)))
    strangers = occupant("strangers", groups(range(1, 1201)), users=0)
    drawn = draw_split_groups([Share("a", 2400)], [everywhere, strangers], FEWEST, seed=0)
    assert (drawn.log["free"], drawn.log["busy"]) == (2400, 0)


def test_plain_random_does_not_look_at_what_is_busy() -> None:
    others = [occupant("b", groups(range(1, 1201)))]
    drawn = draw_split_groups([Share("a", 1200)], others, "random", seed=0)
    busy = int((drawn.owners[:1200] == 1).sum())
    assert 500 < busy < 700


def test_the_worst_pair_is_kept_small() -> None:
    """Two tests, one already sharing much per group: cheapest-first would put all on the cheaper one."""
    cheap, dear = groups(range(1, 1201)), groups(range(1201, 2401))
    others = [occupant("cheap", cheap, users=4), occupant("dear", dear, users=6)]
    worst = {
        objective: max(
            entry["shared_users_drawn"]
            for entry in draw_split_groups([Share("a", 1000)], others, objective, seed=0).log["most_shared"]
        )
        for objective in (FEWEST, "smallest_worst_pair")
    }
    assert worst[FEWEST] == 4000
    assert worst["smallest_worst_pair"] == 2400


def test_exclusive_keeps_apart_from_the_named_tests_only() -> None:
    others = [occupant("named", groups(range(1, 1001))), occupant("other", groups(range(1001, 2401)))]
    drawn = draw_split_groups([Share("a", 1400)], others, "exclusive", seed=0, exclusive_with=["named"])
    assert owned_by(drawn.owners, 1) == list(range(1001, 2401))
    with pytest.raises(NotEnoughRoom) as caught:
        draw_split_groups([Share("a", 1401)], others, "exclusive", seed=0, exclusive_with=["named"])
    assert (caught.value.wanted, caught.value.free) == (1401, 1400)
    with pytest.raises(NotEnoughRoom):
        draw_split_groups([Share("a", 1)], others, "exclusive", seed=0)


def test_a_test_on_all_groups_leaves_no_exclusive_room_unless_it_shares_nobody() -> None:
    everywhere = occupant("everywhere", groups(range(1, 2401)))
    with pytest.raises(NotEnoughRoom):
        draw_split_groups([Share("a", 1)], [everywhere], "exclusive", seed=0, exclusive_with=["everywhere"])
    strangers = occupant("everywhere", groups(range(1, 2401)), users=0)
    draw_split_groups([Share("a", 2400)], [strangers], "exclusive", seed=0, exclusive_with=["everywhere"])


@pytest.mark.parametrize(
    ("shares", "objective"),
    [
        ([Share("a", 2401)], FEWEST),
        ([Share("a", -1)], FEWEST),
        ([Share("a", 1), Share("a", 1)], FEWEST),
        ([Share("a", 1)], cast(Objective, "best")),
    ],
)
def test_shares_that_are_none_are_refused(shares: list[Share], objective: Objective) -> None:
    with pytest.raises(ValueError, match=r"variant|objective"):
        draw_split_groups(shares, [], objective, seed=0)


def test_previous_groups_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 2400"):
        draw_split_groups([Share("a", 1)], [], FEWEST, 0, previous={"a": [0]})


def test_a_control_that_is_none_of_the_variants_is_refused() -> None:
    with pytest.raises(ValueError, match="'old' is none of the variants"):
        draw_split_groups([Share("a", 1)], [], FEWEST, 0, control="old")


def test_a_finished_test_makes_no_group_busy_and_bars_none() -> None:
    over = occupant("over", groups(range(1, 2401)), finished=True)
    half = occupant("half over", groups(range(1, 1201)), finished=True)
    drawn = draw_split_groups([Share("a", 2400)], [over, half], "exclusive", seed=0)
    assert (drawn.log["free"], drawn.log["busy"], drawn.log["barred"]) == (2400, 0, 0)


def test_of_equal_groups_those_come_first_whose_tests_are_shared_least() -> None:
    """Two like tests on 100 and 900 groups: at random, the large one would be shared nine times as much."""
    small, large = occupant("small", groups(range(1, 101))), occupant("large", groups(range(1501, 2401)))
    drawn = draw_split_groups([Share("a", 1600)], [small, large], FEWEST, seed=1)
    assert {entry["label"]: entry["split_groups_drawn"] for entry in drawn.log["most_shared"]} == {
        "small": 100, "large": 100,
    }  # fmt: skip


def test_costs_that_differ_by_less_than_luck_are_equal() -> None:
    # 24,000 users give or take 155; a difference of 100 says nothing about the users of tomorrow.
    users = np.full(SPLIT_GROUPS, 10, dtype=np.int64)
    a_few_more = users.copy()
    a_few_more[:100] += 1
    first = Occupant("first", groups(range(1, 1201)).astype(np.int16), users)
    second = Occupant("second", groups(range(1201, 2401)).astype(np.int16), a_few_more)
    drawn = draw_split_groups([Share("a", 1000)], [first, second], FEWEST, seed=1)
    assert abs(int((drawn.owners[:1200] > 0).sum()) - 500) <= 5


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_test_that_is_exclusive_with_us_bars_its_groups_whatever_our_objective(
    objective: Objective,
) -> None:
    apart = dataclasses.replace(occupant("apart", groups(range(1, 1001))), bars=True)
    drawn = draw_split_groups([Share("a", 1400)], [apart], objective, seed=0, exclusive_with=["another"])
    assert owned_by(drawn.owners, 1) == list(range(1001, 2401))
    with pytest.raises(NotEnoughRoom):
        draw_split_groups([Share("a", 1401)], [apart], objective, seed=0, exclusive_with=["another"])
