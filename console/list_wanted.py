"""What the reader of the test list looks for: read from the address, so that an address is a view that can be kept and sent.

What makes no sense there is left out, never an error page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import urlencode

from django.db.models import Expression, F, OrderBy, Q
from django.db.models.functions import Coalesce, Lower

from console.list_attention import Level
from experiments.lifecycle import Status
from experiments.models import Experiment, Side
from experiments.models.experiment import ExperimentQuerySet

_LONGEST: Final = 100

SORTS: Final[Mapping[str, Expression | F]] = {
    "name": Lower("name"),
    "status": F("status"),
    "area": Lower("area"),
    "start": Coalesce("current__starts_at", "started_at"),
    "end": Coalesce("finished_at", "current__ends_at"),
    "hits": F("hits_today"),
}
"""What the database can sort by; `hits` only where the rows carry `hits_today`. With a minus in front it is the other way round."""

COMPUTED_SORTS: Final = ("users", "overlap")
"""What else can be sorted by: of what is counted."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty is anything. Tests of the days `first_day` to `last_day` (both included) are those that may run on one of them."""

    text: str = ""
    area: str = ""
    manager: str = ""
    side: str = ""
    tag: str = ""
    jira: str = ""
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    attention: str = ""
    status: str = ""
    sort: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the order is asked for."""
        return any(getattr(self, field.name) for field in fields(self) if field.name != "sort")

    @property
    def is_sorted_by_counts(self) -> bool:
        """Whether the order is one of those that the database does not know."""
        return self.sort.removeprefix("-") in COMPUTED_SORTS

    @property
    def has_rare(self) -> bool:
        """Whether one of the fields is in use that are folded away."""
        return bool(self.side or self.tag or self.jira or self.first_day or self.last_day or self.attention)


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """What the list is asked for."""
    sort = _text(query, "sort")
    return Wanted(
        text=_text(query, "q"),
        area=_text(query, "area"),
        manager=_text(query, "manager"),
        side=_one_of(query, "side", Side.values),
        tag=_text(query, "tag").lower(),
        jira=_text(query, "jira"),
        first_day=_day(query, "from"),
        last_day=_day(query, "to"),
        attention=_one_of(query, "attention", [*Level, "any"]),
        status=_one_of(query, "status", [status.value for status in Status]),
        sort=sort if sort.removeprefix("-") in {*SORTS, *COMPUTED_SORTS} else "",
    )


def query_of(wanted: Wanted) -> str:
    """What stands behind the ? of the address that asks for this, without what is empty."""
    names = {"text": "q", "first_day": "from", "last_day": "to"}
    given = {names.get(field.name, field.name): getattr(wanted, field.name) for field in fields(wanted)}
    return urlencode({name: str(value) for name, value in given.items() if value})


def matching(experiments: ExperimentQuerySet, wanted: Wanted) -> ExperimentQuerySet:
    """Those the reader looks for, in whatever status; what needs attention is not known to the database."""
    for word in wanted.text.split()[:10]:
        experiments = experiments.filter(
            Q(key__icontains=word)
            | Q(name__icontains=word)
            | Q(area__icontains=word)
            | Q(jira_issue__icontains=word)
            | Q(tags__contains=[word.lower()])
        )
    if wanted.area:
        experiments = experiments.filter(area=wanted.area)
    if wanted.side:
        experiments = experiments.filter(side=wanted.side)
    if wanted.tag:
        experiments = experiments.filter(tags__contains=[wanted.tag])
    if wanted.jira:
        experiments = experiments.filter(jira_issue__icontains=wanted.jira)
    if wanted.manager:
        managed = Experiment.managers.through.objects.filter(user__username=wanted.manager)
        experiments = experiments.filter(pk__in=managed.values("experiment_id"))
    return _of_days(experiments, wanted)


def _of_days(experiments: ExperimentQuerySet, wanted: Wanted) -> ExperimentQuerySet:
    """Drafts without settings have no dates, so they are of no day."""
    if wanted.first_day or wanted.last_day:
        experiments = experiments.exclude(current=None)
    if wanted.first_day:
        begins = dt.datetime.combine(wanted.first_day, dt.time(), dt.UTC)
        over = Q(finished_at__lt=begins) | Q(current__ends_at__isnull=False, current__ends_at__lte=begins)
        experiments = experiments.exclude(over)
    if wanted.last_day:
        ends = dt.datetime.combine(wanted.last_day, dt.time.max, dt.UTC)
        experiments = experiments.exclude(current__starts_at__isnull=False, current__starts_at__gt=ends)
    return experiments


def ordered(experiments: ExperimentQuerySet, sort: str) -> ExperimentQuerySet:
    """By `sort`, the newest first where that says nothing."""
    name = sort.removeprefix("-")
    if name not in SORTS:
        return experiments.order_by("-id")
    # The unknown stands last either way: nobody looks for it.
    return experiments.order_by(OrderBy(SORTS[name], descending=sort.startswith("-"), nulls_last=True), "-id")


def _text(query: Mapping[str, str], name: str) -> str:
    return query.get(name, "").replace("\x00", "").strip()[:_LONGEST]


def _one_of(query: Mapping[str, str], name: str, known: list[str]) -> str:
    value = query.get(name, "")
    return value if value in known else ""


def _day(query: Mapping[str, str], name: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(query.get(name, ""))
    except ValueError:
        return None
    # The ends of the calendar have no day before or after them.
    return day if dt.date.min < day < dt.date.max else None
