"""Points in time as their reader's clocks show them, in the reader's language; in UTC where nobody in particular reads."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.formats import date_format


def moment_words(value: dt.datetime) -> str:
    """To the minute, with the name of the zone: 2026-11-22 18:23 CET. For sentences; templates use `|moment`."""
    local = value.astimezone(timezone.get_current_timezone())
    return f"{date_format(local, 'DATETIME_FORMAT')} {zone_name(local)}"


def day_words(value: dt.datetime | dt.date) -> str:
    """The day; of a point in time, the one that it falls on where the reader is."""
    if isinstance(value, dt.datetime):
        value = value.astimezone(timezone.get_current_timezone())
    return date_format(value, "DATE_FORMAT")


def utc_words(value: dt.datetime) -> str:
    """To the minute, in UTC: what people in different zones can compare."""
    return f"{date_format(value.astimezone(dt.UTC), 'DATETIME_FORMAT')} UTC"


def zone_name(local: dt.datetime) -> str:
    """CET, JST; zones without such a name are told by their difference: UTC-03."""
    name = local.tzname() or ""
    return f"UTC{name}" if name[:1] in {"+", "-"} else name


def is_utc_for_reader(value: dt.datetime) -> bool:
    """Whether the reader's clocks are the world's."""
    return zone_name(value.astimezone(timezone.get_current_timezone())) == "UTC"
