"""What a draw writes down: why each group was taken, how evenly it was dealt, and what is needed to draw it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from audience.choosing import Field
from audience.dealing import unevenness
from audience.occupancy import Mask, Objective, Occupant, Owners, Share, Users

MOST_SHARED: Final = 50
"""How many other tests a draw's log lists."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked of a draw, apart from the arrays."""

    shares: tuple[Share, ...]
    objective: Objective
    seed: int
    exclusive_with: tuple[str, ...]
    allow_control_to_treatment: bool
    control: str | None
    previous_control: str | None

    @classmethod
    def from_log(
        cls,
        log: Mapping[str, object],
        others: Sequence[Occupant],
        previous: Mapping[str, Sequence[int]],
        users: Users | None,
    ) -> Arguments:
        """Those of a logged draw. Raises ValueError when these are not the arrays that it was drawn with."""
        arguments = cast("Mapping[str, Any]", log["arguments"])
        for name, digest in _digests(others, previous, users).items():
            if arguments["digests"][name] != digest:
                raise ValueError(f"it was not drawn with these: {name}")
        return cls(
            shares=tuple(Share(share["name"], share["split_groups"]) for share in arguments["shares"]),
            objective=cast("Objective", log["objective"]),
            seed=cast("int", log["seed"]),
            exclusive_with=tuple(arguments["exclusive_with"]),
            allow_control_to_treatment=arguments["allow_control_to_treatment"],
            control=arguments["control"],
            previous_control=arguments["previous_control"],
        )

    def for_log(self) -> dict[str, Any]:
        return {
            "shares": [{"name": share.name, "split_groups": share.split_groups} for share in self.shares],
            "exclusive_with": list(self.exclusive_with),
            "allow_control_to_treatment": self.allow_control_to_treatment,
            "control": self.control,
            "previous_control": self.previous_control,
        }


def describe_draw(
    arguments: Arguments,
    field: Field,
    others: Sequence[Occupant],
    kept: Owners,
    owners: Owners,
    previous: Mapping[str, Sequence[int]],
    users: Users | None,
) -> dict[str, Any]:
    """The log of a draw, ready for JSON; groups are inclusive, 1-based ranges. `kept` is who kept what from before."""
    drawn, stayed = owners > 0, kept > 0
    free = ~field.busy & ~field.barred
    met = [_met(other, drawn) for other in field.meeting]
    met.sort(key=lambda entry: (-entry["shared_users_drawn"], entry["label"]))
    return {
        "seed": arguments.seed,
        "objective": arguments.objective,
        "arguments": {**arguments.for_log(), "digests": _digests(others, previous, users)},
        "wanted": int(drawn.sum()),
        "free": int(free.sum()),
        "busy": int((field.busy & ~field.barred).sum()),
        "barred": int(field.barred.sum()),
        "reasons": {
            "kept": ranges(stayed),
            "free": ranges(drawn & ~stayed & free),
            "busy": ranges(drawn & ~stayed & ~free),
        },
        "variants": [
            {
                "name": share.name,
                "split_groups": share.split_groups,
                "kept": int((kept == number).sum()),
                "busy": int((field.busy & (owners == number)).sum()),
            }
            for number, share in enumerate(arguments.shares, start=1)
        ],
        "tests": len(others),
        "tests_that_make_groups_busy": len(met),
        "most_shared": met[:MOST_SHARED],
        "deal": unevenness(owners, len(arguments.shares), others),
        "result": _digest([owners]),
    }


def ranges(mask: Mask) -> list[list[int]]:
    """Inclusive, ascending, 1-based ranges of the marked groups."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return [[int(first) + 1, int(after)] for first, after in edges.reshape(-1, 2).tolist()]


def _met(other: Occupant, drawn: Mask) -> dict[str, Any]:
    owned = other.owned
    both = drawn & owned
    return {
        "label": other.label,
        "split_groups": int(owned.sum()),
        "shared_users": int(other.shared_users[owned].sum()),
        "split_groups_drawn": int(both.sum()),
        "shared_users_drawn": int(other.shared_users[both].sum()),
    }


def _digests(
    others: Sequence[Occupant], previous: Mapping[str, Sequence[int]], users: Users | None
) -> dict[str, str]:
    """Short fingerprints of the arrays, so that a replay with others is noticed."""
    tests: list[bytes | NDArray[Any]] = []
    for other in others:
        tests += [
            f"{other.label}\0{other.finished}\0{other.bars}\0".encode(),
            other.owners,
            other.shared_users,
        ]
    before: list[bytes | NDArray[Any]] = []
    for name, groups in previous.items():
        before += [f"{name}\0".encode(), np.asarray(groups, dtype=np.int64)]
    return {
        "other tests": _digest(tests),
        "what was drawn before": _digest(before),
        "users": _digest([] if users is None else [users]),
    }


def _digest(parts: Iterable[bytes | NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).astype("<i8").tobytes())
    return digest.hexdigest()[:16]
