"""The history of loads: a row for each, written while it runs, final once it has ended.

The row is beside the load, never in its way: the users count when the warehouse publishes them, whatever becomes of the row.
"""

from __future__ import annotations

import csv
import gzip
import io
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import DatabaseError, connection, transaction

from accounts.actors import Actor
from audience.loading import LoadReport, Reject
from audience.models import LoadRejects, LoadState, UserLoad, UserSource
from core import clock
from core.errors import DomainError, InvalidInput

logger = logging.getLogger(__name__)

REJECTS_KEPT: Final = 10_000
_SECONDS_BETWEEN: Final = 1.0
# First halves of two-part advisory locks; any two numbers nobody else in this database uses.
_LOAD_LOCK: Final = 0x5553_0011
_SOURCE_LOCK: Final = 0x5553_0012


class LoadLog:
    """What is to be said about one load; `progress` and `reject` fit `load_users`."""

    def __init__(self, row: UserLoad) -> None:
        self.row = row
        self.kept = 0
        self.told = time.monotonic()
        self.buffer = io.BytesIO()
        self.text = io.TextIOWrapper(
            gzip.GzipFile(fileobj=self.buffer, mode="wb"), encoding="utf-8", newline=""
        )
        self.rejects = csv.writer(self.text)
        self.rejects.writerow(("line", "reason"))

    def progress(self, rows: int, part: float | None) -> None:
        """Tell the row, now and then."""
        if part == 1.0 or time.monotonic() - self.told >= _SECONDS_BETWEEN:
            self.told = time.monotonic()
            self.update(rows_read=rows, part=part)

    def reject(self, reject: Reject) -> None:
        if self.kept < REJECTS_KEPT:
            self.kept += 1
            self.rejects.writerow(reject)

    def loaded(self, report: LoadReport, **more: Any) -> None:
        """The users count now."""
        self.finish(
            LoadState.LOADED,
            part=1.0,
            rows_read=report.rows_read,
            added=report.added,
            changed=report.changed,
            unchanged=report.unchanged,
            removed=report.removed,
            rejected=report.rejected,
            summary={
                "mapped": dict(report.mapped),
                "ignored": list(report.ignored),
                "split_groups_kept": report.split_groups_kept,
                "user_count": report.user_count,
                "version": report.version,
                **more,
            },
        )

    def failed(self, error: str) -> None:
        """Nothing was changed, and why."""
        self.finish(LoadState.FAILED, error=error, rejected=self.kept)

    def finish(self, state: LoadState, **values: Any) -> None:
        self.text.close()
        try:
            with transaction.atomic():
                if self.kept:
                    LoadRejects.objects.create(load=self.row, count=self.kept, content=self.buffer.getvalue())
                UserLoad.objects.filter(pk=self.row.pk, finished_at=None).update(
                    state=state, finished_at=clock.now(), **values
                )
        except DatabaseError:
            logger.exception("load %s ended (%s), but its row could not be written", self.row.pk, state)

    def update(self, **values: Any) -> None:
        try:
            with transaction.atomic():
                UserLoad.objects.filter(pk=self.row.pk, finished_at=None).update(**values)
        except DatabaseError:
            logger.warning("the progress of load %s could not be written", self.row.pk, exc_info=True)


@contextmanager
def recorded_load(title: str, actor: Actor, source: UserSource | None = None) -> Iterator[LoadLog]:
    """A row for the load in the block. What the block raises is the row's error, in words, and goes on."""
    row = UserLoad.objects.create(title=title[:300], actor_name=actor.name[:200], source=source)
    log = LoadLog(row)
    with session_lock(_LOAD_LOCK, row.pk):
        try:
            yield log
        except BaseException as error:
            log.failed(error_in_words(error))
            raise


def error_in_words(error: BaseException) -> str:
    """What people are told about a load that ended so."""
    if isinstance(error, InvalidInput):
        return "\n".join(f"{problem.path}: {problem.message}" for problem in error.errors)
    if isinstance(error, DomainError):
        return error.detail
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return "It was stopped by hand."
    return f"Something went wrong ({type(error).__name__}); it has been logged."


@contextmanager
def source_lock(source_id: int) -> Iterator[bool]:
    """Whether this process alone loads the source; the lock ends with the block or with the process."""
    with session_lock(_SOURCE_LOCK, source_id) as is_mine:
        yield is_mine


def close_interrupted_loads() -> int:
    """Loads whose process is gone say so; returns how many. What they had published stays, what not never counted."""
    closed = 0
    for load_id in UserLoad.objects.filter(state=LoadState.RUNNING).values_list("pk", flat=True):
        with session_lock(_LOAD_LOCK, load_id) as is_free:
            if is_free:
                closed += UserLoad.objects.filter(pk=load_id, state=LoadState.RUNNING).update(
                    state=LoadState.INTERRUPTED,
                    finished_at=clock.now(),
                    error="Its process ended before it did. Repeating it is safe.",
                )
    return closed


@contextmanager
def session_lock(space: int, number: int) -> Iterator[bool]:
    """Whether this connection alone has the lock."""
    key = [space, number % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        is_mine = bool(cursor.fetchone()[0])
    try:
        yield is_mine
    finally:
        # After a lost connection the server has released it already.
        if is_mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
