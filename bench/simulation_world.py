"""A made-up company for the simulation of draws: users by split group and segment, and tests with audiences of all kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audience.occupancy import Occupant, Users
from audience.specs import SPLIT_GROUPS

COUNTRIES, PLATFORMS = 8, 3
SHAPE = (COUNTRIES, PLATFORMS, 2, 2)
"""Segments: country × platform × paying × new."""

Segments = NDArray[np.bool_]
"""Which of the segments an audience is made of."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A test that somebody wants: its audience and how many split groups its variants get."""

    label: str
    audience: Segments
    sizes: tuple[int, ...]

    @property
    def split_groups(self) -> int:
        return sum(self.sizes)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Users per split group and segment (int64[2400, segments])."""

    users: NDArray[np.int64]

    @classmethod
    def made(cls, rng: np.random.Generator, users_per_group: float = 200) -> World:
        """Countries by Zipf, half the users on one platform, one in twenty paying, one in five new."""
        country = 1 / np.arange(1, COUNTRIES + 1)
        shares = np.einsum(
            "c,p,m,n->cpmn", country / country.sum(), [0.5, 0.3, 0.2], [0.95, 0.05], [0.8, 0.2]
        )
        return cls(rng.poisson(users_per_group * shares.ravel(), (SPLIT_GROUPS, shares.size)))

    def matching(self, audience: Segments) -> Users:
        """Users of an audience per split group."""
        return np.asarray(self.users[:, audience].sum(axis=1), dtype=np.int64)

    def occupant(self, plan: Plan, owners: NDArray[np.int16], audience: Segments) -> Occupant:
        """A test that is drawn, as one with that audience sees it."""
        return Occupant(plan.label, owners, self.matching(plan.audience & audience))


def plans_up_to(load: float, rng: np.random.Generator) -> list[Plan]:
    """Tests one after the other until their shares of the 2400 groups sum up to the load; the last one gets what is left."""
    room, plans = round(load * SPLIT_GROUPS), list[Plan]()
    while room >= 2:
        variants = int(rng.choice([2, 2, 2, 3, 4]))
        size = int(SPLIT_GROUPS * rng.choice([0.02, 0.05, 0.1, 0.2], p=[0.25, 0.4, 0.25, 0.1]) / variants)
        sizes = (min(size, room // variants),) * variants
        if not sizes[0]:
            break
        plans.append(Plan(f"test {len(plans) + 1}", _audience(rng), sizes))
        room -= sum(sizes)
    return plans


def _audience(rng: np.random.Generator) -> Segments:
    """A quarter each of everybody, one country and one platform; the rest a few countries, payers, or new users of a country."""
    chosen = np.zeros(SHAPE, dtype=bool)
    # A country is as likely to be chosen as the share of its users.
    country = rng.choice(
        COUNTRIES, p=(1 / np.arange(1, COUNTRIES + 1)) / (1 / np.arange(1, COUNTRIES + 1)).sum()
    )
    kind = rng.choice(6, p=[0.25, 0.25, 0.2, 0.12, 0.1, 0.08])
    if kind == 0:
        chosen[:] = True
    elif kind == 1:
        chosen[country] = True
    elif kind == 2:
        chosen[:, rng.integers(PLATFORMS)] = True
    elif kind == 3:
        chosen[rng.choice(COUNTRIES, 3, replace=False)] = True
    elif kind == 4:
        chosen[:, :, 1] = True
    else:
        chosen[country, :, :, 1] = True
    return chosen.ravel()


@dataclass(frozen=True, slots=True)
class Met:
    """How far the tests of a world meet: users in any test and in two or more, of any pair and of the worst one.

    `worst_share` is of the users of the smaller test of a pair, the largest over all pairs.
    """

    in_tests: float
    in_two: float
    worst_pair: float
    worst_share: float
    mean_pair: float

    @classmethod
    def of(cls, world: World, plans: Sequence[Plan], owners: Sequence[NDArray[np.int16]]) -> Met:
        owned = (np.stack(owners) > 0).astype(np.float64)
        audiences = np.stack([plan.audience for plan in plans]).astype(np.float64)
        in_how_many = owned.T @ audiences
        pairs, meets = np.zeros((len(plans), len(plans))), np.zeros((len(plans), len(plans)), dtype=bool)
        sizes = np.array(
            [
                world.users[groups > 0][:, plan.audience].sum()
                for groups, plan in zip(owners, plans, strict=True)
            ]
        )
        for first, plan in enumerate(plans):
            for second in range(first):
                both = plan.audience & plans[second].audience
                if both.any():
                    groups = (owners[first] > 0) & (owners[second] > 0)
                    pairs[first, second] = world.users[groups][:, both].sum()
                    meets[first, second] = True
        smaller = np.maximum(1, np.minimum.outer(sizes, sizes))
        return cls(
            in_tests=float(world.users[in_how_many >= 1].sum()),
            in_two=float(world.users[in_how_many >= 2].sum()),
            worst_pair=float(pairs.max()),
            worst_share=float((pairs / smaller).max()),
            mean_pair=float(pairs[meets].mean()) if meets.any() else 0.0,
        )
