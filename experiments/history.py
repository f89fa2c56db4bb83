"""The changelog as one person may read it: what is told of drafts is for those who may know of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts.actors import Actor
from changelog.models import Entry, SubjectKind
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind
from experiments.selectors import visible_experiments

_KINDS = (SubjectKind.TEST, SubjectKind.GROUP)


@dataclass(frozen=True, slots=True)
class EntrySearch:
    """What the reader looks for; empty is anything. `last_day` is included."""

    key: str = ""
    person: str = ""
    kind: str = ""
    verb: str = ""
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    people_only: bool = False


def visible_entries(actor: Actor) -> QuerySet[Entry]:
    """All entries but those about drafts that do not exist for this actor, and, but for superusers, about sources of users
    and connections: which servers the installation speaks to is theirs. Newest first."""
    hidden = Experiment.objects.filter(status=Status.DRAFT.value)
    for kind in Kind.values:
        hidden = hidden.exclude(pk__in=visible_experiments(actor, kind).values("pk"))
    about_hidden = Q(subject_kind__in=_KINDS, subject_id__in=hidden.order_by().values("pk"))
    if not (actor.user is None or actor.is_superuser):
        about_hidden |= Q(subject_kind__in=(SubjectKind.SOURCE, SubjectKind.CONNECTION))
    return Entry.objects.exclude(about_hidden).select_related("actor").order_by("-id")


def entries_of(experiment: Experiment) -> QuerySet[Entry]:
    """The history of one test or user group, under whatever key it had."""
    return (
        Entry.objects.filter(subject_kind=experiment.subject_kind, subject_id=experiment.pk)
        .select_related("actor")
        .order_by("-id")
    )


def matching_entries(entries: QuerySet[Entry], search: EntrySearch) -> QuerySet[Entry]:
    """Those the reader looks for."""
    if search.key:
        entries = entries.filter(subject_key__icontains=search.key)
    if search.person:
        entries = entries.filter(
            Q(actor__username__icontains=search.person) | Q(actor_name__icontains=search.person)
        )
    if search.kind:
        entries = entries.filter(subject_kind=search.kind)
    if search.verb:
        entries = entries.filter(verb=search.verb)
    if search.first_day:
        entries = entries.filter(at__gte=dt.datetime.combine(search.first_day, dt.time(), dt.UTC))
    if search.last_day and search.last_day < dt.date.max:
        entries = entries.filter(
            at__lt=dt.datetime.combine(search.last_day + dt.timedelta(days=1), dt.time(), dt.UTC)
        )
    if search.people_only:
        entries = entries.filter(by_machine=False)
    return entries


def present_keys(entries: Iterable[Entry]) -> dict[int, str]:
    """The keys that the tests and user groups of these entries have now, by id: for links."""
    ids = {
        entry.subject_id for entry in entries if entry.subject_kind in _KINDS and entry.subject_id is not None
    }
    return dict(Experiment.objects.filter(pk__in=ids).values_list("pk", "key"))
