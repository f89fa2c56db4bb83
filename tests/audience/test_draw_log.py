"""What a draw writes down is enough to understand it and to draw it again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from audience.drawing import OBJECTIVES, Objective, Share, draw_split_groups, replay_draw
from tests.audience.occupants import evenly, groups, occupant, owned_by, scattered

FEWEST: Objective = "fewest_shared_users"


def test_the_log_is_json_and_accounts_for_every_group() -> None:
    others = [occupant("b", groups(range(1, 2201)))]
    drawn = draw_split_groups([Share("a", 300)], others, FEWEST, 11, previous={"a": [1, 2, 3]})
    log = json.loads(json.dumps(drawn.log))
    counted = {
        reason: sum(last - first + 1 for first, last in ranges) for reason, ranges in log["reasons"].items()
    }
    assert counted == {"kept": 3, "free": 200, "busy": 97}
    assert (log["seed"], log["objective"], log["free"], log["busy"]) == (11, FEWEST, 200, 2200)
    assert log["most_shared"][0] == {
        "label": "b", "split_groups": 2200, "shared_users": 22_000, "split_groups_drawn": 100, "shared_users_drawn": 1_000,
    }  # fmt: skip


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_draw_is_drawn_again_from_its_log(objective: Objective) -> None:
    rng = np.random.default_rng(3)
    others = scattered(rng, 8, most_groups=600)
    users = rng.poisson(30, 2400).astype(np.int64)
    first = draw_split_groups(
        [Share("control", 60), Share("green", 90)], others, FEWEST, 1, control="control"
    )
    previous = {"control": owned_by(first.owners, 1), "green": owned_by(first.owners, 2)}
    drawn = draw_split_groups(
        [Share("control", 40), Share("green", 100), Share("blue", 60)], others, objective, 2**62 + 5, previous,
        exclusive_with=["test 1", "test 2"], control="control", users=users,
    )  # fmt: skip
    again = replay_draw(json.loads(json.dumps(drawn.log)), others, previous, users)
    assert (again.owners == drawn.owners).all()
    assert again.log == drawn.log


def test_a_replay_with_other_counts_is_refused() -> None:
    drawn = draw_split_groups([Share("a", 300)], [occupant("b", groups(range(1, 101)))], FEWEST, 1)
    with pytest.raises(ValueError, match="not drawn with these: other tests"):
        replay_draw(drawn.log, [occupant("b", groups(range(1, 101)), users=11)])
    with pytest.raises(ValueError, match="not drawn with these: what was drawn before"):
        replay_draw(drawn.log, [occupant("b", groups(range(1, 101)))], {"a": [1]})
    with pytest.raises(ValueError, match="not drawn with these: users"):
        replay_draw(drawn.log, [occupant("b", groups(range(1, 101)))], users=evenly(3))


def test_a_replay_that_comes_out_differently_says_so() -> None:
    drawn = draw_split_groups([Share("a", 300)], [], FEWEST, 1)
    with pytest.raises(ValueError, match="another version"):
        replay_draw({**drawn.log, "result": "0"}, [])


def test_the_log_says_how_evenly_every_variant_of_every_test_was_dealt() -> None:
    others = [
        *scattered(np.random.default_rng(4), 3),
        occupant("over", groups(range(1, 1201)), finished=True),
    ]
    drawn = draw_split_groups([Share("control", 240), Share("green", 480)], others, "random", 9)
    deal = json.loads(json.dumps(drawn.log["deal"]))
    assert deal["variants_met"] == len(deal["listed"]) == sum(other.owners.max() for other in others)
    assert deal["within_one"] == deal["variants_met"]
    entry = next(entry for entry in deal["listed"] if entry["label"] == "over")
    control, green = (int((others[-1].owned & (drawn.owners == number)).sum()) for number in (1, 2))
    assert entry["split_groups"] == [control, green]
    assert entry["finished"] is True
    assert entry["off"] == pytest.approx(abs(control - (control + green) / 3), abs=0.01)
