"""Looking at the sample ratio of every test that is seen, often, and raising the alarm once.

The always-valid p may be looked at as often as one likes, and its smallest value counts. So it is kept, and the changelog tells
of it when it falls below the level: people hear of it, whether or not they look at the card.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db import transaction
from django.db.models.functions import Least

from accounts.actors import Actor
from accounts.models import Environment
from analytics.mismatch_words import said
from analytics.models import SampleRatioWatch, TotalHits, Who
from analytics.reports import hits_report
from analytics.srm import SampleRatio
from changelog.models import SubjectKind, Verb
from changelog.services import record
from core import clock
from experiments.lifecycle import Status
from experiments.models import SettingsGroup

MACHINE: Final = Actor.machine("Sample ratio")
# Nobody new is seen in a test that nobody hit for so long.
LOOKS_BACK: Final = dt.timedelta(days=2)


def watch_sample_ratios() -> int:
    """Look at all settings groups that users were seen in lately; how many. Finished tests are left alone."""
    rows = TotalHits.objects.filter(
        who=Who.USERS,
        environment=Environment.PRODUCTION,
        last_at__gt=clock.now() - LOOKS_BACK,
        users_counted_at__isnull=False,
    ).exclude(settings_group__experiment__status=Status.FINISHED)
    ids = set(rows.values_list("settings_group_id", flat=True))
    for settings_group in SettingsGroup.objects.select_related("experiment").filter(pk__in=ids):
        look_at(settings_group)
    return len(ids)


def look_at(settings_group: SettingsGroup) -> SampleRatio:
    """Keep the smallest always-valid p, and tell the changelog when it is an alarm for the first time."""
    ratio = hits_report(settings_group, Environment.PRODUCTION).ratio
    if ratio.always_valid_p is None:
        return ratio
    with transaction.atomic():
        SampleRatioWatch.objects.get_or_create(settings_group=settings_group)
        watch = SampleRatioWatch.objects.select_for_update().get(settings_group=settings_group)
        if ratio.always_valid_p < watch.smallest_p:
            SampleRatioWatch.objects.filter(pk=watch.pk).update(
                smallest_p=Least("smallest_p", ratio.always_valid_p), smallest_at=clock.now()
            )
        if ratio.holds_always and watch.told_at is None:
            SampleRatioWatch.objects.filter(pk=watch.pk).update(told_at=clock.now())
            _tell(settings_group, ratio)
    return ratio


def _tell(settings_group: SettingsGroup, ratio: SampleRatio) -> None:
    experiment = settings_group.experiment
    words = said(ratio)
    record(
        MACHINE,
        Verb.ALARM,
        SubjectKind.TEST,
        experiment.key,
        f"Sample ratio mismatch in settings {settings_group.number}. {words.title}: {words.meaning}",
        subject_id=experiment.pk,
    )
