"""Codes answer exactly what a scan of the users answers, which is what the SDK says of each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audience.conditions import parse_conditions
from audience.warehouse import UserBatch, UserRecord
from audience.warehouse.codes import open_codes
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.random_conditions import CATALOGUE, NOW, RandomConditions, random_users
from usersplit_sdk.conditions import compile_conditions

USERS = 150
TREES = 2_000
TYPES = {spec.column: spec.type for spec in CATALOGUE.values()}


def warehouse_in(folder: Path, **options: Any) -> DuckDBWarehouse:
    return DuckDBWarehouse(folder, lambda: CATALOGUE, **options)


def load(warehouse: DuckDBWarehouse, groups: list[int], seed: int = 4) -> None:
    batch = UserBatch(
        lines=list(range(len(groups))),
        ids=[f"user-{number}" for number in range(len(groups))],
        split_groups=groups,
        drawn=np.ones(len(groups), dtype=np.int16),
        values=random_users(seed=seed, count=len(groups)),
    )
    warehouse.merge_users([batch], TYPES)


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> DuckDBWarehouse:
    """One user per split group, so that a count per split group tells of each user."""
    warehouse = warehouse_in(tmp_path_factory.mktemp("coded") / "warehouse", codes_from=1)
    load(warehouse, list(range(1, USERS + 1)))
    return warehouse


@pytest.fixture(scope="module")
def users(coded: DuckDBWarehouse) -> list[UserRecord]:
    return list(coded.iterate_users([], NOW))


@pytest.fixture
def trees(request: pytest.FixtureRequest) -> list[Any]:
    source = RandomConditions(seed=request.param)
    return [parse_conditions(source.tree(), CATALOGUE) for _ in range(TREES // 4)]


@pytest.fixture
def few_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if columns with more than nine different values had too many: no codes, or, for moments, codes of days."""
    monkeypatch.setattr("audience.warehouse.codes.MOST_VALUES", 9)
    small_parts(monkeypatch)


def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with many users: in several parts, of uneven size."""
    monkeypatch.setattr("audience.warehouse.codes._SLOTS_AT_A_TIME", 20 * 64)
    monkeypatch.setattr("audience.warehouse.matching._SLOTS_AT_A_TIME", 7 * 64)
    monkeypatch.setattr("audience.warehouse.matching._SLOTS_PER_QUERY", 30 * 64)


@pytest.mark.parametrize("trees", [104], indirect=True)
def test_columns_of_many_values_are_counted_as_exactly(
    few_values: None, tmp_path: Path, users: list[UserRecord], trees: list[Any]
) -> None:
    warehouse = warehouse_in(tmp_path / "warehouse", codes_from=1)
    load(warehouse, list(range(1, USERS + 1)))
    (folder,) = warehouse.store.folder.glob("codes-*")
    codes = open_codes(folder)
    assert codes is not None
    assert {name for name, column in codes.columns.items() if column.highs is not None} == {
        "date_one",
        "date_two",
    }
    assert not {"integer_one", "number_one", "string_one"} & set(codes.columns)
    table = warehouse.count_table([], trees, NOW)
    for tree, counts in zip(trees, table.shared, strict=True):
        admits = compile_conditions(tree)
        by_sdk = [user.split_group for user in users if admits(user.attributes, {}, NOW)[0]]
        assert (np.flatnonzero(counts) + 1).tolist() == by_sdk, tree


@pytest.mark.parametrize("trees", range(100, 104), indirect=True)
def test_codes_and_kept_matches_count_exactly_whom_the_sdk_lets_in(
    coded: DuckDBWarehouse, users: list[UserRecord], trees: list[Any]
) -> None:
    first = coded.count_table([], trees, NOW)
    again = coded.count_table([], trees, NOW)
    assert first.users[:USERS].tolist() == [1] * USERS
    for tree, counts, kept in zip(trees, first.shared, again.shared, strict=True):
        admits = compile_conditions(tree)
        by_sdk = [user.split_group for user in users if admits(user.attributes, {}, NOW)[0]]
        assert (np.flatnonzero(counts) + 1).tolist() == by_sdk, tree
        assert (np.flatnonzero(kept) + 1).tolist() == by_sdk, tree


def test_conditions_as_long_as_they_may_be_are_counted(
    coded: DuckDBWarehouse, users: list[UserRecord]
) -> None:
    """Hundreds of predicates in a row, on columns with codes and without, and brackets in brackets."""
    predicates: list[Any] = [
        {"filter": name, "operator": "eq", "value": value}
        for number in range(124)
        for name, value in (
            ("integer_one", number),
            ("string_one", f"x{number}"),
            ("integer_two", number - 50),
        )
    ]
    predicates += [{"filter": "list_one", "operator": "has", "value": letter} for letter in "abcdefgh"]
    row: list[Any] = predicates[:1]
    for predicate in predicates[1:]:
        row += ["OR", predicate]
    nested: list[Any] = predicates[:1]
    for predicate in predicates[1:9]:
        nested = [nested, "OR", predicate, "AND", predicates[-1]]
    for sent in (row, nested):
        tree = parse_conditions(sent, CATALOGUE)
        admits = compile_conditions(tree)
        by_sdk = [user.split_group for user in users if admits(user.attributes, {}, NOW)[0]]
        counts = coded.count_table([], [tree], NOW).shared[0]
        assert by_sdk
        assert (np.flatnonzero(counts) + 1).tolist() == by_sdk


def test_long_lists_of_values_find_the_right_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB joins with a long list, and from a few hundred thousand users on a join returns them in any order."""
    monkeypatch.setattr("audience.warehouse.codes.MOST_VALUES", 9)
    users = 300_000
    warehouse = warehouse_in(tmp_path / "warehouse", codes_from=1)
    batch = UserBatch(
        lines=range(users),
        ids=[str(number) for number in range(users)],
        split_groups=[number % 40 + 1 for number in range(users)],
        drawn=np.ones(users, dtype=np.int16),
        values={"integer_one": [number % 1_009 for number in range(users)]},
    )
    warehouse.merge_users([batch], {"integer_one": "integer"})
    scanning = warehouse_in(tmp_path / "warehouse", codes_from=10**9)
    trees = [
        parse_conditions(
            [{"filter": "integer_one", "operator": operator, "value": list(range(99))}], CATALOGUE
        )
        for operator in ("in", "not_in")
    ]
    by_codes, by_scan = (each.count_table(trees[0], trees, NOW) for each in (warehouse, scanning))
    assert np.array_equal(by_codes.users, by_scan.users)
    assert np.array_equal(by_codes.shared, by_scan.shared)
    assert by_codes.users.sum() > users / 12


def test_every_column_but_lists_has_codes(coded: DuckDBWarehouse) -> None:
    (folder,) = coded.store.folder.glob("codes-*")
    codes = open_codes(folder)
    assert codes is not None
    named = {name for name, kind in TYPES.items() if kind != "list"}
    assert named <= set(codes.columns)


def test_a_table_of_codes_is_the_table_of_a_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Split groups empty, full and of uneven size; audiences of every kind with every other."""
    small_parts(monkeypatch)
    source = np.random.default_rng(11)
    warehouse = warehouse_in(tmp_path / "warehouse", codes_from=1)
    groups = [*source.integers(1, 12, 2_000).tolist(), *[64] * 64, *[65] * 65, *[2400] * 129]
    load(warehouse, groups, seed=12)
    scanning = warehouse_in(tmp_path / "warehouse", codes_from=10**9)
    generator = RandomConditions(seed=13)
    trees = [parse_conditions(generator.tree(), CATALOGUE) for _ in range(80)]
    for audience in trees[:4]:
        by_codes, by_scan = (each.count_table(audience, trees, NOW) for each in (warehouse, scanning))
        assert np.array_equal(by_codes.users, by_scan.users)
        assert np.array_equal(by_codes.shared, by_scan.shared)
        some = warehouse.count_table(audience, trees, NOW, split_groups=[1, 64, 2400])
        assert np.array_equal(some.shared[:, [0, 63, 2399]], by_scan.shared[:, [0, 63, 2399]])
        assert some.shared.sum() == some.shared[:, [0, 63, 2399]].sum()
    assert codes_were_used(warehouse)


def codes_were_used(warehouse: DuckDBWarehouse) -> bool:
    return any(warehouse.store.folder.glob("codes-*/matches/*.bits"))
