"""The property everything rests on: every engine counts exactly the users whom the SDK lets in.

A small size runs here; `python -m tests.audience.parity` runs any.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audience.conditions import parse_conditions, walk_predicates
from audience.warehouse import UserBatch, UserRecord, Warehouse
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.parity import ENGINES, compare, empty_warehouses
from tests.audience.random_conditions import CATALOGUE, NOW, RandomConditions, random_users
from usersplit_sdk.conditions import compile_conditions

TREES = 400
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


@pytest.mark.parametrize("seed", [101, 102])
def test_every_engine_counts_exactly_whom_the_sdk_lets_in(seed: int, tmp_path: Path) -> None:
    with empty_warehouses(tmp_path) as warehouses:
        result = compare(TREES, USERS, seed, warehouses)
    assert result.disagreements == {name: [] for name in ENGINES}
    assert result.apart > TREES / 2, "most trees must tell users apart, else this proves nothing"
    assert result.is_complete


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
