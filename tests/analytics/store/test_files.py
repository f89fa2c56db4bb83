"""Files of the embedded store: which count, what becomes of small, old, damaged and unknown ones."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import duckdb
import pytest
from pytest_django import Settings

from analytics.models import Part, StoredFile, Stream
from analytics.store import StoreError, get_store, open_store
from analytics.store.clickhouse import ClickHouseItemStore
from analytics.store.compaction import FILES_OF_A_SIZE
from analytics.store.files import FileStore
from analytics.store.postgresql import PostgreSQLItemStore
from core import clock
from tests.analytics.store.items import FIRST, Item, loaded, random_hits, store

TODAY = FIRST.date()
DAY = dt.timedelta(days=1)
LATER = dt.timedelta(hours=2)


def hits_of_days(count: int, days: int = 1, seed: int = 1) -> list[Item]:
    return random_hits(seed, count, days)


def live() -> list[StoredFile]:
    return list(StoredFile.objects.filter(replaced_at=None).order_by("stream", "day", "pk"))


def there(files: FileStore) -> set[str]:
    return {str(path.relative_to(files.folder)) for path in files.folder.rglob("*") if path.is_file()}


def age(path: Path, days: float) -> None:
    moment = time.time() - days * 86_400
    os.utime(path, (moment, moment))


def test_hits_lie_beside_the_warehouse_or_in_it(settings: Settings, tmp_path: Path) -> None:
    assert get_store() is open_store(settings.WAREHOUSE_URL, settings.VAR_DIR)
    beside = open_store("duckdb:///some/where/warehouse", tmp_path)
    assert isinstance(beside, FileStore)
    assert beside.folder == Path("/some/where/hits")
    assert isinstance(open_store("postgresql://host/database", tmp_path), PostgreSQLItemStore)
    assert isinstance(open_store("clickhouse://host/database", tmp_path), ClickHouseItemStore)
    # Somebody else's users are only read, so nothing is written there either.
    only_read = open_store("postgresql://host/database?users=crm.users", tmp_path)
    assert isinstance(only_read, FileStore)
    assert only_read.folder == tmp_path / "hits"


@pytest.mark.parametrize("url", ["", "mysql://host/db", "http://[bad", "duckdb:"])
def test_an_address_of_no_store_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="WAREHOUSE_URL"):
        open_store(url, tmp_path)


def test_a_file_holds_the_items_of_one_day_and_part_in_the_order_of_questions(
    files: FileStore, tmp_path: Path
) -> None:
    hits = hits_of_days(500, days=3)
    store(files, tmp_path, hits, part=7)
    assert [file.path for file in live()] == [
        f"hits/{TODAY + day * DAY}-part-000000000007.parquet" for day in range(3)
    ]
    with duckdb.connect(":memory:") as connection:
        for file in live():
            rows = connection.execute(
                "SELECT group_id, variant, visitor, time FROM read_parquet(?)",
                [str(files.folder / file.path)],
            ).fetchall()
            assert len(rows) == file.items == sum(hit["time"].date() == file.day for hit in hits)
            assert {row[3].date() for row in rows} == {file.day}
            keys = [(group, variant.encode(), visitor.encode()) for group, variant, visitor, _ in rows]
            assert keys == sorted(keys)


def test_what_was_written_counts_only_once_its_rows_are_there(files: FileStore, tmp_path: Path) -> None:
    with loaded(tmp_path, Stream.HITS, hits_of_days(100)) as connection:
        files.write(Stream.HITS, 1, connection, "items")
    assert there(files)
    assert files.count_users([11, 12, 13], None, None, None) == []


def test_files_of_like_size_become_one_all_day_long(files: FileStore, tmp_path: Path) -> None:
    for part in range(1, FILES_OF_A_SIZE + 1):
        assert files.compact(None) == 0
        store(files, tmp_path, hits_of_days(40, seed=part), part=part)
    before = files.count_users([11, 12, 13], None, None, "hour")
    assert files.compact(None) == FILES_OF_A_SIZE
    (merged,) = live()
    assert merged.items == 40 * FILES_OF_A_SIZE
    assert sorted(map(repr, files.count_users([11, 12, 13], None, None, "hour"))) == sorted(map(repr, before))
    store(files, tmp_path, hits_of_days(40, seed=99), part=99)
    assert files.compact(None) == 0


def test_a_finished_day_becomes_one_file_of_each_stream(files: FileStore, tmp_path: Path) -> None:
    for part in range(1, 4):
        store(files, tmp_path, hits_of_days(60, days=2, seed=part), part=part)
    assert files.compact(TODAY) == 0
    assert files.compact(TODAY + DAY) == 3
    assert [file.day for file in live()] == [TODAY, *[TODAY + DAY] * 3]
    # A straggler's file joins the night after.
    store(files, tmp_path, hits_of_days(5, seed=9), part=9)
    assert files.compact(TODAY + DAY) == 2
    assert live()[0].items == 5 + sum(
        hit["time"].date() == TODAY for part in range(1, 4) for hit in hits_of_days(60, days=2, seed=part)
    )


def test_replaced_files_stay_for_readers_for_an_hour(files: FileStore, tmp_path: Path) -> None:
    for part in (1, 2):
        store(files, tmp_path, hits_of_days(50, seed=part), part=part)
    old = {file.path for file in live()}
    files.compact(TODAY + DAY)
    assert old < there(files)
    files.compact(TODAY + DAY)
    assert old < there(files)
    with clock.frozen_at(clock.now() + LATER):
        files.compact(None)
    assert there(files) == {live()[0].path}
    assert StoredFile.objects.count() == 1


def test_days_of_long_ago_are_dropped(files: FileStore, tmp_path: Path) -> None:
    store(files, tmp_path, hits_of_days(200, days=3))
    assert files.prune(TODAY + DAY) == 1
    assert files.prune(TODAY + DAY) == 0
    counted = files.count_users([11, 12, 13], None, None, "day")
    assert {count.moment for count in counted} == {FIRST + DAY, FIRST + 2 * DAY}
    with clock.frozen_at(clock.now() + LATER):
        files.compact(None)
    assert there(files) == {file.path for file in live()}


def test_files_that_nobody_knows_are_swept_but_not_those_of_open_parts_or_of_others(
    files: FileStore, tmp_path: Path
) -> None:
    store(files, tmp_path, hits_of_days(50), part=1)
    folder = files.folder / "hits"
    open_part = Part.objects.create(stream=Stream.HITS)
    kept = {
        folder / f"{TODAY}-part-{open_part.pk:012d}.parquet",
        folder / "notes.txt",
        folder / "2026-backup.parquet",
        folder / f"aside-{'0' * 16}.parquet",
    }
    killed = {
        folder / f"{TODAY}-part-{open_part.pk + 1_000:012d}.parquet",
        folder / f"{TODAY}-merged-{'a' * 16}.parquet",
        folder / f"aside-{'1' * 16}.parquet",
    }
    for path in kept | killed:
        path.write_bytes(b"anything")
        age(path, 1 / 12)
    age(folder / f"aside-{'1' * 16}.parquet", 2)
    spill = files.folder / f"spill-{'2' * 16}"
    spill.mkdir()
    age(spill, 2)
    for path in folder.iterdir():
        if path not in kept | killed:
            age(path, 2)
    files.compact(TODAY)
    assert set(folder.iterdir()) == kept | {files.folder / live()[0].path}
    assert not spill.exists()


def test_a_young_file_that_nobody_knows_yet_is_left_alone(files: FileStore, tmp_path: Path) -> None:
    with loaded(tmp_path, Stream.HITS, hits_of_days(50)) as connection:
        files.write(Stream.HITS, 1, connection, "items")
    before = there(files)
    files.compact(TODAY + DAY)
    assert there(files) == before


@pytest.mark.parametrize("damage", ["gone", "cut", "empty", "rubbish inside"])
def test_a_damaged_file_is_named(files: FileStore, tmp_path: Path, damage: str) -> None:
    store(files, tmp_path, hits_of_days(3_000, days=2))
    path = files.folder / live()[0].path
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "rubbish inside":
        path.write_bytes(content[:200] + b"\xff" * (len(content) - 1_500) + content[-1_300:])
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    with pytest.raises(StoreError, match=f"{live()[0].path} of stored hits is missing or damaged"):
        files.count_users([11], None, None, "hour")
    # Days beside it are answered.
    assert files.count_users([11], FIRST + DAY, None, "hour")


def test_a_day_with_a_damaged_file_is_not_merged_and_does_not_keep_others_from_it(
    files: FileStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for part in (1, 2):
        store(files, tmp_path, hits_of_days(100, days=2, seed=part), part=part)
    (files.folder / live()[0].path).write_bytes(b"rubbish")
    assert files.compact(TODAY + 2 * DAY) == 2
    assert [file.day for file in live()] == [TODAY, TODAY, TODAY + DAY]
    assert live()[0].path in caplog.text


def test_a_file_with_fewer_items_than_its_row_says_is_not_merged(
    files: FileStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for part in (1, 2):
        store(files, tmp_path, hits_of_days(100, seed=part), part=part)
    StoredFile.objects.filter(pk=live()[0].pk).update(items=101)
    before = there(files)
    assert files.compact(TODAY + DAY) == 0
    assert "should hold 201" in caplog.text
    assert there(files) == before


def test_a_folder_that_cannot_be_written_is_a_clear_error(files: FileStore, tmp_path: Path) -> None:
    files.folder.write_text("a file stands where the folder should be")
    with (
        loaded(tmp_path, Stream.HITS, hits_of_days(10)) as connection,
        pytest.raises(StoreError, match="could not carry this out"),
    ):
        files.write(Stream.HITS, 1, connection, "items")
