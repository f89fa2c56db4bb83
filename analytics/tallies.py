"""Different users are counted anew, from the store, where hits were added since they were counted last.

Hits can be added up; different users cannot. So the fold leaves rows behind whose users are out of date, and a sweep counts
them: many rows with one question, a day's files read once. A question that took a second is not asked again within ten, so
however large a test is, counting its users takes a tenth of one process at most.

A row is marked as counted up to the `changed_at` it had before its hits were read: hits that came meanwhile moved that on, and
the row is out of date still. Counting twice, or being killed, does no harm.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from django.db import connection
from django.db.models import F, Q

from analytics.locks import Lock, alone_with
from analytics.models import DailyHits, HourlyHits, TotalHits
from analytics.store import ItemStore, StoreError, get_store
from analytics.store.base import Grain
from core import clock

logger = logging.getLogger(__name__)

Counted: TypeAlias = HourlyHits | DailyHits | TotalHits

RUN_SECONDS: Final = 10.0
"""How long one run goes on; what is left is the next sweep's."""
REST_FACTOR: Final = 10
FAILED_REST: Final = dt.timedelta(minutes=1)
ROWS_PER_RUN: Final = 20_000
GROUPS_PER_QUESTION: Final = 200
# Totals of small groups are counted together, so that they don't wait as long as a large one.
HITS_PER_QUESTION: Final = 2_000_000
DAYS_BETWEEN: Final = dt.timedelta(days=7)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_STALE: Final = Q(users_counted_at=None) | Q(users_counted_at__lt=F("changed_at"))
_LENGTH: Final = {"hour": dt.timedelta(hours=1), "day": dt.timedelta(days=1)}
_TABLES: Final[Mapping[type[Counted], str]] = {
    HourlyHits: "analytics_hourlyhits",
    DailyHits: "analytics_dailyhits",
    TotalHits: "analytics_totalhits",
}
# A row that the fold holds just now is skipped: it is out of date anyway, and nobody waits for anybody. Users never become
# fewer, though a count may be of less: hits of long ago are deleted.
_SET_USERS: Final = """
UPDATE {table} AS counted
SET users = GREATEST(counted.users, new.users), users_counted_at = new.as_of, users_due_at = %s
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS new (id, users, as_of)
WHERE counted.id = new.id AND (counted.users_counted_at IS NULL OR counted.users_counted_at <= new.as_of)
    AND counted.id IN (SELECT id FROM {table} WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class Question:
    """Rows that one look at the store answers."""

    rows: Sequence[Counted]
    by: Grain | None
    since: dt.datetime
    until: dt.datetime


def count_stale_users(store: ItemStore | None = None) -> int:
    """Count the users of rows that are out of date and due; how many rows were counted. One process at a time does it."""
    with alone_with(Lock.COUNTING) as is_mine:
        if not is_mine:
            return 0
        store = store or get_store()
        ends, counted = time.monotonic() + RUN_SECONDS, 0
        for question in _questions():
            counted += _answer(store, question)
            if time.monotonic() > ends:
                break
        return counted


def _answer(store: ItemStore, question: Question) -> int:
    began = time.monotonic()
    groups = {row.settings_group_id for row in question.rows}
    try:
        found = store.count_users(groups, question.since, question.until, question.by)
    except StoreError as error:
        if (days := _by_day(question)) is not None:
            # What cannot be read is most often one day: the others are counted all the same.
            return sum(_answer(store, of_day) for of_day in days)
        logger.warning("Different users were not counted: %s", error)
        rest = max(FAILED_REST, REST_FACTOR * _since(began))
        _rest(question.rows, clock.now() + rest)
        return 0
    users = {
        (count.group_id, count.variant, count.environment, count.who, count.moment): count.users
        for count in found
    }
    counts = [users.get(_key(row), 0) for row in question.rows]
    _set_users(question.rows, counts, clock.now() + REST_FACTOR * _since(began))
    return len(counts)


def _since(began: float) -> dt.timedelta:
    return dt.timedelta(seconds=time.monotonic() - began)


def _key(row: Counted) -> tuple[int, str, str, str, dt.datetime | None]:
    return row.settings_group_id, row.variant, row.environment, row.who, _moment(row)


def _moment(row: Counted) -> dt.datetime | None:
    if isinstance(row, HourlyHits):
        return row.hour
    if isinstance(row, DailyHits):
        return dt.datetime.combine(row.day, dt.time(), dt.UTC)
    return None


# ---- what to ask ---------------------------------------------------------------------------------------------


def _questions() -> Iterator[Question]:
    """The hours first, since people look at them as they come; within each kind what waits longest."""
    for model, by in _KINDS:
        rows = list(_stale(model))
        if by is None:
            yield from _of_totals(rows)
        else:
            yield from _of_moments(rows, by)


_KINDS: Final[Sequence[tuple[type[Counted], Grain | None]]] = (
    (HourlyHits, "hour"),
    (DailyHits, "day"),
    (TotalHits, None),
)


def _stale(model: type[Counted]) -> Iterator[Counted]:
    due = Q(users_due_at=None) | Q(users_due_at__lte=clock.now())
    return model.objects.filter(_STALE, due).order_by("changed_at")[:ROWS_PER_RUN].iterator()


def _of_moments(rows: Sequence[Counted], by: Grain) -> Iterator[Question]:
    """The rows of a day together: the files are a day's. Days with few hits are asked about in one go, however many there are."""
    days: defaultdict[dt.date, list[Counted]] = defaultdict(list)
    for row in rows:
        days[_begins(row).astimezone(dt.UTC).date()].append(row)
    together: list[Counted] = []
    hits, latest = 0, dt.date.min
    for day, of_day in sorted(days.items()):
        size = sum(row.hits for row in of_day)
        # The days in between are read as well: those of a straggler from long ago would be all.
        if together and (hits + size > HITS_PER_QUESTION or day - latest > DAYS_BETWEEN):
            yield from _asked(together, by)
            together, hits = [], 0
        together.extend(of_day)
        hits, latest = hits + size, day
    yield from _asked(together, by)


def _asked(rows: Sequence[Counted], by: Grain) -> Iterator[Question]:
    for some in _by_groups(rows):
        moments = [_begins(row) for row in some]
        yield Question(some, by, min(moments), max(moments) + _LENGTH[by])


def _by_day(question: Question) -> list[Question] | None:
    """The question asked day by day, or None if it is about one day or about totals."""
    if question.by is None:
        return None
    days: defaultdict[dt.date, list[Counted]] = defaultdict(list)
    for row in question.rows:
        days[_begins(row).astimezone(dt.UTC).date()].append(row)
    if len(days) == 1:
        return None
    return [asked for of_day in days.values() for asked in _asked(of_day, question.by)]


def _begins(row: Counted) -> dt.datetime:
    moment = _moment(row)
    assert moment is not None
    return moment


def _of_totals(rows: Sequence[Counted]) -> Iterator[Question]:
    """Large groups each by itself, small ones together; no further back than their first hits."""
    groups: defaultdict[int, list[Counted]] = defaultdict(list)
    for row in rows:
        groups[row.settings_group_id].append(row)
    together: list[Counted] = []
    hits = 0
    for of_group in groups.values():
        size = sum(row.hits for row in of_group)
        if together and hits + size > HITS_PER_QUESTION:
            yield _total(together)
            together, hits = [], 0
        together.extend(of_group)
        hits += size
    if together:
        yield _total(together)


def _total(rows: Sequence[Counted]) -> Question:
    first, last = min(row.first_at for row in rows), max(row.last_at for row in rows)
    return Question(rows, None, first, last + _MICROSECOND)


def _by_groups(rows: Sequence[Counted]) -> Iterator[list[Counted]]:
    ids = list(dict.fromkeys(row.settings_group_id for row in rows))
    for start in range(0, len(ids), GROUPS_PER_QUESTION):
        some = set(ids[start : start + GROUPS_PER_QUESTION])
        yield [row for row in rows if row.settings_group_id in some]


# ---- what was found ------------------------------------------------------------------------------------------


def _set_users(rows: Sequence[Counted], counts: Sequence[int], due: dt.datetime) -> None:
    ids = [row.pk for row in rows]
    table = _TABLES[type(rows[0])]
    with connection.cursor() as cursor:
        cursor.execute(
            _SET_USERS.format(table=table), [due, ids, list(counts), [row.changed_at for row in rows], ids]
        )


def _rest(rows: Sequence[Counted], due: dt.datetime) -> None:
    type(rows[0]).objects.filter(pk__in=[row.pk for row in rows]).update(users_due_at=due)
