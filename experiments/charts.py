"""Where the bars and lines of a chart stand, in the units of its SVG. Pure: words and colours are the templates'.

Every chart is WIDTH × HEIGHT and is stretched to its place, so its texts stand beside it in HTML.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 1000.0
HEIGHT: Final = 200.0
MOST_BARS: Final = 48


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle from the bottom up, and what it stands for: `value` between `low` and `high` (both included)."""

    x: float
    y: float
    width: float
    height: float
    low: int
    high: int
    value: int
    expected: float = 0.0


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many split groups have how many users; `line` (SVG points) is how many chance gives."""

    bars: list[Bar]
    line: str
    low: int
    high: int
    most: int


def histogram(sizes: Sequence[int]) -> Histogram:
    """Bars of whole users, of one width. Chance is binomial, drawn as the normal distribution that it nearly is."""
    low, high = min(sizes), max(sizes)
    step = max(1, math.ceil((high - low + 1) / MOST_BARS))
    count = (high - low) // step + 1
    found = [0] * count
    for size in sizes:
        found[(size - low) // step] += 1
    mean = sum(sizes) / len(sizes)
    deviation = math.sqrt(mean * (1 - 1 / len(sizes))) or 1.0
    edges = [_below(low + index * step - 0.5, mean, deviation) for index in range(count + 1)]
    expected = [len(sizes) * (after - before) for before, after in itertools.pairwise(edges)]
    most = max(*found, *expected, 1)
    width = WIDTH / count
    bars = [
        Bar(
            x=round(index * width, 2),
            y=round(HEIGHT * (1 - number / most), 2),
            width=round(width * 0.9, 2),
            height=round(HEIGHT * number / most, 2),
            low=low + index * step,
            high=min(high, low + (index + 1) * step - 1),
            value=number,
            expected=expected[index],
        )
        for index, number in enumerate(found)
    ]
    line = " ".join(
        f"{(index + 0.45) * width:.1f},{HEIGHT * (1 - number / most):.1f}"
        for index, number in enumerate(expected)
    )
    return Histogram(bars, line, low, high, max(found))


def _below(value: float, mean: float, deviation: float) -> float:
    return 0.5 * (1 + math.erf((value - mean) / deviation / math.sqrt(2)))


@dataclass(frozen=True, slots=True)
class Column:
    """One of equally wide columns, from the bottom up."""

    x: float
    y: float
    width: float
    height: float


def columns(values: Sequence[int], most: int) -> list[Column]:
    """A column for each value; one of `most` reaches the top. They touch: a row of days is one shape."""
    width = WIDTH / max(len(values), 1)
    return [
        Column(
            round(index * width, 2),
            round(HEIGHT * (1 - value / most), 2),
            round(width, 2),
            round(HEIGHT * value / most, 2),
        )
        for index, value in enumerate(values)
    ]
