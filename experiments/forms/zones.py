"""Dates as people type them, in a time zone of their choice. What is stored stays UTC."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.utils import timezone
from django.utils.translation import gettext

from core.moments import utc_words

UTC: Final = "UTC"
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
    return (UTC, *sorted(name for name in _known() if name.startswith(_REGIONS)))


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def zones_with(*chosen: str) -> tuple[str, ...]:
    """The same with those that somebody has chosen, should they be none of these: `US/Pacific`."""
    return (*zones(), *sorted({one for one in chosen if one not in zones()}))


def known_zone(name: str) -> str:
    """The zone, or UTC for what is none. A name from outside never becomes the path of a file."""
    return name if name in _known() else UTC


def in_words(zone: str) -> str:
    """As people read it: America/New York."""
    return zone.replace("_", " ")


def readers_zone() -> str:
    """The zone of whoever reads: of their own settings, else their browser's."""
    return known_zone(timezone.get_current_timezone_name())


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


def is_local_time(text: str) -> bool:
    """Whether a `datetime-local` field can show it: the browser would show anything else as nothing."""
    try:
        return dt.datetime.fromisoformat(text.strip()).tzinfo is None
    except ValueError:
        return not text.strip()


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


def utc_of(text: str, zone: str) -> str:
    """What a typed time is in UTC, in words that people in different zones can compare; "" where the time is in UTC, or none."""
    if zone == UTC:
        return ""
    try:
        moment = as_moment(text, zone)
    except ValueError:
        return ""
    return utc_words(moment) if moment else ""


@cache
def _zone(name: str) -> dt.tzinfo:
    try:
        return dt.UTC if name == UTC else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return dt.UTC
