"""What the draw and the deal are good for: overlap by method and load, and false positives beside a test with an effect.

`python -m bench simulation` prints the tables, and that of the chances; `overlap_rows` and `false_positives` are what the tests run in a small size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audience.dealing import deal_to_variants
from audience.drawing import OBJECTIVES, Objective, Occupant, Share, draw_split_groups
from audience.occupancy import Owners
from audience.specs import SPLIT_GROUPS
from bench.measuring import Figure, interleaved
from bench.simulation_chances import chances_table
from bench.simulation_world import Met, Plan, World, plans_up_to

LOADS: Final = (0.5, 1.0, 1.5, 2.4)
WORLDS: Final = 20
SEEDS: Final = 3000
THOUSAND: Final = 1000

Method = Callable[[World, Plan, Sequence[Plan], Sequence[Owners], int], Owners]
"""Draws a plan, given the plans drawn before it with their owners, and a seed."""


def run() -> str:
    """The tables, in full size."""
    return "\n\n".join([overlap_table(LOADS, WORLDS), false_positive_table(SEEDS), chances_table(SEEDS)])


def overlap_table(loads: Sequence[float], worlds: int) -> str:
    """Overlap of all tests of a company, drawn one after the other, by load and method; means over the worlds."""
    lines = [
        f"Overlap: 480,000 users, tests drawn one after the other, means of {worlds} made-up companies",
        "  load  tests  method                       in ≥ 2 tests of those in any worst pair of smaller mean pair",
    ]
    for load in loads:
        tests, rows = overlap_rows(load, worlds)
        for name, met in rows.items():
            lines.append(
                f"  {load:>4}  {tests:>5.1f}  {name:<28} {met.in_two:>12,.0f} {met.in_two / met.in_tests:>15.1%}"
                f" {met.worst_pair:>10,.0f} {met.worst_share:>10.1%} {met.mean_pair:>9,.1f}"
            )
    return "\n".join(lines)


def overlap_rows(load: float, worlds: int) -> tuple[float, dict[str, Met]]:
    """The mean number of tests, and by method the mean of what they share. Every method gets the same worlds and plans."""
    results: dict[str, list[Met]] = {name: [] for name in METHODS}
    tests = 0
    for number in range(worlds):
        rng = np.random.default_rng([number, round(load * 10)])
        world, plans = World.made(rng), plans_up_to(load, rng)
        tests += len(plans)
        for name, method in METHODS.items():
            owners: list[Owners] = []
            for place, plan in enumerate(plans):
                owners.append(method(world, plan, plans[:place], owners, number * 1000 + place))
            results[name].append(Met.of(world, plans, owners))
    means = {
        name: Met(*np.mean([astuple(met) for met in mets], axis=0).tolist()) for name, mets in results.items()
    }
    return tests / worlds, means


def _free_first_then_random(
    world: World, plan: Plan, before: Sequence[Plan], owners: Sequence[Owners], seed: int
) -> Owners:
    """The predecessor: groups that no test owns, whatever its audience, then any."""
    rng = np.random.default_rng(seed)
    busy = np.any([groups > 0 for groups in owners], axis=0) if owners else np.zeros(SPLIT_GROUPS, dtype=bool)
    order = np.lexsort((rng.permutation(SPLIT_GROUPS), busy))
    drawn = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    drawn[order[: plan.split_groups]] = 1
    return drawn


def _ours(objective: Objective) -> Method:
    def draw(world: World, plan: Plan, before: Sequence[Plan], owners: Sequence[Owners], seed: int) -> Owners:
        others = [
            world.occupant(other, groups, plan.audience) for other, groups in zip(before, owners, strict=True)
        ]
        # Which variant a group goes to makes no difference here.
        return draw_split_groups([Share("all", plan.split_groups)], others, objective, seed).owners

    return draw


METHODS: Final[Mapping[str, Method]] = {
    "plain random": _ours("random"),
    "free first, then random": _free_first_then_random,
    "fewest shared users": _ours("fewest_shared_users"),
    "smallest worst pair": _ours("smallest_worst_pair"),
}


@dataclass(frozen=True, slots=True)
class Confounder:
    """Another test on contiguous ranges, each variant `its_groups` wide, that has an effect; ours, which has none, gets `our_groups`
    per variant. `effect` is what it adds to a rate of 10 %; a split group holds `users` of ours."""

    title: str
    our_groups: int
    its_groups: int
    users: int
    effect: float


CONFOUNDERS: Final = (
    # The first three: an effect that a test of that size finds nine times out of ten.
    Confounder("600 + 600 groups of 10 users, +1.8 points", 600, 600, 10, 0.018),
    Confounder("120 + 120 groups of 60 users, +1.6 points", 120, 1200, 60, 0.0163),
    Confounder("24 + 24 groups of 300 users, +1.6 points", 24, 1200, 300, 0.0163),
    Confounder("24 + 24 groups of 2,500 users, +2 points", 24, 1200, 2500, 0.02),
    Confounder("24 + 24 groups of 2,500 users, +5 points", 24, 1200, 2500, 0.05),
)


def false_positive_table(seeds: int) -> str:
    """How often a test without effect is significant at 5 %, by how its groups were dealt."""
    lines = [
        f"False positives of a test without effect, two-sided 5 %, beside one with an effect on contiguous ranges; {seeds:,} seeds",
        f"  {'test and effect of the other':<44} {'range split':>11} {'plain random':>12} {'balanced':>9} {'not told':>9}",
    ]
    for case in CONFOUNDERS:
        found = false_positives(case, seeds)
        lines.append(
            f"  {case.title:<44} {found['range']:>11.1%} {found['random']:>12.1%}"
            f" {found['balanced']:>9.1%} {found['not told']:>9.1%}"
        )
    lines.append("  not told: the balanced deal, without knowing of the other test")
    return "\n".join(lines)


def false_positives(case: Confounder, seeds: int) -> dict[str, float]:
    """The share of seeds in which the test is significant at 5 %, by way of dealing."""
    theirs = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    theirs[: case.its_groups], theirs[case.its_groups : 2 * case.its_groups] = 1, 2
    other = Occupant("other", theirs, np.full(SPLIT_GROUPS, case.users, dtype=np.int64))
    deals: dict[str, Callable[[int], Owners]] = {
        "range": lambda seed: _range_split(case),
        "random": lambda seed: _plain_random(case, seed),
        "balanced": lambda seed: _balanced(case, [other], seed),
        "not told": lambda seed: _balanced(case, [], seed),
    }
    rate = 0.1 + np.where(theirs == 2, case.effect, 0.0)
    found = {}
    for name, deal in deals.items():
        significant = 0
        for seed in range(seeds):
            significant += _is_significant(deal(seed), rate, case.users, np.random.default_rng([seed, 1]))
        found[name] = significant / seeds
    return found


def _range_split(case: Confounder) -> Owners:
    """Ours as ranges too, on both sides of the border between the other's variants."""
    owners = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    owners[case.its_groups - case.our_groups : case.its_groups] = 1
    owners[case.its_groups : case.its_groups + case.our_groups] = 2
    return owners


def _plain_random(case: Confounder, seed: int) -> Owners:
    """Groups at random, dealt at random."""
    groups = np.random.default_rng(seed).permutation(SPLIT_GROUPS)
    owners = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    owners[groups[: case.our_groups]], owners[groups[case.our_groups : 2 * case.our_groups]] = 1, 2
    return owners


def _balanced(case: Confounder, others: Sequence[Occupant], seed: int) -> Owners:
    """Groups at random, dealt evenly."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(SPLIT_GROUPS)[: 2 * case.our_groups]
    nobody = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    return deal_to_variants(nobody, groups, [case.our_groups] * 2, others, rng)


def _is_significant(owners: Owners, rate: NDArray[np.float64], users: int, rng: np.random.Generator) -> bool:
    """The z test of two proportions on conversions of all users, each with the rate of its split group."""
    trials, hits = np.zeros(2), np.zeros(2)
    for number in (1, 2):
        groups = owners == number
        counts = rng.poisson(users, int(groups.sum()))
        trials[number - 1], hits[number - 1] = counts.sum(), rng.binomial(counts, rate[groups]).sum()
    pooled = hits.sum() / trials.sum()
    error = np.sqrt(pooled * (1 - pooled) * (1 / trials).sum())
    return bool(abs(hits[1] / trials[1] - hits[0] / trials[0]) > 1.959964 * error)


def thousand_tests_table() -> str:
    """What one draw costs among a thousand live tests: choosing, dealing, and writing down why."""
    rng = np.random.default_rng(1000)
    world, plans = World.made(rng), [plan for _ in range(50) for plan in plans_up_to(1.5, rng)][:THOUSAND]
    everybody = Plan("ours", np.ones(world.users.shape[1], dtype=bool), (240, 240))
    others = []
    for plan in plans:
        owners = np.zeros(SPLIT_GROUPS, dtype=np.int16)
        owned = rng.permutation(SPLIT_GROUPS)[: plan.split_groups]
        owners[owned] = rng.permutation(np.repeat(np.arange(1, len(plan.sizes) + 1), plan.sizes))
        others.append(world.occupant(plan, owners, everybody.audience))
    users = world.matching(everybody.audience)
    ways: dict[str, Callable[[], object]] = {}
    for groups in (120, 1200):
        shares = [Share("control", groups), Share("green", groups)]
        for objective in OBJECTIVES[:3]:
            ways[f"{groups} + {groups} groups, {objective}"] = partial(
                draw_split_groups, shares, others, objective, 1, users=users
            )
    load = sum(plan.split_groups for plan in plans) / SPLIT_GROUPS
    lines = [f"One draw among {len(others):,} live tests (load {load:.0f})"]
    lines += [str(Figure(name, seconds, 1, "s")) for name, seconds in interleaved(ways, rounds=3).items()]
    return "\n".join(lines)
