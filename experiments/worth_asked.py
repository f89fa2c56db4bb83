"""What is asked of "Is it worth running?", read from a form or from JSON: every field that makes no sense is named."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from audience.power import Measure, Rules, Unanswerable
from core.errors import FieldError, InvalidInput

METRICS: Final = ("proportion", "mean")
EFFECT_KINDS: Final = ("relative", "absolute")
DAYS: Final = (7, 14, 28)
RELATIVE_EFFECTS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
MOST_DAYS: Final = 365
MOST_ANSWERS: Final = 20
FIELDS: Final = (
    "metric", "baseline", "deviation", "effect_kind", "effects", "days", "alpha", "power", "sides",
    "visitors_per_day", "visitors_per_week", "arrivals_per_day",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WorthAsked:
    """`effects` are absolute, each with what was asked for; `days` ascend. What is None is taken from the counted audience."""

    measure: Measure
    rules: Rules
    effects: tuple[float, ...]
    days: tuple[int, ...] = DAYS
    visitors_per_day: float | None = None
    visitors_per_week: float | None = None
    arrivals_per_day: float | None = None


def read_asked(raw: Mapping[str, object]) -> WorthAsked:
    """Numbers may be texts; what is missing, null or empty has its default. Raises InvalidInput with all fields that are wrong."""
    reader = _Reader(raw)
    metric = reader.one_of("metric", METRICS)
    kind = reader.one_of("effect_kind", EFFECT_KINDS)
    sides = reader.number("sides")
    if sides not in (None, 1, 2):
        reader.refuse("sides", "must be 2 (does it change?) or 1 (does it change in this direction?)")
    measure = reader.measure(metric)
    rules = reader.rules(two_sided=sides != 1)
    effects = reader.effects(measure, relative=kind == "relative") if measure else ()
    days = reader.days()
    visitors = {
        name: reader.at_least_zero(name)
        for name in ("visitors_per_day", "visitors_per_week", "arrivals_per_day")
    }
    if visitors["visitors_per_week"] is not None and visitors["visitors_per_day"] is None:
        reader.refuse("visitors_per_day", "is needed beside the visitors of a week")
    reader.finish()
    assert measure is not None
    assert rules is not None
    return WorthAsked(measure, rules, effects, days, **visitors)


class _Reader:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self, raw: Mapping[str, object]) -> None:
        self.raw = raw
        self.errors: list[FieldError] = []

    def refuse(self, path: str, message: str) -> None:
        if all(error.path != path for error in self.errors):
            self.errors.append(FieldError(path, message))

    def finish(self) -> None:
        if self.errors:
            raise InvalidInput(self.errors)

    def one_of(self, field: str, known: Sequence[str]) -> str:
        value = self.raw.get(field) or known[0]
        if value not in known:
            self.refuse(field, f"must be one of: {', '.join(known)}")
            return ""
        return str(value)

    def number(self, field: str) -> float | None:
        return self.number_at(field, self.raw.get(field))

    def number_at(self, path: str, value: object) -> float | None:
        if value is None or value == "":
            return None
        number = _as_number(value)
        if number is None:
            self.refuse(path, "must be a number")
        return number

    def at_least_zero(self, field: str) -> float | None:
        number = self.number(field)
        if number is not None and not 0 <= number <= 1e12:
            self.refuse(field, "must be a number of users, 0 or more")
        return number

    def measure(self, metric: str) -> Measure | None:
        baseline, deviation = self.number("baseline"), self.number("deviation")
        if baseline is None:
            self.refuse("baseline", "is needed: what the metric is today")
        if baseline is None or not metric:
            return None
        try:
            return Measure("mean" if metric == "mean" else "proportion", baseline, deviation)
        except Unanswerable as error:
            self.refuse(error.field, error.message)
            return None

    def rules(self, *, two_sided: bool) -> Rules | None:
        given = {name: self.number(name) for name in ("alpha", "power")}
        try:
            return Rules(
                **{name: value for name, value in given.items() if value is not None}, two_sided=two_sided
            )
        except Unanswerable as error:
            self.refuse(error.field, error.message)
            return None

    def effects(self, measure: Measure, *, relative: bool) -> tuple[float, ...]:
        asked = self.several("effects")
        if not asked:
            # The usual ones, without those that a high rate has no room for.
            usual = RELATIVE_EFFECTS if relative and measure.baseline else ()
            room = math.inf if measure.metric == "mean" else 1 - measure.baseline
            return tuple(part * abs(measure.baseline) for part in usual if part * measure.baseline < room)
        found = []
        for path, value in asked:
            size = self.number_at(path, value)
            if size is None:
                self.refuse(path, "must be a number")
                continue
            try:
                found.append(measure.effect(size, relative=relative))
            except Unanswerable as error:
                self.refuse(path, error.message)
        return tuple(found)

    def days(self) -> tuple[int, ...]:
        found = set()
        for path, value in self.several("days"):
            day = self.number_at(path, value)
            if day is None or day != int(day) or not 1 <= day <= MOST_DAYS:
                self.refuse(path, f"must be a whole number of days from 1 to {MOST_DAYS}")
            else:
                found.add(int(day))
        return tuple(sorted(found)) or DAYS

    def several(self, field: str) -> list[tuple[str, object]]:
        """The values of a list with their paths; a single value is a list of one."""
        value: Any = self.raw.get(field)
        if value is None or value == "":
            return []
        if not isinstance(value, list):
            return [(field, value)]
        if len(value) > MOST_ANSWERS:
            self.refuse(field, f"must be at most {MOST_ANSWERS}")
            return []
        return [(f"{field}[{index}]", item) for index, item in enumerate(value)]


def _as_number(value: object) -> float | None:
    """A finite number, from a number or its text ("1,000" too); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = (
            float(Decimal(value.replace(",", "").strip()[:50])) if isinstance(value, str) else float(value)
        )
    except (InvalidOperation, OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None
