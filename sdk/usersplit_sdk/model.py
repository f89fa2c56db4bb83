"""What goes into a check and what comes out of it."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import Enum

SPLIT_GROUPS = 2400
"""Split groups are the numbers from 1 to this."""


class Reason(str, Enum):
    """Why a check answered as it did; in the order in which they are looked at."""

    UNKNOWN_TEST = "UNKNOWN_TEST"
    INVALID_TEST_FILE = "INVALID_TEST_FILE"
    WINNER = "WINNER"
    REJECTED = "REJECTED"
    FORCED = "FORCED"
    TESTS_OFF = "TESTS_OFF"
    PAUSED = "PAUSED"
    NOT_A_TEST_USER = "NOT_A_TEST_USER"
    OUTSIDE_DATES = "OUTSIDE_DATES"
    CONDITIONS_NOT_MET = "CONDITIONS_NOT_MET"
    NOT_SUPPORTED_BY_CLIENT = "NOT_SUPPORTED_BY_CLIENT"
    NO_SPLIT_GROUP = "NO_SPLIT_GROUP"
    SPLIT_GROUP_NOT_IN_TEST = "SPLIT_GROUP_NOT_IN_TEST"
    ADDITIONAL_CONDITIONS_NOT_MET = "ADDITIONAL_CONDITIONS_NOT_MET"
    SPLIT = "SPLIT"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class User:
    """A user who is known: id, the split group kept for life (1..2400), and profile values by filter name."""

    id: str | int | None
    split_group: int | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Environment:
    """The request: device, values by filter name, what the client app supports, and a guest's split group."""

    device_id: str | int | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    supported_tests: Collection[str] | None = None
    split_group: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A check's answer.

    ``detail`` is the path of the deciding predicate (``conditions[2][0]``) for ``CONDITIONS_NOT_MET``, and what
    is wrong for ``INVALID_TEST_FILE``. ``settings_group`` is None if there is no usable test.
    """

    variant: str | None
    reason: Reason
    detail: str | None = None
    settings_group: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """The record that a user was shown a variant. ``time`` is aware; forced and test users never count."""

    test: str
    settings_group: int
    variant: str
    user_id: str | None
    device_id: str | None
    split_group: int | None
    environment: str
    time: datetime
    forced: bool
    test_user: bool

    def as_json(self) -> dict[str, object]:
        """The hit as it is stored and sent: the same names, the time in ISO 8601."""
        return {**asdict(self), "time": self.time.isoformat()}


def draw_split_group() -> int:
    """A new user's split group: uniform in 1..2400, from the system's entropy. Store it and never change it."""
    return random.SystemRandom().randint(1, SPLIT_GROUPS)
