"""Sample ratio mismatch: were as many users seen in each variant as belong there? No framework here.

Who is seen in a test should be divided like the audience that was counted for its variants. Where it is not, something
loses or doubles users of one variant (a crash, a redirect, a hit sent too late), and no result of such a test can be trusted.

Two answers, because there are two ways to ask:

* `p_value`: Pearson's chi-square (Pearson 1900), right for whoever looks once. Where fewer than five users are expected in a
  variant it is the exact multinomial test instead: all outcomes at most as likely as what was seen.
* `always_valid_p`: 1 / Bayes factor of a Dirichlet-multinomial against the expected shares (Lindon and Malek,
  "Anytime-valid inference for multinomial count data", NeurIPS 2022, theorem 1),

      BF = Γ(A) / Γ(A + n) · Π Γ(αᵢ + nᵢ) / Γ(αᵢ) · Π θᵢ^(−nᵢ)        αᵢ = 10,000 · θᵢ,  A = Σ αᵢ,  n = Σ nᵢ

  It is a martingale while nothing is wrong, so the chance that it *ever* falls below p is p at most (Ville 1939), however often and
  whenever somebody looks. The smallest value so far counts: pₜ = min(pₜ₋₁, 1 / BFₜ). α says which mismatches it is quick to find:
  deviations of about a hundredth, which is what broken tests look like.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ALARM_LEVEL: Final = 0.001
CONCENTRATION: Final = 10_000.0
"""Σ αᵢ of the Dirichlet distribution: the larger, the smaller the deviations that it looks for."""
_FEWEST_EXPECTED: Final = 5
_MOST_OUTCOMES: Final = 50_000
# Two outcomes that are equally likely differ in the last digits.
_EQUALLY_LIKELY: Final = 1 + 1e-7


class Verdict(StrEnum):
    """How things stand. `UNKNOWN` has a reason."""

    UNKNOWN = "unknown"
    FINE = "fine"
    MISMATCH = "mismatch"


class Reason(StrEnum):
    """Why nothing can be said."""

    AUDIENCE_NOT_COUNTED = "audience_not_counted"
    USERS_NOT_COUNTED = "users_not_counted"
    NO_USERS = "no_users"
    ONE_VARIANT = "one_variant"
    NOT_PRODUCTION = "not_production"
    STORE_UNAVAILABLE = "store_unavailable"


class Method(StrEnum):
    """How `p_value` was computed. `ROUGH`: few users are expected, and too many outcomes are possible to add them all up."""

    CHI_SQUARE = "chi_square"
    EXACT = "exact"
    ROUGH = "rough"


@dataclass(frozen=True, slots=True)
class Expected:
    """A variant: users seen, its expected share of them (0 to 1), and how many that would be."""

    name: str
    seen: int
    share: float
    users: float


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """The answer. `uncounted` are variants in which users were seen although nobody was counted for them: they are left out."""

    verdict: Verdict
    reason: Reason | None = None
    users: int = 0
    variants: tuple[Expected, ...] = ()
    uncounted: tuple[str, ...] = ()
    chi_square: float | None = None
    freedom: int | None = None
    p_value: float | None = None
    method: Method | None = None
    always_valid_p: float | None = None

    @property
    def holds_always(self) -> bool:
        """Whether the mismatch is one however often somebody looked."""
        return self.always_valid_p is not None and self.always_valid_p < ALARM_LEVEL

    @property
    def is_mismatch(self) -> bool:
        return self.verdict == Verdict.MISMATCH


def unknown(reason: Reason) -> SampleRatio:
    """No answer, and why."""
    return SampleRatio(Verdict.UNKNOWN, reason)


def sample_ratio(
    seen: Mapping[str, int], counted: Mapping[str, int] | None, smallest_so_far: float = 1.0
) -> SampleRatio:
    """Judge the users `seen` per variant by those `counted` (None: not counted yet). `smallest_so_far` is the smallest always-valid
    p of earlier looks."""
    if counted is None or not any(counted.values()):
        return unknown(Reason.AUDIENCE_NOT_COUNTED)
    names = [name for name, users in counted.items() if users > 0]
    uncounted = tuple(name for name, users in seen.items() if users and not counted.get(name))
    if len(names) < 2:
        return SampleRatio(Verdict.UNKNOWN, Reason.ONE_VARIANT, uncounted=uncounted)
    users = [seen.get(name, 0) for name in names]
    total = sum(users)
    if not total:
        return SampleRatio(Verdict.UNKNOWN, Reason.NO_USERS, uncounted=uncounted)
    audience = sum(counted[name] for name in names)
    shares = [counted[name] / audience for name in names]
    chi_square = pearson(users, shares)
    p_value, method = fixed_p(users, shares)
    always = min(smallest_so_far, always_valid_p(users, shares))
    is_off = min(p_value, always) < ALARM_LEVEL
    return SampleRatio(
        verdict=Verdict.MISMATCH if is_off else Verdict.FINE,
        users=total,
        variants=tuple(
            Expected(name, number, share, total * share)
            for name, number, share in zip(names, users, shares, strict=True)
        ),
        uncounted=uncounted,
        chi_square=chi_square,
        freedom=len(names) - 1,
        p_value=p_value,
        method=method,
        always_valid_p=always,
    )


def always_valid_p(users: Sequence[int], shares: Sequence[float]) -> float:
    """1 / Bayes factor, 1 at most. `shares` are all above 0 and sum up to 1."""
    log_factor = math.lgamma(CONCENTRATION) - math.lgamma(CONCENTRATION + sum(users))
    for number, share in zip(users, shares, strict=True):
        alpha = CONCENTRATION * share
        log_factor += math.lgamma(alpha + number) - math.lgamma(alpha) - number * math.log(share)
    return math.exp(min(0.0, -log_factor))


def fixed_p(users: Sequence[int], shares: Sequence[float]) -> tuple[float, Method]:
    """The p-value for who looks once, and how it was computed."""
    total = sum(users)
    if total * min(shares) < _FEWEST_EXPECTED:
        if math.comb(total + len(users) - 1, len(users) - 1) <= _MOST_OUTCOMES:
            return _exact_p(users, shares), Method.EXACT
        return chi_square_p(pearson(users, shares), len(users) - 1), Method.ROUGH
    return chi_square_p(pearson(users, shares), len(users) - 1), Method.CHI_SQUARE


def pearson(users: Sequence[int], shares: Sequence[float]) -> float:
    """Σ (seen − expected)² / expected."""
    total = sum(users)
    return sum(
        (number - total * share) ** 2 / (total * share) for number, share in zip(users, shares, strict=True)
    )


def chi_square_p(value: float, freedom: int) -> float:
    """P(chi-square with so many whole degrees of freedom > value).

    In closed form (Abramowitz and Stegun 1964, 26.4.4 and 26.4.5): a card that somebody keeps open must not need scipy.
    """
    half = value / 2
    if half == 0:
        return 1.0
    tail = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    first = 0.5 if freedom % 2 else 0.0
    for step in range(freedom // 2):
        power = first + step
        # As logarithms: e^(−x/2) alone is 0 long before the product is.
        tail += math.exp(power * math.log(half) - half - math.lgamma(power + 1))
    return min(1.0, tail)


def _exact_p(users: Sequence[int], shares: Sequence[float]) -> float:
    limit = _log_chance(users, shares) + math.log(_EQUALLY_LIKELY)
    chances = (_log_chance(outcome, shares) for outcome in _outcomes(sum(users), len(users)))
    return min(1.0, math.fsum(math.exp(chance) for chance in chances if chance <= limit))


def _log_chance(users: Sequence[int], shares: Sequence[float]) -> float:
    return math.lgamma(sum(users) + 1) + sum(
        number * math.log(share) - math.lgamma(number + 1)
        for number, share in zip(users, shares, strict=True)
    )


def _outcomes(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way to spread `total` users over so many variants ("stars and bars")."""
    for bars in itertools.combinations(range(total + parts - 1), parts - 1):
        edges = (-1, *bars, total + parts - 1)
        yield tuple(after - before - 1 for before, after in itertools.pairwise(edges))
