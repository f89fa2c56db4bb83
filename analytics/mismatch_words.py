"""A sample ratio in sentences for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.srm import ALARM_LEVEL, Expected, Method, Reason, SampleRatio, Verdict

_REASONS: Final[Mapping[Reason, Promise]] = {
    Reason.AUDIENCE_NOT_COUNTED: _(
        "The audience of these settings is not counted yet, so nobody knows which shares to expect."
    ),
    Reason.USERS_NOT_COUNTED: _("Different users are being counted; come back in a moment."),
    Reason.NO_USERS: _("No user was seen yet."),
    Reason.ONE_VARIANT: _("Only one variant has an audience, so there is no ratio to look at."),
    Reason.NOT_PRODUCTION: _(
        "Shares are judged in production only: who tries things out in devel is nobody's random sample."
    ),
    Reason.STORE_UNAVAILABLE: _("The users seen before the test was finished cannot be read at the moment."),
}
_SMALLEST_SHOWN: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Said:
    """A title, what it means, and the two answers, each with what it is good for."""

    title: str
    meaning: str
    figures: tuple[tuple[str, str, str], ...] = ()


def said(ratio: SampleRatio) -> Said:
    """What the card and the API say of it."""
    if ratio.verdict == Verdict.UNKNOWN:
        assert ratio.reason is not None
        return Said(gettext("Nothing to compare yet"), f"{_REASONS[ratio.reason]}{_uncounted(ratio)}")
    figures = _figures(ratio)
    if ratio.verdict == Verdict.FINE:
        return Said(
            gettext("The shares fit"),
            gettext(
                "Users are divided over the variants as the counted audience is, as far as chance can tell."
            )
            + _uncounted(ratio),
            figures,
        )
    worst = max(ratio.variants, key=lambda one: abs(one.seen - one.users) / one.users**0.5)
    consequence = (
        gettext(
            "This is no chance, however often somebody looked: do not trust results of this test until it is clear why."
        )
        if ratio.holds_always
        else gettext(
            "By a single look this is hardly chance. Who looks every day sees that now and then, and the second figure does"
            " not confirm it yet: look into it, and look again tomorrow."
        )
    )
    return Said(gettext("The shares do not fit"), f"{_off(worst)} {consequence}{_uncounted(ratio)}", figures)


def sentence(ratio: SampleRatio) -> str:
    """All in one."""
    words = said(ratio)
    return f"{words.title}: {words.meaning}"


def p_in_words(value: float) -> str:
    """0.0312 → "3.1 %", and what is hardly above 0 as a bound."""
    if value < _SMALLEST_SHOWN:
        return gettext("less than %(bound)s %%") % {"bound": "0.0001"}
    return f"{value * 100:.2g} %" if value < 0.1 else f"{value * 100:.0f} %"


def _off(one: Expected) -> str:
    told = (
        gettext("“%(name)s” has %(seen)s users, %(difference)s more than the %(expected)s expected.")
        if one.seen > one.users
        else gettext("“%(name)s” has %(seen)s users, %(difference)s fewer than the %(expected)s expected.")
    )
    return told % {
        "name": one.name,
        "seen": f"{one.seen:,}",
        "difference": f"{abs(one.seen - one.users):,.0f}",
        "expected": f"{one.users:,.0f}",
    }


def _figures(ratio: SampleRatio) -> tuple[tuple[str, str, str], ...]:
    assert ratio.p_value is not None
    assert ratio.always_valid_p is not None
    once = {
        Method.CHI_SQUARE: gettext("Chi-square test"),
        Method.EXACT: gettext("Exact test"),
        Method.ROUGH: gettext("Chi-square test, rough: few users are expected in a variant"),
    }
    assert ratio.method is not None
    level = {"level": f"{ALARM_LEVEL * 100:g}"}
    return (
        (
            once[ratio.method],
            p_in_words(ratio.p_value),
            gettext(
                "How often chance alone does worse, for somebody who looks once. Below %(level)s %% is an alarm."
            )
            % level,
        ),
        (
            gettext("Always valid"),
            p_in_words(ratio.always_valid_p),
            gettext(
                "The same for everybody who looks every day. Slower, but below %(level)s %% it stays an alarm."
            )
            % level,
        ),
    )


def _uncounted(ratio: SampleRatio) -> str:
    if not ratio.uncounted:
        return ""
    names = ", ".join(f"“{name}”" for name in ratio.uncounted)
    told = gettext("Users were seen in %(names)s although nobody was counted for it: left out here.")
    return " " + told % {"names": names}
