"""Matches are kept as bits, shared, bounded, and never believed when they are not whole."""

from __future__ import annotations

import datetime as dt
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audience.specs import FilterSpec
from audience.warehouse import UserBatch
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from audience.warehouse.kept_matches import KeptMatches
from tests.audience.catalogues import DEFAULT

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
USERS = 24_000


def older_than(age: int) -> list[Any]:
    return [{"filter": "age", "operator": "gte", "value": age}]


OTHERS = [older_than(age) for age in range(10, 20)]


def load(warehouse: DuckDBWarehouse, youngest: int = 0, users: int = USERS) -> None:
    """Of each age from `youngest` to 99 as many, their split groups in turn."""
    ages = [youngest + number % (100 - youngest) for number in range(users)]
    batch = UserBatch(
        lines=range(users),
        ids=[str(number) for number in range(users)],
        split_groups=[number % 2400 + 1 for number in range(users)],
        drawn=np.ones(users, dtype=np.int16),
        values={"age": ages},
    )
    warehouse.merge_users([batch], {"age": "integer"})


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT, codes_from=1)
    load(warehouse)
    return warehouse


def kept_files(warehouse: DuckDBWarehouse) -> list[Path]:
    return sorted(warehouse.store.folder.glob("codes-*/matches/*"))


def counted(warehouse: DuckDBWarehouse) -> list[int]:
    totals: list[int] = warehouse.count_table([], OTHERS, NOW).shared.sum(axis=1).tolist()
    return totals


RIGHT = [USERS // 100 * (100 - age) for age in range(10, 20)]


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The kernel lets nobody in this process write more into a file, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_counted_once_is_kept_for_everyone(warehouse: DuckDBWarehouse) -> None:
    assert counted(warehouse) == RIGHT
    before = {path: path.stat().st_ino for path in kept_files(warehouse)}
    assert len(before) == len(OTHERS)
    elsewhere = DuckDBWarehouse(warehouse.store.folder, lambda: DEFAULT, codes_from=1)
    assert counted(elsewhere) == RIGHT
    assert {path: path.stat().st_ino for path in kept_files(warehouse)} == before


def test_keeping_says_what_it_did(warehouse: DuckDBWarehouse) -> None:
    conditions = [*OTHERS, [], OTHERS[0]]
    first = warehouse.keep_matches(conditions, NOW)
    assert (first.kept, first.added, first.problem) == (10, 10, "")
    assert first.size == sum(path.stat().st_size for path in kept_files(warehouse))
    assert first.size < 10 * (USERS + 2400 * 64) / 8 + 1000
    assert warehouse.keep_matches(conditions, NOW).added == 0
    load(warehouse, youngest=1)
    after = warehouse.keep_matches(conditions, NOW)
    assert (after.kept, after.added) == (10, 10)


def test_a_small_or_empty_warehouse_keeps_nothing(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT)
    assert warehouse.keep_matches(OTHERS, NOW).kept == 0
    load(warehouse, users=100)
    assert warehouse.keep_matches(OTHERS, NOW).kept == 0
    assert sorted(path.name for path in warehouse.store.folder.iterdir())[:2] == ["current.json", "load.lock"]
    assert counted(warehouse) == [100 - age for age in range(10, 20)]


@pytest.mark.parametrize("damage", ["short", "long", "zeros", "one bit"])
def test_a_damaged_file_is_worked_out_again(warehouse: DuckDBWarehouse, damage: str) -> None:
    counted(warehouse)
    for path in kept_files(warehouse):
        content = bytearray(path.read_bytes())
        match damage:
            case "short":
                content = content[:100]
            case "long":
                content += b"\0" * 8
            case "zeros":
                content = bytearray(len(content))
            case _:
                content[1000] ^= 4
        path.write_bytes(content)
    assert counted(warehouse) == RIGHT


def test_nothing_can_be_kept_on_a_full_disk_but_counts_are_right(warehouse: DuckDBWarehouse) -> None:
    with files_no_larger_than(1000):
        assert counted(warehouse) == RIGHT
        report = warehouse.keep_matches(OTHERS, NOW)
    assert report.kept == 0
    assert "cannot be kept" in report.problem
    assert kept_files(warehouse) == []
    assert counted(warehouse) == RIGHT


def test_a_folder_that_nobody_may_write_is_counted(warehouse: DuckDBWarehouse) -> None:
    (codes,) = warehouse.store.folder.glob("codes-*")
    (codes / "matches").write_text("in the way of the folder")
    assert counted(warehouse) == RIGHT
    assert warehouse.keep_matches(OTHERS, NOW).problem


def test_conditions_relative_to_now_are_kept_for_that_now(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT, codes_from=1)
    batch = UserBatch(
        lines=[1, 2],
        ids=["a", "b"],
        split_groups=[1, 2],
        drawn=np.ones(2, dtype=np.int16),
        values={"registered_at": [dt.datetime(2026, 10, 1, 5), dt.datetime(2026, 10, 20)]},  # noqa: DTZ001 - as stored
    )
    warehouse.merge_users([batch], {"registered_at": "date"})
    lately = [{"filter": "registered_at", "operator": "within_days", "value": 31}]
    by_hour = [warehouse.count_table([], [lately], NOW + dt.timedelta(hours=hours)) for hours in (4, 5, 6, 4)]
    assert [int(table.shared.sum()) for table in by_hour] == [2, 2, 1, 2]


def test_what_a_condition_means_follows_the_catalogue(warehouse: DuckDBWarehouse) -> None:
    assert counted(warehouse) == RIGHT
    warehouse.catalogue = lambda: {**DEFAULT, "age": FilterSpec("age", "Age", "integer", column="")}
    table = warehouse.count_table(OTHERS[0], OTHERS, NOW)
    assert (table.not_counted, table.others_not_counted[1]) == (("age",), ("age",))
    assert table.shared.sum(axis=1).tolist() == [USERS] * len(OTHERS)
    warehouse.catalogue = lambda: DEFAULT
    assert counted(warehouse) == RIGHT


def test_matches_go_with_the_users_they_belong_to(warehouse: DuckDBWarehouse) -> None:
    counted(warehouse)
    (first,) = warehouse.store.folder.glob("codes-*")
    load(warehouse, youngest=1)
    assert first.exists(), "somebody may be about to read it"
    load(warehouse, youngest=2)
    assert not first.exists()
    assert len(list(warehouse.store.folder.glob("codes-*"))) == 2


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    kept = KeptMatches(tmp_path, words=10, most_bytes=3 * 88)
    bits = np.arange(10, dtype=np.uint64)
    for hours, name in enumerate(("newest", "middle", "old", "oldest")):
        kept.write(name, bits)
        long_ago = NOW.timestamp() - 3600 * 24 * hours
        os.utime(tmp_path / f"{name}.bits", (long_ago, long_ago))
    assert kept.read("oldest") is not None, "reading it makes it the newest"
    kept.prune()
    assert {name: kept.has(name) for name in ("newest", "middle", "old", "oldest")} == {
        "newest": True, "middle": True, "old": False, "oldest": True,
    }  # fmt: skip


def test_keeping_drops_what_nobody_wants_or_used_lately(warehouse: DuckDBWarehouse) -> None:
    counted(warehouse)
    for path in kept_files(warehouse)[:4]:
        used = path.stat().st_mtime - 3 * 3600
        os.utime(path, (used, used))
    assert warehouse.keep_matches([OTHERS[0]], NOW).kept == 1
    left = set(kept_files(warehouse))
    assert 6 <= len(left) <= 7, "the condition that is wanted stays however old it is"
    assert warehouse.keep_matches(OTHERS, NOW).added == 10 - len(left)


def test_halves_that_a_killed_process_left_are_removed(tmp_path: Path) -> None:
    kept = KeptMatches(tmp_path, words=1)
    for name, age in (("abandoned.aside", 7300), ("being-written.aside", 0)):
        (tmp_path / name).write_bytes(b"half")
        written = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (written, written))
    kept.prune()
    assert [path.name for path in tmp_path.iterdir()] == ["being-written.aside"]
