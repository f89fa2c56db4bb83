"""Who owns which of the 2400 split groups: the shapes that drawing, dealing and overlaps are computed from.

Index i of every array is split group i + 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from audience.specs import SPLIT_GROUPS

Objective = Literal["fewest_shared_users", "smallest_worst_pair", "random", "exclusive"]
OBJECTIVES: Final[tuple[Objective, ...]] = get_args(Objective)

Owners = NDArray[np.int16]
"""int16[2400]: 0 where nobody owns the split group, else k for the k-th variant."""

Users = NDArray[np.int64]
"""int64[2400]: users per split group."""

Groups = NDArray[np.int64]
"""Indices of split groups, 0-based."""

Mask = NDArray[np.bool_]
"""bool[2400]."""


@dataclass(frozen=True, slots=True)
class Share:
    """One variant and how many of the 2400 split groups it gets."""

    name: str
    split_groups: int


@dataclass(frozen=True, slots=True, eq=False)
class Occupant:
    """Another test whose dates meet ours: the variant that owns each group, and the users per group that match both its
    conditions and ours.

    `finished`: it ended recently. It makes no group busy and bars none, but what it did to its users may linger (carry-over), so
    its variants are spread over ours like those of a running test. `bars`: it was drawn to be exclusive with us, so whatever our
    objective we get none of its groups. Raises ValueError for arrays that are not of 2400 entries.
    """

    label: str
    owners: Owners
    shared_users: Users
    finished: bool = False
    bars: bool = False
    weight: int = field(init=False)
    """Users in both audiences, whatever their split group: 2400 times what one group of theirs is expected to share."""

    def __post_init__(self) -> None:
        if self.owners.shape != (SPLIT_GROUPS,) or self.shared_users.shape != (SPLIT_GROUPS,):
            raise ValueError(f"{self.label}: the arrays must have {SPLIT_GROUPS} entries")
        # Asked for again and again, of a thousand tests.
        object.__setattr__(self, "weight", int(self.shared_users.sum()))

    @property
    def owned(self) -> Mask:
        """The groups that any of its variants owns."""
        return self.owners > 0

    @property
    def is_everywhere(self) -> bool:
        """It owns all 2400 groups, so that no draw can keep away from it."""
        return bool(self.owned.all())


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Who owns which split group after a draw; `owners` counts the shares from 1. `log` is ready for JSON."""

    owners: Owners
    log: dict[str, Any]


class NotEnoughRoom(Exception):
    """An exclusive draw cannot be had: `wanted` groups are needed, `free` are not taken by the named tests."""

    def __init__(self, wanted: int, free: int) -> None:
        super().__init__(
            f"{wanted} split groups are needed, but only {free} are free of the tests to keep apart from"
        )
        self.wanted = wanted
        self.free = free


class ControlWouldMove(NotEnoughRoom):
    """The treatments (`wanted` groups more) can only grow by taking users from the control; `free` groups are to be had otherwise."""

    def __init__(self, wanted: int, free: int) -> None:
        Exception.__init__(
            self,
            f"the other variants need {wanted} more split groups, but only {free} can be had without moving users"
            " from the control to them; allow that, or give the variants less",
        )
        self.wanted = wanted
        self.free = free


def owners_of(groups: Mapping[str, Sequence[int]], names: Sequence[str]) -> Owners:
    """Who owns what, from 1-based groups by variant name. Raises ValueError for names not given and groups out of range."""
    owners = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    for name, numbers in groups.items():
        if name not in names:
            raise ValueError(f"there is no variant {name!r}; there are {', '.join(names)}")
        owners[indices(name, numbers)] = list(names).index(name) + 1
    return owners


def indices(name: str, numbers: Sequence[int]) -> Groups:
    """0-based indices of 1-based split groups. Raises ValueError, naming the variant, for those out of range."""
    positions = np.asarray(numbers, dtype=np.int64) - 1
    if positions.size and (positions.min() < 0 or positions.max() >= SPLIT_GROUPS):
        raise ValueError(f"{name}: split groups are 1 to {SPLIT_GROUPS}")
    return positions
