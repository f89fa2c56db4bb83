"""How many users a test reaches in how many days. No framework here.

Two streams. *Who is there already*: N counted users, of whom each comes by on a day with some chance p, so that after d days
1 - (1 - p)^d of them were there (geometric). In truth some come daily and some hardly ever; with the visitors of a week known
too, p varies over users like a Beta distribution, and the part still missing after d days is
(b + 0)/(a + b + 0) · … · (b + d - 1)/(a + b + d - 1) (beta-geometric: Weinberg & Gladen, Biometrics 42, 1986). *Who
arrives*: users who register, as many each day as lately, reached on the day they come. docs/worth.md has it for people.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from audience.power import Unanswerable

WEEK: Final = 7
_MOST_ALIKE: Final = 1e9
"""a + b from here on is everybody alike."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How existing users come by. `daily` is the part of them who do on one day (0..1).

    `alikeness` is a + b of the Beta distribution: infinite if all have the same chance, near 0 if always the same users come.
    """

    daily: float
    alikeness: float = math.inf

    def reached(self, days: int) -> float:
        """The part of the existing users who came by at least once in so many days (0..1)."""
        if self.daily >= 1:
            return 1.0
        if self.alikeness > _MOST_ALIKE:
            return -math.expm1(days * math.log1p(-self.daily))
        missing = 1.0
        rest = (1 - self.daily) * self.alikeness
        for day in range(days):
            missing *= (rest + day) / (self.alikeness + day)
        return 1 - missing


def habits_of(users: float, visitors_per_day: float, visitors_per_week: float | None = None) -> Habits:
    """From the users who meet the conditions and how many different ones of them come by in a day, and in a week if known.

    Raises Unanswerable naming `visitors_per_day` or `visitors_per_week`.
    """
    if not 0 < visitors_per_day <= users:
        raise Unanswerable(
            "visitors_per_day",
            f"must be more than 0 and at most the {users:,.0f} users who meet the conditions",
        )
    alike = Habits(visitors_per_day / users)
    if visitors_per_week is None:
        return alike
    most = users * alike.reached(WEEK)
    if not visitors_per_day <= visitors_per_week <= most * (1 + 1e-9):
        raise Unanswerable(
            "visitors_per_week",
            f"must be at least the {visitors_per_day:,.0f} of one day and at most {most:,.0f}, "
            "which is what seven days bring if every day other users come by chance alone",
        )
    return Habits(alike.daily, _alikeness(alike.daily, visitors_per_week / users))


def _alikeness(daily: float, weekly: float) -> float:
    """a + b so that seven days reach `weekly`; more alike users reach more. Bisection on a logarithmic scale."""
    low, high = 1e-9, _MOST_ALIKE
    if Habits(daily, high).reached(WEEK) <= weekly:
        return math.inf
    for _ in range(100):
        middle = math.sqrt(low * high)
        if Habits(daily, middle).reached(WEEK) < weekly:
            low = middle
        else:
            high = middle
    return high


@dataclass(frozen=True, slots=True)
class Reach:
    """`users`: counted now, in each variant. `arrivals`: users who register per day, in each. The control is first."""

    users: Sequence[float]
    arrivals: Sequence[float]
    habits: Habits | None

    def after(self, days: int) -> list[float]:
        """Users reached in each variant in so many whole days."""
        part = self.habits.reached(days) if self.habits else 0.0
        return [have * part + come * days for have, come in zip(self.users, self.arrivals, strict=True)]


def first_day(reach: Reach, is_enough: Callable[[list[float]], bool], most: int) -> int | None:
    """The first day after which the users reached are enough; None if those of `most` days are not. More never are too many."""
    if not is_enough(reach.after(most)):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(reach.after(middle)) else (middle, high)
    return high
