"""What settings would give, before anybody confirms them: counted now, drawn for every objective side by side, nothing stored.

The same counts, plans and draws as in a preparation. With the seed that it answers, a preparation draws the very same,
as long as users and other tests stay as they are.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from accounts.actors import Actor
from audience.occupancy import OBJECTIVES, Objective, Owners, Share, Users
from audience.overlap import Comparison, Movement, compare_draws, movement
from core import clock
from core.errors import Conflict
from experiments.audience_report import CountedWith, Intersection, intersections, pair_facts
from experiments.counting import Counts, count_audience
from experiments.lifecycle import Status
from experiments.models import DrawObjective, Experiment, Kind
from experiments.percents import format_percent
from experiments.plans import Plan, no_room, occupants, previous_of
from experiments.selectors import Other, owners_by_settings_group, variant_names, visible_ids
from experiments.services.ground import require_acting
from experiments.services.preparation import SEED_BITS
from experiments.services.settings_rules import NewSettings, clean_settings
from experiments.warnings_in_words import Facts, VariantFacts, Warned, warnings_of

MOST_INTERSECTIONS: Final = 50
"""So many other tests are told in detail for each objective, those with the most users."""


@dataclass(frozen=True, slots=True)
class VariantOutcome:
    """What a variant would get."""

    name: str
    percent: str
    is_control: bool
    users: int
    split_groups_count: int


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """The test with which most users would be shared; None for one that the asking person may not know of."""

    experiment: Experiment | None
    users: int
    share: float


@dataclass(frozen=True, slots=True)
class ObjectiveOutcome:
    """One objective. When it is not `possible`, there is a `reason`, perhaps a day from which it could be (`free_from`), and no figure.

    `users_in_other_tests` is an upper bound, `…_at_least` a lower one: who is in two other tests at once is not counted.
    `moves` is None where there is no earlier draw. `owners` is the draw itself.
    """

    objective: str
    possible: bool
    reason: str = ""
    free_from: dt.date | None = None
    variants: list[VariantOutcome] = field(default_factory=list)
    variant_users: int = 0
    users_in_other_tests: int = 0
    users_in_other_tests_at_least: int = 0
    worst_pair: PairOutcome | None = None
    mean_pair_users: float = 0.0
    intersections: list[Intersection] = field(default_factory=list)
    hidden_intersections: list[Intersection] = field(default_factory=list)
    moves: Movement | None = None
    warnings: list[Warned] = field(default_factory=list)
    owners: Owners | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        """What people call the objective."""
        return str(DrawObjective(self.objective).label)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What the settings would give. `chosen` is the objective that they name; of a user group there are no objectives."""

    counted_at: dt.datetime
    seed: int
    users: int
    not_counted: tuple[str, ...]
    chosen: str
    objectives: list[ObjectiveOutcome]
    warnings: list[Warned]


def what_if(actor: Actor, experiment: Experiment, draft: Mapping[str, object]) -> WhatIf:
    """What these settings (the fields of the API's body) would give now. Nothing is stored or locked.

    Raises NotAllowed or NotFound for others than those who may save them, InvalidInput naming every wrong path, Conflict
    when the test is finished, WarehouseError.
    """
    require_acting(actor, experiment)
    if experiment.status == Status.FINISHED:
        raise Conflict(f"“{experiment.key}” is finished; its settings cannot change any more.")
    content = clean_settings(experiment, draft, actor)
    plan = _plan(experiment, content)
    others = plan.others()
    counts = count_audience(plan.conditions, [other.settings_group for other in others])
    seed = secrets.randbits(SEED_BITS) if content.seed is None else content.seed
    outcomes = _Comparing(actor, plan, content, others, counts).outcomes(seed) if experiment.is_test else []
    chosen = next((one for one in outcomes if one.objective == content.draw), None)
    general = Facts(int(counts.users.sum()), counts.not_counted, is_blind=counts.is_blind)
    return WhatIf(
        counted_at=clock.now(),
        seed=seed,
        users=int(counts.users.sum()),
        not_counted=counts.not_counted,
        chosen=content.draw,
        objectives=outcomes,
        warnings=chosen.warnings if chosen and chosen.possible else warnings_of(general),
    )


def _plan(experiment: Experiment, content: NewSettings) -> Plan:
    return Plan(
        experiment=experiment,
        starts_at=content.starts_at,
        ends_at=content.ends_at,
        conditions=content.conditions,
        shares=tuple(Share(variant.name, variant.split_groups) for variant in content.variants),
        control=next((variant.name for variant in content.variants if variant.is_control), None),
        objective=cast("Objective", content.draw),
        exclusive_with=content.exclusive_with,
        allow_control_to_treatment=content.allow_control_to_treatment,
        previous=previous_of(experiment, copied_from=None),
    )


class _Comparing:
    """The objectives of one question, side by side."""

    def __init__(
        self, actor: Actor, plan: Plan, content: NewSettings, others: Sequence[Other], counts: Counts
    ) -> None:
        self.plan, self.content, self.others, self.counts = plan, content, others, counts
        self.owners = owners_by_settings_group([other.settings_group.pk for other in others])
        self.experiments = {
            other.settings_group.experiment.key: other.settings_group.experiment for other in others
        }
        ids = [experiment.pk for experiment in self.experiments.values()]
        self.visible = visible_ids(actor, Kind.TEST, ids)
        live = [other.settings_group for other in others if not other.is_finished]
        names = variant_names([group.pk for group in live])
        self.counted = [
            CountedWith(
                group,
                names[group.pk],
                self.owners[group.pk],
                counts.shared[group.pk].users,
                counts.shared[group.pk].not_counted,
            )
            for group in live
        ]

    def outcomes(self, seed: int) -> list[ObjectiveOutcome]:
        # Exclusive with nobody in particular is not what anybody asked for.
        objectives = [one for one in OBJECTIVES if one != "exclusive" or self.plan.exclusive_with]
        plan = self.plan
        compared = compare_draws(
            plan.shares,
            occupants(plan, self.others, self.counts, self.owners),
            seed,
            self.counts.users,
            objectives=objectives,
            previous=plan.previous.groups if plan.previous else None,
            exclusive_with=plan.exclusive_with,
            allow_control_to_treatment=plan.allow_control_to_treatment,
            control=plan.control,
            previous_control=plan.previous.control if plan.previous else None,
        )
        return [self._outcome(comparison) for comparison in compared]

    def _outcome(self, comparison: Comparison) -> ObjectiveOutcome:
        drawn, overlap = comparison.drawn, comparison.overlap
        if drawn is None or overlap is None:
            assert comparison.no_room is not None
            why = no_room(self.plan, comparison.objective, self.others, self.counts, comparison.no_room)
            return ObjectiveOutcome(comparison.objective, False, str(why), why.free_from)
        variants = [
            VariantOutcome(
                variant.name,
                format_percent(variant.split_groups),
                variant.is_control,
                users,
                variant.split_groups,
            )
            for variant, users in zip(self.content.variants, overlap.users_per_variant, strict=True)
        ]
        names = [variant.name for variant in variants]
        found = intersections(self.counted, names, drawn.owners, self.counts.users, self.plan.experiment.area)
        moves = self._moves(drawn.owners, names)
        shown = found[:MOST_INTERSECTIONS]
        worst = overlap.worst_pair
        return ObjectiveOutcome(
            objective=comparison.objective,
            possible=True,
            variants=variants,
            variant_users=overlap.users_in_variants,
            users_in_other_tests=overlap.users_in_other_tests_at_most,
            users_in_other_tests_at_least=overlap.users_in_other_tests_at_least,
            worst_pair=PairOutcome(self._known(worst.label), worst.users, worst.share) if worst else None,
            mean_pair_users=overlap.mean_pair_users,
            intersections=[one for one in shown if one.experiment.pk in self.visible],
            hidden_intersections=[one for one in shown if one.experiment.pk not in self.visible],
            moves=moves,
            warnings=warnings_of(self._facts(variants, found, moves)),
            owners=drawn.owners,
        )

    def _known(self, key: str) -> Experiment | None:
        experiment = self.experiments[key]
        return experiment if experiment.pk in self.visible else None

    def _moves(self, owners: Owners, names: Sequence[str]) -> Movement | None:
        before = self.plan.previous
        users: Users = self.counts.users
        if before is None:
            return None
        return movement(before.owners, owners, users, previous_names=before.names, names=names)

    def _facts(
        self, variants: Sequence[VariantOutcome], found: Sequence[Intersection], moves: Movement | None
    ) -> Facts:
        return Facts(
            users=int(self.counts.users.sum()),
            not_counted=self.counts.not_counted,
            variants=[VariantFacts(one.name, one.split_groups_count, one.users) for one in variants],
            pairs=[pair_facts(one, is_known=one.experiment.pk in self.visible) for one in found],
            moves=moves,
            is_blind=self.counts.is_blind,
        )
