"""Dealing drawn split groups to the variants of a test, so that every variant of every other test is spread over them evenly.

Chances and evenness are kept apart, so that neither costs the other:

1. The groups are put at random on a circle of equal *blocks*, as many per variant as its size says, and the blocks are made alike by
   swaps. However cleverly that is done…
2. …the circle is then turned by a random number of blocks, and each variant gets the blocks of its arc. A group is in each
   block's place with the same chance, so it lands in each variant with exactly the chance that the percents say, whatever it is
   like (systematic sampling with a random start, Madow and Madow 1944).

Groups that stay in their variant from a draw before are given. Where they are uneven, those dealt now make up for it as far as
they can: the one case in which chances depend on what a group is like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from audience.balancing import Numbers, Rows, arcs_of_blocks, swap_towards_even
from audience.occupancy import Groups, Occupant, Owners, Users
from audience.specs import SPLIT_GROUPS

MOST_COLUMNS: Final = 400
"""So many variants of other tests are looked at, those of the largest overlaps; more than that cannot all be even anyway."""

LARGEST: Final = 5
"""So many tests, those we overlap most with, come before all others when not everything can be even."""

MOST_BLOCKS: Final = 64
"""Of more blocks than that, those above are dealt at random: where variants are of very different size, to the large ones."""

LEFT_TO_CHANCE: Final = 50
"""One in so many of a variant's groups may be dealt without regard to evenness, where sizes have no good common divisor."""

MOST_LISTED: Final = 150
"""So many variants of other tests are listed in a log."""

_LOOKS = 600
_LEVELS = 64
_BEFORE_OTHERS = 16
_USER_STEPS = 4


def deal_to_variants(
    owners: Owners,
    groups: Groups,
    sizes: Sequence[int],
    others: Sequence[Occupant],
    rng: np.random.Generator,
    users: Users | None = None,
) -> Owners:
    """`owners` with `groups` dealt to the variants: as many to the k-th as `sizes` says (together: all of them).

    What `owners` has already is left as it is and counted in. `users` (ours, per group) has the variants' users made even as
    well. Raises ValueError when groups and sizes don't go together.
    """
    if sum(sizes) != len(groups) or owners[groups].any():
        raise ValueError(f"{len(groups)} groups without an owner are to be dealt, {sum(sizes)} are wanted")
    dealt = owners.copy()
    wanting = [number for number, size in enumerate(sizes, start=1) if size]
    if len(wanting) < 2:
        dealt[groups] = wanting[0] if wanting else 0
        return dealt
    columns = _Columns.of(others, groups, users)
    shuffled = rng.permutation(groups)
    if not len(columns.weights):
        dealt[shuffled] = np.repeat(np.arange(1, len(sizes) + 1), sizes)
        return dealt
    dealt[shuffled] = _turn_circle(columns, shuffled, [sizes[number - 1] for number in wanting], wanting, rng)
    if owners.any():
        _make_up_for_given(columns, dealt, groups, wanting, rng)
    return dealt


def unevenness(owners: Owners, variants: int, others: Sequence[Occupant]) -> dict[str, Any]:
    """How evenly the other tests lie over ours, ready for JSON: per variant of theirs the groups that each of ours has, and `off`,
    by how many groups that is away from proportion at most. The largest overlaps come first; not more than MOST_LISTED."""
    drawn = np.flatnonzero(owners)
    sizes = np.bincount(owners[drawn], minlength=variants + 1)[1:]
    entries = []
    for other in others:
        theirs = other.owners[drawn]
        width = int(theirs.max(initial=0)) + 1
        table = np.bincount(owners[drawn] * width + theirs, minlength=(variants + 1) * width)
        for number in range(1, width):
            per_variant = table.reshape(variants + 1, width)[1:, number]
            if other.weight and per_variant.any():
                due = per_variant.sum() * sizes / sizes.sum()
                entries.append((other, number, per_variant, float(np.abs(per_variant - due).max())))
    entries.sort(key=lambda entry: (-entry[0].weight * int(entry[2].sum()), entry[0].label, entry[1]))
    return {
        "variants_met": len(entries),
        "within_one": sum(off < 1 for *_, off in entries),
        "furthest": round(max((off for *_, off in entries), default=0.0), 2),
        "listed": [
            {
                "label": other.label,
                "variant": number,
                "finished": other.finished,
                "split_groups": per_variant.tolist(),
                "off": round(off, 2),
            }
            for other, number, per_variant, off in entries[:MOST_LISTED]
        ],
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """What is to be even: a column (int, 2400 entries) per variant of another test, with a weight; the last may be our users."""

    values: Numbers
    weights: Numbers

    @classmethod
    def of(cls, others: Sequence[Occupant], groups: Groups, users: Users | None) -> _Columns:
        met: list[tuple[int, Occupant, list[int]]] = []
        for other in others:
            owners = other.owners[groups]
            theirs = [int(number) for number in np.unique(owners) if number]
            if other.weight and theirs:
                met.append((other.weight * int((owners > 0).sum()), other, theirs))
        met.sort(key=lambda entry: (-entry[0], entry[1].label))
        most = max((other.weight for _, other, _ in met), default=1)
        values, weights = [], []
        for rank, (_, other, theirs) in enumerate(met):
            level = max(1, round(_LEVELS * other.weight / most)) * (_BEFORE_OTHERS if rank < LARGEST else 1)
            values += [other.owners == number for number in theirs]
            weights += [level] * len(theirs)
        del values[MOST_COLUMNS:], weights[MOST_COLUMNS:]
        if users is not None and users.sum():
            # In steps of a quarter of a group: one group's worth of users counts as much as a group of the largest test.
            values.append(np.clip(np.rint(_USER_STEPS * users / users.mean()), 0, 10 * _USER_STEPS))
            weights.append(_LEVELS // _USER_STEPS**2)
        stacked = np.array(values, dtype=np.float64).reshape(len(values), SPLIT_GROUPS)
        return cls(stacked, np.array(weights, dtype=np.float64))

    def rows(self, groups: Groups) -> Rows:
        return Rows.weighted(np.ascontiguousarray(self.values[:, groups].T), self.weights)


def _turn_circle(
    columns: _Columns,
    shuffled: Groups,
    sizes: Sequence[int],
    numbers: Sequence[int],
    rng: np.random.Generator,
) -> Owners:
    """The number of the variant for each of the shuffled groups."""
    length = _block_length(sizes)
    arcs = _arcs(sizes, length)
    count = sum(arcs)
    seats = [size - arc * length for size, arc in zip(sizes, arcs, strict=True)]
    # What the blocks leave over goes to the first of the shuffled ones, which are any.
    rows = columns.rows(shuffled[sum(seats) :])
    blocks = np.repeat(np.arange(count), length)
    sums = rows.values.reshape(count, length, -1).sum(axis=1)
    offs = count * sums - sums.sum(axis=0)
    swap_towards_even(rows, blocks, offs, count, arcs_of_blocks(arcs), _LOOKS, rng)
    of_place = np.repeat(np.array(numbers, dtype=np.int16), arcs)
    turned = of_place[(blocks + rng.integers(count)) % count]
    return np.concatenate([np.repeat(np.array(numbers, dtype=np.int16), seats), turned])


def _block_length(sizes: Sequence[int]) -> int:
    """The largest block of which every variant is a multiple, up to a few groups left to chance."""
    return next(
        length
        for length in range(max(sizes), 0, -1)
        if all(LEFT_TO_CHANCE * (size % length) <= size for size in sizes)
    )


def _arcs(sizes: Sequence[int], length: int) -> list[int]:
    """Blocks per variant: as many as fit, the largest variants cut first where that is too many in all."""
    arcs = [size // length for size in sizes]
    while sum(arcs) > MOST_BLOCKS:
        arcs[arcs.index(max(arcs))] -= 1
    return arcs


def _make_up_for_given(
    columns: _Columns, dealt: Owners, groups: Groups, numbers: Sequence[int], rng: np.random.Generator
) -> None:
    """Swap groups dealt now between variants so that these are even together with what was given; changes `dealt`."""
    sizes = np.array([(dealt == number).sum() for number in numbers], dtype=np.float64)
    mine = np.isin(dealt, numbers)
    total = columns.values[:, mine].sum(axis=1)
    sums = np.stack([columns.values[:, dealt == number].sum(axis=1) for number in numbers])
    offs = sizes.sum() * sums - np.outer(sizes, total)
    places = np.searchsorted(numbers, dealt[groups]).astype(np.int64)
    rows = columns.rows(groups)
    swap_towards_even(rows, places, offs, int(sizes.sum()), np.eye(len(numbers)), _LOOKS, rng)
    dealt[groups] = np.array(numbers, dtype=np.int16)[places]
