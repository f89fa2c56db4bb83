"""A load killed at any moment leaves the users of before; the next one finishes the work."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from audience.loading import load_users
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from core import clock
from tests.audience.catalogues import DEFAULT
from tests.audience.loading_process import LoadingProcess
from tests.waiting import wait_until

ROUNDS = 10


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT)


def write(path: Path, users: range, age: int) -> Path:
    path.write_text("id,age\n" + "".join(f"{number},{age}\n" for number in users))
    return path


def users_of(warehouse: DuckDBWarehouse) -> dict[str, tuple[int, int]]:
    """Split group and age by id."""
    return {
        user.id: (user.split_group, user.attributes["age"])
        for user in warehouse.iterate_users([], clock.now())
    }


def test_a_load_killed_at_any_moment_changes_nothing_or_everything(
    tmp_path: Path, warehouse: DuckDBWarehouse
) -> None:
    load_users(write(tmp_path / "before.csv", range(20_000), 1), warehouse=warehouse, catalogue=DEFAULT)
    before = users_of(warehouse)
    after = write(tmp_path / "after.csv", range(60_000), 2)
    moments = random.Random(5)
    for _ in range(ROUNDS):
        LoadingProcess(tmp_path / "store", after).kill_after(moments.uniform(0.0, 0.8))
        now = users_of(warehouse)
        assert now == before or len(now) == 60_000
    load_users(after, warehouse=warehouse, catalogue=DEFAULT)
    now = users_of(warehouse)
    assert len(now) == 60_000
    assert {age for _, age in now.values()} == {2}
    assert all(now[user_id][0] == split_group for user_id, (split_group, _) in before.items())
    assert not list((tmp_path / "store").glob("staging-*"))


def test_loads_at_the_same_time_wait_for_each_other(tmp_path: Path, warehouse: DuckDBWarehouse) -> None:
    files = [
        write(tmp_path / f"{part}.csv", range(part * 1_000, part * 1_000 + 2_000), part) for part in range(3)
    ]
    loads = [LoadingProcess(tmp_path / "store", file) for file in files]
    assert sum(load.added() for load in loads) == 4_000
    assert len(users_of(warehouse)) == 4_000


def test_a_load_waits_for_the_one_that_holds_the_lock(tmp_path: Path, warehouse: DuckDBWarehouse) -> None:
    file = write(tmp_path / "users.csv", range(10), 1)
    with warehouse.store.exclusively():
        load = LoadingProcess(tmp_path / "store", file)
        lock = (tmp_path / "store" / "load.lock").stat().st_ino
        wait_until(lambda: f":{lock} " in locks_waited_for(), "the load waits for the lock")
        assert warehouse.user_count() == 0
    assert load.added() == 10


def locks_waited_for() -> str:
    """Those lines of the kernel's table of locks."""
    return "\n".join(line for line in Path("/proc/locks").read_text().splitlines() if "->" in line)
