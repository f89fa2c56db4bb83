"""The property everything rests on: SQL counts exactly the users whom the SDK lets in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from audience.conditions import parse_conditions, walk_predicates
from audience.specs import operators_of
from audience.warehouse import UserBatch, UserRecord, Warehouse
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.random_conditions import CATALOGUE, NOW, RandomConditions, random_users
from usersplit_sdk.conditions import compile_conditions
from usersplit_sdk.operators import FILTER_TYPES

TREES = 10_000
USERS = 150


@pytest.fixture(scope="module")
def edge_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """One user per split group, so that a count per split group tells of each user."""
    warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("edge") / "warehouse", lambda: CATALOGUE)
    groups = list(range(1, USERS + 1))
    batch = UserBatch(
        lines=groups,
        ids=[f"user-{group}" for group in groups],
        split_groups=groups,
        drawn=np.zeros(USERS, dtype=np.int16),
        values=random_users(seed=20_261_101, count=USERS),
    )
    warehouse.merge_users([batch], {spec.column: spec.type for spec in CATALOGUE.values()})
    return warehouse


@pytest.fixture(scope="module")
def edge_users(edge_warehouse: Warehouse) -> list[UserRecord]:
    return list(edge_warehouse.iterate_users([], NOW))


def admitted_by_sdk(tree: list[Any], users: list[UserRecord]) -> list[int]:
    """Split groups of the users the SDK lets in, having read the tree as it is delivered."""
    condition = compile_conditions(tree)
    return [user.split_group for user in users if condition(user.attributes, {}, NOW)[0]]


@pytest.mark.parametrize("part", range(4))
def test_sql_counts_exactly_whom_the_sdk_lets_in(
    part: int, edge_warehouse: Warehouse, edge_users: list[UserRecord]
) -> None:
    source = RandomConditions(seed=part)
    trees = [parse_conditions(source.tree(), CATALOGUE) for _ in range(TREES // 4)]
    table = edge_warehouse.count_table([], trees, NOW)
    assert table.users[:USERS].tolist() == [1] * USERS
    some = 0
    for tree, counts in zip(trees, table.shared, strict=True):
        by_sql = (np.flatnonzero(counts) + 1).tolist()
        assert by_sql == admitted_by_sdk(tree, edge_users), tree
        some += 0 < len(by_sql) < USERS
    assert some > TREES / 8, "most trees must tell users apart, else this proves nothing"
    assert set(source.pairs) == {(name, kind) for kind in FILTER_TYPES for name in operators_of(kind)}


def test_every_operator_lets_some_in_and_keeps_some_out(
    edge_warehouse: Warehouse, edge_users: list[UserRecord]
) -> None:
    source = RandomConditions(seed=99)
    predicates = [
        predicate
        for _ in range(2_000)
        for _, predicate in walk_predicates(parse_conditions(source.tree(), CATALOGUE))
    ]
    outcomes: dict[tuple[str, str], set[bool]] = {}
    for predicate in predicates:
        kind = CATALOGUE[predicate["filter"]].type
        admitted = len(admitted_by_sdk([predicate], edge_users))
        outcomes.setdefault((predicate["operator"], kind), set()).update({admitted > 0, admitted == USERS})
    assert all(seen >= {True, False} for seen in outcomes.values()), outcomes


def test_walking_yields_the_users_who_are_counted(
    edge_warehouse: Warehouse, edge_users: list[UserRecord]
) -> None:
    source = RandomConditions(seed=5)
    for _ in range(100):
        tree = parse_conditions(source.tree(), CATALOGUE)
        walked = [user.split_group for user in edge_warehouse.iterate_users(tree, NOW)]
        assert walked == admitted_by_sdk(tree, edge_users)
