"""The store is kept in order by tasks that the clock starts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from django.conf import settings as django_settings
from pytest_django import Settings

from accounts.actors import Actor
from analytics import tasks
from analytics.models import StoredFile
from analytics.store.files import FileStore
from core import clock
from tests.analytics.store.counted import arrive, make_groups, wrong_rows
from tests.analytics.store.items import FIRST, random_hits, store


def live_days() -> list[dt.date]:
    return list(StoredFile.objects.filter(replaced_at=None).order_by("day").values_list("day", flat=True))


def test_at_night_old_days_are_dropped_and_finished_ones_become_a_file(
    files: FileStore, tmp_path: Path, settings: Settings
) -> None:
    settings.HITS_KEEP_DAYS = 2
    for part in (1, 2):
        store(files, tmp_path, random_hits(part, 80, days=4), part=part)
    days = [FIRST.date() + dt.timedelta(days=day) for day in range(4)]
    # The last day goes on still; the two before it are kept, and the first is too old.
    with clock.frozen_at(FIRST + dt.timedelta(days=3, hours=2)):
        tasks.keep_store()
    assert live_days() == [days[1], days[2], days[3], days[3]]


def test_small_files_are_merged_by_the_minute(files: FileStore, tmp_path: Path) -> None:
    for part in range(1, 17):
        store(files, tmp_path, random_hits(part, 10, days=1), part=part)
    tasks.compact()
    assert live_days() == [FIRST.date()]


def test_users_are_counted_within_seconds(files: FileStore, tmp_path: Path, manager: Actor) -> None:
    groups = make_groups(manager)
    hits = random_hits(3, 60, days=1, groups=groups)
    arrive(files, tmp_path, hits, 1)
    tasks.count_users()
    assert wrong_rows(hits, groups) == []


def test_each_task_is_started_by_the_clock_in_a_queue_where_hits_do_not_wait() -> None:
    started = {entry["task"]: entry["schedule"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}
    for task in (tasks.count_users, tasks.compact, tasks.keep_store):
        assert task.name in started
        assert django_settings.CELERY_TASK_ROUTES[task.name]["queue"] != "hits"
    assert started[tasks.count_users.name] <= 10
