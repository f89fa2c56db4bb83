"""Whether every split group has the chance that the percents say: chi-square over many seeds, by objective and kind of group.

Groups are of one kind when the same tests own them: between them a draw must not tell a difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audience.drawing import OBJECTIVES, Objective, Occupant, Share, draw_split_groups
from audience.occupancy import Owners
from audience.specs import SPLIT_GROUPS

SHARES: Final = (Share("control", 24), Share("green", 48))
GROWN: Final = (Share("control", 48), Share("green", 96))


@dataclass(frozen=True, slots=True)
class Fit:
    """How well counts fit their chances: chi-square, its degrees of freedom, and that standardised (0 ± 1 where they fit)."""

    statistic: float
    freedom: int

    @property
    def standardised(self) -> float:
        return (self.statistic - self.freedom) / math.sqrt(2 * self.freedom)

    @property
    def chance(self) -> float:
        """The chance of a fit as bad or worse where all is as it should be."""
        from scipy.stats import chi2  # noqa: PLC0415 - a second to import, and only the printed table wants it

        return float(chi2.sf(self.statistic, self.freedom))


@dataclass(frozen=True, slots=True)
class Chances:
    """Of one objective: each group of a kind drawn as often as its fellows, and landed in each variant in proportion."""

    drawn: Fit
    landed: Fit


def company(seed: int = 0) -> list[Occupant]:
    """A large and a small running test that leave no group free and overlap on 300, and one that has just finished."""
    rng = np.random.default_rng(seed)
    large, small, over = (np.zeros(SPLIT_GROUPS, dtype=np.int16) for _ in range(3))
    large[:1200] = rng.permutation(np.repeat([1, 2, 3], 400))
    small[900:] = rng.permutation(np.repeat([1, 2], 750))
    over[rng.permutation(SPLIT_GROUPS)[:600]] = np.repeat([1, 2], 300)
    return [
        Occupant("large", large, rng.poisson(30, SPLIT_GROUPS)),
        Occupant("small", small, rng.poisson(10, SPLIT_GROUPS)),
        Occupant("over", over, rng.poisson(20, SPLIT_GROUPS), finished=True),
    ]


def draws(objective: Objective, others: Sequence[Occupant], seeds: int) -> NDArray[np.int16]:
    """The owners (seeds × 2400) of a first draw with every seed. An exclusive one keeps apart from the large test."""
    return np.stack(
        [
            draw_split_groups(SHARES, others, objective, seed, exclusive_with=["large"]).owners
            for seed in range(seeds)
        ]
    )


def grown_draws(objective: Objective, others: Sequence[Occupant], seeds: int) -> NDArray[np.int16]:
    """The same of a test that was drawn before the others began, and then doubled."""
    found = []
    for seed in range(seeds):
        first = draw_split_groups(SHARES, [], "random", seed)
        previous = {
            share.name: (np.flatnonzero(first.owners == number) + 1).tolist()
            for number, share in enumerate(SHARES, start=1)
        }
        found.append(
            draw_split_groups(
                GROWN, others, objective, seed, previous, control="control", exclusive_with=["small"]
            ).owners
        )
    return np.stack(found)


def kinds(others: Sequence[Occupant]) -> NDArray[np.int64]:
    """The kind of each group: which running tests own it."""
    number = np.zeros(SPLIT_GROUPS, dtype=np.int64)
    for other in others:
        if not other.finished:
            number = number * 2 + other.owned
    return number


def chances(owners: NDArray[np.int16], kind: NDArray[np.int64]) -> Chances:
    """Chi-square of being drawn, against the mean of each kind, and of landing, against the sizes of the variants."""
    times = (owners > 0).sum(axis=0)
    sizes = np.bincount(owners[0])[1:]
    drawn = landed = 0.0
    drawn_freedom = landed_freedom = 0
    for number in np.unique(kind):
        counts = times[kind == number]
        chance = counts.mean() / len(owners)
        # Kinds of which all or next to none are drawn have nothing to compare.
        if counts.mean() < 5 or chance > 1 - 1e-9:
            continue
        drawn += float(((counts - counts.mean()) ** 2).sum() / (counts.mean() * (1 - chance)))
        drawn_freedom += len(counts) - 1
    for variant, size in enumerate(sizes[:-1], start=1):
        share = size / sizes.sum()
        often = times * share >= 5
        due = times[often] * share
        landed += float((((owners == variant).sum(axis=0)[often] - due) ** 2 / (due * (1 - share))).sum())
        landed_freedom += int(often.sum())
    return Chances(Fit(drawn, max(1, drawn_freedom)), Fit(landed, max(1, landed_freedom)))


def leaning(owners: NDArray[np.int16], others: Sequence[Occupant]) -> float:
    """How far the mean count of the first of our variants in any variant of another test is from proportion, in standard errors of
    that mean: the sharpest look at whether a group's chance depends on what it is like (4 would be too far)."""
    sizes = np.bincount(owners[0])[1:]
    worst = 0.0
    for other in others:
        for number in range(1, int(other.owners.max()) + 1):
            theirs = owners[:, other.owners == number]
            off = (theirs == 1).sum(axis=1) - (theirs > 0).sum(axis=1) * sizes[0] / sizes.sum()
            if off.any():
                worst = max(worst, abs(float(off.mean() / (off.std() / math.sqrt(len(off))))))
    return worst


def chances_table(seeds: int) -> str:
    """By objective, with and without other tests, of a first draw and of one that doubles a test."""
    lines = [
        f"Chances: chi-square over {seeds:,} seeds of 24 + 48 groups drawn, or grown to 48 + 96 (p: chance of a worse fit)",
        "  draw                                       drawn: χ²/df       p   landed: χ²/df       p   leaning",
    ]
    for title, others, draw in (
        ("alone", [], draws),
        ("beside three tests", company(), draws),
        ("grown beside three tests", company(), grown_draws),
    ):
        for objective in OBJECTIVES:
            owners: Owners = draw(objective, others, seeds)
            found = chances(owners, kinds(others))
            lines.append(
                f"  {title + ', ' + objective:<42}"
                f" {found.drawn.statistic / found.drawn.freedom:>12.3f} {found.drawn.chance:>7.3f}"
                f" {found.landed.statistic / found.landed.freedom:>15.3f} {found.landed.chance:>7.3f}"
                f" {leaning(owners, others):>9.1f}"
            )
    return "\n".join(lines)
