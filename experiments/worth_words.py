"""The answer to "Is it worth running?" in plain sentences."""

from __future__ import annotations

import math

from audience.power import Measure
from experiments.worth import AfterDays, Effect, ForEffect, Worth


def sentences(worth: Worth) -> list[str]:
    """What it comes to, the longest time first, then the effect asked for, if there is one."""
    last = worth.by_days[-1]
    found = [_after_days(worth, last)]
    if len(worth.by_effects) == 1:
        found.append(_for_effect(worth, worth.by_effects[0]))
    return found


def notes(worth: Worth) -> list[str]:
    """What the figures rest on, and where they are weak."""
    found = []
    if worth.not_counted:
        found.append(
            f"The warehouse does not know {', '.join(worth.not_counted)}: the users are upper bounds, so it takes longer."
        )
    if "visitors_per_day" in worth.assumed:
        found.append(
            f"That {number(worth.visitors_per_day)} of the {worth.users:,} users who meet the conditions come by in a day is a guess, "
            "one in ten. Put your own number: the days depend on it."
        )
    if worth.asked.visitors_per_week is None and worth.habits is not None:
        found.append(
            "Without the visitors of a week, each day's are taken as others by chance. Usually the same users come back, and it takes longer."
        )
    if worth.arrivals_unknown:
        found.append(f"New users are left out: {worth.arrivals_unknown}.")
    if not worth.has_control:
        found.append(
            f"No variant is the control; the others are compared with {worth.variants[0].name}, the first."
        )
    if any(row.is_rough for row in worth.by_days):
        found.append("So few conversions are expected at first that the figures of those days are rough.")
    return found


def effect_in_words(measure: Measure, effect: Effect, *, or_beyond: bool = False) -> str:
    """`5 % higher (5 % → 5.25 %)`, `at least 5 % higher (…)`; of a mean of 0 `0.3 higher`."""
    direction = "higher" if effect.absolute > 0 else "lower"
    least = "at least " if or_beyond else ""
    before, after = amount(measure, measure.baseline), amount(measure, measure.baseline + effect.absolute)
    if effect.relative is None:
        return f"{least}{amount(measure, abs(effect.absolute))} {direction}"
    return f"{least}{percent(abs(effect.relative))} {direction} ({before} → {after})"


def amount(measure: Measure, value: float) -> str:
    """A value of the metric: rates in percent."""
    return percent(value) if measure.metric == "proportion" else number(value)


def percent(part: float) -> str:
    """0.0525 → 5.25 %."""
    return f"{number(part * 100)} %"


def number(value: float, digits: int = 3) -> str:
    """So many digits that mean something, thousands apart, never an exponent: 1,234 · 12.3 · 0.00123."""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _metric(measure: Measure) -> str:
    return "conversion rate" if measure.metric == "proportion" else "mean"


def _after_days(worth: Worth, row: AfterDays) -> str:
    days = f"{row.days} day{'s' if row.days > 1 else ''}"
    if row.smallest is None:
        return f"After {days} the test shows nothing: {row.reason}."
    fewest = min(row.users.values())
    change = effect_in_words(worth.asked.measure, row.smallest, or_beyond=True)
    return (
        f"In {days} it reaches about {fewest:,} users in its smallest variant. A {_metric(worth.asked.measure)} that is {change} "
        f"would be found with a chance of {percent(worth.asked.rules.power)}."
    )


def _for_effect(worth: Worth, row: ForEffect) -> str:
    what = effect_in_words(worth.asked.measure, row.effect)
    if row.days is None:
        return f"It is not worth running to find {what}: {row.reason}."
    return f"To find {what} it has to run {row.days:,} day{'s' if row.days > 1 else ''}."
