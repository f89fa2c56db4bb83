"""Users are counted anew where hits were added, and no more often than they are worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path
from typing import Any

import psycopg
import pytest

from accounts.actors import Actor
from analytics.locks import Lock
from analytics.models import DailyHits, HourlyHits, StoredFile, TotalHits
from analytics.store import ItemStore, StoreError, UserCount
from analytics.store.files import FileStore
from analytics.tallies import count_stale_users
from core import clock
from tests.analytics.store.counted import GRAINS, arrive, held_locks, make_groups, wrong_rows
from tests.analytics.store.items import FIRST, random_hits
from tests.workers import database_url

LATER = dt.timedelta(hours=1)


@pytest.fixture
def place(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "hits")


class Asked(FileStore):
    """Notes what it is asked, and does something before it answers."""

    def __init__(self, folder: Path, before_answer: Any = None) -> None:
        super().__init__(folder)
        self.questions_asked: list[tuple[set[int], dt.datetime | None, dt.datetime | None, str | None]] = []
        self.before_answer = before_answer

    def count_users(
        self, group_ids: Collection[int], since: dt.datetime | None, until: dt.datetime | None, by: Any
    ) -> list[UserCount]:
        self.questions_asked.append((set(group_ids), since, until, by))
        if self.before_answer is not None:
            self.before_answer(by)
        return super().count_users(group_ids, since, until, by)


def test_users_of_hours_days_and_in_all_are_counted(place: ItemStore, tmp_path: Path, manager: Actor) -> None:
    groups = make_groups(manager)
    hits = random_hits(1, 600, days=2, groups=groups)
    arrive(place, tmp_path, hits[:400], 1)
    assert count_stale_users(place) == sum(model.objects.count() for model in GRAINS)
    assert wrong_rows(hits[:400], groups) == []
    arrive(place, tmp_path, hits[400:], 2)
    assert wrong_rows(hits, groups) != []
    with clock.frozen_at(clock.now() + LATER):
        assert count_stale_users(place) > 0
        assert count_stale_users(place) == 0
    assert wrong_rows(hits, groups) == []


def test_only_hours_with_new_hits_are_asked_about(tmp_path: Path, manager: Actor) -> None:
    place = Asked(tmp_path / "hits")
    groups = make_groups(manager)
    arrive(place, tmp_path, random_hits(1, 200, days=2, groups=groups), 1)
    count_stale_users(place)
    place.questions_asked.clear()
    some = next(iter(groups))
    late = [
        {**hit, "time": FIRST + dt.timedelta(hours=5, minutes=minute), "group_id": some}
        for minute, hit in enumerate(random_hits(2, 3, groups=groups))
    ]
    arrive(place, tmp_path, late, 2)
    with clock.frozen_at(clock.now() + LATER):
        count_stale_users(place)
    hour, day, total = place.questions_asked
    assert hour == ({some}, FIRST + dt.timedelta(hours=5), FIRST + dt.timedelta(hours=6), "hour")
    assert day == ({some}, FIRST, FIRST + dt.timedelta(days=1), "day")
    assert total[0] == {some}


def test_hits_that_come_while_users_are_counted_are_counted_next(tmp_path: Path, manager: Actor) -> None:
    groups = make_groups(manager)
    hits = random_hits(3, 400, days=1, groups=groups)
    parts = iter(range(2, 5))

    def more_arrive(by: str | None) -> None:
        part = next(parts, None)
        if part is not None:
            arrive(quiet, tmp_path, hits[(part - 1) * 100 : part * 100], part)

    quiet = FileStore(tmp_path / "hits")
    arrive(quiet, tmp_path, hits[:100], 1)
    count_stale_users(Asked(tmp_path / "hits", more_arrive))
    with clock.frozen_at(clock.now() + LATER):
        assert count_stale_users(quiet) > 0
    assert wrong_rows(hits, groups) == []


def test_what_was_counted_rests_ten_times_as_long_as_it_took(
    place: ItemStore, tmp_path: Path, manager: Actor
) -> None:
    groups = make_groups(manager)
    hits = random_hits(4, 300, days=1, groups=groups)
    arrive(place, tmp_path, hits[:100], 1)
    with clock.frozen_at(clock.now()):
        count_stale_users(place)
        arrive(place, tmp_path, hits[100:], 2)
        # New hours have not been counted yet, and have nothing to rest from.
        assert 0 < count_stale_users(place) < sum(model.objects.count() for model in GRAINS)
        rested = TotalHits.objects.exclude(users_due_at=None).order_by("-users_due_at")[0].users_due_at
        assert rested is not None
        assert clock.now() < rested < clock.now() + LATER
        assert count_stale_users(place) == 0
    with clock.frozen_at(rested):
        assert count_stale_users(place) > 0
    with clock.frozen_at(clock.now() + LATER):
        count_stale_users(place)
    assert wrong_rows(hits, groups) == []


def test_a_day_that_cannot_be_read_does_not_keep_others_from_being_counted(
    place: FileStore, tmp_path: Path, manager: Actor
) -> None:
    groups = make_groups(manager)
    arrive(place, tmp_path, random_hits(5, 150, days=2, groups=groups), 1)
    damaged = StoredFile.objects.get(day=FIRST.date())
    content = (place.folder / damaged.path).read_bytes()
    (place.folder / damaged.path).write_bytes(content[:100])
    with pytest.raises(StoreError, match=damaged.path):
        place.count_users(groups, None, None, "day")
    count_stale_users(place)
    assert not DailyHits.objects.filter(day=FIRST.date()).exclude(users_counted_at=None).exists()
    assert not DailyHits.objects.exclude(day=FIRST.date()).filter(users_counted_at=None).exists()
    # Asked again at once it would fail again; after a while somebody may have mended it.
    assert count_stale_users(place) == 0
    (place.folder / damaged.path).write_bytes(content)
    with clock.frozen_at(clock.now() + LATER):
        count_stale_users(place)
    assert not HourlyHits.objects.filter(users_counted_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_rows_that_are_being_changed_are_left_for_the_next_time(
    place: ItemStore, tmp_path: Path, manager: Actor
) -> None:
    groups = make_groups(manager, 1)
    hits = random_hits(6, 300, days=1, groups=groups)
    arrive(place, tmp_path, hits, 1)
    held = HourlyHits.objects.order_by("pk")[0]
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT FROM analytics_hourlyhits WHERE id = %s FOR UPDATE", [held.pk])
        count_stale_users(place)
        assert list(HourlyHits.objects.filter(users_counted_at=None)) == [held]
    count_stale_users(place)
    assert wrong_rows(hits, groups) == []


@pytest.mark.django_db(transaction=True)
def test_one_process_counts_at_a_time(place: ItemStore, tmp_path: Path, manager: Actor) -> None:
    arrive(place, tmp_path, random_hits(7, 100, groups=make_groups(manager)), 1)
    with psycopg.connect(database_url(), autocommit=True) as other:
        key = [0x5553_0020, Lock.COUNTING.value]
        other.execute("SELECT pg_advisory_lock(%s, %s)", key)
        assert count_stale_users(place) == 0
        other.execute("SELECT pg_advisory_unlock(%s, %s)", key)
    assert count_stale_users(place) > 0
    assert held_locks() == 0
