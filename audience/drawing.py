"""Drawing split groups for the variants of a settings group: pure arithmetic on arrays, seeded, explainable.

Index i of every array is split group i + 1. The same arguments and seed give the same draw.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from audience.occupancy import (
    OBJECTIVES,
    Drawn,
    Groups,
    NotEnoughRoom,
    Objective,
    Occupant,
    Share,
    indices,
)
from audience.specs import SPLIT_GROUPS

__all__ = ["OBJECTIVES", "Drawn", "NotEnoughRoom", "Objective", "Occupant", "Share", "draw_split_groups"]

MOST_SHARED: Final = 50
"""How many other tests a draw's log lists."""

_TAKEN: Final = 2**62


def draw_split_groups(
    shares: Sequence[Share],
    others: Sequence[Occupant],
    objective: Objective,
    seed: int,
    previous: Mapping[str, Sequence[int]] | None = None,
    exclusive_with: Collection[str] = (),
    *,
    allow_control_to_treatment: bool = False,
    control: str | None = None,
) -> Drawn:
    """Choose split groups for all shares together, then deal them to the variants at random.

    A group is *busy* if another test owns it whose audience shares at least one user with ours; tests that own all 2400
    groups make none busy. Free groups come first, then

    * `fewest_shared_users`: busy ones, those of the tests whose audiences share the fewest users with ours first;
    * `smallest_worst_pair`: busy ones one by one, so that the test we share most with shares least;
    * `exclusive`: none that a test in `exclusive_with` (labels; none named: any test) owns and shares users over, or
      NotEnoughRoom; the others as in `fewest_shared_users`.

    `random` takes all groups alike, busy or free. Equals are chosen at random.

    What a test shares is weighed over all 2400 groups: users are spread over them at random, so within one group the number
    is mostly luck. Chosen by that luck, the draw would pick the groups in which we have the fewest users of our own.

    `previous` names groups (1-based) per variant: they stay in the variant of the same name as far as its size allows
    and none is taken that must be kept free. Groups that a variant gives up go to another one last.
    Raises ValueError for shares that are no shares (negative, more than 2400 in all, two of one name).
    """
    wanted = _checked_total(shares, objective)
    rng = np.random.default_rng(seed)
    field = _Field.survey(others, objective, exclusive_with, rng)
    available = SPLIT_GROUPS - int(field.barred.sum())
    if wanted > available:
        raise NotEnoughRoom(wanted, available)

    owners = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    before = _previous_owners(shares, previous or {})
    for number, share in enumerate(shares, start=1):
        stay = np.flatnonzero((before == number) & ~field.barred)
        owners[field.best_first(stay)[: share.split_groups]] = number
    kept = owners > 0

    needed = wanted - int(kept.sum())
    candidates = np.flatnonzero(~kept & ~field.barred)
    if objective == "smallest_worst_pair":
        chosen = _choose_smallest_worst_pair(needed, candidates, np.flatnonzero(kept), before != 0, field)
    else:
        chosen = field.best_first(candidates, last=before != 0)[:needed]
    _deal(owners, shares, rng.permutation(chosen))
    return Drawn(owners, _log(owners, shares, others, field, objective, seed, kept))


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """The 2400 groups as this draw sees them. `cost` is the weight of the tests on each group, `luck` breaks ties."""

    meeting: tuple[Occupant, ...]
    busy: NDArray[np.bool_]
    barred: NDArray[np.bool_]
    cost: NDArray[np.int64]
    luck: NDArray[np.int64]
    blind: bool

    @classmethod
    def survey(
        cls,
        others: Sequence[Occupant],
        objective: Objective,
        exclusive_with: Collection[str],
        rng: np.random.Generator,
    ) -> _Field:
        sharing = [other for other in others if other.weight and not other.finished]
        meeting = tuple(other for other in sharing if not other.is_everywhere)
        busy, barred = np.zeros(SPLIT_GROUPS, dtype=bool), np.zeros(SPLIT_GROUPS, dtype=bool)
        cost = np.zeros(SPLIT_GROUPS, dtype=np.int64)
        for other in meeting:
            busy |= other.owned
            cost += np.where(other.owned, other.weight, 0)
        for other in sharing:
            wanted_apart = not exclusive_with or other.label in exclusive_with
            if other.bars or (objective == "exclusive" and wanted_apart):
                barred |= other.owned
        return cls(meeting, busy, barred, cost, rng.permutation(SPLIT_GROUPS), blind=objective == "random")

    def best_first(self, groups: Groups, last: NDArray[np.bool_] | None = None) -> Groups:
        """The groups in the order in which they are taken; those marked in `last` after others of their class."""
        if self.blind:
            return groups[np.argsort(self.luck[groups])]
        late = np.zeros(SPLIT_GROUPS, dtype=bool) if last is None else last
        keys = (self.luck[groups], self.cost[groups], late[groups], self.busy[groups])
        return groups[np.lexsort(keys)]


def _checked_total(shares: Sequence[Share], objective: str) -> int:
    if objective not in OBJECTIVES:
        raise ValueError(f"{objective!r} is no objective; there are {', '.join(OBJECTIVES)}")
    if any(share.split_groups < 0 for share in shares):
        raise ValueError("a variant cannot have fewer than 0 split groups")
    if len({share.name for share in shares}) < len(shares):
        raise ValueError("two variants have the same name")
    wanted = sum(share.split_groups for share in shares)
    if wanted > SPLIT_GROUPS:
        raise ValueError(f"the variants want {wanted} of {SPLIT_GROUPS} split groups")
    return wanted


def _previous_owners(shares: Sequence[Share], previous: Mapping[str, Sequence[int]]) -> NDArray[np.int16]:
    """Per group: the share that had it (1-based), -1 if a variant that is gone had it, 0 if nobody."""
    before = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    numbers = {share.name: number for number, share in enumerate(shares, start=1)}
    for name, groups in previous.items():
        before[indices(name, groups)] = numbers.get(name, -1)
    return before


def _choose_smallest_worst_pair(
    needed: int, candidates: Groups, kept: Groups, last: NDArray[np.bool_], field: _Field
) -> Groups:
    """Greedy: always the group after which the largest sum of users shared with one test is smallest."""
    ordered = field.best_first(candidates, last=last)
    free, busy = ordered[~field.busy[ordered]], ordered[field.busy[ordered]]
    pairs = _Pairs(field.meeting)
    for group in kept.tolist():
        pairs.take(group)
    # The place in `ordered` breaks ties; a group that was taken is out of reach.
    rank = np.full(SPLIT_GROUPS, _TAKEN, dtype=np.int64)
    rank[busy] = np.arange(len(busy))
    chosen = list(free[:needed].tolist())
    while len(chosen) < needed:
        group = int(np.argmin(pairs.worst * SPLIT_GROUPS + rank))
        pairs.take(group)
        rank[group] = _TAKEN
        chosen.append(group)
    return np.array(chosen, dtype=np.int64)


class _Pairs:
    """The weight shared so far with each other test. `worst[group]` is what the most shared of the group's tests would come
    to if the group were taken; it only grows, so taking a group touches the groups of its own tests alone."""

    def __init__(self, meeting: Sequence[Occupant]) -> None:
        self.shared = [0] * len(meeting)
        self.groups = [np.flatnonzero(other.owned) for other in meeting]
        self.weights = [other.weight for other in meeting]
        self.owners: list[list[int]] = [[] for _ in range(SPLIT_GROUPS)]
        self.worst = np.zeros(SPLIT_GROUPS, dtype=np.int64)
        for index, (groups, weight) in enumerate(zip(self.groups, self.weights, strict=True)):
            self.worst[groups] = np.maximum(self.worst[groups], weight)
            for group in groups.tolist():
                self.owners[group].append(index)

    def take(self, group: int) -> None:
        for index in self.owners[group]:
            self.shared[index] += self.weights[index]
            groups = self.groups[index]
            self.worst[groups] = np.maximum(self.worst[groups], self.shared[index] + self.weights[index])


def _deal(owners: NDArray[np.int16], shares: Sequence[Share], shuffled: Groups) -> None:
    """Hand the chosen groups, in random order, to the variants up to their sizes."""
    start = 0
    for number, share in enumerate(shares, start=1):
        missing = share.split_groups - int((owners == number).sum())
        owners[shuffled[start : start + missing]] = number
        start += missing


def _log(
    owners: NDArray[np.int16],
    shares: Sequence[Share],
    others: Sequence[Occupant],
    field: _Field,
    objective: str,
    seed: int,
    kept: NDArray[np.bool_],
) -> dict[str, Any]:
    drawn = owners > 0
    free = ~field.busy & ~field.barred
    met = [_met(other, drawn) for other in field.meeting]
    met.sort(key=lambda entry: (-entry["shared_users_drawn"], entry["label"]))
    return {
        "seed": seed,
        "objective": objective,
        "wanted": int(drawn.sum()),
        "free": int(free.sum()),
        "busy": int((field.busy & ~field.barred).sum()),
        "barred": int(field.barred.sum()),
        "reasons": {
            "kept": _ranges(kept),
            "free": _ranges(drawn & ~kept & free),
            "busy": _ranges(drawn & ~kept & ~free),
        },
        "variants": [
            {
                "name": share.name,
                "split_groups": share.split_groups,
                "kept": int((kept & (owners == number)).sum()),
                "busy": int((field.busy & (owners == number)).sum()),
            }
            for number, share in enumerate(shares, start=1)
        ],
        "tests": len(others),
        "tests_that_make_groups_busy": len(met),
        "most_shared": met[:MOST_SHARED],
    }


def _met(other: Occupant, drawn: NDArray[np.bool_]) -> dict[str, Any]:
    both = drawn & other.owned
    return {
        "label": other.label,
        "split_groups": int(other.owned.sum()),
        "shared_users": int(other.shared_users[other.owned].sum()),
        "split_groups_drawn": int(both.sum()),
        "shared_users_drawn": int(other.shared_users[both].sum()),
    }


def _ranges(mask: NDArray[np.bool_]) -> list[list[int]]:
    """Inclusive, ascending, 1-based ranges of the marked groups."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return [[int(first) + 1, int(after)] for first, after in edges.reshape(-1, 2).tolist()]
