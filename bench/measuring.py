"""Timing several ways of doing the same side by side, and saying what was asked of them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Times = dict[str, list[float]]
"""Seconds of one call, per way, a value for every round; the values of one round belong together."""


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


@dataclass(frozen=True)
class Way:
    """Something to time: ``run`` does ``calls`` calls in a loop of its own."""

    run: Callable[[], object]
    calls: int


def over(call: Callable[..., object], arguments: Sequence[tuple[object, object]], times: int = 1) -> Way:
    """``call`` with each pair of arguments in turn, the whole list ``times`` times over.

    The loop's own cost, a few dozen nanoseconds a call, is in every row alike.
    """

    def run() -> None:
        for _ in range(times):
            for first, second in arguments:
                call(first, second)

    return Way(run, len(arguments) * times)


def one_round(ways: Mapping[str, Way]) -> dict[str, float]:
    """Seconds of this thread's CPU per call of each way, one after the other."""
    taken = {}
    for name, way in ways.items():
        started = time.thread_time()
        way.run()
        taken[name] = (time.thread_time() - started) / way.calls
    return taken


def in_turns(ways: Mapping[str, Way], rounds: int) -> Times:
    """Every way once a round, the first round not counted."""
    one_round(ways)
    # What was made so far is not searched for garbage again; what the calls make is, as in an application.
    gc.collect()
    gc.freeze()
    taken: Times = {name: [] for name in ways}
    try:
        for _ in range(rounds):
            for name, seconds in one_round(ways).items():
                taken[name].append(seconds)
    finally:
        gc.unfreeze()
    return taken


def times_as_long(times: Times, name: str, base: str) -> float:
    """How many times as long as the base: the median of the rounds' own ratios."""
    return statistics.median(
        mine / theirs for mine, theirs in zip(times[name], times[base], strict=True) if theirs
    )


@dataclass(frozen=True)
class Figure:
    """A number that was asked for: at most (or at least) so much."""

    what: str
    value: float
    target: float
    unit: str = "×"
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        asked = f"{sign} {self.target:g} {self.unit}"
        verdict = "met" if self.met else "NOT MET"
        return f"  {self.what:<62} {self.value:>10.2f} {self.unit:<3}  asked {asked:<9} {verdict}"


def figures(rows: Sequence[Figure]) -> str:
    """The asked numbers, each with its target and whether it is met."""
    return "\n".join(map(str, rows))


def table(title: str, rows: Mapping[str, float], base: str, unit: str = "µs", scale: float = 1e6) -> str:
    """Each row with its time and how many times the base it is."""
    lines = [title]
    for name, seconds in rows.items():
        lines.append(f"  {name:<44} {seconds * scale:>10.2f} {unit}   {seconds / rows[base]:>7.2f} ×")
    return "\n".join(lines)


def timing_table(title: str, times: Times, base: str) -> str:
    """Each way's median in µs and its median ratio to the base."""
    lines = [title]
    for name, seconds in times.items():
        ratio = times_as_long(times, name, base)
        lines.append(f"  {name:<62} {statistics.median(seconds) * 1e6:>10.3f} µs {ratio:>8.2f} ×")
    return "\n".join(lines)
