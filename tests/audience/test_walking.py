"""Walking users: in order, each once, from wherever an earlier walk stopped."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb
import pytest

import audience
from audience.catalogue import load_catalogue
from audience.dialects import NotInThisDialect
from audience.iterating import matching_users_sql
from audience.loading import load_users
from audience.models import Filter
from audience.walking_order import RANGES_PER_STEP, USERS_PER_STEP, ranges_left, ranges_of, steps_of
from audience.warehouse import Warehouse
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from core.errors import InvalidInput
from tests.audience.catalogues import WIDER

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
ON_ANDROID_APPS = [{"filter": "app_version", "source": "user", "operator": "is_set"}]
GROWN_UP = [{"filter": "age", "source": "user", "operator": "gte", "value": 25}]


def places(
    warehouse: Warehouse, conditions: object, groups: Collection[int] | None = None, **options: Any
) -> list[tuple[int, str]]:
    return [
        (user.split_group, user.id) for user in warehouse.iterate_users(conditions, NOW, groups, **options)
    ]


@pytest.mark.parametrize("count", [1, 7, 240, 1_200, 2_399])
def test_users_of_any_split_groups_come_in_order_and_are_those_who_are_counted(
    warehouse: Warehouse, count: int
) -> None:
    groups = random.Random(count).sample(range(1, 2_401), count)
    walked = places(warehouse, GROWN_UP, groups)
    assert walked == sorted(walked)
    assert len(set(walked)) == len(walked)
    counted = warehouse.count_table(GROWN_UP, [], NOW, split_groups=groups).users
    assert len(walked) == counted.sum()
    assert {group for group, _ in walked} <= set(groups)


def test_a_walk_goes_on_from_any_point_exactly(warehouse: Warehouse) -> None:
    source = random.Random(4)
    groups = source.sample(range(1, 2_401), 600)
    assert len(ranges_of(groups)) > RANGES_PER_STEP
    whole = places(warehouse, ON_ANDROID_APPS, groups)
    for stop in [0, 1, len(whole) - 1, *source.sample(range(len(whole)), 5)]:
        assert whole[: stop + 1] + places(warehouse, ON_ANDROID_APPS, groups, after=whole[stop]) == whole


def test_a_position_need_not_be_that_of_a_user(warehouse: Warehouse) -> None:
    whole = places(warehouse, [], range(100, 200))
    assert places(warehouse, [], range(100, 200), after=(1, "")) == whole
    assert places(warehouse, [], range(100, 200), after=(150, "")) == [one for one in whole if one[0] >= 150]
    assert places(warehouse, [], range(100, 200), after=(200, "")) == []
    assert places(warehouse, [], range(100, 200), after=(150, "'; DROP TABLE users --")) == [
        one for one in whole if one > (150, "'; DROP TABLE users --")
    ]


def test_a_long_list_of_values_does_not_mix_the_order(tmp_path: Path) -> None:
    """DuckDB joins with a long list, in parallel, over files of more than one part."""
    file = tmp_path / "users.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.sql("SELECT i AS id, i % 80 AS age FROM range(150000) AS numbers(i)").write_parquet(
            str(file)
        )
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: WIDER)
    load_users(file, warehouse=warehouse, catalogue=WIDER)
    ages = [{"filter": "age", "source": "user", "operator": "in", "value": list(range(60))}]
    walked = places(warehouse, ages)
    assert walked == sorted(walked)
    assert len(walked) == warehouse.count_table(ages, [], NOW).users.sum()


def test_nobody_is_in_no_split_groups(warehouse: Warehouse) -> None:
    assert places(warehouse, [], []) == []


def test_a_walk_that_goes_on_after_a_load_meets_nobody_twice(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: WIDER)
    file = tmp_path / "users.csv"
    file.write_text("id,split_group\n" + "".join(f"u{n:03},{1 + n // 10}\n" for n in range(100)))
    load_users(file, warehouse=warehouse, catalogue=WIDER)
    walk = warehouse.iterate_users([], NOW)
    before = [(user.split_group, user.id) for user, _ in zip(walk, range(40), strict=False)]
    # Two come who lie behind and before where the walk stands.
    file.write_text("id,split_group\nx1,1\nx9,9\n")
    load_users(file, warehouse=warehouse, catalogue=WIDER)
    rest = places(warehouse, [], after=before[-1])
    assert len(set(before + rest)) == len(before + rest)
    assert [user for _, user in before + rest if user.startswith("x")] == ["x9"]
    assert len([*before, *rest]) == 101


@pytest.mark.parametrize(
    ("groups", "ranges"),
    [
        (None, [(1, 2400)]),
        ([], []),
        ([7], [(7, 7)]),
        ([3, 1, 2, 2, 9, 2400], [(1, 3), (9, 9), (2400, 2400)]),
    ],
)
def test_split_groups_as_ranges(groups: list[int] | None, ranges: list[tuple[int, int]]) -> None:
    assert ranges_of(groups) == ranges


def test_what_is_left_of_the_ranges() -> None:
    ranges = [(1, 3), (9, 12), (20, 20)]
    assert ranges_left(ranges, None) == ranges
    assert ranges_left(ranges, (2, "x")) == [(2, 3), (9, 12), (20, 20)]
    assert ranges_left(ranges, (12, "x")) == [(12, 12), (20, 20)]
    assert ranges_left(ranges, (21, "")) == []


@pytest.mark.parametrize("users", [0, 5, 24_000, 10_000_000, 10**9])
def test_steps_are_small_and_leave_nothing_out(users: int) -> None:
    ranges = ranges_of([group for group in range(1, 2_401) if group % 7])
    steps = list(steps_of(ranges, users))
    walked = [group for step in steps for first, last in step for group in range(first, last + 1)]
    assert walked == [group for group in range(1, 2_401) if group % 7]
    assert all(len(step) <= RANGES_PER_STEP for step in steps)
    most = max(1, USERS_PER_STEP * 2_400 // max(users, 1))
    assert all(sum(last - first + 1 for first, last in step) <= most for step in steps)


def test_anybody_can_walk_with_conditions_as_people_write_them(warehouse: Warehouse) -> None:
    Filter.objects.filter(name="language").update(archived=True)
    loose = [
        {"filter": "age", "operator": "gte", "value": "25"},
        "AND",
        {"filter": "language", "operator": "eq", "value": "de"},
    ]
    walked = list(audience.iterate(loose, NOW, range(1, 200)))
    assert len(walked) > 20
    assert all(user.attributes["age"] >= 25 and user.attributes["language"] == "de" for user in walked)
    last = walked[10]
    assert list(audience.iterate(loose, NOW, range(1, 200), (last.split_group, last.id))) == walked[11:]
    with pytest.raises(InvalidInput, match=r"conditions\[0\].value"):
        audience.iterate([{"filter": "age", "operator": "gte", "value": "old"}], NOW)


@pytest.mark.parametrize(
    ("groups", "after"),
    [
        (None, None),
        (None, (1_200, "104000")),
        ([], None),
        (range(1, 2_401, 2), None),
        (range(1, 2_401, 2), (1_199, "104000")),
        (range(1, 2_401, 2), (2_400, "")),
        ([5], (5, "it's")),
    ],
)
def test_the_printed_statement_selects_the_same_users(
    warehouse: Any, groups: Collection[int] | None, after: tuple[int, str] | None
) -> None:
    statement = matching_users_sql(
        ON_ANDROID_APPS,
        NOW,
        groups,
        "duckdb",
        catalogue=load_catalogue(),
        columns=warehouse.column_types(),
        after=after,
    )
    with warehouse.store.reading() as (_, connection):
        rows = connection.execute(f"USE store; {statement.text}").fetchall()
    assert [(group, user) for user, group in rows] == places(warehouse, ON_ANDROID_APPS, groups, after=after)


def test_a_dialect_that_nobody_knows_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(NotInThisDialect, match="cobol"):
        matching_users_sql(
            [], NOW, None, "cobol", catalogue=load_catalogue(), columns=warehouse.column_types()
        )
