"""Sets of split groups and their written form. No framework here."""

from __future__ import annotations

from collections.abc import Sequence


def as_ranges(numbers: Sequence[int]) -> list[list[int]]:
    """Ascending split groups as inclusive ranges: [1, 2, 3, 7] → [[1, 3], [7, 7]]."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def owned_by(owners: Sequence[int], position: int) -> list[int]:
    """The split groups (1..2400, ascending) of the variant at `position` (1-based) in a draw's `owners`."""
    return [index for index, owner in enumerate(owners, start=1) if owner == position]
