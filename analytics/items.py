"""What a hit and an event are when they come from outside: their fields, and in words what is wrong with one that is not.

Checked in compiled code (msgspec), since there are thousands a second; only what was refused there is looked at field by field.
They hold nothing but numbers and texts, so that the garbage collector need not look at them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias

import msgspec
from msgspec import Meta

from core.errors import FieldError
from core.text import unstorable_text

MAX_ID: Final = 200
MAX_NAME: Final = 64
MAX_NUMBER: Final = 2**31 - 1
MAX_VALUE: Final = 1e15
AHEAD: Final = dt.timedelta(hours=1)

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
Id: TypeAlias = Annotated[str, Meta(max_length=MAX_ID)]
Moment: TypeAlias = Annotated[dt.datetime, Meta(tz=True)]
# Literal: compared in C. `accounts.models.Environment` has the same two.
EnvironmentName: TypeAlias = Literal["production", "devel"]


class Hit(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """What the SDK's `Hit.as_json()` sends. Test, settings group and variant need not exist: who mistyped them shall see it."""

    test: Name
    settings_group: Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
    variant: Name
    user_id: Id | None = None
    device_id: Id | None = None
    split_group: Annotated[int, Meta(ge=1, le=2400)] | None = None
    environment: EnvironmentName | None = None
    time: Moment
    forced: bool = False
    test_user: bool = False


class Event(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Something a user or a device did, with a value that may be summed up."""

    event: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.]{0,63}\Z")]
    user_id: Id | None = None
    device_id: Id | None = None
    environment: EnvironmentName | None = None
    time: Moment
    # Squares of sums are added up later, which must stay finite.
    value: Annotated[float, Meta(ge=-MAX_VALUE, le=MAX_VALUE)] | None = None


Item: TypeAlias = Hit | Event

_NAME: Final = f"text of 1 to {MAX_NAME} characters"
_ID: Final = f"Must be text of at most {MAX_ID} characters, or null."
_TIME: Final = "Must be a moment with its offset from UTC, such as 2026-11-22T10:00:00.000Z."
_YES_NO: Final = "Must be true or false."
RIGHT: Final[Mapping[str, str]] = {
    "test": f"Must be the key of a test: {_NAME}.",
    "settings_group": "Must be the number of a settings group: a whole number from 1.",
    "variant": f"Must be the name of a variant: {_NAME}.",
    "user_id": _ID,
    "device_id": _ID,
    "split_group": "Must be a whole number from 1 to 2400, or null.",
    "environment": "Must be production or devel; left out it is the token's.",
    "time": _TIME,
    "forced": _YES_NO,
    "test_user": _YES_NO,
    "event": "Must be a name such as order.paid: a small letter, then up to 63 of a-z, 0-9, _ and .",
    "value": f"Must be a number from -{MAX_VALUE:.0e} to {MAX_VALUE:.0e}, or null.",
}
"""By field: what would be right."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an item must fit that its fields alone don't say: not before `since`, not after `until`, of this environment."""

    environment: str
    since: dt.datetime
    until: dt.datetime

    @classmethod
    def at(cls, moment: dt.datetime, environment: str, max_age_days: int) -> Limits:
        """Those of items that arrive at `moment` with a token of `environment`."""
        return cls(environment, moment - dt.timedelta(days=max_age_days), moment + AHEAD)

    def admit(self, item: Item) -> bool:
        """Whether it fits; what it lacks is completed: its environment, its time in UTC."""
        if item.environment != self.environment:
            if item.environment is not None:
                return False
            item.environment = self.environment  # type: ignore[assignment]  # one of the two
        if not self.since <= item.time <= self.until:
            return False
        if item.time.tzinfo is not dt.UTC:
            item.time = item.time.astimezone(dt.UTC)
        return True

    def admit_event(self, item: Item) -> bool:
        """The same for an event, which is somebody's."""
        return bool(item.user_id or item.device_id) and self.admit(item)

    def wrong(self, name: str, value: object) -> str | None:
        """What is wrong with a field that is well-formed by itself, or None."""
        if name == "environment" and value not in {None, self.environment}:
            return f"The token is one for {self.environment}: send {value} hits and events with a token of that environment."
        if isinstance(value, dt.datetime) and value > self.until:
            return f"Lies in the future; at most {self.until:%Y-%m-%dT%H:%M:%SZ} is taken now. Is the clock right?"
        if isinstance(value, dt.datetime) and value < self.since:
            return f"Is too long ago; at least {self.since:%Y-%m-%dT%H:%M:%SZ} is taken now."
        if isinstance(value, str) and unstorable_text(value):
            return "Must not contain NUL characters or half a surrogate pair."
        return None


_FIELDS: Final[dict[type[Item], dict[str, msgspec.json.Decoder[Any]]]] = {
    kind: {field.name: msgspec.json.Decoder(field.type) for field in msgspec.structs.fields(kind)}
    for kind in (Hit, Event)
}
_REQUIRED: Final[dict[type[Item], frozenset[str]]] = {
    kind: frozenset(field.name for field in msgspec.structs.fields(kind) if field.required)
    for kind in (Hit, Event)
}
_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def item_errors(raw: bytes, kind: type[Item], limits: Limits) -> list[FieldError]:
    """Everything that is wrong with one item, by field; [] if nothing is. `raw` is one JSON value."""
    whole = kind.__name__.lower()
    try:
        parts = _PARTS.decode(raw)
        given_twice = names_twice(raw)
    except UnicodeDecodeError:
        return [FieldError(whole, "Is not UTF-8.")]
    except RecursionError:
        return [FieldError(whole, "Is nested too deeply.")]
    except msgspec.ValidationError:
        return [FieldError(whole, f"Must be an object with the fields {', '.join(_FIELDS[kind])}.")]
    except (msgspec.DecodeError, ValueError) as error:
        return [FieldError(whole, f"Cannot be read as JSON: {error}.")]
    errors = [FieldError(name, "Stands twice.") for name in given_twice]
    unknown = sorted(parts.keys() - _FIELDS[kind].keys())
    offered = ", ".join(_FIELDS[kind])
    errors += [
        FieldError(_short(name), f"There is no such field; known are {offered}.") for name in unknown[:20]
    ]
    errors += [
        FieldError(name, f"Is missing. {RIGHT[name]}") for name in sorted(_REQUIRED[kind] - parts.keys())
    ]
    found: dict[str, object] = {}
    for name in [name for name in _FIELDS[kind] if name in parts]:
        try:
            found[name] = _FIELDS[kind][name].decode(parts[name])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            errors.append(FieldError(name, RIGHT[name]))
            continue
        if message := limits.wrong(name, found[name]):
            errors.append(FieldError(name, message))
    if kind is Event and not errors and not (found.get("user_id") or found.get("device_id")):
        errors.append(FieldError("user_id", "Say whose event it is: user_id or device_id."))
    return errors


def names_twice(raw: bytes) -> list[str]:
    """Names that stand twice in the object (or in one inside it): which of the values counts, readers differ about."""
    twice: list[str] = []

    def note(pairs: list[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen and len(twice) < 20:
                twice.append(_short(name))
            seen.add(name)

    json.loads(raw, object_pairs_hook=note, parse_int=len, parse_float=len, parse_constant=_no_constant)
    return twice


def may_have_names_twice(raw: bytes, names: Sequence[bytes], objects: int = 1) -> bool:
    """Whether it takes a closer look: a name could be written with an escape, or is there more often than there are objects."""
    return b"\\" in raw or any(raw.count(name) > objects for name in names)


def has_as_many_names(raw: bytes, expected: int) -> bool:
    """Whether so many names stand in the JSON. A text that begins with a colon is taken for one more; never is one missed."""
    return b"\\" not in raw and raw.translate(None, b" \t\r\n").count(b'":') == expected


def quoted_names(kind: type[Item]) -> list[bytes]:
    """The names of the fields as they stand in JSON."""
    return [b'"%b"' % name.encode() for name in _FIELDS[kind]]


def _short(name: str) -> str:
    return name[:MAX_NAME].encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _no_constant(name: str) -> NoReturn:
    raise msgspec.DecodeError(f"{name} is not a number that JSON has")
