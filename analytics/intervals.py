"""How much a variant differs from the control, with 95 % intervals and p-values. No framework here.

* Rates: the difference with Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10, from Wilson's intervals of
  both rates); the ratio with the interval of its logarithm (Katz et al., Biometrics 34, 1978); p by the two-sample z test with the
  pooled rate, as `audience.power` plans with.
* Means: Welch's t (Biometrika 34, 1947), for the interval and for p; the ratio with Fieller's interval (J. R. Stat. Soc. B 16, 1954).

Intervals of ratios are given as those of the relative difference, ratio − 1. What cannot be said (a control of 0, nobody) is None, never 0,
infinite or NaN. scipy is imported by those that ask for means, not before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

LEVEL: Final = 0.95
_NORMAL: Final = NormalDist()
_Z: Final = _NORMAL.inv_cdf(1 - (1 - LEVEL) / 2)


@dataclass(frozen=True, slots=True)
class Interval:
    """Between `low` and `high` with 95 % confidence; None is open."""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Treatment minus control in the measure's own unit, and as a part of the control. `p_value` is two-sided."""

    absolute: float
    absolute_interval: Interval
    relative: float | None
    relative_interval: Interval | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Sample:
    """Users of a variant and the sums of a number that each of them has."""

    users: int
    total: float
    squares: float

    @property
    def mean(self) -> float | None:
        return _finite(self.total / self.users) if self.users else None

    @property
    def variance(self) -> float | None:
        """Of single users, with n − 1; None of fewer than two. Never negative, whatever rounding does."""
        if self.users < 2:
            return None
        return _finite(max(0.0, (self.squares - self.total * (self.total / self.users)) / (self.users - 1)))


def wilson(conversions: int, users: int) -> tuple[float, float]:
    """The score interval of a rate (Wilson, JASA 22, 1927): (low, high)."""
    rate, z2 = conversions / users, _Z * _Z
    center = rate + z2 / (2 * users)
    half = _Z * math.sqrt(rate * (1 - rate) / users + z2 / (4 * users * users))
    low, high = (center - half) / (1 + z2 / users), (center + half) / (1 + z2 / users)
    # Rounding must not leave 1e-18 where nobody converted.
    return 0.0 if conversions == 0 else low, 1.0 if conversions == users else high


def rate_difference(conversions: int, users: int, of_control: int, control_users: int) -> Difference | None:
    """None where a side has no users."""
    if not users or not control_users:
        return None
    rate, base = conversions / users, of_control / control_users
    (low, high), (base_low, base_high) = wilson(conversions, users), wilson(of_control, control_users)
    difference = rate - base
    return Difference(
        absolute=difference,
        absolute_interval=Interval(
            difference - math.hypot(rate - low, base_high - base),
            difference + math.hypot(high - rate, base - base_low),
        ),
        relative=rate / base - 1 if base else None,
        relative_interval=_ratio_of_rates(conversions, users, of_control, control_users),
        p_value=_pooled_p(conversions, users, of_control, control_users),
    )


def _ratio_of_rates(conversions: int, users: int, of_control: int, control_users: int) -> Interval | None:
    if not conversions or not of_control:
        return None
    ratio = conversions / users / (of_control / control_users)
    error = math.sqrt(1 / conversions - 1 / users + 1 / of_control - 1 / control_users)
    return Interval(ratio * math.exp(-_Z * error) - 1, ratio * math.exp(_Z * error) - 1)


def _pooled_p(conversions: int, users: int, of_control: int, control_users: int) -> float | None:
    pooled = (conversions + of_control) / (users + control_users)
    error = math.sqrt(pooled * (1 - pooled) * (1 / users + 1 / control_users))
    if error == 0:
        return None
    return two_sided((conversions / users - of_control / control_users) / error)


def two_sided(z: float) -> float:
    """The p-value of a standard normal deviate; exact far out, too."""
    return math.erfc(abs(z) / math.sqrt(2))


def mean_difference(treatment: Sample, control: Sample) -> Difference | None:
    """Of means per user. None where a side has nobody; without an interval where a side has fewer than two users, or all of
    both are alike."""
    if treatment.mean is None or control.mean is None:
        return None
    difference = treatment.mean - control.mean
    # A control below 0 is compared with its size, so that more is more.
    relative = _finite(difference / abs(control.mean)) if control.mean else None
    none = Difference(difference, Interval(None, None), relative, None, None)
    if treatment.variance is None or control.variance is None:
        return none
    mine, theirs = treatment.variance / treatment.users, control.variance / control.users
    error = math.sqrt(mine + theirs)
    if error == 0 or not math.isfinite(error):
        return none
    # Satterthwaite's degrees of freedom, by shares, which are never too small to be squared.
    share = mine / (mine + theirs)
    freedom = 1 / (share**2 / (treatment.users - 1) + (1 - share) ** 2 / (control.users - 1))
    special = _special()
    t = float(special.stdtrit(freedom, 1 - (1 - LEVEL) / 2))
    return Difference(
        absolute=difference,
        absolute_interval=Interval(difference - t * error, difference + t * error),
        relative=relative,
        relative_interval=_fieller(treatment.mean, control.mean, mine, theirs, t),
        p_value=2 * float(special.stdtr(freedom, -abs(difference) / error)),
    )


def _fieller(mean: float, base: float, variance: float, base_variance: float, t: float) -> Interval | None:
    """None where the control's mean may as well be 0: then no ratio can be excluded."""
    slack = t * t * (base_variance / base / base) if base else 1.0
    if not slack < 1:
        return None
    ratio = mean / base
    half = t * math.sqrt(variance * (1 - slack) + ratio * ratio * base_variance) / abs(base)
    low, high = (_finite((ratio + end) / (1 - slack) - 1) for end in (-half, half))
    if low is None or high is None:
        return None
    return Interval(low, high) if base > 0 else Interval(-high, -low)


def _finite(value: float) -> float | None:
    """What is too large for a float is not said."""
    return value if math.isfinite(value) else None


def _special() -> Any:
    # Tens of megabytes: only who asks for results of means pays for it.
    from scipy import special  # noqa: PLC0415

    return special
