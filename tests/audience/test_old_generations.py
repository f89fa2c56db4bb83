"""Files of earlier loads: there as long as somebody reads them, then gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from audience.loading import load_users
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import DEFAULT
from tests.audience.walking_process import WalkingProcess

USERS = 30_000


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT)


def load(warehouse: DuckDBWarehouse, folder: Path, age: int, count: int = USERS) -> None:
    path = folder / "users.csv"
    path.write_text("id,age\n" + "".join(f"{number},{age}\n" for number in range(count)))
    load_users(path, warehouse=warehouse, catalogue=DEFAULT)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if "users-" in path.name}


def test_a_reader_in_another_process_ends_its_walk_while_loads_come_and_go(
    tmp_path: Path, warehouse: DuckDBWarehouse
) -> None:
    load(warehouse, tmp_path, age=1)
    first = names(tmp_path / "store")
    reader = WalkingProcess(tmp_path / "store")
    load(warehouse, tmp_path, age=2)
    assert first < names(tmp_path / "store")
    load(warehouse, tmp_path, age=3, count=USERS + 1)
    assert not first & names(tmp_path / "store")
    ages, counted = reader.ages()
    assert ages == [1] * USERS
    assert counted == USERS + 1


def test_only_the_last_two_loads_take_up_room(tmp_path: Path, warehouse: DuckDBWarehouse) -> None:
    for age in range(4):
        load(warehouse, tmp_path, age=age, count=100)
    generation = warehouse.store.current()
    assert {name for name in names(tmp_path / "store") if name.endswith(".duckdb")} == {
        generation.file,
        generation.previous,
    }


def test_files_of_somebody_else_stay_whatever_they_are_called(
    tmp_path: Path, warehouse: DuckDBWarehouse
) -> None:
    """The folder may be one that people keep their exports in."""
    store = warehouse.store.folder
    store.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.txt").write_text("precious")
    (store / "staging-area").symlink_to(elsewhere)
    (store / "staging-0123abcd.codes").symlink_to(elsewhere)
    theirs = ["users-2026.csv", "users-2026.duckdb", "staging-orders.duckdb", "codes-of-conduct.txt"]
    for name in theirs:
        (store / name).write_text("id,age\n1,20\n")
    load_users(store / "users-2026.csv", warehouse=warehouse, catalogue=DEFAULT)
    load(warehouse, tmp_path, age=3, count=10)
    assert set(theirs) | {"staging-area"} <= {path.name for path in store.iterdir()}
    assert (elsewhere / "precious.txt").read_text() == "precious"
    assert not (store / "staging-0123abcd.codes").is_symlink(), "what has a name of ours is litter"
