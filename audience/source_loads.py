"""Loading users from a query: as a whole, or from where the last load ended.

1. Open the source and look at its columns. 2. Find the watermark that belongs to exactly this database and query, these columns and
the filters they feed; there is none at first, after any of it was changed, and while the warehouse is empty. 3. Load the rows from
there on. 4. Once the warehouse has published them, move the watermark. Killed between 3 and 4, the next run reads
the same rows again, which changes nothing; the watermark is never ahead of what was loaded.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction

from accounts.actors import Actor
from audience.load_history import LoadLog, close_interrupted_loads, recorded_load, source_lock
from audience.loading import LoadReport, OnReject, Plan, Progress, load_from, plan_load
from audience.models import LoadSchedule, UserLoad, UserSource, Watermark
from audience.source_postgresql import PostgreSQLSource, address_in, database_of
from audience.source_watermarks import Mark
from audience.warehouse import get_warehouse
from core import clock
from core.errors import InvalidInput, NotFound

logger = logging.getLogger(__name__)

SCHEDULER = Actor.machine("Schedule")
MOST_ATTEMPTS = 5
FIRST_WAIT = dt.timedelta(minutes=1)
NIGHTLY_HOUR = 1
"""UTC; before the nightly recount."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of which database, and what its columns mean. `name` is whose watermark it is, "" for none."""

    address: str
    text: str
    name: str = ""
    id_column: str = ""
    split_group_column: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    changed_at_column: str = ""
    overlap: dt.timedelta = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class QueryReport:
    """The load's report, and the marks it read from and to, as texts; None for "everything" and "not known"."""

    report: LoadReport
    read_from: str | None = None
    read_to: str | None = None


def load_query(
    query: Query,
    *,
    from_start: bool = False,
    replace: bool = False,
    progress: Progress | None = None,
    on_reject: OnReject | None = None,
    load: UserLoad | None = None,
) -> QueryReport:
    """Load the answer of a query; with a changed-at column only what is new since the last time, unless `from_start`.

    Raises InvalidInput (`database`, `query`, `changed-at`, `id`, `map`…) or WarehouseError; then nothing was changed.
    """
    if replace:
        forget_watermarks()
    with PostgreSQLSource(query.address, query.text, changed_at=query.changed_at_column) as source:
        plan = plan_load(
            source.columns,
            query.id_column or None,
            query.split_group_column or None,
            query.mapping,
            called="query",
        )
        before, read_from = None, None
        fingerprint = _fingerprint(query, plan)
        if source.moving is not None and not from_start and not replace:
            before = _watermark(query.name, fingerprint, source.moving.kind)
        if source.moving is not None and before is not None:
            start = source.moving.start(source.moving.parse(before.value), query.overlap)
            read_from = source.moving.text(start)
            source.read_from(start)
        report = load_from(source, plan, replace=replace, progress=progress, on_reject=on_reject)
        if replace:
            # Once more: what a load moved that published while this one waited for its turn is gone with its users.
            forget_watermarks()
        mark: Mark | None = None
        if source.moving is not None and query.name:
            mark = source.moving.mark(None if before is None else source.moving.parse(before.value))
            if mark is not None:
                _move_watermark(
                    query.name, fingerprint, source.moving.kind, source.moving.text(mark), before, load
                )
        read_to = None if mark is None or source.moving is None else source.moving.text(mark)
        return QueryReport(report, read_from, read_to)


def _fingerprint(query: Query, plan: Plan) -> str:
    """Of all that decides what the rows mean. A new filter that a column feeds now is missing in what was read before."""
    fields = sorted((spec.column, spec.type, column) for _, column, spec in plan.fields)
    parts = [
        database_of(query.address),
        query.text,
        query.changed_at_column,
        plan.id_position,
        plan.split_group_position,
        fields,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _watermark(name: str, fingerprint: str, kind: str) -> Watermark | None:
    if not name or get_warehouse().user_count() == 0:
        return None
    return Watermark.objects.filter(name=name, fingerprint=fingerprint, kind=kind).first()


@transaction.atomic
def _move_watermark(
    name: str, fingerprint: str, kind: str, value: str, before: Watermark | None, load: UserLoad | None
) -> None:
    """Compare and set: whoever read from another mark in the meantime keeps theirs, and the rows are read once more."""
    changed = {
        "fingerprint": fingerprint,
        "kind": kind,
        "value": value,
        "load": load,
        "updated_at": clock.now(),
    }
    if before is None:
        Watermark.objects.update_or_create(name=name, defaults=changed)
        return
    moved = Watermark.objects.filter(name=name, fingerprint=before.fingerprint, value=before.value).update(
        **changed
    )
    if not moved:
        logger.warning("the watermark of %s was moved by somebody else; the next load reads from there", name)


def forget_watermarks() -> None:
    """Before a load that replaces everybody: afterwards each source has to be read from its beginning."""
    Watermark.objects.all().delete()


# ---- configured sources --------------------------------------------------------------------------------------


def load_source(
    source_id: int, *, actor: Actor | None = None, from_start: bool = False, only_due: bool = False
) -> UserLoad | None:
    """Load a configured source now. None if somebody else is just loading it, or with `only_due` if nothing is to be done.

    Raises what `load_query` raises, after writing it into the history.
    """
    with source_lock(source_id) as is_mine:
        if not is_mine:
            return None
        close_interrupted_loads()
        source = UserSource.objects.filter(pk=source_id).first()
        if source is None:
            raise NotFound("There is no such source.")
        slot = due_slot(source, clock.now())
        if only_due and (not is_due(source, clock.now()) or _is_given_up(source, slot)):
            return None
        # Said beforehand: one that kills its worker must not come back at once, and not for ever.
        attempts = source.attempts + 1
        UserSource.objects.filter(pk=source.pk).update(
            attempts=attempts, retry_at=clock.now() + FIRST_WAIT * 2**source.attempts
        )
        asked = Actor.machine(source.requested_by) if source.requested_by else SCHEDULER
        try:
            load = _load(source, actor or asked, from_start or source.requested_from_start)
        except InvalidInput:
            # What is set up wrongly will be wrong in a minute too.
            _settle(source, slot)
            raise
        except Exception:
            if slot is None or attempts >= MOST_ATTEMPTS:
                _settle(source, slot)
            raise
        _settle(source, slot)
        return load


def _load(source: UserSource, actor: Actor, from_start: bool) -> UserLoad:
    with recorded_load(source.name, actor, source) as log:
        done = load_query(
            query_of(source),
            from_start=from_start,
            progress=log.progress,
            on_reject=log.reject,
            load=log.row,
        )
        _tell(log, done)
        return log.row


def _tell(log: LoadLog, done: QueryReport) -> None:
    log.loaded(done.report, read_from=done.read_from, read_to=done.read_to)


def query_of(source: UserSource) -> Query:
    """The row as a query, with the address that its environment variable holds in this process."""
    return Query(
        address=address_in(source.database_variable),
        text=source.query,
        name=source.name,
        id_column=source.id_column,
        split_group_column=source.split_group_column,
        mapping=source.mapping,
        changed_at_column=source.changed_at_column,
        overlap=dt.timedelta(minutes=source.overlap_minutes),
    )


def due_slot(source: UserSource, now: dt.datetime) -> dt.datetime | None:
    """The hour or night that is still to be dealt with, if there is one."""
    hour = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    if source.archived or source.schedule == LoadSchedule.BY_HAND:
        return None
    slot = hour
    if source.schedule == LoadSchedule.NIGHTLY:
        slot = hour.replace(hour=NIGHTLY_HOUR)
        slot -= dt.timedelta(days=1) if slot > now else dt.timedelta()
    if source.slot is not None and source.slot >= slot:
        return None
    # A schedule that was set today begins with the next night.
    if source.slot is None and source.schedule == LoadSchedule.NIGHTLY and slot < source.created_at:
        return None
    return slot


def is_due(source: UserSource, now: dt.datetime) -> bool:
    """Does it wait for a worker, and is it time to try?"""
    if source.retry_at is not None and now < source.retry_at:
        return False
    return source.requested_at is not None or due_slot(source, now) is not None


def due_sources() -> list[int]:
    """The ids of those that wait for a worker."""
    now = clock.now()
    return [source.pk for source in UserSource.objects.filter(archived=False) if is_due(source, now)]


def _is_given_up(source: UserSource, slot: dt.datetime | None) -> bool:
    """After MOST_ATTEMPTS it waits for its next hour or night, or until somebody asks for it again."""
    if source.attempts < MOST_ATTEMPTS:
        return False
    _settle(source, slot)
    return True


def _settle(source: UserSource, slot: dt.datetime | None) -> None:
    """This hour or night is dealt with, and so is what was asked for before the load began."""
    values = {"attempts": 0, "retry_at": None, **({} if slot is None else {"slot": slot})}
    UserSource.objects.filter(pk=source.pk).update(**values)
    UserSource.objects.filter(pk=source.pk, requested_at=source.requested_at).update(
        requested_at=None, requested_by="", requested_from_start=False
    )
