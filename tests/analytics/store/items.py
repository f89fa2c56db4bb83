"""Random hits and events, put into stores part by part, and the same answers from plain Python."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from analytics.models import StoredFile, Stream
from analytics.store import (
    EVENT_COLUMNS,
    HIT_COLUMNS,
    EventOutcome,
    ItemStore,
    Outcomes,
    StoredHit,
    UserCount,
)

Item = Mapping[str, Any]
FIRST = dt.datetime(2026, 11, 18, tzinfo=dt.UTC)
GROUPS = {11: ("green_button", 1), 12: ("green_button", 2), 13: ("letter", 1)}
VARIANTS = ("control", "green", "blue")
NAMES = ("paid", "page.view", "left_basket")
COLUMNS = {Stream.HITS: HIT_COLUMNS, Stream.EVENTS: EVENT_COLUMNS}
# Ids as people send them: cases that differ, quotes, backslashes, other scripts, what looks like our own prefixes.
ODD_IDS = (
    "A'1",
    'b"2',
    "c\\3",
    "u:4",
    "d:5",
    "é",
    "e\u0301",
    "日本",
    "x\ny",
    "%s",
    "a1",
    "A1",
    " a1",
    "null",
    "🦆",
)


def random_hits(
    seed: int, count: int, days: int = 4, groups: Mapping[int, tuple[str, int]] = GROUPS
) -> list[Item]:
    """Of these settings groups: id → (test, number)."""
    chance = random.Random(seed)
    users = [*ODD_IDS, *(str(number) for number in range(60))]
    return [_hit(chance, users, days, groups) for _ in range(count)]


def _hit(
    chance: random.Random, users: Sequence[str], days: int, groups: Mapping[int, tuple[str, int]]
) -> Item:
    group = chance.choice(list(groups))
    test, number = groups[group]
    user, device = _whom(chance, users)
    # Most people see one variant, and some see two.
    variant = (
        VARIANTS[hash_of(user or device or "") % 3] if chance.random() < 0.97 else chance.choice(VARIANTS)
    )
    return {
        "group_id": group,
        "test": test,
        "settings_group": number,
        "variant": variant,
        "user_id": user,
        "device_id": device,
        "split_group": chance.choice([None, 1, 1200, 2400]),
        "environment": chance.choice(["production", "production", "devel"]),
        "time": _moment(chance, days),
        "forced": chance.random() < 0.05,
        "test_user": chance.random() < 0.05,
    }


def random_events(seed: int, count: int, days: int = 4, names: Sequence[str] = NAMES) -> list[Item]:
    chance = random.Random(seed)
    users = [*ODD_IDS, *(str(number) for number in range(60))]
    return [_event(chance, users, days, names) for _ in range(count)]


def _event(chance: random.Random, users: Sequence[str], days: int, names: Sequence[str]) -> Item:
    user, device = _whom(chance, users)
    return {
        "event": chance.choice(names),
        "user_id": user,
        "device_id": device,
        "environment": chance.choice(["production", "production", "devel"]),
        "time": _moment(chance, days),
        "value": chance.choice([None, 0, -2.5, 19.99, 1e6]),
    }


def _whom(chance: random.Random, users: Sequence[str]) -> tuple[str | None, str | None]:
    user = chance.choice(users) if chance.random() < 0.7 else None
    device = chance.choice(users) if chance.random() < (0.3 if user else 0.8) else chance.choice([None, ""])
    return user, device


def _moment(chance: random.Random, days: int) -> dt.datetime:
    # The edges of hours and days come up more often than chance would have them.
    seconds = chance.choice([chance.randrange(days * 86_400), chance.randrange(days * 24) * 3_600])
    return FIRST + dt.timedelta(seconds=seconds, microseconds=chance.choice([0, 1, 999_999]))


def hash_of(text: str) -> int:
    return sum(text.encode())


# ---- into a store --------------------------------------------------------------------------------------------


@contextmanager
def loaded(folder: Path, stream: Stream, items: Iterable[Item]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB whose table `items` holds these."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "items.ndjson"
    path.write_text("".join(json.dumps(item, default=_text) + "\n" for item in items))
    columns = COLUMNS[stream]
    with duckdb.connect(":memory:") as connection:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"CREATE TABLE items ({declared})")
        wanted = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
        connection.execute(
            f"INSERT INTO items SELECT * FROM read_json('{path}', format = 'nd', columns = {{{wanted}}})"
        )
        yield connection


def _text(moment: dt.datetime) -> str:
    return moment.replace(tzinfo=None).isoformat()


def store(
    place: ItemStore, folder: Path, items: Sequence[Item], stream: Stream = Stream.HITS, part: int = 1
) -> None:
    """As the fold does it: written, then made to count."""
    with loaded(folder, stream, items) as connection:
        written = place.write(stream, part, connection, "items")
    StoredFile.objects.bulk_create(
        StoredFile(stream=stream, day=each.day, path=each.path, items=each.items) for each in written
    )


# ---- plain Python --------------------------------------------------------------------------------------------


def visitor(item: Item) -> tuple[str, str] | None:
    if item["user_id"]:
        return ("user", item["user_id"])
    return ("device", item["device_id"]) if item["device_id"] else None


def who(hit: Item) -> str:
    return "forced" if hit["forced"] else "test_users" if hit["test_user"] else "users"


def within(items: Iterable[Item], since: dt.datetime | None, until: dt.datetime | None) -> list[Item]:
    return [
        item
        for item in items
        if (since is None or item["time"] >= since) and (until is None or item["time"] < until)
    ]


def count_users(hits: Iterable[Item], groups: Iterable[int], by: str | None) -> set[UserCount]:
    seen: dict[tuple[Any, ...], set[object]] = defaultdict(set)
    for hit in hits:
        moment = hit["time"].replace(minute=0, second=0, microsecond=0)
        moment = None if by is None else moment.replace(hour=0) if by == "day" else moment
        if hit["group_id"] in groups and visitor(hit):
            seen[hit["group_id"], hit["variant"], hit["environment"], who(hit), moment].add(visitor(hit))
    return {
        UserCount(group, variant, environment, kind, moment, len(users))
        for (group, variant, environment, kind, moment), users in seen.items()
    }


def hits_of(hits: Iterable[Item], user: str | None, device: str | None) -> list[StoredHit]:
    mine = [
        hit for hit in hits if (user and hit["user_id"] == user) or (device and hit["device_id"] == device)
    ]
    return [
        StoredHit(**{**hit, "user_id": hit["user_id"] or None, "device_id": hit["device_id"] or None})
        for hit in mine
    ]


def outcomes(hits: Sequence[Item], events: Sequence[Item], group: int, environment: str) -> Outcomes:
    first: dict[object, dt.datetime] = {}
    shown: dict[object, set[str]] = defaultdict(set)
    for hit in hits:
        if (hit["group_id"], hit["environment"], who(hit)) == (group, environment, "users") and visitor(hit):
            somebody = visitor(hit)
            first[somebody] = min(first.get(somebody, hit["time"]), hit["time"])
            shown[somebody].add(hit["variant"])
    variant_of = {somebody: next(iter(seen)) for somebody, seen in shown.items() if len(seen) == 1}
    users: dict[str, int] = defaultdict(int)
    for variant in variant_of.values():
        users[variant] += 1
    found: dict[tuple[str, str], dict[object, list[float]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        somebody = visitor(event)
        if (
            event["environment"] == environment
            and somebody in variant_of
            and event["time"] >= first[somebody]
        ):
            found[event["event"], variant_of[somebody]][somebody].append(event["value"] or 0)
    rows = [
        EventOutcome(
            name,
            variant,
            len(per_user),
            sum(map(len, per_user.values())),
            sum(len(values) ** 2 for values in per_user.values()),
            sum(map(sum, per_user.values())),
            sum(sum(values) ** 2 for values in per_user.values()),
        )
        for (name, variant), per_user in found.items()
    ]
    frequency: dict[str, int] = defaultdict(int)
    for row in rows:
        frequency[row.event] += row.events
    rows.sort(key=lambda row: (-frequency[row.event], row.event, row.variant))
    return Outcomes(dict(sorted(users.items())), len(shown) - len(variant_of), tuple(rows))
