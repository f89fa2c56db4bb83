"""How much a test can show: power, the users it needs, and the smallest effect it finds. No framework here.

Every treatment is compared with the control. Conversion rates by the two-sample z test, with the pooled variance under "no
difference" and the variances of both rates under the effect (Fleiss, Levin & Paik, Statistical Methods for Rates and
Proportions, 2003, chapter 4, without continuity correction); means by Student's t test with one standard deviation (Cohen,
Statistical Power Analysis, 1988, chapter 2). With k treatments each comparison has alpha / k (Bonferroni; Dunn 1961), so
that the chance of any false alarm stays alpha at most. `power` is that of each single comparison.

statsmodels takes seconds and a hundred megabytes to import, so only the functions that compute import it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Metric = Literal["proportion", "mean"]

MOST_USERS: Final = 1e12
"""More users than this nobody has; what would need more is not answered."""
LEAST_USERS: Final = 2.0
_EVENTS_FOR_NORMAL: Final = 10
# Beyond these the arithmetic would leave the range of a float, and nobody measures such things.
_SMALLEST: Final = 1e-12
_LARGEST: Final = 1e12
_NARROWEST: Final = 1e-9


class Unanswerable(ValueError):
    """A question without a sensible answer. `field` is the word that has to change: baseline, deviation, effect, alpha, …"""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured, as it is now: a conversion rate (0..1), or a mean with its standard deviation."""

    metric: Metric
    baseline: float
    deviation: float | None = None

    def __post_init__(self) -> None:
        if not (self.baseline == 0 or _SMALLEST <= abs(self.baseline) <= _LARGEST):
            raise Unanswerable(
                "baseline", f"must be 0 or a number whose size is from {_SMALLEST:g} to {_LARGEST:g}"
            )
        if self.metric == "proportion":
            if self.deviation is not None:
                raise Unanswerable("deviation", "belongs to a mean; a conversion rate has its own")
            if not _NARROWEST <= self.baseline <= 1 - _NARROWEST:
                raise Unanswerable("baseline", "must be more than 0 % and less than 100 %")
        elif self.deviation is None:
            raise Unanswerable("deviation", "is needed for a mean: how far single users are from it")
        elif not _SMALLEST <= self.deviation <= _LARGEST:
            raise Unanswerable("deviation", f"must be more than 0, from {_SMALLEST:g} to {_LARGEST:g}")

    def effect(self, size: float, *, relative: bool) -> float:
        """The absolute effect: `size` itself, or that part of the baseline. Raises Unanswerable for what cannot be."""
        if not math.isfinite(size):
            raise Unanswerable("effect", "must be a number")
        if relative and self.baseline == 0:
            raise Unanswerable("effect", "cannot be relative to a mean of 0; give it in absolute terms")
        effect = size * abs(self.baseline) if relative else size
        if effect == 0:
            raise Unanswerable("effect", "must not be 0: no number of users shows that nothing changes")
        if self.metric == "proportion" and not 0 < self.baseline + effect < 1:
            raise Unanswerable(
                "effect",
                f"would make a rate of {self.baseline * 100:g} % one of {(self.baseline + effect) * 100:g} %; "
                "it must stay between 0 % and 100 %",
            )
        return effect


@dataclass(frozen=True, slots=True)
class Rules:
    """`alpha`: chance of any false alarm. `power`: chance to find an effect that is there. One-sided looks in the effect's direction."""

    alpha: float = 0.05
    power: float = 0.8
    two_sided: bool = True

    def __post_init__(self) -> None:
        if not 1e-9 <= self.alpha < 0.5:
            raise Unanswerable("alpha", "must be more than 0 and less than 0.5 (50 %)")
        if not self.alpha < self.power < 1:
            raise Unanswerable(
                "power",
                f"must be more than alpha, {self.alpha:g}, which chance alone gives, and less than 1",
            )


def power_of_each(measure: Measure, rules: Rules, users: Sequence[float], effect: float) -> list[float]:
    """The power of every comparison. `users` are those of the control, then of each treatment; `effect` is absolute."""
    control, *treatments = _checked(users)
    return [_power(measure, rules, control, treatment, len(treatments), effect) for treatment in treatments]


def is_found(measure: Measure, rules: Rules, users: Sequence[float], effect: float) -> bool:
    """Whether every comparison finds `effect` (absolute) with the power asked for. Fewer than two users find nothing."""
    if min(users) < LEAST_USERS:
        return False
    return min(power_of_each(measure, rules, users, effect)) >= rules.power


def smallest_effect(measure: Measure, rules: Rules, users: Sequence[float]) -> float | None:
    """The smallest increase (absolute) that every comparison finds with the power asked for; None if none does.

    A conversion rate cannot grow beyond 100 %, so with few users there may be none.
    """
    users = _checked(users)

    def finds(effect: float) -> bool:
        return is_found(measure, rules, users, effect)

    if measure.metric == "proportion":
        largest = (1 - measure.baseline) * (1 - 1e-9)
        if not finds(largest):
            return None
    else:
        assert measure.deviation is not None
        largest = measure.deviation
        while not finds(largest):
            largest *= 2
    return _first(finds, largest * 1e-9, largest)


def users_needed(measure: Measure, rules: Rules, shares: Sequence[float], effect: float) -> list[int]:
    """Users of the control and of each treatment so that every comparison finds `effect` (absolute) with the power asked for.

    `shares` say how users are dealt, the control's first; only their ratios count. Raises Unanswerable when it
    would take more users than there can be.
    """
    parts = _checked(shares, field="variants", least=0.0)
    whole = sum(parts)

    def finds(total: float) -> bool:
        return is_found(measure, rules, [total * part / whole for part in parts], effect)

    if not finds(MOST_USERS):
        raise Unanswerable("effect", f"is too small: more than {MOST_USERS:,.0f} users would be needed")
    total = _first(finds, 1.0, MOST_USERS)
    return [math.ceil(total * part / whole) for part in parts]


def is_rough(measure: Measure, users: Sequence[float]) -> bool:
    """Whether so few conversions are expected that the normal approximation of their number is a rough one."""
    if measure.metric != "proportion":
        return False
    return min(users) * min(measure.baseline, 1 - measure.baseline) < _EVENTS_FOR_NORMAL


def alpha_of_each(rules: Rules, treatments: int) -> float:
    """Bonferroni's part of alpha for one of the comparisons."""
    return rules.alpha / treatments


def _power(
    measure: Measure, rules: Rules, control: float, treatment: float, comparisons: int, effect: float
) -> float:
    from statsmodels.stats.proportion import power_proportions_2indep  # noqa: PLC0415 - see above

    alpha = alpha_of_each(rules, comparisons)
    if measure.metric == "mean":
        assert measure.deviation is not None
        return _power_of_means(
            abs(effect) / measure.deviation, control, treatment, alpha, two_sided=rules.two_sided
        )
    alternative = "two-sided" if rules.two_sided else ("larger" if effect > 0 else "smaller")
    found = power_proportions_2indep(
        effect, measure.baseline, treatment, control / treatment, alpha, 0, alternative, return_results=False
    )
    return float(found)


def _power_of_means(size: float, control: float, treatment: float, alpha: float, *, two_sided: bool) -> float:
    """`size` is the effect in standard deviations, more than 0."""
    from statsmodels.stats.power import NormalIndPower, TTestIndPower  # noqa: PLC0415

    ratio = control / treatment
    attempts = [(TTestIndPower, alpha / 2 if two_sided else alpha, "larger")]
    if two_sided:
        attempts.insert(0, (TTestIndPower, alpha, "two-sided"))
    # For effects that are found nearly always the noncentral t distribution has no number for one tail or for both:
    # without the far tail, and then by the normal distribution, the difference is in no digit that is shown.
    attempts.append((NormalIndPower, alpha / 2 if two_sided else alpha, "larger"))
    found = math.nan
    for test, level, alternative in attempts:
        found = float(test().power(size, treatment, level, ratio, alternative=alternative))
        if not math.isnan(found):
            break
    return found


def _checked(users: Sequence[float], field: str = "users", least: float = LEAST_USERS) -> list[float]:
    if len(users) < 2:
        raise Unanswerable(
            "variants", "there must be at least two: a comparison needs something to compare with"
        )
    if not all(math.isfinite(one) and one > 0 and one >= least for one in users):
        raise Unanswerable(
            field, f"every variant needs some; these are {', '.join(f'{one:g}' for one in users)}"
        )
    return list(users)


def _first(is_enough: Callable[[float], bool], low: float, high: float) -> float:
    """Where `is_enough` begins, to ten digits; it is true at `high`. Bisection on a logarithmic scale."""
    if is_enough(low):
        return low
    while high / low > 1 + 1e-10:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
