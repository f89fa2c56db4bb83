"""What an application may hand over: users, requests, attributes and values that fail at whatever is done with them."""

from __future__ import annotations

import math
from collections import OrderedDict, UserDict
from datetime import datetime, timedelta, timezone
from enum import Enum
from types import MappingProxyType, SimpleNamespace
from typing import Any

from usersplit_sdk import Environment, User


class Told(Exception):
    """An exception that cannot even be shown."""

    def __str__(self) -> str:
        raise Told

    __repr__ = __str__


class Rude:
    """Fails at whatever is done with it."""

    def __getattribute__(self, name: str) -> Any:
        raise Told(name)

    def __eq__(self, other: object) -> bool:
        raise Told

    def __hash__(self) -> int:
        raise Told

    def __bool__(self) -> bool:
        raise Told

    def __str__(self) -> str:
        raise Told

    __repr__ = __str__


class Unhashable(str):
    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


class Grumpy(str):
    """A text that cannot be compared."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        raise Told

    def __str__(self) -> str:
        raise Told


class Vague:
    """Answers comparisons with what is no bool, and is equal without sharing a hash."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def __eq__(self, other: object) -> Any:
        return self.answer

    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__

    def __hash__(self) -> int:
        return 1


class Pretender:
    """Says that it is a text."""

    __class__ = str  # type: ignore[assignment]


class Ids(str, Enum):
    SEVEN = "7"


class LastOfMany(dict[str, Any]):
    """As a web framework's query: a list behind each name, of which ``get`` answers the last."""

    def get(self, name: str, default: Any = None) -> Any:
        held = super().get(name, default)
        return held[-1] if isinstance(held, list) else held


class Failing(dict[str, Any]):
    def get(self, name: str, default: Any = None) -> Any:
        raise Told(name)

    __getitem__ = keys = items = __iter__ = get  # type: ignore[assignment]


class Lazy(User):
    """A user whose attributes are looked up when they are needed."""

    def __init__(self, id: str) -> None:  # noqa: A002 - as in the class above
        self.id = id

    @property  # type: ignore[misc]
    def attributes(self) -> Any:
        return {"a": "web", "is_test_user": True}

    @property  # type: ignore[misc]
    def split_group(self) -> Any:
        return 3


class WithDefaults(User):
    """A subclass that adds to what it was given."""

    @property
    def attributes(self) -> Any:
        return {"a": "web", **super().attributes}

    @attributes.setter
    def attributes(self, attributes: Any) -> None:
        self._attributes = attributes


class Broken:
    """A user of another make, all of whose properties fail."""

    def __getattr__(self, name: str) -> Any:
        raise Told


VALUES: list[Any] = [
    Rude(),
    Unhashable("web"),
    Grumpy("web"),
    *map(Vague, [True, False, None, "yes", [], Rude()]),
    Pretender(),
    [Rude()],
    {"web": Rude()},
    math.nan,
    10**5000,
    -(10**5000),
    range(3),
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
    lambda: "web",
    User,
]
HOLDERS: list[Any] = [
    *({"a": value, "b": value} for value in VALUES),
    MappingProxyType({"a": "web"}),
    OrderedDict(a="web"),
    UserDict(a="web"),
    LastOfMany(a=["x", "web"]),
    Failing(a="web"),
    {Unhashable.__name__: 1, 5: 6, None: "web"},
    [("a", "web")],
    "web",
    Rude(),
    0,
]
IDENTITIES: list[Any] = [*VALUES, Ids.SEVEN, 7, True, 7.0, "", b"7", ("7",), Unhashable("7"), Grumpy("7")]
USERS: list[Any] = [
    *(User("1", 3, holder) for holder in HOLDERS),
    *(User(identity, 3, {"a": "web", "is_test_user": True}) for identity in IDENTITIES),
    *(User("1", number, {"a": "web"}) for number in [*VALUES, 3.0, True, "3", 0, 2401, -1]),
    Lazy("7"),
    WithDefaults("1", 3, {}),
    Broken(),
    SimpleNamespace(id="7", split_group=3, attributes={"a": "web"}),
    SimpleNamespace(),
    *VALUES,
    None,
]
_SUPPORTED: list[Any] = ["odd", {"odd": 1}, [Rude(), "odd"], iter(["odd"])]
_NUMBERS: list[Any] = [3, Rude()]
REQUESTS: list[Any] = [
    *(Environment("d", holder) for holder in HOLDERS),
    *(Environment(identity, {"a": "web"}, ["odd"]) for identity in IDENTITIES),
    *(Environment("d", {}, supported, number) for supported in VALUES for number in _NUMBERS),
    *(Environment("d", {}, supported) for supported in _SUPPORTED),
    Broken(),
    SimpleNamespace(device_id="7", attributes={"b": 1}, supported_tests=("odd",), split_group=3),
    *VALUES,
    None,
]
