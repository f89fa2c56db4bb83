"""Drawing split groups for the variants of a settings group: pure arithmetic on arrays, seeded, explainable.

Index i of every array is split group i + 1. The same arguments and seed give the same draw. `choosing` picks the groups,
`dealing` hands them to the variants, `draw_log` writes down why and replays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audience.choosing import Field
from audience.dealing import deal_to_variants
from audience.draw_log import Arguments, describe_draw
from audience.occupancy import (
    OBJECTIVES,
    ControlWouldMove,
    Drawn,
    Mask,
    NotEnoughRoom,
    Objective,
    Occupant,
    Owners,
    Share,
    Users,
    indices,
)
from audience.specs import SPLIT_GROUPS

__all__ = [
    "OBJECTIVES",
    "ControlWouldMove",
    "Drawn",
    "NotEnoughRoom",
    "Objective",
    "Occupant",
    "Share",
    "draw_split_groups",
    "replay_draw",
]


def draw_split_groups(
    shares: Sequence[Share],
    others: Sequence[Occupant],
    objective: Objective,
    seed: int,
    previous: Mapping[str, Sequence[int]] | None = None,
    exclusive_with: Collection[str] = (),
    *,
    allow_control_to_treatment: bool = False,
    control: str | None = None,
    previous_control: str | None = None,
    users: Users | None = None,
) -> Drawn:
    """Choose split groups for all shares together, then deal them to the variants.

    A group is *busy* if a live test owns it whose audience shares at least one user with ours; tests that own all 2400
    groups make none busy, nor do finished ones. Free groups come first, then

    * `fewest_shared_users`: busy ones, those of the tests whose audiences share the fewest users with ours first; of equals
      those whose tests are shared least so far;
    * `smallest_worst_pair`: busy ones one by one, so that the test we share most with shares least;
    * `exclusive`: none that a test in `exclusive_with` (labels; none named: any test) owns and shares users over, or
      NotEnoughRoom; the others as in `fewest_shared_users`.

    `random` takes all groups alike, busy or free. What is still equal is chosen at random.

    What a test shares is weighed over all 2400 groups: users are spread over them at random, so within one group the number
    is mostly luck. Chosen by that luck, the draw would pick the groups in which we have the fewest users of our own.

    `previous` names groups (1-based) per variant: they stay in the variant of the same name as far as its size allows
    and none is taken that must be kept free. What a variant gives up leaves the test; it goes to another variant only when
    no other group is left, and from the `previous_control` (if not named: `control`) to a treatment only with
    `allow_control_to_treatment`; otherwise ControlWouldMove. Without any control named there is nothing to protect.

    The deal spreads every variant of every other test, finished ones too, evenly over ours (see `dealing`). With `users`, those
    who match our conditions per group, the variants' users are made even as well.
    Raises ValueError for shares that are no shares (negative, more than 2400 in all, two of one name) and a control that is none.
    """
    arguments = Arguments(
        tuple(shares),
        objective,
        seed,
        tuple(exclusive_with),
        allow_control_to_treatment,
        control,
        previous_control if previous_control is not None else control,
    )
    wanted = _checked_total(arguments)
    rng = np.random.default_rng(seed)
    field = Field.survey(others, objective, exclusive_with, rng)
    available = SPLIT_GROUPS - int(field.barred.sum())
    if wanted > available:
        raise NotEnoughRoom(wanted, available)

    past = _Past.of(arguments, previous or {})
    kept = _keep(arguments, past, field, others, rng)
    owners = _fill(arguments, past, field, kept, others, rng, users)
    log = describe_draw(arguments, field, others, kept, owners, previous or {}, users)
    return Drawn(owners, log)


def replay_draw(
    log: Mapping[str, object],
    others: Sequence[Occupant],
    previous: Mapping[str, Sequence[int]] | None = None,
    users: Users | None = None,
) -> Drawn:
    """The draw that wrote this log, drawn again. Raises ValueError when the other tests, what was drawn before or the users are
    not those that it was drawn with, and when it comes out differently (it was drawn by another version)."""
    arguments = Arguments.from_log(log, others, previous or {}, users)
    drawn = draw_split_groups(
        arguments.shares,
        others,
        arguments.objective,
        arguments.seed,
        previous,
        arguments.exclusive_with,
        allow_control_to_treatment=arguments.allow_control_to_treatment,
        control=arguments.control,
        previous_control=arguments.previous_control,
        users=users,
    )
    if drawn.log["result"] != log["result"]:
        raise ValueError("it was drawn by another version: the same arguments give another draw now")
    return drawn


@dataclass(frozen=True, slots=True, eq=False)
class _Past:
    """Who had each group before: the number of the share of that name, -1 a variant that is gone, 0 nobody.

    `protected`: the control had it, so that no treatment may.
    """

    had: Owners
    protected: Mask

    @classmethod
    def of(cls, arguments: Arguments, previous: Mapping[str, Sequence[int]]) -> _Past:
        had, protected = np.zeros(SPLIT_GROUPS, dtype=np.int16), np.zeros(SPLIT_GROUPS, dtype=bool)
        numbers = {share.name: number for number, share in enumerate(arguments.shares, start=1)}
        for name, groups in previous.items():
            positions = indices(name, groups)
            had[positions] = numbers.get(name, -1)
            if name == arguments.previous_control and not arguments.allow_control_to_treatment:
                protected[positions] = True
        return cls(had, protected)


def _keep(
    arguments: Arguments, past: _Past, field: Field, others: Sequence[Occupant], rng: np.random.Generator
) -> Owners:
    """Who keeps what. Variants that shrink alike give up what is busiest. If some shrink more than others, what they keep is an
    even sample of what they had: giving up all that another test owns would leave that test with the others' variants."""
    owners = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    stays = {}
    for number, share in enumerate(arguments.shares, start=1):
        groups = np.flatnonzero((past.had == number) & ~field.barred)
        if len(groups):
            stays[number] = (groups, min(share.split_groups, len(groups)))
    fraction = sum(size for _, size in stays.values()) / (
        sum(len(groups) for groups, _ in stays.values()) or 1
    )
    alike = all(abs(size - fraction * len(groups)) < 1 for groups, size in stays.values())
    for number, (groups, size) in stays.items():
        if alike:
            owners[field.order(groups)[:size]] = number
        else:
            nobody = np.zeros(SPLIT_GROUPS, dtype=np.int16)
            parted = deal_to_variants(nobody, groups, [size, len(groups) - size], others, rng)
            owners[parted == 1] = number
    return owners


def _fill(
    arguments: Arguments,
    past: _Past,
    field: Field,
    kept: Owners,
    others: Sequence[Occupant],
    rng: np.random.Generator,
    users: Users | None,
) -> Owners:
    """Choose what is missing, new groups first, then what another variant gave up, and deal it."""
    missing = [
        share.split_groups - int((kept == number).sum())
        for number, share in enumerate(arguments.shares, start=1)
    ]
    needed = sum(missing)
    names = [share.name for share in arguments.shares]
    for_control = missing[names.index(arguments.control)] if arguments.control is not None else 0
    open_to_all = (kept == 0) & ~field.barred & ~past.protected
    given_up = (kept == 0) & ~field.barred & past.protected

    owners, taken = kept.copy(), kept > 0
    chosen = np.empty(0, dtype=np.int64)
    for candidates in (open_to_all & (past.had == 0), open_to_all & (past.had != 0)):
        groups = np.flatnonzero(candidates)
        picked = field.choose(min(needed - len(chosen), len(groups)), groups, taken)
        taken[picked] = True
        chosen = np.concatenate([chosen, picked])
    short = needed - len(chosen)
    if short:
        back = np.flatnonzero(given_up)
        if short > min(for_control, len(back)):
            raise ControlWouldMove(needed - for_control, len(chosen) - max(0, for_control - len(back)))
        control = names.index(str(arguments.control))
        owners[field.choose(short, back, taken)] = control + 1
        missing[control] -= short
    return deal_to_variants(owners, chosen, missing, others, rng, users)


def _checked_total(arguments: Arguments) -> int:
    shares, names = arguments.shares, {share.name for share in arguments.shares}
    if arguments.objective not in OBJECTIVES:
        raise ValueError(f"{arguments.objective!r} is no objective; there are {', '.join(OBJECTIVES)}")
    if any(share.split_groups < 0 for share in shares):
        raise ValueError("a variant cannot have fewer than 0 split groups")
    if len(names) < len(shares):
        raise ValueError("two variants have the same name")
    if arguments.control is not None and arguments.control not in names:
        raise ValueError(f"the control {arguments.control!r} is none of the variants")
    wanted = sum(share.split_groups for share in shares)
    if wanted > SPLIT_GROUPS:
        raise ValueError(f"the variants want {wanted} of {SPLIT_GROUPS} split groups")
    return wanted
