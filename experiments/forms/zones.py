"""Dates as people type them, in a time zone of their choice. What is stored stays UTC."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.utils.translation import gettext

UTC: Final = "UTC"
COOKIE: Final = "zone"
_REGIONS: Final = (
    "Africa/",
    "America/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


@cache
def zones() -> tuple[str, ...]:
    """The zones to choose from: UTC first, then by name."""
    return (UTC, *sorted(name for name in available_timezones() if name.startswith(_REGIONS)))


def known_zone(name: str) -> str:
    """The zone, or UTC for what is none."""
    return name if name in zones() else UTC


def as_moment(text: str, zone: str) -> dt.datetime | None:
    """A local time as a `datetime-local` field sends it, in that zone; None for any other text.

    Raises ValueError for a time that clocks skip there. Of an hour that comes twice the first is meant.
    """
    try:
        local = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if local.tzinfo is not None or not 1970 < local.year < 9000:
        return None
    moment = local.replace(tzinfo=_zone(zone))
    if moment.astimezone(dt.UTC).astimezone(_zone(zone)).replace(tzinfo=None) != local:
        raise ValueError(
            gettext("There is no such time in %(zone)s: clocks go forward over it.") % {"zone": zone}
        )
    return moment


def written(moment: dt.datetime, zone: str) -> str:
    """As a `datetime-local` field takes it."""
    local = moment.astimezone(_zone(zone)).replace(tzinfo=None)
    return local.isoformat(timespec="minutes" if not local.second else "seconds")


def moved(text: str, old: str, new: str) -> str:
    """The same moment in the new zone; a text that is no time stays as it is."""
    if old == new:
        return text
    try:
        moment = as_moment(text, old)
    except ValueError:
        return text
    return text if moment is None else written(moment, new)


def utc_of(text: str, zone: str) -> dt.datetime | None:
    """What a typed time is in UTC, for people to compare."""
    try:
        moment = as_moment(text, zone)
    except ValueError:
        return None
    return moment.astimezone(dt.UTC) if moment else None


@cache
def _zone(name: str) -> dt.tzinfo:
    try:
        return dt.UTC if name == UTC else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return dt.UTC
