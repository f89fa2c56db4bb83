"""A picture of a few lines on logarithmic axes, as SVG text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 900, 560
LEFT, RIGHT, TOP, BOTTOM = 80, 240, 50, 60
COLORS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e")


@dataclass(frozen=True)
class Line:
    """`points` are (x, y), both above zero."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def log_log_svg(title: str, x_label: str, y_label: str, lines: Sequence[Line]) -> str:
    """Each line with its name at its end; grid lines at the powers of ten and where the points are."""
    xs = sorted({x for line in lines for x, _ in line.points})
    ys = [y for line in lines for _, y in line.points]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    first, last = math.log10(xs[0]), math.log10(xs[-1])
    high, last = max(high, low + 1), max(last, first + 1e-9)

    def across(x: float) -> float:
        return LEFT + (math.log10(x) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def up(y: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(y) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="28" font-size="18">{escape(title)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 16}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text x="16" y="{TOP - 8}">{escape(y_label)}</text>',
    ]
    for power in range(low, high + 1):
        y = up(10**power)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10**power:g}</text>')
    for x in xs:
        parts.append(f'<path d="M{across(x):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>')
        parts.append(
            f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:,.0f}</text>'
        )
    ends = _apart([up(line.points[-1][1]) for line in lines])
    for number, (line, end) in enumerate(zip(lines, ends, strict=True)):
        color = COLORS[number % len(COLORS)]
        path = "L".join(f"{across(x):.1f} {up(y):.1f}" for x, y in line.points)
        dash = ' stroke-dasharray="6 4"' if line.dashed else ""
        parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
        parts.append(
            f'<text x="{WIDTH - RIGHT + 10}" y="{end + 4:.1f}" fill="{color}">{escape(line.name)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _apart(heights: Sequence[float], distance: float = 16.0) -> list[float]:
    """The same heights, moved down where two names would lie on each other."""
    moved = list(heights)
    below = -math.inf
    for index in sorted(range(len(heights)), key=lambda index: heights[index]):
        moved[index] = below = max(heights[index], below + distance)
    return moved
