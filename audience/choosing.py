"""Choosing which of the 2400 split groups a test gets: which are free, what the busy ones cost, in which order they are taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audience.occupancy import Groups, Mask, Objective, Occupant
from audience.specs import SPLIT_GROUPS

_TAKEN: Final = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """The 2400 groups as one draw sees them.

    `meeting` are the live tests that share a user with ours and don't own everything. A group is *busy* if one of them owns it,
    *barred* if this draw must not take it. Groups of a lower `rank` are taken first; `luck` orders those of one rank,
    unless `spreads`: then they are taken so that the test that is shared most is shared least.
    """

    meeting: tuple[Occupant, ...]
    busy: Mask
    barred: Mask
    rank: NDArray[np.int64]
    luck: NDArray[np.int64]
    spreads: bool

    @classmethod
    def survey(
        cls,
        others: Sequence[Occupant],
        objective: Objective,
        exclusive_with: Collection[str],
        rng: np.random.Generator,
    ) -> Field:
        sharing = [other for other in others if other.weight and not other.finished]
        meeting = tuple(other for other in sharing if not other.is_everywhere)
        barred, cost = np.zeros(SPLIT_GROUPS, dtype=bool), np.zeros(SPLIT_GROUPS, dtype=np.int64)
        for other in meeting:
            cost += np.where(other.owned, other.weight, 0)
        for other in sharing:
            wanted_apart = not exclusive_with or other.label in exclusive_with
            if other.bars or (objective == "exclusive" and wanted_apart):
                barred |= other.owned
        busy = cost > 0
        if objective == "random":
            rank = np.zeros_like(cost)
        elif objective == "smallest_worst_pair":
            rank = busy.astype(np.int64)
        else:
            rank = _ranks(cost)
        return cls(meeting, busy, barred, rank, rng.permutation(SPLIT_GROUPS), spreads=objective != "random")

    def order(self, groups: Groups) -> Groups:
        """The groups in the order in which they are kept: low ranks first, then by luck."""
        return groups[np.lexsort((self.luck[groups], self.rank[groups]))]

    def choose(self, needed: int, candidates: Groups, taken: Mask) -> Groups:
        """So many of the candidates, for a test that has `taken` already. Raises ValueError if there are not so many."""
        if needed > len(candidates):
            raise ValueError(f"{needed} of {len(candidates)} groups cannot be chosen")
        ordered = self.order(candidates)
        if not needed:
            return ordered[:0]
        last_rank = self.rank[ordered[needed - 1]]
        certain = ordered[self.rank[ordered] < last_rank]
        equals = ordered[self.rank[ordered] == last_rank]
        missing = needed - len(certain)
        if self.spreads and missing < len(equals) and self.busy[equals[0]]:
            so_far = taken.copy()
            so_far[certain] = True
            return np.concatenate([certain, _spread(missing, equals, so_far, self.meeting)])
        return np.concatenate([certain, equals[:missing]])


def _ranks(cost: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 for what is free, then 1, 2, …: costs that differ by no more than luck have the same rank.

    The root of a count has a standard deviation of 1/2 whatever the count (Bartlett 1936), so a rank is one step of it wide,
    from its lowest cost on: two standard deviations.
    """
    lowest, costs = [0], np.unique(cost[cost > 0])
    while len(costs):
        lowest.append(int(costs[0]))
        costs = costs[np.sqrt(costs) >= np.sqrt(costs[0]) + 1]
    return np.searchsorted(lowest, cost, side="right") - 1


def _spread(needed: int, equals: Groups, taken: Mask, meeting: Sequence[Occupant]) -> Groups:
    """Greedy: always the group after which the largest sum of users shared with one test is smallest; the first of equals."""
    pairs = _Pairs(meeting, taken)
    # The place in `equals` breaks ties; a group that was taken is out of reach.
    place = np.full(SPLIT_GROUPS, _TAKEN, dtype=np.int64)
    place[equals] = np.arange(len(equals))
    chosen = np.empty(needed, dtype=np.int64)
    for number in range(needed):
        group = int(np.argmin(pairs.worst * SPLIT_GROUPS + place))
        pairs.take(group)
        place[group] = _TAKEN
        chosen[number] = group
    return chosen


class _Pairs:
    """The weight shared so far with each other test. `worst[group]` is what the most shared of the group's tests would come
    to if the group were taken; it only grows, so taking a group touches the groups of its own tests alone."""

    def __init__(self, meeting: Sequence[Occupant], taken: Mask) -> None:
        owned = [other.owned for other in meeting]
        self.groups = [np.flatnonzero(mask) for mask in owned]
        self.weights = [other.weight for other in meeting]
        self.shared = [
            weight * int((mask & taken).sum()) for weight, mask in zip(self.weights, owned, strict=True)
        ]
        self.owners = np.array(owned).T
        self.worst = np.zeros(SPLIT_GROUPS, dtype=np.int64)
        for index in range(len(meeting)):
            self._raise_worst(index)

    def take(self, group: int) -> None:
        for index in np.flatnonzero(self.owners[group]).tolist():
            self.shared[index] += self.weights[index]
            self._raise_worst(index)

    def _raise_worst(self, index: int) -> None:
        groups = self.groups[index]
        self.worst[groups] = np.maximum(self.worst[groups], self.shared[index] + self.weights[index])
