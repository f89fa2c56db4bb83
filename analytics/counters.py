"""Adding to the counters: a statement for each table, its rows locked in one order, all in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from django.db import connection

from analytics.models import UnknownHits
from core import clock

MAX_UNKNOWN: Final = 1_000
"""So many different unknown hits have a row of their own; whoever makes up names cannot fill the table."""
OTHERS: Final = "(others)"
"""Stands as the test in the row of all the rest. No test can be called that."""

_PERIODS: Final = {"hourlyhits": "hour", "dailyhits": "day", "totalhits": None}
_ADD: Final = """
INSERT INTO analytics_{table} AS old
    (settings_group_id, variant, environment, who, {period} hits, first_at, last_at, users, changed_at)
SELECT group_id, variant, environment, who, {cut} sum(hits), min(first_at), max(last_at), 0, %s
FROM json_to_recordset(%s) AS new (
    group_id bigint, variant text, environment text, who text, hour timestamptz, hits bigint, first_at timestamptz,
    last_at timestamptz
)
GROUP BY group_id, variant, environment, who {grouped}
ORDER BY group_id, variant, environment, who {grouped}
ON CONFLICT (settings_group_id, variant, environment, who {conflict}) DO UPDATE SET
    hits = old.hits + EXCLUDED.hits,
    first_at = LEAST(old.first_at, EXCLUDED.first_at),
    last_at = GREATEST(old.last_at, EXCLUDED.last_at),
    -- Later than before whatever the clock says: users that were counted up to then are out of date.
    changed_at = GREATEST(EXCLUDED.changed_at, old.changed_at + interval '1 microsecond')
"""
_ADD_UNKNOWN: Final = """
INSERT INTO analytics_unknownhits AS old (test, settings_group, variant, environment, why, hits, first_at, last_at)
SELECT test, settings_group, variant, environment, min(why), sum(hits), %s, %s
FROM json_to_recordset(%s) AS new (
    test text, settings_group int, variant text, environment text, why text, hits bigint
)
GROUP BY test, settings_group, variant, environment
ORDER BY test, settings_group, variant, environment
ON CONFLICT (test, settings_group, variant, environment) DO UPDATE SET
    hits = old.hits + EXCLUDED.hits, why = EXCLUDED.why, last_at = EXCLUDED.last_at
"""


@dataclass(frozen=True, slots=True)
class HitCount:
    """Hits of one hour (UTC) that are counted together. `who` is a `models.Who`."""

    group_id: int
    variant: str
    environment: str
    who: str
    hour: dt.datetime
    hits: int
    first_at: dt.datetime
    last_at: dt.datetime


@dataclass(frozen=True, slots=True)
class UnknownCount:
    """Hits of one kind that nobody knows. `why` is a `UnknownHits.Why`."""

    test: str
    settings_group: int
    variant: str
    environment: str
    why: str
    hits: int


def add_hits(counts: Sequence[HitCount]) -> None:
    """To the hourly, daily and total counters."""
    if not counts:
        return
    rows = _json(counts)
    with connection.cursor() as cursor:
        for table, period in _PERIODS.items():
            cursor.execute(_statement(table, period), [clock.now(), rows])


def add_unknown(counts: Sequence[UnknownCount]) -> None:
    """To their own rows as long as there are few; then to one row for each environment. One process at a time."""
    if not counts:
        return
    keys = ("test", "settings_group", "variant", "environment")
    there = set(UnknownHits.objects.values_list(*keys))
    free = MAX_UNKNOWN - len(there)
    bounded = []
    for count in sorted(counts, key=lambda count: -count.hits):
        if (count.test, count.settings_group, count.variant, count.environment) in there:
            bounded.append(count)
        elif free > 0:
            free -= 1
            bounded.append(count)
        else:
            why = UnknownHits.Why.TEST.value
            bounded.append(UnknownCount(OTHERS, 0, "", count.environment, why, count.hits))
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_ADD_UNKNOWN, [now, now, _json(bounded)])


def _statement(table: str, period: str | None) -> str:
    # The day begins in UTC, whatever the session's time zone.
    cut = {"hour": "hour,", "day": "(hour AT TIME ZONE 'UTC')::date AS day,", None: ""}[period]
    comma = f", {period}" if period else ""
    named = f"{period}," if period else ""
    return _ADD.format(table=table, period=named, cut=cut, grouped=comma, conflict=comma)


def _json(rows: Sequence[HitCount] | Sequence[UnknownCount]) -> str:
    return msgspec.json.encode(rows).decode()
