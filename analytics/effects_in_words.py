"""Results as people read them: each event as one to three measures, each variant beside the one it is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext

from analytics.intervals import Difference, Interval
from analytics.mismatch_words import p_in_words
from analytics.results import EventResult, Results, VariantResult
from experiments.worth_words import number

NOT_KNOWN: Final = "—"
_MOST_PLACES: Final = 6


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
    interval = one.rate_interval
    places = _places(one.rate, interval, 100)
    value = NOT_KNOWN if one.rate is None else _percent(one.rate, places)
    return _row(one, value, _range(interval, _percent, places), one.rate_difference, _points, 100)


def _mean(one: VariantResult, mean: float | None, difference: Difference | None) -> Row:
    return _row(one, NOT_KNOWN if mean is None else number(mean), "", difference, _signed, 1)


def _row(
    one: VariantResult,
    value: str,
    between: str,
    difference: Difference | None,
    in_unit: Callable[[float, int], str],
    scale: int,
) -> Row:
    if difference is None:
        return Row(one.name, one.users, value, between, NOT_KNOWN, "", NOT_KNOWN, "", NOT_KNOWN, None)
    places = _places(difference.absolute, difference.absolute_interval, scale)
    in_percent = _places(difference.relative, difference.relative_interval, 100)
    return Row(
        name=one.name,
        users=one.users,
        value=value,
        between=between,
        difference=in_unit(difference.absolute, places),
        difference_between=_range(difference.absolute_interval, in_unit, places),
        relative=NOT_KNOWN
        if difference.relative is None
        else _signed_percent(difference.relative, in_percent),
        relative_between=_range(difference.relative_interval, _signed_percent, in_percent),
        chance=NOT_KNOWN if difference.p_value is None else p_in_words(difference.p_value),
        says=_says(difference.absolute_interval),
    )


def _says(interval: Interval) -> str:
    if interval.low is not None and interval.low > 0:
        return "higher"
    if interval.high is not None and interval.high < 0:
        return "lower"
    return ""


def _places(value: float | None, interval: Interval | None, scale: int) -> int:
    """So many decimals for an estimate and both ends of its interval that the largest of them has three digits that mean
    something; of percents at least one, because 99.6 % and 99.9 % are not alike. What is smaller than six decimals show is 0."""
    ends = (interval.low, interval.high) if interval is not None else ()
    largest = max((abs(one) * scale for one in (value, *ends) if one is not None), default=0)
    if largest < 10**-_MOST_PLACES:
        return 0
    return min(_MOST_PLACES, max(1 if scale == 100 else 0, 2 - math.floor(math.log10(largest))))


def _range(interval: Interval | None, shown: Callable[[float, int], str], places: int) -> str:
    """`4.82 % to 5.20 %`; nothing where one of its ends is open."""
    if interval is None or interval.low is None or interval.high is None:
        return ""
    ends = {"low": shown(interval.low, places), "high": shown(interval.high, places)}
    return gettext("%(low)s to %(high)s") % ends


def _percent(part: float, places: int) -> str:
    return f"{part * 100:,.{places}f} %"


def _signed(value: float, places: int) -> str:
    """With a sign: +0.31, −2, 0."""
    shown = f"{abs(value):,.{places}f}"
    if not float(shown.replace(",", "")):
        return shown
    return f"{'+' if value > 0 else '−'}{shown}"


def _signed_percent(part: float, places: int) -> str:
    return f"{_signed(part * 100, places)} %"


def _points(part: float, places: int) -> str:
    """A difference of two rates, which is no percentage of anything."""
    return gettext("%(number)s points") % {"number": _signed(part * 100, places)}
