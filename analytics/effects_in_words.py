"""Results as people read them: each event as one to three measures, each variant beside the one it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext

from analytics.intervals import Difference, Interval
from analytics.mismatch_words import p_in_words
from analytics.results import EventResult, Results, VariantResult
from experiments.worth_words import number, percent

NOT_KNOWN: Final = "—"


@dataclass(frozen=True, slots=True)
class Row:
    """One variant. `says` is whether the interval leaves out "no difference": "higher", "lower", "" where it does not, and None
    for the variant that is compared with."""

    name: str
    users: int
    value: str
    between: str
    difference: str
    difference_between: str
    relative: str
    relative_between: str
    chance: str
    says: str | None


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of an event, variant by variant."""

    title: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class EventShown:
    """An event and its measures: how many users had it; how often and how much, where that says more."""

    event: str
    measures: list[Measured]


def shown_events(results: Results) -> list[EventShown]:
    """In the order of the results: the most frequent first."""
    return [_event(one) for one in results.events]


def comparisons(events: list[EventShown]) -> int:
    """How many differences are shown: of so many, one in twenty leaves out 0 by chance."""
    return sum(row.says is not None for one in events for measured in one.measures for row in measured.rows)


def _event(result: EventResult) -> EventShown:
    measures = [Measured(gettext("Users who did it"), [_rate(one) for one in result.variants])]
    if any(one.events > one.conversions for one in result.variants):
        rows = [_mean(one, one.mean_events, one.events_difference) for one in result.variants]
        measures.append(Measured(gettext("Times per user"), rows))
    if any(one.value for one in result.variants):
        rows = [_mean(one, one.mean_value, one.value_difference) for one in result.variants]
        measures.append(Measured(gettext("Value per user"), rows))
    return EventShown(result.event, measures)


def _rate(one: VariantResult) -> Row:
    value = NOT_KNOWN if one.rate is None else percent(one.rate)
    return _row(one, value, _range(one.rate_interval, percent), one.rate_difference, _points)


def _mean(one: VariantResult, mean: float | None, difference: Difference | None) -> Row:
    return _row(one, NOT_KNOWN if mean is None else number(mean), "", difference, _signed)


def _row(
    one: VariantResult,
    value: str,
    between: str,
    difference: Difference | None,
    in_unit: Callable[[float], str],
) -> Row:
    if difference is None:
        return Row(one.name, one.users, value, between, NOT_KNOWN, "", NOT_KNOWN, "", NOT_KNOWN, None)
    return Row(
        name=one.name,
        users=one.users,
        value=value,
        between=between,
        difference=in_unit(difference.absolute),
        difference_between=_range(difference.absolute_interval, in_unit),
        relative=NOT_KNOWN if difference.relative is None else _signed_percent(difference.relative),
        relative_between=_range(difference.relative_interval, _signed_percent),
        chance=NOT_KNOWN if difference.p_value is None else p_in_words(difference.p_value),
        says=_says(difference.absolute_interval),
    )


def _says(interval: Interval) -> str:
    if interval.low is not None and interval.low > 0:
        return "higher"
    if interval.high is not None and interval.high < 0:
        return "lower"
    return ""


def _range(interval: Interval | None, shown: Callable[[float], str]) -> str:
    """`4.8 % to 5.2 %`; nothing where one of its ends is open."""
    if interval is None or interval.low is None or interval.high is None:
        return ""
    return gettext("%(low)s to %(high)s") % {"low": shown(interval.low), "high": shown(interval.high)}


def _signed(value: float) -> str:
    """With a sign: +0.31, −2, 0."""
    if value == 0:
        return "0"
    return f"{'+' if value > 0 else '−'}{number(abs(value))}"


def _signed_percent(part: float) -> str:
    return f"{_signed(part * 100)} %"


def _points(part: float) -> str:
    """A difference of two rates, which is no percentage of anything."""
    return gettext("%(number)s points") % {"number": _signed(part * 100)}
