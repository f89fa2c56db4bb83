"""Making blocks of things alike by swaps: the arithmetic under the dealing of split groups.

A thing is a row of whole numbers, mostly 0 and 1: "variant 2 of test B owns it". A block is alike when its column sums are its
share of the whole's. All arithmetic is with whole numbers below 2**53, so that sums come out the same in whatever order a
processor adds them: a replay on another machine chooses the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
"""Whole numbers, in the type that multiplies fast."""

Places = NDArray[np.int64]

SEEN_AT_ONCE: Final = 256
"""Of two blocks, so many things each are tried against each other in one look for a swap."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Things (n × columns) with a weight per column; `gram[i, j]` is the weighted product of two of them.

    Products must stay below 2**24: then the table, the largest there is, may be of half the size and is still exact.
    """

    values: Numbers
    weights: Numbers
    gram: NDArray[np.float32]

    @classmethod
    def weighted(cls, values: Numbers, weights: Numbers) -> Rows:
        narrow = values.astype(np.float32)
        return cls(values, weights, (narrow * weights.astype(np.float32)) @ narrow.T)


def arcs_of_blocks(lengths: Sequence[int]) -> Numbers:
    """Q (blocks × blocks) such that xᵀQx sums (Σ x over the arc)² over all arcs of these lengths on the circle of blocks."""
    blocks = sum(lengths)
    apart = np.abs(np.subtract.outer(np.arange(blocks), np.arange(blocks)))
    return sum(
        (np.maximum(0, length - apart) + np.maximum(0, length - (blocks - apart)) for length in lengths),
        start=np.zeros((blocks, blocks)),
    )


def swap_towards_even(
    rows: Rows, blocks: Places, offs: Numbers, scale: int, form: Numbers, looks: int, rng: np.random.Generator
) -> int:
    """Swap things between blocks while that lessens how far these are off; changes `blocks`, returns the number of swaps.

    `offs` (blocks × columns) is `scale` times what each block has over its due; what counts is the weighted sum over the
    columns of xᵀ`form`x. Ends after so many `looks` at two blocks, or when none of all pairs has a swap to offer.

    Greedy pair switching (Krieger, Azriel and Kapelner 2019, Biometrika 106: 695): from a random start it takes few swaps, so that
    who is together with whom stays nearly as random as it was.
    """
    pairs = [(first, second) for second in range(len(offs)) for first in range(second)]
    pairs = [pairs[place] for place in rng.permutation(len(pairs))]
    # slope[i, k]: half of what it costs to put thing i into block k, times the scale
    slope = (rows.values * rows.weights) @ (form @ offs).T
    swaps, idle = 0, 0
    for look in range(looks):
        first, second = pairs[look % len(pairs)]
        found = _best_swap(rows, blocks, slope, scale, form, (first, second), rng)
        if found is None:
            idle += 1
            if idle >= len(pairs):
                break
            continue
        mine, theirs = found
        blocks[mine], blocks[theirs] = second, first
        slope += scale * np.outer(
            (rows.gram[theirs] - rows.gram[mine]).astype(np.float64), form[:, first] - form[:, second]
        )
        swaps, idle = swaps + 1, 0
    return swaps


def _best_swap(
    rows: Rows,
    blocks: Places,
    slope: Numbers,
    scale: int,
    form: Numbers,
    pair: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[int, int] | None:
    """One thing of each block whose swap helps most, among a sample of them; None if none helps."""
    first, second = pair
    mine, theirs = (_sample(np.flatnonzero(blocks == block), rng) for block in pair)
    if not len(mine) or not len(theirs):
        return None
    bend = scale * (form[first, first] + form[second, second] - 2 * form[first, second])
    lean = 2 * (slope[:, first] - slope[:, second])
    own = np.diag(rows.gram).astype(np.float64)
    change = rows.gram[np.ix_(mine, theirs)].astype(np.float64) * (-2 * bend)
    change += (bend * own[mine] - lean[mine])[:, None]
    change += (bend * own[theirs] + lean[theirs])[None, :]
    best = int(np.argmin(change))
    if change.flat[best] >= 0:
        return None
    return int(mine[best // len(theirs)]), int(theirs[best % len(theirs)])


def _sample(places: Places, rng: np.random.Generator) -> Places:
    return places if len(places) <= SEEN_AT_ONCE else rng.choice(places, SEEN_AT_ONCE, replace=False)
