"""Rows of counted hits as the fold leaves them: hits added up, users out of date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.db import connection

from accounts.actors import Actor
from analytics.counters import HitCount, add_hits
from analytics.models import DailyHits, HourlyHits, TotalHits
from analytics.store import ItemStore
from analytics.store.base import Grain
from analytics.tallies import Counted
from tests.analytics.store.items import Item, count_users, store, who
from tests.factories import add_settings, make_draft

GRAINS: dict[type[Counted], Grain | None] = {HourlyHits: "hour", DailyHits: "day", TotalHits: None}


def make_groups(actor: Actor, count: int = 2) -> dict[int, tuple[str, int]]:
    """Real settings groups: id → (test, number)."""
    made = [add_settings(actor, make_draft(actor)) for _ in range(count)]
    return {group.pk: (group.experiment.key, group.number) for group in made}


def arrive(place: ItemStore, folder: Path, hits: Sequence[Item], part: int) -> None:
    """Stored and added up."""
    store(place, folder, hits, part=part)
    add_hits(
        [
            HitCount(
                hit["group_id"], hit["variant"], hit["environment"], who(hit),
                hit["time"].replace(minute=0, second=0, microsecond=0), 1, hit["time"], hit["time"],
            )
            for hit in hits
        ]
    )  # fmt: skip


def wrong_rows(hits: list[Item], groups: Iterable[int]) -> list[Counted]:
    """Rows whose users are not what plain Python counts."""
    return [row for model, by in GRAINS.items() for row in _wrong(model, by, hits, groups)]


def _wrong(
    model: type[Counted], by: Grain | None, hits: list[Item], groups: Iterable[int]
) -> Iterator[Counted]:
    expected = {
        (count.group_id, count.variant, count.environment, count.who, count.moment): count.users
        for count in count_users(hits, groups, by)
    }
    for row in model.objects.all():
        moment = None
        if isinstance(row, HourlyHits):
            moment = row.hour
        elif isinstance(row, DailyHits):
            moment = dt.datetime.combine(row.day, dt.time(), dt.UTC)
        key = (row.settings_group_id, row.variant, row.environment, row.who, moment)
        if row.users != expected.get(key, 0):
            yield row


def held_locks() -> int:
    """How many of this package's locks somebody holds in this database; other tests run in others of the same server."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE datname = current_database() AND locktype = 'advisory' AND classid = %s",
            [0x5553_0020],
        )
        return int(cursor.fetchone()[0])
