"""Checking the split groups, every night and when somebody asks, and raising the alarm once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from django.db import connection, transaction
from django.utils.translation import gettext
from numpy.typing import NDArray

from accounts.actors import Actor
from audience.catalogue import load_catalogue
from audience.health import Finding, PastTest, Verdict, check_health
from audience.moments import Moments
from audience.specs import FilterSpec
from audience.warehouse import Warehouse, WarehouseError, get_warehouse
from audience.warehouse.moments_sql import MEASURES
from changelog.models import SubjectKind, Verb
from changelog.services import record
from core import clock
from core.errors import NotAllowed
from core.tasks import enqueue_on_commit
from experiments.health_words import sentence
from experiments.lifecycle import Status
from experiments.models import Draw, Experiment, HealthCheck, HealthVerdict

MACHINE: Final = Actor.machine("Health of the split groups")
SUBJECT: Final = "split_groups"
# A mark fades as users come and go; tests that ended longer ago would only make the alarm deaf for recent ones.
LOOKS_BACK: Final = dt.timedelta(days=90)
KEPT: Final = dt.timedelta(days=180)
MOST_TOLD: Final = 5
"""So many findings are told in one entry, the least likely."""
# A load of users that comes in between makes the look start again.
_MOST_LOOKS: Final = 3
_HEALTH_LOCK: Final = 0x5553_0003


def request_health_check(actor: Actor) -> None:
    """Have the split groups checked now, in the background. For managers and superusers."""
    if actor.user is not None and not actor.user.may_manage:
        raise NotAllowed(gettext("Only managers and superusers have the split groups checked."))
    enqueue_on_commit("experiments.tasks.check_health")


def check_split_groups() -> HealthCheck:
    """Check, store the check, and tell the changelog what turned bad or is well again. Never raises for a warehouse that
    cannot answer: the row says so, and alarms stay as they were."""
    moment = clock.now()
    try:
        seen = _look(get_warehouse(), moment)
    except WarehouseError as error:
        return HealthCheck.objects.create(
            checked_at=moment, verdict=HealthVerdict.FAILED, problem=error.detail
        )
    with transaction.atomic():
        _lock()
        # Read under the lock: of two checks at once only one raises the alarm.
        known_bad = _known_bad()
        health = check_health(seen.users, seen.measures, seen.past, known_bad)
        findings = [_stored(finding, seen.filters) for finding in health.findings]
        check = HealthCheck.objects.create(
            checked_at=moment,
            verdict=health.verdict.value,
            warehouse_version=seen.version,
            sizes=seen.users.tolist(),
            past_tests=[test.key for test in seen.past],
            findings=findings,
            worst={name: [asdict(group) for group in groups] for name, groups in health.worst.items()},
            unsaid=list(health.unsaid),
        )
        if health.verdict != Verdict.UNKNOWN:
            _tell(findings, known_bad)
        HealthCheck.objects.filter(checked_at__lt=moment - KEPT).delete()
    return check


def _known_bad() -> set[str]:
    latest = HealthCheck.objects.done().values_list("findings", flat=True).first()
    return {finding["name"] for finding in latest or [] if finding["verdict"] == Verdict.BAD}


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What the warehouse and the finished tests say; `filters` describe the measures, by column."""

    users: NDArray[np.int64]
    measures: Mapping[str, Moments]
    filters: Mapping[str, FilterSpec]
    past: Sequence[PastTest]
    version: str


def _look(warehouse: Warehouse, moment: dt.datetime) -> _Seen:
    for _ in range(_MOST_LOOKS):
        version = warehouse.version()
        there = warehouse.column_types()
        # What has names for its values (countries) is no quantity: its mean says nothing to anybody.
        filters = {
            spec.column: spec
            for spec in load_catalogue().values()
            if spec.column
            and there.get(spec.column) in MEASURES
            and not (spec.choices and spec.type != "boolean")
        }
        users = warehouse.count_table([], [], moment).users
        measures = warehouse.moments_by_split_group(sorted(filters))
        if warehouse.version() == version:
            return _Seen(users, measures, filters, _past_tests(moment), version)
    raise WarehouseError("new users were loaded while they were checked")


def _stored(finding: Finding, filters: Mapping[str, FilterSpec]) -> dict[str, Any]:
    spec = filters.get(finding.measure)
    words = {"label": spec.label, "is_share": spec.type == "boolean"} if spec else {}
    return asdict(finding) | {"name": finding.name} | words


def _past_tests(moment: dt.datetime) -> list[PastTest]:
    """Tests that ran and ended within LOOKS_BACK, as they were split at their end."""
    ended = (
        Experiment.objects.tests()
        .filter(status=Status.FINISHED, started_at__isnull=False, finished_at__gte=moment - LOOKS_BACK)
        .exclude(current=None)
        .select_related("current")
        .prefetch_related("current__variants")
        .order_by("pk")
    )
    owners = dict(
        Draw.objects.filter(settings_group__in=[test.current_id for test in ended]).values_list(
            "settings_group_id", "owners"
        )
    )
    return [
        PastTest(
            test.key,
            [variant.name for variant in test.current.variants.all()],
            np.asarray(owners[test.current.pk], dtype=np.int16),
        )
        for test in ended
        if test.current is not None and test.current.pk in owners
    ]


def _tell(findings: Sequence[Mapping[str, Any]], known_bad: Collection[str]) -> None:
    """What is bad now and was not at the last check, in one entry; and that nothing is bad any more."""
    bad = [finding for finding in findings if finding["verdict"] == Verdict.BAD]
    new = [sentence(finding) for finding in bad if finding["name"] not in known_bad]
    if new:
        more = f" And {len(new) - MOST_TOLD} more." if len(new) > MOST_TOLD else ""
        _record(Verb.ALARM, f"The split groups need a look. {' '.join(new[:MOST_TOLD])}{more}")
    elif known_bad and not bad:
        _record(Verb.ALL_CLEAR, "The split groups are well again: nothing is worse than chance explains.")


def _record(verb: Verb, message: str) -> None:
    record(MACHINE, verb, SubjectKind.SPLIT_GROUPS, SUBJECT, message)


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_HEALTH_LOCK, 0])
