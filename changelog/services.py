"""Writing the changelog."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from django.db import connection

from accounts.actors import Actor
from changelog.models import Entry, SubjectKind, Verb


@dataclass(frozen=True, slots=True)
class Change:
    """One field, before and after, as people read it (a number, a text, a sentence; None is "not set")."""

    field: str
    label: str
    before: object
    after: object


def record(
    actor: Actor,
    verb: Verb,
    subject_kind: SubjectKind,
    subject_key: str,
    message: str,
    changes: Iterable[Change] = (),
    *,
    subject_id: int | None = None,
) -> Entry:
    """Write one entry, in the transaction of the change it tells of: there is no change without its sentence.

    Raises RuntimeError outside a transaction, where the change could survive without the entry.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("changelog.record() belongs in the transaction of the change")
    return Entry.objects.create(
        actor=actor.user,
        actor_name=actor.name,
        by_machine=actor.is_machine,
        subject_kind=subject_kind,
        subject_key=subject_key,
        subject_id=subject_id,
        verb=verb,
        message=message,
        changes=[asdict(change) for change in changes],
    )
