"""How attribute values and operands are read: numbers, versions, moments in time.

Everything here answers ``None`` for what does not fit and never raises, because attributes come from
host applications and operands from files. The console, the API and the SQL compiler use the same
functions, so that a value means the same thing everywhere.
"""

from __future__ import annotations

import re
import sys
from datetime import date, datetime, time, timedelta, timezone
from math import isnan
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple, Union

if TYPE_CHECKING:
    from decimal import Decimal

Number = Union[int, float, "Decimal"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST = datetime.min.replace(tzinfo=timezone.utc)
_LAST = datetime.max.replace(tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)

VERSION_PARTS = 6
VERSION_PART_DIGITS = 9

_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}")
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


class Moment(NamedTuple):
    """A point in time; ``is_day`` says that only a calendar day was given (then it is that day's midnight, UTC)."""

    instant: datetime
    is_day: bool


def as_number(value: object) -> Number | None:
    """The value if it is a number. A bool is no number, and NaN is none either: it compares with nothing."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return None if isnan(value) else value
    # Whoever has a Decimal has imported its module, which costs a tenth of importing all of this package.
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return value if value.is_finite() else None
    return None


def to_nanoseconds(moment: datetime) -> int:
    """An aware time as nanoseconds since 1970, as ``time.time_ns`` counts; exact."""
    return (moment - _EPOCH) // _MICROSECOND * 1000


def from_nanoseconds(nanoseconds: int) -> datetime:
    """The time in UTC, to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def asked_nanoseconds(now: object) -> int:
    """The time that a caller asks about (a ``datetime``; without an offset: UTC); for anything else the present."""
    try:
        if isinstance(now, datetime):
            aware = now if now.utcoffset() is not None else now.replace(tzinfo=timezone.utc)
            # An offset may push a time over the edge of the calendar.
            return to_nanoseconds(min(max(aware, _FIRST), _LAST))
    except Exception:  # noqa: BLE001, S110 - a time zone is the application's code
        pass
    return time_ns()


def is_number(value: object) -> bool:
    """Has ``as_number`` a number for the value?"""
    return as_number(value) is not None


def parse_version(text: object) -> tuple[int, ...] | None:
    """``"1.10.0"`` → ``(1, 10)``: one to six dotted parts of up to nine digits, missing parts being 0.

    Anything else is None, pre-release suffixes included: guessing their order would make the SDK and SQL differ.
    """
    if not isinstance(text, str) or _VERSION.fullmatch(text) is None:
        return None
    parts = [int(part) for part in text.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def version_key(text: object) -> str | None:
    """A fixed-width text (54 digits) that sorts as the version does; for SQL, which compares texts only."""
    parts = parse_version(text)
    if parts is None:
        return None
    padded = parts + (0,) * (VERSION_PARTS - len(parts))
    return "".join(f"{part:0{VERSION_PART_DIGITS}d}" for part in padded)


def parse_moment(value: object) -> Moment | None:
    """Read an ISO 8601 text, a ``datetime`` or a ``date``; a time without an offset is UTC."""
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return Moment(datetime.combine(value, time(), timezone.utc), is_day=True)
    if not isinstance(value, str):
        return None
    found = _MOMENT.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        if hour is None:
            return Moment(datetime(int(year), int(month), int(day), tzinfo=timezone.utc), is_day=True)
        microsecond = int((fraction or "0").ljust(6, "0")[:6])
        clock = (int(hour), int(minute), int(second or 0), microsecond)
        return _moment(datetime(int(year), int(month), int(day), *clock, tzinfo=_zone(offset)))
    except ValueError:
        return None


def _moment(value: datetime) -> Moment | None:
    if value.tzinfo is None:
        return Moment(value.replace(tzinfo=timezone.utc), is_day=False)
    try:
        return Moment(value.astimezone(timezone.utc), is_day=False)
    except OverflowError:  # year 1 or 9999 pushed over the edge by its offset
        return None


def _zone(offset: str | None) -> timezone:
    if offset is None or offset in "Zz":
        return timezone.utc
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(ahead if offset[0] == "+" else -ahead)
