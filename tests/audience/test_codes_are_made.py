"""Codes are made with a load, or when they are first missed; by one, for all, and killed at any moment."""

from __future__ import annotations

import datetime as dt
import logging
import random
import shutil
from pathlib import Path

import pytest

from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import DEFAULT
from tests.audience.counting_process import CountingProcess
from tests.audience.test_kept_matches import (
    OTHERS,
    RIGHT,
    USERS,
    counted,
    files_no_larger_than,
    kept_files,
    load,
)

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@pytest.fixture
def uncoded(tmp_path: Path) -> DuckDBWarehouse:
    """Its users were loaded by somebody who made no codes."""
    load(DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT, codes_from=10**9))
    return DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT, codes_from=1)


def codes_of(warehouse: DuckDBWarehouse) -> list[Path]:
    return list(warehouse.store.folder.glob("codes-*"))


def litter_of(warehouse: DuckDBWarehouse) -> list[Path]:
    return [
        *warehouse.store.folder.glob("staging-*"),
        *warehouse.store.folder.glob("codes-*/matches/*.aside"),
    ]


def test_a_load_makes_the_codes_before_its_users_count(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT, codes_from=1)
    load(warehouse)
    (codes,) = codes_of(warehouse)
    before = codes.stat().st_ino
    assert counted(warehouse) == RIGHT
    assert codes.stat().st_ino == before


def test_an_older_folder_gets_its_codes_with_the_first_count(uncoded: DuckDBWarehouse) -> None:
    assert codes_of(uncoded) == []
    assert counted(uncoded) == RIGHT
    assert len(codes_of(uncoded)) == 1
    assert len(kept_files(uncoded)) == len(OTHERS)


def test_several_processes_that_miss_the_codes_all_count(uncoded: DuckDBWarehouse) -> None:
    processes = [CountingProcess(uncoded.store.folder, OTHERS) for _ in range(4)]
    assert [process.counted() for process in processes] == [RIGHT] * 4
    assert len(codes_of(uncoded)) == 1
    assert litter_of(uncoded) == []


def test_a_count_killed_at_any_moment_harms_nobody(uncoded: DuckDBWarehouse) -> None:
    moments = random.Random(3)
    for _ in range(6):
        CountingProcess(uncoded.store.folder, OTHERS).kill_after(moments.uniform(0.0, 0.6))
        assert DuckDBWarehouse(uncoded.store.folder, lambda: DEFAULT, codes_from=1).user_count() == USERS
        if moments.random() < 0.5:
            for codes in codes_of(uncoded):
                shutil.rmtree(codes)
    assert counted(uncoded) == RIGHT
    load(uncoded, youngest=1)
    assert not list(uncoded.store.folder.glob("staging-*"))


def test_without_room_for_codes_users_are_loaded_and_counted_all_the_same(
    uncoded: DuckDBWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), files_no_larger_than(10_000):
        assert counted(uncoded) == RIGHT
        assert counted(uncoded) == RIGHT
    assert codes_of(uncoded) == litter_of(uncoded) == []
    said = [record.getMessage() for record in caplog.records if "without codes" in record.getMessage()]
    assert len(said) == 1, "what failed is not tried anew by every count"


def test_codes_that_vanish_or_are_cut_short_are_done_without(uncoded: DuckDBWarehouse) -> None:
    counted(uncoded)
    (codes,) = codes_of(uncoded)
    shutil.rmtree(codes / "matches")
    sizes = {path: path.stat().st_size for path in codes.glob("*.codes")}
    for path in sizes:
        path.write_bytes(b"\1" * 100)
    assert counted(uncoded) == RIGHT
    assert counted(uncoded) == RIGHT
    assert {path: path.stat().st_size for path in sizes} == sizes, "the next count made them again"
    shutil.rmtree(codes)
    assert counted(uncoded) == RIGHT
    assert codes_of(uncoded) == [codes], "they were made again"


@pytest.mark.parametrize("text", ["", "{", '{"format": 99}', '{"format": 1, "sizes": [1], "columns": []}'])
def test_a_damaged_description_of_the_codes_is_done_without(uncoded: DuckDBWarehouse, text: str) -> None:
    counted(uncoded)
    (codes,) = codes_of(uncoded)
    description = (codes / "codes.json").read_text()
    (codes / "codes.json").write_text(text)
    assert counted(DuckDBWarehouse(uncoded.store.folder, lambda: DEFAULT, codes_from=1)) == RIGHT
    assert (codes / "codes.json").read_text() == description, "they were made again"
