"""Finished tests that are still in the code: what the red rows of the test list and the list of what to cut out are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, Q
from django.utils.translation import gettext, ngettext

from analytics.models import TotalHits
from analytics.selectors import last_hits
from core import clock
from core.moments import moment_words
from delivery.models import CodePlace
from delivery.selectors import code_place_counts
from experiments.lifecycle import Status
from experiments.models import Experiment
from notifications.models import JiraIssue


@dataclass(frozen=True, slots=True)
class Leftover:
    """Why a finished test counts as still in the code: lines that name it, the latest hit if that came after the finish and of late.

    At least one of both is there. `task` is the issue "cut it out of the code", empty before there is one.
    """

    places: int
    last_hit_at: dt.datetime | None
    task: str
    task_url: str

    def __str__(self) -> str:
        signs = []
        if self.places:
            lines = ngettext("%(n)s line of code names it", "%(n)s lines of code name it", self.places)
            signs.append(lines % {"n": f"{self.places:,}"})
        if self.last_hit_at:
            hits = gettext("hits still come, the latest at %(when)s")
            signs.append(hits % {"when": moment_words(self.last_hit_at)})
        if len(signs) == 2:
            both = gettext("Finished, but still in the code: %(lines)s, and %(hits)s")
            return both % {"lines": signs[0], "hits": signs[1]}
        return gettext("Finished, but still in the code: %(sign)s") % {"sign": signs[0]}


def may_be_left() -> Q:
    """What finished tests have in common that are still in the code: a hit since their finish, or a line that names them.

    Most have neither, so they need not even be read.
    """
    hit = TotalHits.objects.filter(
        settings_group__experiment__status=Status.FINISHED.value,
        last_at__gte=F("settings_group__experiment__finished_at"),
    )
    hit_ids, named = hit.values("settings_group__experiment"), CodePlace.objects.values("key")
    return Q(Q(pk__in=hit_ids) | Q(key__in=named), status=Status.FINISHED.value)


def leftovers(experiments: Collection[Experiment]) -> Mapping[int, Leftover]:
    """Those of `experiments` that are finished and still in the code, by primary key. Three queries, however many they are.

    A test leaves when its cut-out task is done; without one, when no scan finds it and no hit from production has come for
    NO_HITS_HOURS.
    """
    finished = [one for one in experiments if one.is_test and one.status == Status.FINISHED]
    if not finished:
        return {}
    tasks = {
        experiment: (key, url, is_done)
        for experiment, key, url, is_done in JiraIssue.objects.filter(
            experiment__in=[one.pk for one in finished], role=JiraIssue.Role.CUT
        ).values_list("experiment_id", "key", "url", "is_done")
    }
    places = code_place_counts(finished)
    hits = last_hits(finished)
    recent = clock.now() - dt.timedelta(hours=settings.NO_HITS_HOURS)
    found = {}
    for one in finished:
        key, url, is_done = tasks.get(one.pk, ("", "", False))
        last = hits.get(one.pk)
        # Hits of before the finish say nothing of the code since.
        if last is not None and (last < recent or (one.finished_at is not None and last < one.finished_at)):
            last = None
        if not is_done and (places.get(one.pk) or last):
            found[one.pk] = Leftover(places.get(one.pk, 0), last, key, url)
    return found
