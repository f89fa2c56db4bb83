"""What app servers had of each of the demo's tests, and when: read back from the changelog."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from changelog.models import Entry, SubjectKind
from delivery.documents import build_document
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, Kind

_LEADS_TO: Final = {
    Verb.PUBLISH: Status.DEV,
    Verb.START: Status.RUNNING,
    Verb.PAUSE: Status.PAUSED,
    Verb.RESUME: Status.RUNNING,
    Verb.FINISH: Status.FINISHED,
}
_ATTACH: Final = "attach"


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` until `until` app servers had this test file."""

    key: str
    status: str
    since: dt.datetime
    until: dt.datetime
    document: Mapping[str, Any]


def periods(now: dt.datetime) -> list[Period]:
    """Of all tests that were ever published, test by test in the order of time."""
    tests = Experiment.objects.delivered().filter(kind=Kind.TEST).select_related("current", "winner")
    return [period for test in tests.order_by("key") for period in _periods_of(test, now)]


def _periods_of(test: Experiment, now: dt.datetime) -> Iterator[Period]:
    verbs = [*(verb.value for verb in _LEADS_TO), _ATTACH]
    entries = Entry.objects.filter(subject_kind=SubjectKind.TEST, subject_id=test.pk, verb__in=verbs)
    steps = list(entries.order_by("at", "id").values_list("at", "verb"))
    groups = list(test.settings_groups.select_related("drawn").order_by("number"))
    attached = [group for group in groups if test.current is not None and group.number <= test.current.number]
    ends = [at for at, _ in steps[1:]] + [now]
    status: Status | None = None
    for (at, verb), until in zip(steps, ends, strict=True):
        if verb == _ATTACH and status in {Status.RUNNING, Status.PAUSED} and len(attached) > 1:
            attached.pop(0)
        elif verb != _ATTACH:
            status = _LEADS_TO[Verb(verb)]
        if status is not None and until > at:
            # As the row was then; nothing is saved.
            test.status, test.current = status.value, attached[0]
            yield Period(test.key, status.value, at, until, build_document(test))
