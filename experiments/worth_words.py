"""The answer to "Is it worth running?" in plain sentences."""

from __future__ import annotations

import math

from django.utils.translation import gettext, ngettext

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
            gettext("The warehouse does not know %(names)s: the users are upper bounds, so it takes longer.")
            % {"names": ", ".join(worth.not_counted)}
        )
    if "visitors_per_day" in worth.assumed:
        found.append(
            gettext(
                "That %(visitors)s of the %(users)s users who meet the conditions come by in a day is a guess, one in ten."
                " Put your own number: the days depend on it."
            )
            % {"visitors": number(worth.visitors_per_day), "users": f"{worth.users:,}"}
        )
    if worth.asked.visitors_per_week is None and worth.habits is not None:
        found.append(
            gettext(
                "Without the visitors of a week, each day's are taken as others by chance. Usually the same users come back,"
                " and it takes longer."
            )
        )
    if worth.arrivals_unknown:
        found.append(gettext("New users are left out: %(why)s.") % {"why": worth.arrivals_unknown})
    if not worth.has_control:
        found.append(
            gettext("No variant is the control; the others are compared with %(name)s, the first.")
            % {"name": worth.variants[0].name}
        )
    if any(row.is_rough for row in worth.by_days):
        found.append(
            gettext("So few conversions are expected at first that the figures of those days are rough.")
        )
    return found


def effect_in_words(measure: Measure, effect: Effect, *, or_beyond: bool = False) -> str:
    """`5 % higher (5 % → 5.25 %)`, `at least 5 % higher (…)`; of a mean of 0 `0.3 higher`."""
    if effect.absolute > 0:
        told = gettext("at least %(change)s higher") if or_beyond else gettext("%(change)s higher")
    else:
        told = gettext("at least %(change)s lower") if or_beyond else gettext("%(change)s lower")
    if effect.relative is None:
        return told % {"change": amount(measure, abs(effect.absolute))}
    before, after = amount(measure, measure.baseline), amount(measure, measure.baseline + effect.absolute)
    return f"{told % {'change': percent(abs(effect.relative))}} ({before} → {after})"


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


def _after_days(worth: Worth, row: AfterDays) -> str:
    values = {"days": row.days, "reason": row.reason}
    if row.smallest is None:
        nothing = ngettext(
            "After %(days)s day the test shows nothing: %(reason)s.",
            "After %(days)s days the test shows nothing: %(reason)s.",
            row.days,
        )
        return nothing % values
    fewest = min(row.users.values())
    change = effect_in_words(worth.asked.measure, row.smallest, or_beyond=True)
    reached = ngettext(
        "In %(days)s day it reaches about %(users)s users in its smallest variant.",
        "In %(days)s days it reaches about %(users)s users in its smallest variant.",
        row.days,
    )
    found = (
        gettext("A conversion rate that is %(change)s would be found with a chance of %(power)s.")
        if worth.asked.measure.metric == "proportion"
        else gettext("A mean that is %(change)s would be found with a chance of %(power)s.")
    )
    values |= {"users": f"{fewest:,}", "change": change, "power": percent(worth.asked.rules.power)}
    return f"{reached % values} {found % values}"


def _for_effect(worth: Worth, row: ForEffect) -> str:
    what = effect_in_words(worth.asked.measure, row.effect)
    if row.days is None:
        told = gettext("It is not worth running to find %(what)s: %(reason)s.")
        return told % {"what": what, "reason": row.reason}
    told = ngettext(
        "To find %(what)s it has to run %(days)s day.",
        "To find %(what)s it has to run %(days)s days.",
        row.days,
    )
    return told % {"what": what, "days": f"{row.days:,}"}
