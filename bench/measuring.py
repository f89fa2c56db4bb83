"""Timing two ways of doing the same, side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of one call of each way; turns are interleaved, so that a busy machine slows all alike."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.process_time()
            way()
            taken[name].append(time.process_time() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def table(title: str, rows: Mapping[str, float], base: str, unit: str = "µs", scale: float = 1e6) -> str:
    """Each row with its time and how many times the base it is."""
    lines = [title]
    for name, seconds in rows.items():
        lines.append(f"  {name:<44} {seconds * scale:>10.2f} {unit}   {seconds / rows[base]:>7.2f} ×")
    return "\n".join(lines)
