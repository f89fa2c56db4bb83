"""Which tests of the list stand out: red is what is finished and still in the code, amber what is stuck, each with its reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db.models import Max, Q
from django.utils.translation import gettext

from analytics.models import SampleRatioWatch
from analytics.selectors import last_hits
from analytics.silence import silent_since
from analytics.srm import ALARM_LEVEL
from changelog.models import Entry, SubjectKind, Verb
from console.leftovers import leftovers, may_be_left
from core import clock
from core.moments import day_words
from experiments.lifecycle import Status
from experiments.models import Experiment, PreparationState

PAUSED_LONG: Final = dt.timedelta(days=14)
DEV_LONG: Final = dt.timedelta(days=30)


class Level(StrEnum):
    """How a row stands out."""

    RED = "red"
    AMBER = "amber"


@dataclass(frozen=True, slots=True)
class Attention:
    """Why a row stands out, a sentence for each reason."""

    level: Level
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read for all rows at once, by primary key. `moved_at` is when it came to its present status."""

    last_hit_at: Mapping[int, dt.datetime]
    moved_at: Mapping[int, dt.datetime]
    smallest_p: Mapping[int, float]


def attention_of(experiments: Collection[Experiment]) -> dict[int, Attention]:
    """Those of these tests that stand out, by primary key. The rows carry `current` and `newest_state`, how far their newest
    settings are prepared. The number of queries does not depend on how many they are."""
    found = {pk: Attention(Level.RED, (str(one),)) for pk, one in leftovers(experiments).items()}
    unfinished = [one for one in experiments if one.status != Status.FINISHED]
    if unfinished:
        known = _known(unfinished)
        for one in unfinished:
            reasons = _reasons(one, known)
            if reasons:
                found[one.pk] = Attention(Level.AMBER, reasons)
    return found


def may_stand_out() -> Q:
    """What has a chance to stand out: most finished tests, which are most of all tests, have none."""
    return ~Q(status=Status.FINISHED.value) | may_be_left()


def _known(experiments: Collection[Experiment]) -> _Known:
    moves = Entry.objects.filter(
        subject_kind=SubjectKind.TEST,
        subject_id__in=[one.pk for one in experiments],
        verb__in=[Verb.PUBLISH, Verb.START, Verb.PAUSE, Verb.RESUME],
    )
    ratios = SampleRatioWatch.objects.filter(
        settings_group__in=[one.current_id for one in experiments if one.current_id],
        smallest_p__lt=ALARM_LEVEL,
    )
    return _Known(
        last_hits(experiments),
        {
            pk: at
            for pk, at in moves.order_by().values_list("subject_id").annotate(Max("at"))
            if pk is not None
        },
        dict(ratios.values_list("settings_group__experiment_id", "smallest_p")),
    )


def _reasons(one: Experiment, known: _Known) -> tuple[str, ...]:
    reasons = []
    if getattr(one, "newest_state", "") == PreparationState.FAILED:
        reasons.append(gettext("Its newest settings could not be prepared"))
    if one.pk in known.smallest_p:
        reasons.append(gettext("Sample ratio mismatch: its users are not divided as they should be"))
    now = clock.now()
    ends = one.current.ends_at if one.current else None
    if one.status in {Status.RUNNING, Status.PAUSED} and ends is not None and ends <= now:
        ended = gettext("Its dates ended on %(day)s, and it is not finished")
        reasons.append(ended % {"day": day_words(ends)})
    elif one.status == Status.RUNNING and (silence := _silence(one, known)):
        reasons.append(silence)
    since = known.moved_at.get(one.pk)
    if one.status == Status.PAUSED and since is not None and now - since >= PAUSED_LONG:
        reasons.append(gettext("Paused since %(day)s") % {"day": day_words(since)})
    if one.status == Status.DEV and since is not None and now - since >= DEV_LONG:
        reasons.append(gettext("In dev since %(day)s") % {"day": day_words(since)})
    return tuple(reasons)


def _silence(one: Experiment, known: _Known) -> str:
    """The sentence about missing hits; "" while some came or none can be missed yet."""
    last = known.last_hit_at.get(one.pk)
    begins, ends = (one.current.starts_at, one.current.ends_at) if one.current else (None, None)
    if silent_since(ends, last, known.moved_at.get(one.pk), one.started_at, begins) is None:
        return ""
    if last is None:
        return gettext("No hits from production since its start")
    return gettext("No hits from production since %(day)s") % {"day": day_words(last)}
