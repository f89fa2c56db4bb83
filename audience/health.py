"""Whether the split groups are still what a draw needs: of even size, and alike in everything that is known of their users.

Every user draws a split group by chance and keeps it, so under chance alone any property of users is spread over the
groups at random. Each question below has a p-value: how often chance does worse. They are asked together, so Holm's
step-down keeps the chance of even one false alarm below the level, however the questions depend on each other
(Holm 1979). Users, not groups, are what varies. No Django, no I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from audience.moments import Moments
from audience.specs import SPLIT_GROUPS

WATCH_LEVEL: Final = 0.05
"""Below this (corrected) something is worth a look: one installation in twenty has such a finding by chance."""
BAD_LEVEL: Final = 0.001
"""Below this it is an alarm. What was one stays one up to STILL_BAD_LEVEL, so that it does not come and go every night."""
STILL_BAD_LEVEL: Final = 0.01
FEWEST_USERS: Final = 5
"""Users per split group below which nothing can be said."""
WORST_SHOWN: Final = 10
# A measure of which less than about 1 / this many users bear all of the weight is beyond these approximations.
_LARGEST_WEIGHT: Final = 0.01

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class Verdict(StrEnum):
    """How things stand, the worst last."""

    UNKNOWN = "unknown"
    FINE = "fine"
    WATCH = "watch"
    BAD = "bad"


class Question(StrEnum):
    """What is asked of the split groups."""

    SIZES = "sizes"
    LARGEST = "largest"
    SPREAD = "spread"
    TEST_USERS = "test_users"
    TEST_MEASURE = "test_measure"


@dataclass(frozen=True, slots=True)
class PastTest:
    """A finished test: `owners[i]` is the number (1…) of the variant that owned split group i + 1, 0 is nobody."""

    key: str
    variants: Sequence[str]
    owners: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Part:
    """Split groups taken together: those of a variant, or the rest (`name` is ""). `value` is a mean, or users per group."""

    name: str
    split_groups: int
    users: int
    value: float


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question. `dispersion` is variation over what chance gives (1 is chance); `p` before, `adjusted`
    after the correction. `excess` is the standard deviation between groups that chance does not explain, relative to
    `mean` for sizes, in the measure's own units otherwise. `measure` is a column, `test` a key, where they belong."""

    question: Question
    dispersion: float
    freedom: float
    p: float
    measure: str = ""
    test: str = ""
    mean: float = 0.0
    excess: float = 0.0
    parts: tuple[Part, ...] = ()
    adjusted: float = 1.0
    verdict: Verdict = Verdict.FINE

    @property
    def name(self) -> str:
        """What stays the same from night to night."""
        return f"{self.question}:{self.test}:{self.measure}"


@dataclass(frozen=True, slots=True)
class WorstGroup:
    """A split group far from the rest: what it has, what is expected, and by how many standard errors it differs."""

    split_group: int
    value: float
    expected: float
    residual: float


@dataclass(frozen=True, slots=True)
class Health:
    """All answers, the worst first. `worst` by measure ("" is the size); `unsaid` are measures of too few users."""

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    worst: Mapping[str, tuple[WorstGroup, ...]] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()


def check_health(
    users: Counts,
    measures: Mapping[str, Moments],
    past: Sequence[PastTest] = (),
    known_bad: Collection[str] = (),
) -> Health:
    """Ask everything. `users` per split group (int64[2400]); `known_bad` are names of findings that were alarms last time."""
    if users.sum() < FEWEST_USERS * SPLIT_GROUPS:
        return Health(Verdict.UNKNOWN, unsaid=tuple(measures))
    said = {name: spread for name, moments in measures.items() if (spread := _spread(moments)) is not None}
    findings = [_sizes(users), _largest(users)]
    findings += [_overdispersion(name, spread) for name, spread in said.items()]
    for test in past:
        findings.append(_users_of_test(users, test))
        findings += [_measure_of_test(name, spread, test) for name, spread in said.items()]
    judged = _judged(findings, known_bad)
    worst = {"": _worst(users / 1.0, _expected(users), _size_residuals(users))}
    worst |= {name: _worst(spread.means, spread.overall, spread.residuals) for name, spread in said.items()}
    return Health(
        verdict=max((finding.verdict for finding in judged), key=list(Verdict).index),
        findings=tuple(judged),
        worst=worst,
        unsaid=tuple(name for name in measures if name not in said),
    )


def holm(p: Sequence[float]) -> Floats:
    """Holm's adjusted p-values: the smallest times how many there are, the next times one less …, never falling."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


def _judged(findings: Sequence[Finding], known_bad: Collection[str]) -> list[Finding]:
    adjusted = holm([finding.p for finding in findings])
    judged = []
    for finding, p in zip(findings, adjusted.tolist(), strict=True):
        bad_below = STILL_BAD_LEVEL if finding.name in known_bad else BAD_LEVEL
        verdict = Verdict.BAD if p < bad_below else Verdict.WATCH if p < WATCH_LEVEL else Verdict.FINE
        judged.append(replace(finding, adjusted=p, verdict=verdict))
    return sorted(judged, key=lambda finding: finding.p)


# ---- sizes -------------------------------------------------------------------------------------------------


def _sizes(users: Counts) -> Finding:
    """Pearson's chi-square against uniform."""
    expected = _expected(users)
    freedom = SPLIT_GROUPS - 1
    dispersion = _chi_square(users, np.full(SPLIT_GROUPS, expected)) / freedom
    # Var(n) = m + m² t² when groups are truly unequal by a relative t.
    excess = max(0.0, (dispersion - 1) / expected) ** 0.5
    p = _above(dispersion * freedom, freedom)
    return Finding(Question.SIZES, dispersion, freedom, p, mean=expected, excess=excess)


def _largest(users: Counts) -> Finding:
    """The one group whose size chance explains least: both exact binomial tails, Bonferroni over the groups.

    A single group that is too large (users who all got number 1) drowns in the sum over 2400.
    """
    special = _special()
    total = int(users.sum())
    share = 1 / SPLIT_GROUPS
    above = special.bdtrc(np.maximum(users - 1, 0).astype(np.float64), total, share)
    above[users == 0] = 1.0
    below = special.bdtr(users.astype(np.float64), total, share)
    tails = np.minimum(above, below)
    p = float(min(1.0, 2 * SPLIT_GROUPS * tails.min()))
    worst = int(np.argmin(tails))
    part = Part(str(worst + 1), 1, int(users[worst]), float(users[worst]))
    residual = float(_size_residuals(users)[worst])
    return Finding(Question.LARGEST, residual**2, 1, p, mean=_expected(users), parts=(part,))


def _expected(users: Counts) -> float:
    return float(users.sum()) / SPLIT_GROUPS


def _size_residuals(users: Counts) -> Floats:
    """Standardised: about normal(0, 1) under chance."""
    expected = _expected(users)
    residuals: Floats = (users - expected) / np.sqrt(expected * (1 - 1 / SPLIT_GROUPS))
    return residuals


def _chi_square(found: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(((found - expected) ** 2 / expected).sum())


# ---- measures ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Spread:
    """A measure over the groups that have values. `variance` is that of all users, `terms` sum up to the chi-square."""

    count: Counts
    deviation: Floats  # sums of distances from the overall mean
    overall: float
    variance: float
    kurtosis: float

    @property
    def means(self) -> Floats:
        means: Floats = self.overall + np.divide(
            self.deviation, self.count, out=np.zeros(SPLIT_GROUPS), where=self.count > 0
        )
        return means

    @property
    def residuals(self) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            residuals: Floats = np.nan_to_num(self.deviation / np.sqrt(self.count * self.variance))
        return residuals

    @property
    def chi_square(self) -> float:
        """Σ nᵢ (mean of group i − mean of all)² / variance."""
        return float((self.residuals**2).sum())


def _spread(moments: Moments) -> _Spread | None:
    """None where nothing can be said: too few users, everybody alike, or a handful of users outweigh all others."""
    count = moments.count
    total = int(count.sum())
    if total < FEWEST_USERS * SPLIT_GROUPS or not np.isfinite([moments.squares.sum(), moments.fourth]).all():
        return None
    shift = float(moments.total.sum()) / total
    variance = (float(moments.squares.sum()) - total * shift**2) / (total - 1)
    if variance <= 0 or variance <= 1e-12 * shift**2:
        return None
    # The center is the mean but for rounding, so the fourth powers about it are those about the mean.
    kurtosis = moments.fourth / total / variance**2 - 3
    if abs(kurtosis) > _LARGEST_WEIGHT * total:
        return None
    return _Spread(count, moments.total - count * shift, moments.center + shift, variance, kurtosis)


def _overdispersion(name: str, spread: _Spread) -> Finding:
    """Do the groups' means vary more than those of random groups of the same sizes?

    Under random assignment Σ nᵢ (mᵢ − m)² / S² has the mean G − 1 and, with the excess kurtosis κ of the users' values,
    the variance 2 (G − 1) (N − G) / (N + 1) + κ (Σ 1/nᵢ − G² / N) (of which the variance of Kruskal and Wallis' H is the
    case of ranks). A gamma distribution with both is what it is compared with: exact chi-square would give false
    alarms for rare or heavy-tailed measures in small groups.
    """
    sizes = spread.count[spread.count > 0]
    groups, total = len(sizes), int(sizes.sum())
    mean = groups - 1
    variance = 2 * mean * (total - groups) / (total + 1)
    variance += spread.kurtosis * float((1 / sizes).sum() - groups**2 / total)
    scale = variance / (2 * mean)
    chi_square = spread.chi_square
    between = max(0.0, (chi_square - mean) * spread.variance / (total - float((sizes**2).sum()) / total))
    return Finding(
        Question.SPREAD,
        chi_square / mean,
        mean / scale,
        _above(chi_square / scale, mean / scale),
        measure=name,
        mean=spread.overall,
        excess=between**0.5,
    )


# ---- past tests --------------------------------------------------------------------------------------------


def _cells(test: PastTest) -> list[tuple[str, NDArray[np.bool_]]]:
    """The groups of each variant, and the rest, where there are any."""
    cells = [(name, test.owners == number) for number, name in enumerate(test.variants, start=1)]
    return [(name, own) for name, own in [*cells, ("", test.owners == 0)] if own.any()]


def _users_of_test(users: Counts, test: PastTest) -> Finding:
    """Are there as many users in each former variant's groups as belong there? A variant may have driven users away."""
    expected = _expected(users)
    cells = _cells(test)
    found = np.array([users[own].sum() for _, own in cells])
    sizes = np.array([own.sum() for _, own in cells])
    within = _chi_square(users, np.full(SPLIT_GROUPS, expected))
    parts = tuple(
        Part(name, int(size), int(number), float(number) / int(size))
        for (name, _), size, number in zip(cells, sizes, found, strict=True)
    )
    p, ratio = _compared(_chi_square(found, sizes * expected), len(cells) - 1, within, SPLIT_GROUPS - 1)
    return Finding(Question.TEST_USERS, ratio, len(cells) - 1, p, test=test.key, mean=expected, parts=parts)


def _measure_of_test(name: str, spread: _Spread, test: PastTest) -> Finding:
    """Do the former variants' users and the rest still differ in a measure?"""
    cells = [(label, own) for label, own in _cells(test) if spread.count[own].any()]
    counts = np.array([spread.count[own].sum() for _, own in cells], dtype=np.float64)
    sums = np.array([spread.deviation[own].sum() for _, own in cells])
    parts = tuple(
        Part(label, int(own.sum()), int(count), spread.overall + float(total / count))
        for (label, own), count, total in zip(cells, counts, sums, strict=True)
    )
    between = float((sums**2 / counts).sum()) / spread.variance
    groups = int((spread.count > 0).sum())
    p, ratio = _compared(between, len(cells) - 1, spread.chi_square, groups - 1)
    return Finding(
        Question.TEST_MEASURE,
        ratio,
        len(cells) - 1,
        p,
        measure=name,
        test=test.key,
        mean=spread.overall,
        parts=parts,
    )


def _compared(between: float, freedom: int, all_groups: float, all_freedom: int) -> tuple[float, float]:
    """(p, dispersion) of a chi-square between the parts of a test.

    It is divided by the dispersion of the groups within the parts, where that is above 1, and then is F (quasi-likelihood,
    McCullagh and Nelder 1989, 4.5): a mark that one test left must not be blamed on another whose groups it touches.
    """
    if freedom < 1:
        return 1.0, 1.0
    rest = all_freedom - freedom
    within = max(1.0, (all_groups - between) / rest)
    ratio = between / freedom / within
    return float(_special().fdtrc(freedom, rest, ratio)), ratio


def _worst(values: NDArray[Any], expected: float, residuals: Floats) -> tuple[WorstGroup, ...]:
    order = np.argsort(-np.abs(residuals), kind="stable")[:WORST_SHOWN]
    return tuple(
        WorstGroup(int(group) + 1, float(values[group]), expected, float(residuals[group]))
        for group in order.tolist()
    )


def _above(chi_square: float, freedom: float) -> float:
    return float(_special().chdtrc(freedom, chi_square))


def _special() -> Any:
    # A sixth of a second and tens of megabytes: only workers that check pay for it.
    from scipy import special  # noqa: PLC0415

    return special
