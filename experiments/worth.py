"""Is a test worth running? From the counted users of its variants and how they come by: what it finds after so many days.

The figures are `audience.power`'s, the users of a day `audience.reach`'s; docs/worth.md tells both to people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.utils.translation import gettext

from audience.power import (
    Measure,
    Unanswerable,
    alpha_of_each,
    is_found,
    is_rough,
    smallest_effect,
    users_needed,
)
from audience.reach import Habits, Reach, first_day, habits_of
from audience.specs import SPLIT_GROUPS
from audience.warehouse import WarehouseError, get_warehouse
from core.errors import Conflict, FieldError, InvalidInput
from experiments.counting import full_hour
from experiments.models import AudienceCount, Draw, SettingsGroup, Variant
from experiments.worth_asked import MOST_DAYS, WorthAsked

ASSUMED_DAILY: Final = 0.1
"""The part of an audience that comes by in a day, while nobody says better."""
ARRIVAL_DAYS: Final = 28
_LOOK_BACK: Final = 13


@dataclass(frozen=True, slots=True)
class WorthVariant:
    """A variant; `users` are counted now, `arrivals` come in addition each day. The one compared with is first."""

    name: str
    is_control: bool
    users: int
    arrivals: float


@dataclass(frozen=True, slots=True)
class Effect:
    """How much the metric changes, in its own unit (a rate: 0..1) and as a part of the baseline, None of a baseline of 0."""

    absolute: float
    relative: float | None


@dataclass(frozen=True, slots=True)
class AfterDays:
    """`users` reached by then per variant; `smallest` is what is found with them, None for the `reason`."""

    days: int
    users: Mapping[str, int]
    smallest: Effect | None
    reason: str = ""
    is_rough: bool = False


@dataclass(frozen=True, slots=True)
class ForEffect:
    """`users` needed per variant, and after how many days they were reached; None for the `reason`."""

    effect: Effect
    users: Mapping[str, int]
    days: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Worth:
    """The answer. `assumed` names what nobody told; `arrivals_unknown` says why arrivals are not counted, else ""."""

    asked: WorthAsked
    settings_group: SettingsGroup
    counted_at: dt.datetime
    not_counted: tuple[str, ...]
    users: int
    variants: tuple[WorthVariant, ...]
    habits: Habits | None
    visitors_per_day: float
    arrivals_per_day: float
    assumed: tuple[str, ...]
    arrivals_unknown: str
    alpha_of_each: float
    by_days: tuple[AfterDays, ...]
    by_effects: tuple[ForEffect, ...]

    @property
    def has_control(self) -> bool:
        return self.variants[0].is_control


def worth_of(settings_group: SettingsGroup, asked: WorthAsked) -> Worth:
    """What the counted settings of a test can show. Raises Conflict when there is nothing to compare, InvalidInput for
    visitors that cannot be."""
    counted = AudienceCount.objects.filter(settings_group=settings_group).order_by("-id").first()
    draw = Draw.objects.filter(settings_group=settings_group).first()
    if counted is None or draw is None:
        raise Conflict(
            gettext("Settings %(number)s are not counted yet.") % {"number": settings_group.number}
        )
    users = np.asarray(counted.users, dtype=np.int64)
    arriving, unknown = _arrivals(settings_group, asked)
    variants = _variants(settings_group, users, np.asarray(draw.owners), arriving)
    _require_something_to_compare(settings_group, variants)
    visitors = (
        asked.visitors_per_day if asked.visitors_per_day is not None else float(users.sum()) * ASSUMED_DAILY
    )
    habits = _habits(float(users.sum()), visitors, asked)
    reach = Reach([one.users for one in variants], [one.arrivals for one in variants], habits)
    return Worth(
        asked=asked,
        settings_group=settings_group,
        counted_at=counted.counted_at,
        not_counted=tuple(counted.not_counted),
        users=int(users.sum()),
        variants=tuple(variants),
        habits=habits,
        visitors_per_day=visitors,
        arrivals_per_day=arriving,
        assumed=tuple(name for name in ("visitors_per_day",) if getattr(asked, name) is None),
        arrivals_unknown=unknown,
        alpha_of_each=alpha_of_each(asked.rules, len(variants) - 1),
        by_days=tuple(_after(day, reach, variants, asked) for day in asked.days),
        by_effects=tuple(_for_effect(effect, reach, variants, asked) for effect in asked.effects),
    )


def recent_arrivals(conditions: object) -> float:
    """Matching users who register per day: the mean of the 28 whole days before the newest registration of anybody.

    So a load that is some weeks old still tells. Raises WarehouseError, also when it does not know registrations.
    """
    warehouse, end = get_warehouse(), full_hour()
    for _ in range(_LOOK_BACK):
        newest = np.flatnonzero(warehouse.arrivals([], end, ARRIVAL_DAYS))
        if len(newest):
            # That day itself may have been loaded at noon.
            end -= dt.timedelta(days=ARRIVAL_DAYS - int(newest[-1]))
            return float(warehouse.arrivals(conditions, end, ARRIVAL_DAYS).sum()) / ARRIVAL_DAYS
        end -= dt.timedelta(days=ARRIVAL_DAYS)
    return 0.0


def _arrivals(settings_group: SettingsGroup, asked: WorthAsked) -> tuple[float, str]:
    if asked.arrivals_per_day is not None:
        return asked.arrivals_per_day, ""
    try:
        return recent_arrivals(settings_group.conditions), ""
    except WarehouseError as error:
        return 0.0, error.detail


def _variants(
    settings_group: SettingsGroup, users: np.ndarray, owners: np.ndarray, arriving: float
) -> list[WorthVariant]:
    def shown(variant: Variant) -> WorthVariant:
        own = owners == variant.position
        part = float(own.sum()) / SPLIT_GROUPS
        return WorthVariant(variant.name, variant.is_control, int(users[own].sum()), arriving * part)

    return [shown(one) for one in sorted(settings_group.variants.all(), key=lambda one: not one.is_control)]


def _require_something_to_compare(settings_group: SettingsGroup, variants: Sequence[WorthVariant]) -> None:
    if len(variants) < 2:
        raise Conflict(
            gettext("Settings %(number)s have a single variant: there is nothing to compare it with.")
            % {"number": settings_group.number}
        )
    empty = [one.name for one in variants if not one.users and not one.arrivals]
    if empty:
        raise Conflict(
            gettext("Nobody who meets the conditions is in %(names)s: there is nothing to measure.")
            % {"names": gettext(" or ").join(empty)}
        )


def _habits(users: float, visitors: float, asked: WorthAsked) -> Habits | None:
    if not users:
        return None
    try:
        return habits_of(users, visitors, asked.visitors_per_week)
    except Unanswerable as error:
        raise InvalidInput([FieldError(error.field, error.message)]) from error


def _after(days: int, reach: Reach, variants: Sequence[WorthVariant], asked: WorthAsked) -> AfterDays:
    reached = reach.after(days)
    users = {one.name: round(have) for one, have in zip(variants, reached, strict=True)}
    fewest = min(users, key=lambda name: users[name])
    if users[fewest] < 2:
        return AfterDays(
            days,
            users,
            None,
            gettext("“%(name)s” will have %(users)s users by then")
            % {"name": fewest, "users": users[fewest]},
        )
    found = smallest_effect(asked.measure, asked.rules, reached)
    if found is None:
        return AfterDays(
            days,
            users,
            None,
            gettext("even %(most)s would not be told from chance by then") % {"most": "100 %"},
        )
    return AfterDays(days, users, effect_of(asked.measure, found), is_rough=is_rough(asked.measure, reached))


def _for_effect(
    effect: float, reach: Reach, variants: Sequence[WorthVariant], asked: WorthAsked
) -> ForEffect:
    day = first_day(reach, lambda users: is_found(asked.measure, asked.rules, users, effect), MOST_DAYS)
    reached = reach.after(day or MOST_DAYS)
    try:
        needed = users_needed(asked.measure, asked.rules, reached, effect)
    except Unanswerable as error:
        return ForEffect(effect_of(asked.measure, effect), {}, None, error.message)
    users = {one.name: want for one, want in zip(variants, needed, strict=True)}
    reason = "" if day is not None else _too_few(variants, needed, reached)
    return ForEffect(effect_of(asked.measure, effect), users, day, reason)


def _too_few(variants: Sequence[WorthVariant], needed: Sequence[int], reached: Sequence[float]) -> str:
    name, want, have = min(
        ((one.name, want, have) for one, want, have in zip(variants, needed, reached, strict=True)),
        key=lambda row: row[2] / row[1],
    )
    return gettext("“%(name)s” needs %(needed)s users, and only %(reached)s come by in %(days)s days") % {
        "name": name,
        "needed": f"{want:,}",
        "reached": f"{have:,.0f}",
        "days": MOST_DAYS,
    }


def effect_of(measure: Measure, absolute: float) -> Effect:
    """The same effect both ways."""
    return Effect(absolute, absolute / abs(measure.baseline) if measure.baseline else None)
