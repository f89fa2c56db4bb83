"""From the inbox to the store and the counters, each item once, wherever the process is killed.

1. Waiting batches are given to a part (committed: from now on the part's batches are fixed).
2. The part's items are written to the store under the part's number. Written twice they are there once.
3. In one transaction the counters grow, the store's new files become valid, the part is done and its batches leave the inbox.
Killed before 3 has committed, the next fold finds the part open and begins at 2.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, NamedTuple

import duckdb
from django.db import connection, transaction

from analytics.counters import HitCount, UnknownCount, add_hits, add_unknown
from analytics.known import look_up
from analytics.locks import Lock, alone_with
from analytics.models import Part, StoredFile, Stream, WaitingBatch, Who
from analytics.store import EVENT_COLUMNS, HIT_COLUMNS, WrittenFile, get_store
from core import clock

PART_ITEMS: Final = 200_000
PART_BYTES: Final = 64 * 2**20  # deflated
# A worker that is asked to end waits no longer than this, and the other stream has its turn.
SECONDS: Final = 15.0

_COLUMNS: Final = {
    Stream.HITS: {name: kind for name, kind in HIT_COLUMNS.items() if name != "group_id"},
    Stream.EVENTS: dict(EVENT_COLUMNS),
}
_BEGIN: Final = """
WITH free AS (
    SELECT id, batch_id, octet_length(body) AS bytes FROM analytics_waitingbatch
    WHERE stream = %(stream)s AND part_id IS NULL ORDER BY id LIMIT 5000
), summed AS (
    SELECT free.id, sum(items) OVER upto - items AS items_before, sum(bytes) OVER upto - bytes AS bytes_before
    FROM free JOIN analytics_batch ON analytics_batch.id = free.batch_id
    WINDOW upto AS (ORDER BY free.id)
), given AS (
    UPDATE analytics_waitingbatch AS waiting SET part_id = %(part)s FROM summed
    WHERE waiting.id = summed.id AND items_before < %(items)s AND bytes_before < %(bytes)s
    RETURNING 1
)
SELECT (SELECT count(*) FROM given) < count(*) OR count(*) = 5000 FROM summed
"""
_WHO: Final = (
    f"CASE WHEN forced THEN '{Who.FORCED.value}' WHEN test_user THEN '{Who.TEST_USERS.value}'"
    f" ELSE '{Who.USERS.value}' END"
)
_COUNT: Final = f"""
SELECT group_id, variant, environment, {_WHO}, date_trunc('hour', "time"), count(*), min("time"), max("time")
FROM items GROUP BY ALL
"""  # noqa: S608 - our own words
_COUNT_UNKNOWN: Final = """
SELECT test, settings_group, variant, environment, count(*)
FROM sent ANTI JOIN known USING (test, settings_group, variant) GROUP BY ALL
"""


class Counted(NamedTuple):
    """What a part adds to the counters, and how many of its items are in the store."""

    items: int
    hits: list[HitCount]
    unknown: list[UnknownCount]


class PartIsDone(Exception):
    """Another process was faster with this part: the lock was lost with a connection. Nothing was changed."""


def fold(seconds: float = SECONDS) -> bool:
    """Move what waits to the store and count it; whether there is more to be done at once.

    One process at a time: in any other it does nothing. Raises StoreError; what waits goes on waiting then.
    """
    until = time.monotonic() + seconds
    with alone_with(Lock.FOLDING) as alone:
        if not alone:
            return False
        busy = list(Stream)
        while busy and time.monotonic() < until:
            # In turn, so that neither waits for the other to come to an end.
            busy = [stream for stream in busy if _fold_part(stream)]
        return bool(busy)


def _fold_part(stream: Stream) -> bool:
    """Whether more waits than what a part holds."""
    part = Part.objects.filter(stream=stream, state=Part.State.OPEN).order_by("pk").first()
    # After a part that somebody else began there may be any number of batches.
    more = part is not None
    if part is None:
        part, more = begin_part(stream)
    if part is not None:
        move_part(part)
    return more


def begin_part(stream: Stream) -> tuple[Part | None, bool]:
    """Give waiting batches to a new part: (the part, or None if nothing waits; whether more waits than it holds)."""
    # New ones come all the time. What came meanwhile is left for the next fold, unless it is a backlog.
    if not WaitingBatch.objects.filter(stream=stream, part=None).exists():
        return None, False
    with transaction.atomic(), connection.cursor() as cursor:
        part = Part.objects.create(stream=stream)
        bounds = {"items": PART_ITEMS, "bytes": PART_BYTES}
        cursor.execute(_BEGIN, {"stream": stream, "part": part.pk, **bounds})
        ((more,),) = cursor.fetchall()
    return part, more


def move_part(part: Part) -> None:
    """Steps 2 and 3 for one open part."""
    stream = Stream(part.stream)
    with _loaded(part) as items:
        unknown = _split_off_unknown(items) if stream == Stream.HITS else []
        written = get_store().write(stream, part.pk, items, "items")
        counted = _count(items, stream, unknown)
    finish_part(part, written, counted)


@contextmanager
def _loaded(part: Part) -> Iterator[duckdb.DuckDBPyConnection]:
    """The part's items in a DuckDB table: `sent` for hits, `items` for events."""
    columns = _COLUMNS[Stream(part.stream)]
    table = "sent" if part.stream == Stream.HITS else "items"
    # The file has no name: nothing is left behind by a process that is killed.
    with tempfile.TemporaryFile() as lines, duckdb.connect(":memory:", config={"threads": 1}) as items:
        _write_lines(part, lines)
        kinds = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        items.execute(f"CREATE TABLE {table} ({kinds})")
        if os.fstat(lines.fileno()).st_size:
            named = ", ".join(f"\"{name}\": '{kind}'" for name, kind in columns.items())
            source = f"read_json('/dev/fd/{lines.fileno()}', format='newline_delimited', columns={{{named}}})"
            items.execute(f"INSERT INTO {table} SELECT * FROM {source}")  # noqa: S608 - our own names
        yield items


def _write_lines(part: Part, file: IO[bytes]) -> None:
    bodies = WaitingBatch.objects.filter(part=part).order_by("pk").values_list("pk", "body")
    last = 0
    # A few at a time: all bodies at once may be much.
    while found := list(bodies.filter(pk__gt=last)[:20]):
        for _, body in found:
            file.write(zlib.decompress(body))
        last = found[-1][0]
    file.flush()


def _split_off_unknown(items: duckdb.DuckDBPyConnection) -> list[UnknownCount]:
    """Make `items` of those in `sent` whose variant exists; the others are counted."""
    found = look_up(items.execute("SELECT DISTINCT test, settings_group, variant FROM sent").fetchall())
    items.execute(
        "CREATE TABLE known (test VARCHAR, settings_group INTEGER, variant VARCHAR, group_id BIGINT)"
    )
    rows = [(*triple, group_id) for triple, group_id in found.group_ids.items()]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        items.execute("INSERT INTO known SELECT unnest(?), unnest(?), unnest(?), unnest(?)", columns)
    items.execute("CREATE TABLE items AS SELECT * FROM sent JOIN known USING (test, settings_group, variant)")
    if not found.unknown:
        return []
    return [
        UnknownCount(test, number, variant, environment, found.unknown[test, number, variant], hits)
        for test, number, variant, environment, hits in items.execute(_COUNT_UNKNOWN).fetchall()
    ]


def _count(items: duckdb.DuckDBPyConnection, stream: Stream, unknown: list[UnknownCount]) -> Counted:
    ((number,),) = items.execute("SELECT count(*) FROM items").fetchall()
    if stream == Stream.EVENTS:
        return Counted(number, [], [])
    hits = [
        HitCount(group_id, variant, environment, who, _utc(hour), hits, _utc(first), _utc(last))
        for group_id, variant, environment, who, hour, hits, first, last in items.execute(_COUNT).fetchall()
    ]
    return Counted(number, hits, unknown)


def finish_part(part: Part, written: list[WrittenFile], counted: Counted) -> None:
    """Step 3: all of it or nothing. Raises PartIsDone."""
    with transaction.atomic():
        mine = Part.objects.filter(pk=part.pk, state=Part.State.OPEN)
        if not mine.update(state=Part.State.DONE, items=counted.items, done_at=clock.now()):
            raise PartIsDone(f"{part} was done by another process.")
        add_hits(counted.hits)
        add_unknown(counted.unknown)
        StoredFile.objects.bulk_create(
            StoredFile(stream=part.stream, day=file.day, path=file.path, items=file.items) for file in written
        )
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM analytics_waitingbatch WHERE part_id = %s", [part.pk])


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC)
