"""Where the lines of a chart stand, in the units of its SVG (see experiments.charts). Pure: words and colours are the templates'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from experiments.charts import HEIGHT, WIDTH

_STEPS: Final = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class LineChart:
    """A line (SVG points) for each series; the scale ends at `top`, a round number. `spots` are those of a single moment."""

    lines: list[str]
    spots: list[list[tuple[float, float]]]
    top: int


def line_chart(series: Sequence[Sequence[int]]) -> LineChart:
    """Equally spaced moments from left to right. A single moment is no line: it is drawn as a spot."""
    top = round_top(max((value for values in series for value in values), default=0))
    placed = [
        [(_across(index, len(values)), HEIGHT * (1 - value / top)) for index, value in enumerate(values)]
        for values in series
    ]
    return LineChart(
        lines=[
            " ".join(f"{x:.1f},{y:.1f}" for x, y in points) if len(points) > 1 else "" for points in placed
        ],
        spots=[points if len(points) == 1 else [] for points in placed],
        top=top,
    )


def round_top(most: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50… that is not below `most`."""
    power = 1
    while power * 10 < most:
        power *= 10
    return next(power * step for step in _STEPS if power * step >= max(most, 1))


def _across(index: int, count: int) -> float:
    return WIDTH * index / (count - 1) if count > 1 else WIDTH / 2
