"""Other tests to draw beside."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from audience.occupancy import Occupant, Owners, Users
from audience.specs import SPLIT_GROUPS


def groups(*numbers: int | range) -> NDArray[np.bool_]:
    """A mask of split groups, given 1-based."""
    owned = np.zeros(SPLIT_GROUPS, dtype=bool)
    for number in numbers:
        owned[np.array(number if isinstance(number, range) else [number]) - 1] = True
    return owned


def occupant(label: str, owned: Iterable[bool], users: int = 10, *, finished: bool = False) -> Occupant:
    """A test of one variant with the same number of shared users in every group."""
    mask = np.array(owned, dtype=np.int16)
    return Occupant(label, mask, evenly(users), finished=finished)


def evenly(users: int) -> Users:
    return np.full(SPLIT_GROUPS, users, dtype=np.int64)


def scattered(
    rng: np.random.Generator, tests: int, *, most_groups: int = SPLIT_GROUPS, finished: bool = False
) -> list[Occupant]:
    """Tests of two or three variants on groups at random, with audiences of very different size."""
    found = []
    for number in range(tests):
        owners = np.zeros(SPLIT_GROUPS, dtype=np.int16)
        owned = rng.permutation(SPLIT_GROUPS)[: int(rng.integers(most_groups // 4, most_groups + 1))]
        for variant, part in enumerate(np.array_split(owned, rng.integers(2, 4)), start=1):
            owners[part] = variant
        users = rng.poisson(rng.uniform(1, 40), SPLIT_GROUPS).astype(np.int64)
        found.append(Occupant(f"test {number}", owners, users, finished=finished))
    return found


def owned_by(owners: Owners, number: int) -> list[int]:
    """The split groups of the variant of that number, 1-based."""
    return (np.flatnonzero(owners == number) + 1).tolist()
