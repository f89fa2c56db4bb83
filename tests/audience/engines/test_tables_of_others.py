"""Loads beside somebody else's tables: what UserSplit has not made is never dropped, replaced or read as users."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from audience.warehouse import WarehouseQueryFailed
from audience.warehouse.clickhouse_engine import ClickHouseWarehouse
from audience.warehouse.table_marks import marked
from tests.audience.catalogues import WIDER
from tests.audience.engines.conftest import Place, make_place
from tests.audience.engines.test_loads import NOW

BESIDE = (
    "users_archive",
    "users_2024",
    "users_202401",
    "users_20240101",
    "ledger_2026",
    "ledger_00000001_0a1b2c3d",
    "staging_orders",
    "staging_0a1b2c3d_rows",
)
DAY = 86_400


@pytest.fixture
def clickhouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from make_place(request, "clickhouse", tmp_path)


def clickhouse_rows(place: Place, sql: str) -> list[Any]:
    warehouse = place.open(WIDER)
    assert isinstance(warehouse, ClickHouseWarehouse)
    return list(warehouse.store.rows(sql))


def make(place: Place, name: str, comment: str = "") -> None:
    warehouse = place.open(WIDER)
    assert isinstance(warehouse, ClickHouseWarehouse)
    warehouse.store.client().command(
        f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY id COMMENT '{comment}' AS SELECT 7 AS id"
    )


def tables(place: Place) -> set[str]:
    rows = clickhouse_rows(place, "SELECT name FROM system.tables WHERE database = currentDatabase()")
    return {name for (name,) in rows}


def walked(place: Place) -> list[str]:
    return [user.id for user in place.open(WIDER).iterate_users([], NOW)]


def test_clickhouse_loads_leave_the_tables_of_others_alone(clickhouse: Place) -> None:
    for name in BESIDE:
        make(clickhouse, name, "our orders" if name == "staging_orders" else "")
    for number in range(4):
        clickhouse.load(f"id\nuser-{number}\n", replace=True)
        assert walked(clickhouse) == [f"user-{number}"]
    for name in BESIDE:
        assert clickhouse_rows(clickhouse, f"SELECT id FROM {name}") == [(7,)]
    ours = sorted(tables(clickhouse) - set(BESIDE))
    assert ours[2:] == ["users_00000003", "users_00000004"]
    assert [name[:16] for name in ours[:2]] == ["ledger_00000003_", "ledger_00000004_"]


def test_a_copy_of_a_clickhouse_generation_is_no_generation(clickhouse: Place) -> None:
    clickhouse.load("id\nfirst\n")
    warehouse = clickhouse.open(WIDER)
    assert isinstance(warehouse, ClickHouseWarehouse)
    # ClickHouse copies the comment with the columns.
    warehouse.store.client().command("CREATE TABLE users_20240101 AS users_00000001")
    assert walked(clickhouse) == ["first"]
    for number in range(3):
        clickhouse.load(f"id\nuser-{number}\n")
    assert "users_20240101" in tables(clickhouse)
    assert "users_00000001" not in tables(clickhouse)
    assert len(walked(clickhouse)) == 4


def test_a_clickhouse_table_of_others_under_the_next_name_is_told(clickhouse: Place) -> None:
    clickhouse.load("id\nfirst\n")
    make(clickhouse, "users_00000002")
    before = tables(clickhouse)
    with pytest.raises(WarehouseQueryFailed, match="users_00000002, but a table of that name is there"):
        clickhouse.load("id\nsecond\n")
    assert clickhouse_rows(clickhouse, "SELECT id FROM users_00000002") == [(7,)]
    assert (tables(clickhouse), walked(clickhouse)) == (before, ["first"])


def test_what_a_killed_clickhouse_load_left_is_dropped_after_two_days(clickhouse: Place) -> None:
    ((now,),) = clickhouse_rows(clickhouse, "SELECT toUnixTimestamp(now())")
    ends = ("rows", "own_0", "users_0")
    for load, days in (("0000000a", 3), ("0000000b", 1)):
        mark = marked(load=load, begun=now - days * DAY)
        for end in ends:
            make(clickhouse, f"staging_{load}_{end}", mark)
        make(clickhouse, f"ledger_00000009_{load}", marked(load=load, begun=now - days * DAY, number=9))
    clickhouse.load("id\nfirst\n")
    left = {name for name in tables(clickhouse) if "_0000000a" in name or "_0000000b" in name}
    assert left == {f"staging_0000000b_{end}" for end in ends} | {"ledger_00000009_0000000b"}
    assert walked(clickhouse) == ["first"]


def test_a_clickhouse_load_counts_though_earlier_ones_cannot_be_cleared_away(
    clickhouse: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: object) -> None:
        raise DatabaseError("Table is larger than max_table_size_to_drop")

    with monkeypatch.context() as patch:
        patch.setattr("audience.warehouse.clickhouse_merge._Merge.clear", refuse)
        assert clickhouse.load("id\nfirst\n").added == 1
    assert "max_table_size_to_drop" in caplog.text
    assert walked(clickhouse) == ["first"]
