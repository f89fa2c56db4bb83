"""Counting means the same in every engine."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from audience.specs import FilterSpec
from audience.warehouse import Warehouse, WarehouseError, WarehouseQueryFailed
from tests.audience.catalogues import WIDER
from tests.audience.engines.conftest import Place

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
HEADER = "id,split_group,age,language,app_version,registered_at,tags\n"
GROWN_UP = [{"filter": "age", "source": "user", "operator": "gte", "value": 18}]
GERMAN = [{"filter": "language", "source": "user", "operator": "eq", "value": "de"}]
ON_WEB = [{"filter": "platform", "source": "environment", "operator": "eq", "value": "web"}]


@pytest.fixture
def three_users(place: Place) -> Warehouse:
    place.load(
        HEADER + "a,1,17,de,1.9,2026-01-31,x|y\nb,1,18,de,1.10,,\nc,2400,,fr,,2026-01-31T10:00:00Z,[]\n"
    )
    return place.open(WIDER)


def test_an_empty_installation_counts_nobody(place: Place) -> None:
    empty = place.open(WIDER)
    table = empty.count_table(GROWN_UP, [[], GERMAN], NOW)
    assert (table.users.shape, table.shared.shape) == ((2400,), (2, 2400))
    assert table.users.sum() == table.shared.sum() == 0
    assert table.not_counted == ()
    assert list(empty.iterate_users([], NOW)) == []
    assert (empty.user("a"), empty.user_count(), empty.version()) == (None, 0, "empty")
    assert empty.moments_by_split_group(["age"])["age"].count.sum() == 0
    assert empty.arrivals([], NOW, 3).tolist() == [0, 0, 0]
    assert empty.columns() == {spec.column for spec in WIDER.values() if spec.column}


def test_users_are_counted_by_split_group(three_users: Warehouse) -> None:
    table = three_users.count_table([], [GROWN_UP, [], GERMAN, GERMAN], NOW)
    assert {index + 1: int(table.users[index]) for index in np.flatnonzero(table.users)} == {1: 2, 2400: 1}
    assert table.shared.sum(axis=1).tolist() == [1, 3, 2, 2]
    assert table.users.dtype == table.shared.dtype == np.int64


def test_other_tests_count_only_users_who_match_the_conditions_too(three_users: Warehouse) -> None:
    assert three_users.count_table(GROWN_UP, [GERMAN, []], NOW).shared.sum(axis=1).tolist() == [1, 1]


def test_more_tests_than_a_query_is_wide_are_counted(three_users: Warehouse) -> None:
    others = [
        [{"filter": "age", "source": "user", "operator": "gte", "value": limit}] for limit in range(130)
    ]
    shared = three_users.count_table([], others, NOW).shared.sum(axis=1).tolist()
    assert shared == [sum(age >= limit for age in (17, 18)) for limit in range(130)]


def test_long_lists_and_many_conditions_are_counted(three_users: Warehouse) -> None:
    ages = [{"filter": "age", "source": "user", "operator": "in", "value": list(range(18, 5018))}]
    many: list[Any] = [*GROWN_UP]
    for limit in range(100, 599):
        many += ["OR", {"filter": "age", "source": "user", "operator": "gte", "value": limit}]
    for _ in range(9):
        many = [many]
    table = three_users.count_table(many, [ages, many], NOW)
    assert (int(table.users.sum()), table.shared.sum(axis=1).tolist()) == (1, [1, 1])


def test_what_the_warehouse_does_not_have_counts_as_met_and_is_named(three_users: Warehouse) -> None:
    unloaded = [{"filter": "score", "source": "user", "operator": "eq", "value": 1}]
    table = three_users.count_table([*ON_WEB, "AND", *GROWN_UP, "AND", *unloaded], [ON_WEB, GERMAN], NOW)
    assert int(table.users.sum()) == 1
    assert table.not_counted == ("platform", "score")
    assert table.others_not_counted == (("platform",), ())
    assert three_users.count_table([*GROWN_UP, "OR", *ON_WEB], [], NOW).users.sum() == 3


def test_an_environment_filter_with_a_column_is_counted(place: Place) -> None:
    catalogue = {
        **WIDER,
        "platform": FilterSpec("platform", "Platform", "string", "environment", column="last_platform"),
    }
    place.load("id,seen_on\na,web\nb,ios\n", catalogue, mapping={"platform": "seen_on"})
    table = place.open(catalogue).count_table(ON_WEB, [], NOW)
    assert (table.users.sum(), table.not_counted) == (1, ())


def test_a_preview_looks_at_some_split_groups(three_users: Warehouse) -> None:
    assert three_users.count_table([], [], NOW, split_groups=range(1, 301)).users.sum() == 2
    scattered = three_users.count_table([], [GERMAN], NOW, split_groups=range(1, 2400, 2))
    assert (scattered.users.sum(), scattered.shared.sum()) == (2, 2)
    assert three_users.count_table(GROWN_UP, [[]], NOW, split_groups=[]).shared.sum() == 0


def test_arrivals_are_counted_by_day(three_users: Warehouse) -> None:
    on_the_day_after = dt.datetime(2026, 2, 1, 15, tzinfo=dt.UTC)
    assert three_users.arrivals([], on_the_day_after, 3).tolist() == [0, 0, 2]
    assert three_users.arrivals(GERMAN, on_the_day_after, 1).tolist() == [1]


def test_arrivals_need_to_know_when_people_registered(place: Place) -> None:
    place.load("id,age\na,1\n")
    with pytest.raises(WarehouseError, match="registered_at"):
        place.open(WIDER).arrivals([], NOW, 3)


def test_moments_leave_out_who_has_no_value(place: Place) -> None:
    place.load("id,split_group,age,is_paying,score\na,1,10,yes,0.5\nb,1,20,no,\nc,2,,,1.5\nd,2,40,yes,\n")
    moments = place.open(WIDER).moments_by_split_group(["age", "is_paying", "score"])
    assert {name: column.count[:2].tolist() for name, column in moments.items()} == {
        "age": [2, 1],
        "is_paying": [2, 1],
        "score": [1, 1],
    }
    age = moments["age"]
    assert (age.total[:2] + age.count[:2] * age.center).tolist() == pytest.approx([30, 40])
    assert age.squares[0] == pytest.approx((10 - age.center) ** 2 + (20 - age.center) ** 2)
    with pytest.raises(WarehouseQueryFailed, match="language"):
        place.open(WIDER).moments_by_split_group(["language"])
