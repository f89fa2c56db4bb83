"""Users that every distributed engine is loaded with, and what the embedded one answers about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audience.compiling import VERSION_KEY_SUFFIX
from audience.conditions import parse_conditions, walk_predicates
from audience.specs import SPLIT_GROUPS
from audience.warehouse import CountTable, UserBatch, Warehouse
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.random_conditions import CATALOGUE, NOW, RandomConditions, random_users
from usersplit_sdk.values import version_key

if "ENGINES_HOME" not in os.environ:
    collect_ignore_glob = ["test_*.py"]

USERS = 24_000
TREES = 400
EVERYBODY = 10**9
Keep = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True)
class Population:
    """Users at the edges of every type, in every split group, and the embedded warehouse that has them."""

    ids: list[str]
    split_groups: list[int]
    values: Mapping[str, list[Any]]
    embedded: Warehouse

    def columns(self) -> dict[str, list[Any]]:
        """As tables have them: the keys of versions beside the versions."""
        columns = dict(self.values)
        for name, spec in CATALOGUE.items():
            if spec.type == "version":
                columns[name + VERSION_KEY_SUFFIX] = [
                    version_key(value) for value in self.values[spec.column]
                ]
        return columns

    def trees(self, seed: int, keep: Keep = lambda predicate: True) -> list[Any]:
        """Random conditions of predicates that `keep` keeps."""
        source = RandomConditions(seed)
        found: list[Any] = []
        while len(found) < TREES:
            tree = parse_conditions(source.tree(), CATALOGUE)
            if all(keep(predicate) for _, predicate in walk_predicates(tree)):
                found.append(tree)
        return found

    def answers_alike(self, warehouse: Warehouse, trees: list[Any]) -> None:
        """The whole count table, the first tree being the one that is planned."""
        mine, *others = trees
        everyone: list[Any] = []
        for conditions in (mine, everyone):
            ours = self.embedded.count_table(conditions, others, NOW)
            theirs = warehouse.count_table(conditions, others, NOW)
            assert theirs.not_counted == ours.not_counted == ()
            np.testing.assert_array_equal(theirs.users, ours.users)
            wrong = [tree for tree, same in zip(others, same_rows(theirs, ours), strict=True) if not same]
            assert not wrong, wrong


def same_rows(one: CountTable, other: CountTable) -> list[bool]:
    rows: list[bool] = (one.shared == other.shared).all(axis=1).tolist()
    return rows


@pytest.fixture(scope="session")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    ids = [f"user-{number}" for number in range(USERS)]
    split_groups = [number * 7 % SPLIT_GROUPS + 1 for number in range(USERS)]
    values = random_users(11, USERS)
    folder: Path = tmp_path_factory.mktemp("embedded")
    embedded = DuckDBWarehouse(folder / "store", lambda: CATALOGUE, codes_from=EVERYBODY)
    batch = UserBatch(range(USERS), ids, split_groups, np.zeros(USERS, dtype=np.int16), values)
    embedded.merge_users([batch], {spec.column: spec.type for spec in CATALOGUE.values()})
    return Population(ids, split_groups, values, embedded)
