"""What a draw means for users: how many are in other tests as well, and how many move when a test changes.

Arithmetic on who owns which split group and on counts per split group; the warehouse is not asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audience.drawing import draw_split_groups
from audience.occupancy import (
    OBJECTIVES,
    Drawn,
    NotEnoughRoom,
    Objective,
    Occupant,
    Owners,
    Share,
    Users,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """What we share with one other test. `share` is of our users in our own split groups (0..1).

    `is_everywhere`: it owns all 2400 groups, so that no draw can keep away from it.
    """

    label: str
    users: int
    share: float
    is_everywhere: bool


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far a draw meets the other live tests.

    Who is in two other tests at once is not known from counts of pairs, so the users in at least one other test lie between
    `users_in_other_tests_at_least` (each group: its largest pair) and `…_at_most` (the sum of its pairs, or all its users).
    Both agree where no group has two others. `pairs` has every test that shares a user, the largest first. Tests on all
    2400 groups are among `pairs`, and in no other figure: they are the same whatever is drawn. Finished ones are left out.
    """

    users_per_variant: tuple[int, ...]
    users_in_variants: int
    users_in_other_tests_at_least: int
    users_in_other_tests_at_most: int
    worst_pair: Pair | None
    mean_pair_users: float
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One objective beside the others: its draw and overlap, or why it cannot be had."""

    objective: Objective
    drawn: Drawn | None
    overlap: Overlap | None
    no_room: NotEnoughRoom | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Users who see variant `to_variant` after they saw `from_variant`."""

    from_variant: str
    to_variant: str
    split_groups: int
    users: int


@dataclass(frozen=True, slots=True)
class Movement:
    """Users for whom a new draw changes something: those in a variant before and after (`stay` in the same one, or `changes`),
    and those who `join` the test or `leave` it."""

    stay: int
    join: int
    leave: int
    changes: tuple[Change, ...]

    @property
    def change(self) -> int:
        """Users who stay in the test and see another variant."""
        return sum(change.users for change in self.changes)


def overlap_of(owners: Owners, others: Sequence[Occupant], users: Users, variants: int) -> Overlap:
    """The overlap with `others` of a draw for so many `variants`; `users` match our conditions, per split group."""
    drawn = owners > 0
    mine = int(users[drawn].sum())
    largest, summed = np.zeros_like(users), np.zeros_like(users)
    pairs = []
    for other in others:
        if other.finished or not other.weight:
            continue
        everywhere = other.is_everywhere
        shared = np.where(drawn & other.owned, other.shared_users, 0)
        both = int(shared.sum())
        pairs.append(Pair(other.label, both, both / mine if mine else 0.0, everywhere))
        if not everywhere:
            largest = np.maximum(largest, shared)
            summed += shared
    pairs.sort(key=lambda pair: (-pair.users, pair.label))
    per_variant = np.bincount(owners, weights=users, minlength=variants + 1)
    avoidable = [pair for pair in pairs if not pair.is_everywhere]
    return Overlap(
        users_per_variant=tuple(int(count) for count in per_variant[1:]),
        users_in_variants=mine,
        users_in_other_tests_at_least=int(largest.sum()),
        users_in_other_tests_at_most=int(np.minimum(summed, np.where(drawn, users, 0)).sum()),
        worst_pair=avoidable[0] if avoidable and avoidable[0].users else None,
        mean_pair_users=sum(pair.users for pair in avoidable) / len(avoidable) if avoidable else 0.0,
        pairs=tuple(pair for pair in pairs if pair.users),
    )


def compare_draws(
    shares: Sequence[Share],
    others: Sequence[Occupant],
    seed: int,
    users: Users,
    *,
    objectives: Sequence[Objective] = OBJECTIVES,
    previous: Mapping[str, Sequence[int]] | None = None,
    exclusive_with: Collection[str] = (),
    allow_control_to_treatment: bool = False,
    control: str | None = None,
    previous_control: str | None = None,
) -> list[Comparison]:
    """Every objective with the same seed: each is the very draw that confirming it with that seed would give.

    The arguments are those of `draw_split_groups`; `users` are those who match our conditions, per split group.
    """
    compared = []
    for objective in objectives:
        try:
            drawn = draw_split_groups(
                shares,
                others,
                objective,
                seed,
                previous,
                exclusive_with,
                allow_control_to_treatment=allow_control_to_treatment,
                control=control,
                previous_control=previous_control,
                users=users,
            )
        except NotEnoughRoom as error:
            compared.append(Comparison(objective, None, None, error))
        else:
            compared.append(
                Comparison(objective, drawn, overlap_of(drawn.owners, others, users, len(shares)))
            )
    return compared


def movement(
    previous_owners: Owners,
    owners: Owners,
    users: Users,
    *,
    previous_names: Sequence[str],
    names: Sequence[str],
) -> Movement:
    """Users who stay, join, leave and change variant; `names` are those of the variants 1, 2, … of each draw.

    A variant is the same when its name is. `users` are those who match the new conditions: who matched only the old ones is
    not known here.
    """
    before, after = np.array(["", *previous_names]), np.array(["", *names])
    was, becomes = before[previous_owners], after[owners]
    both = (previous_owners > 0) & (owners > 0)
    changed = both & (was != becomes)
    changes = []
    for old in previous_names:
        for new in names:
            groups = changed & (was == old) & (becomes == new)
            if groups.any():
                changes.append(Change(old, new, int(groups.sum()), int(users[groups].sum())))
    return Movement(
        stay=int(users[both & ~changed].sum()),
        join=int(users[(previous_owners == 0) & (owners > 0)].sum()),
        leave=int(users[(previous_owners > 0) & (owners == 0)].sum()),
        changes=tuple(changes),
    )
