"""What is to be drawn, whether it is stored already (a preparation) or only tried out (a what-if), and the draw itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from audience.drawing import (
    ControlWouldMove,
    Drawn,
    NotEnoughRoom,
    Objective,
    Occupant,
    Share,
    draw_split_groups,
    replay_draw,
)
from audience.occupancy import Owners
from core import clock
from experiments.capacity import Load, occupations
from experiments.counting import Counts, Shared
from experiments.lifecycle import Status
from experiments.models import Draw, DrawObjective, Experiment, SettingsGroup, Variant
from experiments.percents import SPLIT_GROUPS, format_percent
from experiments.selectors import (
    Other,
    live_settings_groups,
    other_settings_groups,
    owners_by_settings_group,
)

# Longer lists of tests nobody reads.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings as a draw sees them. `previous` are those from which it continues, so that users keep their variants."""

    experiment: Experiment
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None
    conditions: list[Any]
    shares: tuple[Share, ...]
    control: str | None
    objective: Objective
    exclusive_with: tuple[str, ...]
    allow_control_to_treatment: bool
    previous: Previous | None

    @property
    def wanted(self) -> int:
        """Split groups of all variants."""
        return sum(share.split_groups for share in self.shares)

    def others(self) -> list[Other]:
        """The settings groups of other tests that matter to the draw, as they are now."""
        if not self.experiment.is_test:
            return []
        return other_settings_groups(self.experiment, self.starts_at, self.ends_at)


@dataclass(frozen=True, slots=True)
class Previous:
    """The draw that is continued: its settings group, its owners, and the names of its variants 1, 2, …"""

    settings_group: SettingsGroup
    owners: Owners
    names: tuple[str, ...]
    control: str | None

    @property
    def groups(self) -> dict[str, Sequence[int]]:
        """Split groups (1-based) by name of the variant."""
        return {
            name: (np.flatnonzero(self.owners == position) + 1).tolist()
            for position, name in enumerate(self.names, start=1)
        }


class NoRoom(Exception):
    """An exclusive draw cannot be had now. The message is for people; `free_from` is the first day on which it could, if known."""

    def __init__(self, message: str, free_from: dt.date | None) -> None:
        super().__init__(message)
        self.free_from = free_from


def plan_of(settings_group: SettingsGroup) -> Plan:
    """The plan of stored settings."""
    variants = list(settings_group.variants.all())
    return Plan(
        experiment=settings_group.experiment,
        starts_at=settings_group.starts_at,
        ends_at=settings_group.ends_at,
        conditions=settings_group.conditions,
        shares=tuple(Share(variant.name, variant.split_group_count) for variant in variants),
        control=control_of(variants),
        objective=cast("Objective", settings_group.draw_objective),
        exclusive_with=tuple(settings_group.exclusive_with),
        allow_control_to_treatment=settings_group.allow_control_to_treatment,
        previous=previous_of(settings_group.experiment, settings_group.copied_from),
    )


def previous_of(experiment: Experiment, copied_from: SettingsGroup | None) -> Previous | None:
    """The draw to continue: of the settings that are taken up again, else of the current ones."""
    source = copied_from or experiment.current
    return previous_from(source) if source is not None else None


def previous_from(settings_group: SettingsGroup) -> Previous | None:
    """What these settings drew; None when nothing is drawn for them."""
    owners = owners_by_settings_group([settings_group.pk]).get(settings_group.pk)
    if owners is None:
        return None
    variants = list(settings_group.variants.all())
    return Previous(settings_group, owners, tuple(variant.name for variant in variants), control_of(variants))


def control_of(variants: Iterable[Variant]) -> str | None:
    """The name of the control, if there is one."""
    return next((variant.name for variant in variants if variant.is_control), None)


def occupants(
    plan: Plan, others: Sequence[Other], counts: Counts, owners: Mapping[int, Owners]
) -> list[Occupant]:
    """The others as the draw sees them; `owners` by settings group.

    While nothing is known of the users, every audience counts as meeting ours.
    """
    unknown = np.ones(SPLIT_GROUPS, dtype=np.int64) if counts.is_blind else None
    return [
        Occupant(
            other.settings_group.experiment.key,
            owners[other.settings_group.pk],
            counts.shared[other.settings_group.pk].users if unknown is None else unknown,
            finished=other.is_finished,
            bars=keeps_away(other.settings_group, plan.experiment.key),
        )
        for other in others
    ]


def keeps_away(other: SettingsGroup, key: str) -> bool:
    """Whether the other was drawn to be exclusive with the test of this key: naming it, or naming none and meaning all."""
    return other.draw_objective == DrawObjective.EXCLUSIVE and (
        not other.exclusive_with or key in other.exclusive_with
    )


def draw_plan(
    plan: Plan, others: Sequence[Other], counts: Counts, owners: Mapping[int, Owners], seed: int
) -> Drawn:
    """The draw that this plan, these counts and this seed give. Raises NoRoom."""
    try:
        return draw_split_groups(
            plan.shares,
            occupants(plan, others, counts, owners),
            plan.objective,
            seed,
            previous=plan.previous.groups if plan.previous else None,
            exclusive_with=plan.exclusive_with,
            allow_control_to_treatment=plan.allow_control_to_treatment,
            control=plan.control,
            previous_control=plan.previous.control if plan.previous else None,
            users=counts.users,
        )
    except NotEnoughRoom as error:
        raise no_room(plan, plan.objective, others, counts, error) from error


def redraw(draw: Draw) -> Drawn:
    """A stored draw, drawn again from the rows that it was drawn with. Raises ValueError when it comes out differently."""
    count = draw.count
    table = count.table()
    groups = SettingsGroup.objects.select_related("experiment").in_bulk(table.others)
    others = [Other(groups[pk], pk in count.finished_others) for pk in table.others]
    shared = {
        pk: Shared(row.astype(np.int64), names)
        for pk, row, names in zip(table.others, table.shared, table.not_counted, strict=True)
    }
    blind = bool(draw.log.get("is_blind"))
    counts = Counts(table.users, count.warehouse_version, count.counted_at, blind, (), shared)
    previous = previous_from(draw.previous) if draw.previous else None
    plan = plan_of(draw.settings_group)
    return replay_draw(
        draw.log,
        occupants(plan, others, counts, owners_by_settings_group(table.others)),
        previous.groups if previous else None,
        counts.users,
    )


def no_room(
    plan: Plan, objective: str, others: Sequence[Other], counts: Counts, error: NotEnoughRoom
) -> NoRoom:
    """How many groups are wanted, how many are free of which tests, and when there will be room."""
    if isinstance(error, ControlWouldMove):
        return NoRoom(_sentence(str(error)), None)
    barring = [
        other.settings_group
        for other in others
        if not other.is_finished
        and (counts.is_blind or counts.shared[other.settings_group.pk].users.any())
        and _is_barring(plan, objective, other.settings_group)
    ]
    tests = _names(barring)
    known = {group.experiment_id for group in barring}
    # With later dates ours would meet later settings of the same tests too.
    live = [group for group in live_settings_groups() if group.experiment_id in known]
    free_from = _free_from(plan, error.wanted, live)
    needed = f"{error.wanted:,} split groups ({format_percent(error.wanted)} %) are needed, but only {error.free:,}"
    text = f"{needed} ({format_percent(error.free)} %) are free of {tests}, which must share none with this test."
    if free_from is None:
        return NoRoom(f"{text} When there will be room is not known: too few of them have an end date.", None)
    return NoRoom(
        f"{text} There will be room from {free_from} on, if their dates stay as they are.", free_from
    )


def _is_barring(plan: Plan, objective: str, other: SettingsGroup) -> bool:
    named = not plan.exclusive_with or other.experiment.key in plan.exclusive_with
    return (objective == DrawObjective.EXCLUSIVE and named) or keeps_away(other, plan.experiment.key)


def _free_from(plan: Plan, wanted: int, barring: Collection[SettingsGroup]) -> dt.date | None:
    """The first day from which the wanted groups stay free of these tests for as long as the plan takes."""
    moment = clock.now()
    start = max(plan.starts_at or moment, moment)
    duration = None
    if plan.ends_at is not None:
        duration = max(1, (plan.ends_at.date() - start.date()).days + 1)
    load = Load(occupations(barring, start.date()), start.date(), everywhere_too=True)
    return load.earliest(wanted, duration)


def _names(settings_groups: Sequence[SettingsGroup]) -> str:
    """The tests by key; drafts only as what they are: whoever reads it may not know of them."""
    tests = {group.experiment for group in settings_groups}
    keys = sorted(test.key for test in tests if test.status != Status.DRAFT)
    drafts = len(tests) - len(keys)
    named = keys[:_NAMED]
    unnamed = len(keys) - len(named)
    if unnamed:
        named.append(f"{unnamed} more test{'s' if unnamed > 1 else ''}")
    if drafts:
        named.append("a draft" if drafts == 1 else f"{drafts} drafts")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
