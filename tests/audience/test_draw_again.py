"""What a change of settings does to those who are in the test already."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.drawing import OBJECTIVES, ControlWouldMove, NotEnoughRoom, Objective, Share, draw_split_groups
from audience.specs import SPLIT_GROUPS
from tests.audience.occupants import groups, occupant, owned_by, scattered

FEWEST: Objective = "fewest_shared_users"


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_groups_stay_in_the_variant_that_had_them(objective: Objective) -> None:
    previous = {"control": list(range(1, 121)), "green": list(range(121, 241)), "gone": list(range(241, 361))}
    shares = [Share("control", 200), Share("green", 60), Share("blue", 100)]
    drawn = draw_split_groups(shares, [], objective, seed=4, previous=previous)
    assert set(range(1, 121)) < set(owned_by(drawn.owners, 1))
    assert set(owned_by(drawn.owners, 2)) < set(range(121, 241))
    assert [variant["kept"] for variant in drawn.log["variants"]] == [120, 60, 0]


def test_a_growing_variant_takes_groups_of_another_last() -> None:
    previous = {"control": list(range(1, 1201)), "green": list(range(1201, 2401))}
    drawn = draw_split_groups([Share("control", 1200), Share("green", 100)], [], FEWEST, 0, previous)
    shrunk_and_grown = draw_split_groups(
        [Share("control", 600), Share("green", 1300)], [], FEWEST, 0, previous
    )
    assert owned_by(drawn.owners, 1) == previous["control"]
    assert set(previous["green"]) < set(owned_by(shrunk_and_grown.owners, 2))
    room = draw_split_groups(
        [Share("green", 200)], [], FEWEST, 0, {"control": list(range(1, 2001)), "green": []}
    )
    assert owned_by(room.owners, 1)[0] > 2000


def test_a_shrinking_variant_gives_up_its_busy_groups() -> None:
    others = [occupant("b", groups(range(1, 51)))]
    drawn = draw_split_groups([Share("a", 50)], others, FEWEST, 0, previous={"a": list(range(1, 101))})
    assert owned_by(drawn.owners, 1) == list(range(51, 101))


def test_exclusive_gives_up_what_must_be_free() -> None:
    others = [occupant("b", groups(range(1, 51)))]
    drawn = draw_split_groups(
        [Share("a", 100)], others, "exclusive", 0, previous={"a": list(range(1, 101))}, exclusive_with=["b"]
    )
    assert not set(owned_by(drawn.owners, 1)) & set(range(1, 51))
    assert set(range(51, 101)) < set(owned_by(drawn.owners, 1))


def test_what_a_variant_gives_up_leaves_the_test() -> None:
    """Half busy: a growing variant rather shares users with another test than show its own something else."""
    previous = {"control": list(range(1, 601)), "green": list(range(601, 1201))}
    others = [occupant("b", groups(range(1201, 2401)))]
    drawn = draw_split_groups(
        [Share("control", 300), Share("green", 1200)], others, FEWEST, 0, previous, control="control"
    )
    assert set(owned_by(drawn.owners, 1)) < set(range(1, 601))
    assert set(owned_by(drawn.owners, 2)) > set(range(601, 1201))
    assert set(owned_by(drawn.owners, 2)) <= set(range(601, 2401))


def test_the_control_gives_its_users_to_a_treatment_only_when_asked() -> None:
    previous = {"control": list(range(1, 2161)), "green": list(range(2161, 2401))}
    shares = [Share("control", 1200), Share("green", 1200)]
    with pytest.raises(ControlWouldMove, match="need 960 more split groups, but only 0 can be had") as caught:
        draw_split_groups(shares, [], FEWEST, 0, previous, control="control")
    assert isinstance(caught.value, NotEnoughRoom)
    drawn = draw_split_groups(
        shares, [], FEWEST, 0, previous, control="control", allow_control_to_treatment=True
    )
    assert set(owned_by(drawn.owners, 1)) < set(previous["control"])
    assert set(owned_by(drawn.owners, 2)) > set(previous["green"])


def test_a_treatment_gives_its_users_to_the_control_when_nothing_else_is_left() -> None:
    previous = {"control": list(range(1, 241)), "green": list(range(241, 2401))}
    drawn = draw_split_groups(
        [Share("control", 1200), Share("green", 1200)], [], FEWEST, 0, previous, control="control"
    )
    assert set(owned_by(drawn.owners, 1)) > set(previous["control"])
    assert set(owned_by(drawn.owners, 2)) < set(previous["green"])


def test_a_control_of_another_name_is_protected_as_well() -> None:
    previous = {"old": list(range(1, 2001)), "green": list(range(2001, 2401))}
    shares = [Share("new", 300), Share("green", 500)]
    with pytest.raises(ControlWouldMove, match="need 100 more split groups, but only 0 can be had"):
        draw_split_groups(shares, [], FEWEST, 0, previous, control="new", previous_control="old")
    same = [Share("new", 300), Share("green", 400)]
    drawn = draw_split_groups(same, [], FEWEST, 0, previous, control="new", previous_control="old")
    assert set(owned_by(drawn.owners, 1)) < set(previous["old"])
    assert owned_by(drawn.owners, 2) == previous["green"]


def test_where_one_variant_shrinks_it_keeps_its_part_of_every_other_test() -> None:
    """Would the control give up all that the other test owns, that test's users would be left with green alone."""
    other = occupant("b", groups(range(1, 61), range(121, 181)))
    previous = {"control": list(range(1, 121)), "green": list(range(121, 241))}
    drawn = draw_split_groups([Share("control", 60), Share("green", 120)], [other], FEWEST, 0, previous)
    assert len(set(owned_by(drawn.owners, 1)) & set(range(1, 61))) == 30
    alike = draw_split_groups([Share("control", 60), Share("green", 60)], [other], FEWEST, 0, previous)
    assert not (alike.owners[other.owned] > 0).any(), "if all shrink alike, all give up what is busy"


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_whatever_changes_nobody_is_moved_who_need_not_be(data: st.DataObject) -> None:
    objective = data.draw(st.sampled_from([name for name in OBJECTIVES if name != "exclusive"]))
    sizes = st.integers(0, SPLIT_GROUPS // 6)
    before = [Share(name, data.draw(sizes)) for name in ("control", "a", "b")]
    after = [Share(name, data.draw(sizes)) for name in ("control", "a", "c")]
    others = scattered(np.random.default_rng(data.draw(st.integers(0, 99))), data.draw(st.integers(0, 6)))
    first = draw_split_groups(before, others, objective, 1, control="control")
    previous = {share.name: owned_by(first.owners, number) for number, share in enumerate(before, start=1)}
    second = draw_split_groups(after, others, objective, 2, previous, control="control")
    now = {share.name: set(owned_by(second.owners, number)) for number, share in enumerate(after, start=1)}
    assert [len(now[share.name]) for share in after] == [share.split_groups for share in after]
    for name in ("control", "a"):
        kept = now[name] & set(previous[name])
        assert len(kept) == min(len(now[name]), len(previous[name]))
    assert not (now["a"] | now["c"]) & set(previous["control"])
