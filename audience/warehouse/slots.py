"""Where a generation's users lie in arrays of bits: one slot each, in the order of split groups.

Each split group begins at a multiple of 64 slots, so that its users are whole words, which are counted by themselves;
what is left over at its end belongs to nobody. An empty split group has no slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from audience.specs import SPLIT_GROUPS

WORD: Final = 64
Bits = NDArray[np.uint64]
"""One bit per slot, the first slot lowest."""


@dataclass(frozen=True)
class Slots:
    """`sizes` (int64[2400]) are the users per split group, who come in this order in the users' file."""

    sizes: NDArray[np.int64]

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The first row of each split group, and the number of rows: int64[2401]."""
        return _running(self.sizes)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first slot of each split group, and the number of slots: int64[2401], multiples of 64."""
        return _running((self.sizes + WORD - 1) // WORD * WORD)

    @property
    def count(self) -> int:
        return int(self.starts[-1])

    @property
    def words(self) -> int:
        return self.count // WORD

    def stretches(self, slots: int) -> Iterator[tuple[int, int]]:
        """Runs of split groups, as [first, behind the last), of about so many slots, at least one group each."""
        first = 0
        while first < SPLIT_GROUPS:
            last = int(np.searchsorted(self.starts, self.starts[first] + slots, side="right")) - 1
            last = max(first + 1, min(last, SPLIT_GROUPS))
            yield first, last
            first = last

    def spread(self, values: NDArray[Any], first: int, last: int) -> NDArray[Any]:
        """Values of the rows of these split groups, put into their slots; zero where nobody is."""
        spread = np.zeros(int(self.starts[last] - self.starts[first]), dtype=values.dtype)
        slots, rows = self.starts - self.starts[first], self.rows - self.rows[first]
        for group in range(first, last):
            start, row = slots[group], rows[group]
            spread[start : start + self.sizes[group]] = values[row : row + self.sizes[group]]
        return spread

    def slots_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The slots of rows."""
        groups = np.searchsorted(self.rows, rows, side="right") - 1
        moved: NDArray[np.int64] = rows - self.rows[groups] + self.starts[groups]
        return moved

    def per_group(self, bits: Bits) -> NDArray[np.int64]:
        """How many bits are set per split group, int64[2400]."""
        counts = np.zeros(SPLIT_GROUPS, dtype=np.int64)
        filled = np.flatnonzero(self.sizes)
        if len(filled):
            counts[filled] = np.add.reduceat(
                np.bitwise_count(bits), self.starts[filled] // WORD, dtype=np.int64
            )
        return counts

    @cached_property
    def everyone(self) -> Bits:
        """All users."""
        bits = np.zeros(self.words, dtype=np.uint64)
        for first, last in self.stretches(1 << 20):
            there = self.spread(np.ones(int(self.rows[last] - self.rows[first]), dtype=np.uint8), first, last)
            bits[self.starts[first] // WORD : self.starts[last] // WORD] = packed(there)
        return bits


def packed(flags: NDArray[Any]) -> Bits:
    """Booleans, or numbers that count as true unless they are zero, as bits. Their number is a multiple of 64."""
    return np.packbits(flags, bitorder="little").view(np.uint64)


def _running(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
