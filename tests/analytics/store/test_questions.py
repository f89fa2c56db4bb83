"""Questions are answered by every engine as plain Python answers them."""

from __future__ import annotations

import datetime as dt
from dataclasses import astuple
from itertools import product
from pathlib import Path

import pytest

from analytics.models import Stream
from analytics.store import ItemStore, Outcomes
from analytics.store.base import Grain
from tests.analytics.store import items
from tests.analytics.store.items import FIRST, GROUPS, ODD_IDS, random_events, random_hits, store, within

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
SPANS = [
    (None, None, [11]),
    (FIRST + DAY, None, [12, 13]),
    (None, FIRST + 2 * DAY, list(GROUPS)),
    (FIRST + 5 * HOUR, FIRST + DAY + 7 * HOUR, [11, 99]),
    (FIRST + 9 * DAY, None, list(GROUPS)),
]


@pytest.mark.parametrize("by", ["hour", "day", None])
def test_different_users_are_counted(place: ItemStore, tmp_path: Path, by: Grain | None) -> None:
    hits = random_hits(seed=1, count=1_500)
    for part in range(3):
        store(place, tmp_path, hits[part::3], part=part + 1)
    for since, until, groups in SPANS:
        counted = place.count_users(groups, since, until, by)
        assert len(counted) == len(set(counted))
        assert set(counted) == items.count_users(within(hits, since, until), groups, by)


def test_no_groups_have_no_users(place: ItemStore) -> None:
    assert place.count_users([], None, None, "hour") == []


def test_hits_of_a_user_or_device_come_back_as_they_were_sent(place: ItemStore, tmp_path: Path) -> None:
    hits = random_hits(seed=2, count=1_000)
    store(place, tmp_path, hits)
    asked: list[tuple[str | None, str | None]] = list(zip(ODD_IDS, reversed(ODD_IDS), strict=True))
    for user, device in [*asked, ("7", None), (None, "8"), ("", "x")]:
        found = place.hits_of(user, device, limit=10_000)
        expected = items.hits_of(hits, user, device)
        assert sorted(map(repr, found)) == sorted(map(repr, expected))
        assert [hit.time for hit in found] == sorted((hit.time for hit in found), reverse=True)


def test_hits_of_a_user_are_narrowed_by_test_and_time_and_the_newest_come_first(
    place: ItemStore, tmp_path: Path
) -> None:
    hits = random_hits(seed=3, count=2_000)
    store(place, tmp_path, hits)
    since = FIRST + 2 * DAY
    found = place.hits_of("7", "7", test="letter", since=since, limit=10_000)
    expected = [hit for hit in items.hits_of(within(hits, since, None), "7", "7") if hit.test == "letter"]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert len(found) > 3
    assert place.hits_of("7", "7", test="letter", since=since, limit=3)[0].time == found[0].time
    assert len(place.hits_of("7", "7", limit=3)) == 3


@pytest.mark.parametrize("user", [None, "", "nobody", "7\0", "7' OR '1' = '1", "\\"])
def test_nobody_has_no_hits(place: ItemStore, tmp_path: Path, user: str | None) -> None:
    store(place, tmp_path, random_hits(seed=4, count=300))
    assert place.hits_of(user, None) == []
    assert place.hits_of(None, user) == []


def test_outcomes_are_sums_over_exposed_users(place: ItemStore, tmp_path: Path) -> None:
    hits, events = random_hits(seed=5, count=600), random_events(seed=6, count=3_000)
    store(place, tmp_path, hits)
    store(place, tmp_path, events[::2], Stream.EVENTS, part=2)
    store(place, tmp_path, events[1::2], Stream.EVENTS, part=3)
    for (since, until, _), environment in product(SPANS[:4], ("production", "devel")):
        found = place.outcomes(11, environment, since, until)
        expected = items.outcomes(within(hits, since, until), within(events, since, until), 11, environment)
        assert_same(found, expected)
        alone = place.exposed(11, environment, since, until)
        assert alone == Outcomes(expected.users, expected.in_several)
    assert place.outcomes(11, "production").in_several > 0
    assert len(place.outcomes(11, "production").events) == 9


def assert_same(found: Outcomes, expected: Outcomes) -> None:
    assert (found.users, found.in_several, found.events_left_out) == (expected.users, expected.in_several, 0)
    assert [astuple(row)[:5] for row in found.events] == [astuple(row)[:5] for row in expected.events]
    for mine, theirs in zip(found.events, expected.events, strict=True):
        assert (mine.value, mine.value_squared) == pytest.approx(
            (theirs.value, theirs.value_squared), rel=1e-9, abs=1e-6
        )


def test_before_anything_was_stored_there_are_no_outcomes(place: ItemStore) -> None:
    assert place.outcomes(11, "production") == Outcomes()


def test_of_many_events_the_most_frequent_are_shown_and_the_others_are_numbered(
    place: ItemStore, tmp_path: Path
) -> None:
    hits = random_hits(seed=7, count=500, days=1)
    names = [f"event_{number}" for number in range(130)]
    events = random_events(seed=8, count=8_000, names=names)
    store(place, tmp_path, hits)
    store(place, tmp_path, events, Stream.EVENTS, part=2)
    found = place.outcomes(11, "production")
    expected = items.outcomes(hits, events, 11, "production")
    frequent = list(dict.fromkeys(row.event for row in expected.events))[:100]
    assert list(dict.fromkeys(row.event for row in found.events)) == frequent
    assert found.events_left_out == 30


def test_a_part_written_again_replaces_what_it_wrote(place: ItemStore, tmp_path: Path) -> None:
    hits = random_hits(seed=9, count=400)
    with items.loaded(tmp_path, Stream.HITS, hits[:250]) as connection:
        place.write(Stream.HITS, 1, connection, "items")
    store(place, tmp_path, hits, part=1)
    store(place, tmp_path, hits[:100], part=2)
    assert len(place.hits_of("7", None, limit=10_000)) == sum(
        hit["user_id"] == "7" for hit in [*hits, *hits[:100]]
    )
