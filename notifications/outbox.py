"""From the changelog to events. Producers know nothing of this: their entries are the outbox.

Ids are given before transactions commit, so an entry may become visible after others with higher ids. An entry is
therefore looked at again and again until every transaction that was running when higher ids were seen is over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from changelog.models import Entry, SubjectKind, Verb
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment
from notifications.kinds import EventKind
from notifications.models import Event, Progress

OUTBOX: Final = "outbox"
BATCH: Final = 1_000
KINDS: Final[Mapping[str, EventKind]] = {
    Verb.START: EventKind.STARTED,
    Verb.PAUSE: EventKind.PAUSED,
    Verb.RESUME: EventKind.RESUMED,
    Verb.FINISH: EventKind.FINISHED,
    Verb.ATTACH: EventKind.SETTINGS_CHANGED,
    Verb.PREPARE: EventKind.PREPARED,
    Verb.PREPARATION_FAILED: EventKind.PREPARATION_FAILED,
    Verb.REQUEST_APPROVAL: EventKind.APPROVAL_ASKED,
    Verb.APPROVE: EventKind.APPROVAL_GIVEN,
    Verb.ALARM: EventKind.MISMATCH,
    Verb.FIRST_HIT: EventKind.CODE_IN_PRODUCTION,
    Verb.NO_HITS: EventKind.NO_HITS,
    Verb.STILL_HITS: EventKind.HITS_AFTER_FINISH,
}
_SUBJECTS: Final = (SubjectKind.TEST, SubjectKind.GROUP)

# The oldest transaction of anybody else in this database; one that began later cannot hold an id from before.
_OLDEST: Final = """
SELECT min(xact_start) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def read_entries() -> int:
    """Make events of the entries that are new; how many. Several processes may: the second waits for the first."""
    with transaction.atomic():
        progress = _progress()
        # In this order: what was written by a transaction that is over by now is seen below.
        oldest = _ask(_OLDEST)
        entries = list(
            Entry.objects.filter(
                ~Exists(Event.objects.filter(entry=OuterRef("pk"))),
                pk__gt=progress.entry_id,
                at__gte=progress.since,
                subject_kind__in=_SUBJECTS,
                verb__in=KINDS,
            ).order_by("pk")[:BATCH]
        )
        _make_events(entries)
        _move(progress, oldest, is_all=len(entries) < BATCH)
    return len(entries)


def _progress() -> Progress:
    """The row, locked. The first time ever it begins with now: nobody wants to hear of what was before."""
    Progress.objects.get_or_create(name=OUTBOX)
    return Progress.objects.select_for_update().get(name=OUTBOX)


def _ask(question: str) -> dt.datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(question)
        found: dt.datetime | None = cursor.fetchone()[0]
    return found


def _make_events(entries: list[Entry]) -> None:
    ids = {entry.subject_id for entry in entries if entry.subject_id}
    experiments = {row.pk: row for row in Experiment.objects.filter(pk__in=ids)}
    events = [
        Event(
            key=f"entry:{entry.pk}",
            kind=KINDS[entry.verb],
            experiment=experiments.get(entry.subject_id or 0),
            entry=entry,
            at=entry.at,
            data=_data(entry),
            **_skipped(entry, experiments.get(entry.subject_id or 0)),
        )
        for entry in entries
    ]
    Event.objects.bulk_create(events, ignore_conflicts=True)


def _data(entry: Entry) -> dict[str, object]:
    """The readable diff; the status is in the sentence already."""
    changes = [change for change in entry.changes if change["field"] != "status"]
    return {"message": entry.message, "by": entry.actor_name, "changes": changes[:20]}


def _skipped(entry: Entry, experiment: Experiment | None) -> dict[str, object]:
    """Nobody is told of what nobody waits for: a draft's first settings become current by themselves."""
    why = ""
    if experiment is None:
        why = "There is no such test any more."
    elif entry.verb == Verb.ATTACH and experiment.status in {Status.DRAFT, Status.FINISHED}:
        why = f"The test is {experiment.status}."
    elif entry.verb == Verb.ATTACH and not _attached_before(entry):
        why = "The first settings of a test are no change."
    elif entry.verb == Verb.PREPARE and not entry.by_machine:
        why = "A preparation was asked for; its end is told."
    return {"skipped": why, "planned_at": clock.now()} if why else {}


def _attached_before(entry: Entry) -> bool:
    earlier = Entry.objects.filter(
        pk__lt=entry.pk, subject_kind=entry.subject_kind, subject_id=entry.subject_id
    )
    return earlier.filter(verb=Verb.ATTACH).exists()


def _move(progress: Progress, oldest: dt.datetime | None, *, is_all: bool) -> None:
    """Pass the entries that no transaction can come before any more. `is_all`: whatever could be seen is an event."""
    seen_at = progress.next_entry_at
    if is_all and seen_at is not None and (oldest is None or oldest > seen_at):
        progress.entry_id, progress.next_entry_at = progress.next_entry_id, None
    if progress.next_entry_at is None:
        newest = Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        if newest > progress.entry_id:
            # The time after the look: whoever holds a lower id has begun before.
            progress.next_entry_id, progress.next_entry_at = newest, _ask("SELECT clock_timestamp()")
    progress.save()
