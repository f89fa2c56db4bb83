"""Loads beside somebody else's tables: what UserSplit has not made is never dropped, replaced or read as users."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from audience.warehouse import WarehouseError, WarehouseQueryFailed, WarehouseUnavailable
from audience.warehouse.clickhouse_engine import ClickHouseWarehouse
from audience.warehouse.postgresql_engine import PostgreSQLWarehouse
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


@pytest.fixture
def postgresql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    for place in make_place(request, "postgresql", tmp_path):
        run(place, "CREATE SCHEMA {schema}")
        yield place


def run(place: Place, sql: str) -> list[Any]:
    """In PostgreSQL; `{schema}` is where the place's users lie."""
    warehouse = place.open(WIDER)
    assert isinstance(warehouse, PostgreSQLWarehouse)
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        cursor = connection.execute(sql.format(schema=warehouse.store.address.schema))
        return cursor.fetchall() if cursor.description else []


def relations(place: Place) -> list[str]:
    rows = run(place, "SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY tablename")
    return [name for (name,) in rows]


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


def test_postgresql_loads_leave_the_tables_of_others_alone(postgresql: Place) -> None:
    run(postgresql, "CREATE TABLE {schema}.users_archive AS SELECT 7 AS id")
    run(postgresql, "CREATE TABLE {schema}.ledger_2026 AS SELECT 7 AS id")
    postgresql.load("id\nfirst\n")
    run(postgresql, "CREATE TABLE {schema}.users_202401 AS SELECT 7 AS id")
    for number in range(3):
        postgresql.load(f"id\nuser-{number}\n", replace=True)
        assert walked(postgresql) == [f"user-{number}"]
    assert relations(postgresql) == [
        "current", "ledger", "ledger_2026", "users_000003", "users_000004", "users_202401", "users_archive",
    ]  # fmt: skip
    assert run(postgresql, "SELECT id FROM {schema}.users_202401") == [(7,)]


@pytest.mark.parametrize("name", ["current", "ledger", "users_000001", "users_202401"])
@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_a_first_load_into_a_schema_with_such_names_is_refused(
    postgresql: Place, name: str, kind: str
) -> None:
    run(postgresql, f"CREATE {kind} {{schema}}.{name} AS SELECT 7 AS id")
    with pytest.raises(WarehouseError, match=f"holds {name}, which UserSplit has not made.*schema="):
        postgresql.load("id\nfirst\n")
    assert run(postgresql, f"SELECT id FROM {{schema}}.{name}") == [(7,)]
    assert relations(postgresql) == ([name] if kind == "TABLE" else [])


def test_somebody_elses_table_called_current_is_not_read_as_ours(postgresql: Place) -> None:
    run(postgresql, "CREATE TABLE {schema}.current AS SELECT 'mine' AS version, 1 AS number")
    with pytest.raises(WarehouseUnavailable, match="which UserSplit has not made"):
        postgresql.open(WIDER).version()


def test_a_postgresql_table_of_others_under_the_next_name_is_told(postgresql: Place) -> None:
    postgresql.load("id\nfirst\n")
    run(postgresql, "CREATE TABLE {schema}.users_000002 AS SELECT 7 AS id")
    with pytest.raises(WarehouseQueryFailed, match="holds users_000002"):
        postgresql.load("id\nsecond\n")
    assert run(postgresql, "SELECT id FROM {schema}.users_000002") == [(7,)]
    assert walked(postgresql) == ["first"]


def test_users_of_an_earlier_load_that_somebody_keeps_or_uses_are_not_dropped(postgresql: Place) -> None:
    for number in range(2):
        postgresql.load(f"id\nuser-{number}\n", replace=True)
    run(postgresql, "ALTER TABLE {schema}.users_000001 RENAME TO users_202401")
    run(postgresql, "CREATE VIEW {schema}.theirs AS SELECT id FROM {schema}.users_000002")
    for number in range(2, 5):
        postgresql.load(f"id\nuser-{number}\n", replace=True)
    assert run(postgresql, "SELECT id FROM {schema}.users_202401") == [("user-0",)]
    assert run(postgresql, "SELECT id FROM {schema}.theirs") == [("user-1",)]
    assert relations(postgresql)[2:] == ["users_000002", "users_000004", "users_000005", "users_202401"]
    run(postgresql, "DROP VIEW {schema}.theirs")
    postgresql.load("id\nlast\n", replace=True)
    assert relations(postgresql)[2:] == ["users_000005", "users_000006", "users_202401"]


def test_users_that_a_restored_warehouse_does_not_count_any_more_are_replaced(postgresql: Place) -> None:
    postgresql.load("id\nfirst\n")
    postgresql.load("id\nsecond\n", replace=True)
    run(postgresql, "UPDATE {schema}.current SET number = 1, users_table = 'users_000001'")
    postgresql.load("id\nthird\n", replace=True)
    assert walked(postgresql) == ["third"]
