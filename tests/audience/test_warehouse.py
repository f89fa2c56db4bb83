"""Counting and walking on the embedded warehouse."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audience.loading import load_users
from audience.specs import FilterSpec
from audience.warehouse import Warehouse, WarehouseError, WarehouseUnavailable, open_warehouse
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import WIDER

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
HEADER = "id,split_group,age,language,app_version,registered_at,tags\n"
GROWN_UP = [{"filter": "age", "source": "user", "operator": "gte", "value": 18}]
GERMAN = [{"filter": "language", "source": "user", "operator": "eq", "value": "de"}]
ON_WEB = [{"filter": "platform", "source": "environment", "operator": "eq", "value": "web"}]


def load(warehouse: Warehouse, folder: Path, text: str, **options: Any) -> None:
    path = folder / "users.csv"
    path.write_text(text)
    load_users(path, warehouse=warehouse, catalogue=WIDER, **options)


@pytest.fixture
def empty(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "store", lambda: WIDER)


@pytest.fixture
def three_users(empty: DuckDBWarehouse, tmp_path: Path) -> DuckDBWarehouse:
    load(
        empty,
        tmp_path,
        HEADER + "a,1,17,de,1.9,2026-01-31,x|y\nb,1,18,de,1.10,,\nc,2400,,fr,,2026-01-31T10:00:00Z,[]\n",
    )
    return empty


def test_an_empty_installation_counts_nobody(empty: DuckDBWarehouse) -> None:
    table = empty.count_table(GROWN_UP, [[], GERMAN], NOW)
    assert (table.users.shape, table.shared.shape) == ((2400,), (2, 2400))
    assert table.users.sum() == table.shared.sum() == 0
    assert table.not_counted == ()
    assert list(empty.iterate_users([], NOW)) == []
    assert (empty.user("a"), empty.user_count(), empty.version()) == (None, 0, "empty")


def test_users_are_counted_by_split_group(three_users: DuckDBWarehouse) -> None:
    table = three_users.count_table([], [GROWN_UP, [], GERMAN], NOW)
    assert {index + 1: int(table.users[index]) for index in np.flatnonzero(table.users)} == {1: 2, 2400: 1}
    assert table.shared.sum(axis=1).tolist() == [1, 3, 2]
    assert table.users.dtype == table.shared.dtype == np.int64


def test_other_tests_count_only_users_who_match_the_conditions_too(three_users: DuckDBWarehouse) -> None:
    assert three_users.count_table(GROWN_UP, [GERMAN, []], NOW).shared.sum(axis=1).tolist() == [1, 1]


def test_hundreds_of_other_tests_are_counted(three_users: DuckDBWarehouse) -> None:
    others = [
        [{"filter": "age", "source": "user", "operator": "gte", "value": limit}] for limit in range(250)
    ]
    shared = three_users.count_table([], others, NOW).shared.sum(axis=1).tolist()
    assert shared == [sum(age >= limit for age in (17, 18)) for limit in range(250)]


def test_what_the_warehouse_does_not_have_counts_as_met_and_is_named(three_users: DuckDBWarehouse) -> None:
    unloaded = [{"filter": "score", "source": "user", "operator": "eq", "value": 1}]
    table = three_users.count_table([*ON_WEB, "AND", *GROWN_UP, "AND", *unloaded], [ON_WEB, GERMAN], NOW)
    assert int(table.users.sum()) == 1
    assert table.not_counted == ("platform", "score")
    assert table.others_not_counted == (("platform",), ())
    assert three_users.count_table([*GROWN_UP, "OR", *ON_WEB], [], NOW).users.sum() == 3


def test_an_environment_filter_with_a_column_is_counted(tmp_path: Path) -> None:
    catalogue = {
        **WIDER,
        "platform": FilterSpec("platform", "Platform", "string", "environment", column="last_platform"),
    }
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: catalogue)
    (tmp_path / "u.csv").write_text("id,seen_on\na,web\nb,ios\n")
    load_users(tmp_path / "u.csv", mapping={"platform": "seen_on"}, warehouse=warehouse, catalogue=catalogue)
    table = warehouse.count_table(ON_WEB, [], NOW)
    assert (table.users.sum(), table.not_counted) == (1, ())


def test_a_preview_looks_at_some_split_groups(three_users: DuckDBWarehouse) -> None:
    assert three_users.count_table([], [], NOW, split_groups=range(1, 301)).users.sum() == 2
    assert three_users.count_table(GROWN_UP, [[]], NOW, split_groups=[]).shared.sum() == 0


def test_walking_yields_users_as_the_sdk_takes_them(three_users: DuckDBWarehouse) -> None:
    users = {user.id: user for user in three_users.iterate_users([], NOW)}
    assert users["a"].attributes == {
        "age": 17,
        "language": "de",
        "app_version": "1.9",
        "registered_at": dt.datetime(2026, 1, 31, tzinfo=dt.UTC),
        "tags": ["x", "y"],
    }
    assert "age" not in users["c"].attributes
    assert users["c"].attributes["tags"] == []
    assert [user.id for user in three_users.iterate_users([], NOW, split_groups=[2400])] == ["c"]
    assert [user.id for user in three_users.iterate_users(GROWN_UP, NOW)] == ["b"]


def test_one_user_is_found_by_id(three_users: DuckDBWarehouse) -> None:
    found = three_users.user("c")
    assert found is not None
    assert (found.split_group, found.attributes["language"]) == (2400, "fr")
    assert three_users.user("c' OR '1'='1") is None


def test_a_load_changes_the_version_and_disturbs_no_walk(
    three_users: DuckDBWarehouse, tmp_path: Path
) -> None:
    before = three_users.version()
    walk = three_users.iterate_users([], NOW)
    first = next(walk)
    for round_ in range(3):
        load(three_users, tmp_path, f"id,age\nnew-{round_},5\n", replace=True)
    assert [first.id, *(user.id for user in walk)] == ["a", "b", "c"]
    assert [user.id for user in three_users.iterate_users([], NOW)] == ["new-2"]
    assert three_users.version() != before


def test_only_the_last_two_files_are_kept(three_users: DuckDBWarehouse, tmp_path: Path) -> None:
    for round_ in range(4):
        load(three_users, tmp_path, f"id,age\na,{round_}\n")
    files = sorted(path.name for path in (tmp_path / "store").iterdir())
    assert [name.split("-")[0] for name in files] == ["current.json", "load.lock", "users", "users"]


def test_threads_count_while_users_are_loaded(three_users: DuckDBWarehouse, tmp_path: Path) -> None:
    """Each count sees one load or another, never half of one."""
    seen: set[int] = set()
    failures: list[BaseException] = []
    done = threading.Event()

    def count() -> None:
        try:
            while not done.is_set():
                seen.add(int(three_users.count_table([], [GROWN_UP], NOW).users.sum()))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for size in (10, 20, 30, 40):
        load(
            three_users,
            tmp_path,
            "id\n" + "".join(f"user-{number}\n" for number in range(size)),
            replace=True,
        )
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert seen <= {3, 10, 20, 30, 40}
    assert seen


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 1}', '{"version":"1","number":1,"file":"x","users":1,"columns":{"a":"b"}}'],
)
def test_a_damaged_pointer_is_a_warehouse_error(empty: DuckDBWarehouse, tmp_path: Path, text: str) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "current.json").write_text(text)
    with pytest.raises(WarehouseUnavailable):
        empty.count_table([], [], NOW)


def test_a_lost_or_damaged_file_is_a_warehouse_error(three_users: DuckDBWarehouse, tmp_path: Path) -> None:
    (file,) = (tmp_path / "store").glob("users-*")
    file.write_bytes(b"this is no database" * 1000)
    with pytest.raises(WarehouseError, match="opened"):
        DuckDBWarehouse(tmp_path / "store", lambda: WIDER).count_table([], [], NOW)
    file.unlink()
    with pytest.raises(WarehouseError, match="opened"):
        list(DuckDBWarehouse(tmp_path / "store", lambda: WIDER).iterate_users([], NOW))


@pytest.mark.parametrize("url", ["", "mysql://host/db", "duckdb://relative/folder", "duckdb:"])
def test_an_address_of_no_engine_is_refused(url: str) -> None:
    with pytest.raises(WarehouseUnavailable, match="WAREHOUSE_URL"):
        open_warehouse(url)
