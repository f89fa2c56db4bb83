"""What goes into a check and what comes out of it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple

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


class _Record:
    """Equal and shown by its fields. Dataclasses would do, but importing them costs more than the whole package."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__)

    __hash__ = None  # type: ignore[assignment]  # attributes are mappings

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__name__}({fields})"


def _raise_unseen(bearer: object) -> object:
    raise LookupError("a subclass answers by itself")


_UNSEEN = property(_raise_unseen, lambda bearer, value: None)


class _Bearer(_Record):
    """Somebody with attributes and perhaps a split group, both seen through once, when set, and not in every check:
    ``_plain`` are attributes that can be read as they are, else None; ``_group`` is 0 for what is no split group."""

    __slots__ = ("_attributes", "_group", "_plain", "_split_group")

    def __init_subclass__(cls) -> None:
        # Where a subclass answers by itself, what was seen when it was set means nothing.
        for name, seen in (("attributes", "_plain"), ("split_group", "_group")):
            if name in vars(cls):
                setattr(cls, seen, _UNSEEN)

    @property
    def attributes(self) -> Mapping[str, object]:
        """Values by filter name."""
        return self._attributes

    @attributes.setter
    def attributes(self, attributes: Mapping[str, object] | None) -> None:
        self._attributes = {} if attributes is None else attributes
        try:
            readable = isinstance(self._attributes, Mapping)
        except Exception:  # noqa: BLE001 - a lazy object of the host's whose making fails
            readable = False
        self._plain = self._attributes if readable else None

    @property
    def split_group(self) -> int | None:
        """1..2400, or None."""
        return self._split_group

    @split_group.setter
    def split_group(self, split_group: int | None) -> None:
        self._split_group = split_group
        self._group = 0
        if type(split_group) is int and 1 <= split_group <= SPLIT_GROUPS:
            self._group = split_group


class User(_Bearer):
    """A user who is known: id, the split group kept for life (1..2400), and profile values by filter name."""

    __slots__ = ("id",)
    __match_args__ = ("id", "split_group", "attributes")

    def __init__(
        self,
        id: str | int | None,  # noqa: A002 - the contract's word
        split_group: int | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        self.id = id
        # The usual cases without a call: applications make a user and a request for each of theirs.
        self._split_group = split_group
        self._group = 0
        if type(split_group) is int and 1 <= split_group <= SPLIT_GROUPS:
            self._group = split_group
        if type(attributes) is dict:
            self._attributes = self._plain = attributes
        else:
            self.attributes = attributes


class Environment(_Bearer):
    """The request: device, values by filter name, what the client app supports, and a guest's split group."""

    __slots__ = ("device_id", "supported_tests")
    __match_args__ = ("device_id", "attributes", "supported_tests", "split_group")

    def __init__(
        self,
        device_id: str | int | None = None,
        attributes: Mapping[str, object] | None = None,
        supported_tests: Collection[str] | None = None,
        split_group: int | None = None,
    ) -> None:
        self.device_id = device_id
        self.supported_tests = supported_tests
        self._split_group = None
        self._group = 0
        if split_group is not None:
            self.split_group = split_group
        if type(attributes) is dict:
            self._attributes = self._plain = attributes
        else:
            self.attributes = attributes


class Decision(NamedTuple):
    """A check's answer.

    ``detail`` is the path of the deciding predicate (``conditions[2][0]``) for ``CONDITIONS_NOT_MET``, and what
    is wrong for ``INVALID_TEST_FILE``. ``settings_group`` is None if there is no usable test.
    """

    variant: str | None
    reason: Reason
    detail: str | None = None
    settings_group: int | None = None


class Hit(NamedTuple):
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
        return {**self._asdict(), "time": self.time.isoformat()}


def draw_split_group() -> int:
    """A new user's split group: uniform in 1..2400, from the system's entropy. Store it and never change it."""
    from random import SystemRandom  # noqa: PLC0415 - takes longer to import than all that a check needs

    return SystemRandom().randint(1, SPLIT_GROUPS)
