"""What users of each variant did after they saw it, beside the control. From the store; forced and test users are left out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from analytics.intervals import Difference, Interval, Sample, mean_difference, rate_difference, wilson
from analytics.reports import hits_report, winner_everywhere_since
from analytics.srm import SampleRatio
from analytics.store import EventOutcome, Outcomes, get_store
from core import clock
from experiments.models import SettingsGroup


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One event in one variant: who did it, how often, and what it was worth per user who saw the variant.

    Differences are from the control (or the first variant); the compared one has none.
    """

    name: str
    users: int
    conversions: int
    rate: float | None
    rate_interval: Interval | None
    events: int
    value: float
    mean_value: float | None
    mean_events: float | None
    rate_difference: Difference | None
    value_difference: Difference | None
    events_difference: Difference | None


@dataclass(frozen=True, slots=True)
class EventResult:
    """One event, variant by variant."""

    event: str
    variants: list[VariantResult]


@dataclass(frozen=True, slots=True)
class Results:
    """A settings group in one environment. `compared_with` is the control, else the first variant; None without variants.

    `users`: who saw one variant only, by variant; the `users_in_several` are left out. `until` is open, or when a winner was declared.
    """

    settings_group: SettingsGroup
    environment: str
    since: dt.datetime | None
    until: dt.datetime | None
    computed_at: dt.datetime
    compared_with: str | None
    control: str | None
    users: Mapping[str, int]
    users_in_several: int
    ratio: SampleRatio
    events: list[EventResult]
    events_left_out: int


def results_of(
    settings_group: SettingsGroup,
    environment: str,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Results:
    """Ask the store and compare. `until` defaults to the moment a winner was declared. Raises StoreError."""
    until = until or winner_everywhere_since(settings_group.experiment)
    variants = list(settings_group.variants.order_by("position"))
    names = [variant.name for variant in variants]
    control = next((variant.name for variant in variants if variant.is_control), None)
    base = control or (names[0] if names else None)
    found = get_store().outcomes(settings_group.pk, environment, since, until)
    return Results(
        settings_group=settings_group,
        environment=environment,
        since=since,
        until=until,
        computed_at=clock.now(),
        compared_with=base,
        control=control,
        users={name: found.users.get(name, 0) for name in names},
        users_in_several=found.in_several,
        ratio=hits_report(settings_group, environment).ratio,
        events=[
            _event(name, names, base, found) for name in dict.fromkeys(one.event for one in found.events)
        ],
        events_left_out=found.events_left_out,
    )


def _event(event: str, names: list[str], base: str | None, found: Outcomes) -> EventResult:
    of = {one.variant: one for one in found.events if one.event == event}
    none = EventOutcome(event, "", 0, 0, 0, 0.0, 0.0)
    control = of.get(base or "", none)
    # Some stores are asked twice: an event that everybody has may have come from somebody who was not there at first.
    control_users = max(found.users.get(base or "", 0), control.users)

    def result(name: str) -> VariantResult:
        mine = of.get(name, none)
        users = max(found.users.get(name, 0), mine.users)
        value = Sample(users, mine.value, mine.value_squared)
        events = Sample(users, mine.events, mine.events_squared)
        is_base = name == base
        return VariantResult(
            name=name,
            users=users,
            conversions=mine.users,
            rate=mine.users / users if users else None,
            rate_interval=Interval(*wilson(mine.users, users)) if users else None,
            events=mine.events,
            value=mine.value,
            mean_value=value.mean,
            mean_events=events.mean,
            rate_difference=None
            if is_base
            else rate_difference(mine.users, users, control.users, control_users),
            value_difference=None
            if is_base
            else mean_difference(value, Sample(control_users, control.value, control.value_squared)),
            events_difference=None
            if is_base
            else mean_difference(events, Sample(control_users, control.events, control.events_squared)),
        )

    return EventResult(event, [result(name) for name in names])
