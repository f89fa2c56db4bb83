"""Random condition trees, asked of the SDK and of every engine, user by user.

    python -m usersplit.embedded exec -- python -m tests.audience.parity --trees 20000 --users 1000

Every user has a split group of their own, so that a count per split group tells of each user. The trees of a batch are counted
by one call; what an engine answers must be what the SDK decides, tree by tree.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
import numpy as np
from django.apps import apps
from numpy.typing import NDArray

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usersplit.settings")
if not apps.ready:
    django.setup()

import clickhouse_connect
import psycopg

from audience.conditions import parse_conditions
from audience.specs import operators_of
from audience.warehouse import UserBatch, Warehouse
from audience.warehouse.clickhouse_engine import ClickHouseWarehouse
from audience.warehouse.clickhouse_store import ClickHouseStore
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from audience.warehouse.postgresql_engine import PostgreSQLWarehouse
from tests.audience.random_conditions import CATALOGUE, NOW, RandomConditions, random_users
from usersplit_sdk.conditions import compile_conditions
from usersplit_sdk.operators import FILTER_TYPES

BATCH = 500
EVERYBODY = 10**9
Answers = NDArray[np.bool_]
"""bool[trees, users]"""


@dataclass
class Comparison:
    """What came of it. `apart` counts the trees that let some users in and keep some out: the others prove little."""

    trees: int = 0
    apart: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    disagreements: dict[str, list[str]] = field(default_factory=dict)
    pairs: set[tuple[str, str]] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        """Every operator with every type it is for was asked."""
        return self.pairs == {(name, kind) for kind in FILTER_TYPES for name in operators_of(kind)}


def compare(
    trees: int,
    users: int,
    seed: int,
    warehouses: dict[str, Warehouse],
    progress: Callable[[Comparison], None] = lambda result: None,
) -> Comparison:
    """Load the users into each warehouse (all are empty) and ask all of them all trees."""
    batch = UserBatch(
        lines=list(range(1, users + 1)),
        ids=[f"user-{number}" for number in range(1, users + 1)],
        split_groups=list(range(1, users + 1)),
        drawn=np.zeros(users, dtype=np.int16),
        values=random_users(seed, users),
    )
    people = None
    for warehouse in warehouses.values():
        warehouse.merge_users([batch], {spec.column: spec.type for spec in CATALOGUE.values()})
        walked = list(warehouse.iterate_users([], NOW))
        assert people in (None, walked), "an engine gives users back otherwise than another"
        people = walked
    assert people is not None
    source = RandomConditions(seed)
    result = Comparison(disagreements={name: [] for name in warehouses})
    while result.trees < trees:
        some = [parse_conditions(source.tree(), CATALOGUE) for _ in range(min(BATCH, trees - result.trees))]
        started = time.perf_counter()
        truth = _by_sdk(some, [user.attributes for user in people])
        _spent(result, "sdk", started)
        for name, warehouse in warehouses.items():
            started = time.perf_counter()
            _compare(result.disagreements[name], some, truth, _by_warehouse(name, warehouse, some, users))
            _spent(result, name, started)
        result.trees += len(some)
        result.apart += int((truth.any(axis=1) & ~truth.all(axis=1)).sum())
        progress(result)
    result.pairs = set(source.pairs)
    return result


def _by_sdk(trees: Sequence[Any], people: Sequence[Any]) -> Answers:
    answers = np.zeros((len(trees), len(people)), dtype=np.bool_)
    for index, tree in enumerate(trees):
        condition = compile_conditions(tree)
        answers[index] = [condition(attributes, {}, NOW)[0] for attributes in people]
    return answers


def _by_warehouse(name: str, warehouse: Warehouse, trees: Sequence[Any], users: int) -> Answers:
    if name == "kept matches":
        warehouse.keep_matches(trees, NOW)
    shared = warehouse.count_table([], trees, NOW).shared
    assert not shared[:, users:].any()
    assert shared.max(initial=0) <= 1
    return shared[:, :users].astype(np.bool_)


def _compare(found: list[str], trees: Sequence[Any], truth: Answers, answers: Answers) -> None:
    for index in np.flatnonzero((truth != answers).any(axis=1)):
        wrong = np.flatnonzero(truth[index] != answers[index])
        found.append(f"{trees[int(index)]}: users {(wrong[:5] + 1).tolist()} of {len(wrong)}")


def _spent(result: Comparison, name: str, started: float) -> None:
    result.seconds[name] = result.seconds.get(name, 0.0) + time.perf_counter() - started


# ---- an empty warehouse of each kind -------------------------------------------------------------------------


def _scanned(folder: Path) -> Iterator[Warehouse]:
    yield DuckDBWarehouse(folder / "scanned", lambda: CATALOGUE, codes_from=EVERYBODY)


def _kept(folder: Path) -> Iterator[Warehouse]:
    yield DuckDBWarehouse(folder / "kept", lambda: CATALOGUE, codes_from=0)


def _coded(folder: Path) -> Iterator[Warehouse]:
    yield DuckDBWarehouse(folder / "coded", lambda: CATALOGUE, codes_from=0)


def _postgresql(folder: Path) -> Iterator[Warehouse]:
    url = os.environ["DATABASE_URL"]
    schema = f"parity_{secrets.token_hex(6)}"
    address = urlsplit(f"{url}{'&' if '?' in url else '?'}schema={schema}")
    try:
        yield PostgreSQLWarehouse(address, lambda: CATALOGUE)
    finally:
        with psycopg.connect(url) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def _clickhouse(folder: Path) -> Iterator[Warehouse]:
    store = ClickHouseStore(
        lambda: clickhouse_connect.get_client(interface="chdb", path=str(folder / "chdb"))
    )
    try:
        yield ClickHouseWarehouse(store, lambda: CATALOGUE)
    finally:
        store.client().close()


ENGINES: dict[str, Callable[[Path], Iterator[Warehouse]]] = {
    "duckdb": _scanned,
    "codes": _coded,
    "kept matches": _kept,
    "postgresql": _postgresql,
    "clickhouse": _clickhouse,
}


@contextmanager
def empty_warehouses(folder: Path, engines: Sequence[str] = tuple(ENGINES)) -> Iterator[dict[str, Warehouse]]:
    with ExitStack() as stack:
        opened = {name: contextmanager(ENGINES[name])(folder) for name in engines}
        yield {name: stack.enter_context(warehouse) for name, warehouse in opened.items()}


def _tell(result: Comparison) -> None:
    wrong = sum(map(len, result.disagreements.values()))
    print(f"{result.trees:>9,} trees, {wrong} answered otherwise", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.audience.parity", description=__doc__)
    parser.add_argument("--trees", type=int, default=20_000)
    parser.add_argument("--users", type=int, default=1_000, choices=range(1, 2401), metavar="1..2400")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        empty_warehouses(Path(folder), options.engines) as warehouses,
    ):
        result = compare(options.trees, options.users, options.seed, warehouses, _tell)
    print(f"{result.trees:,} trees x {options.users:,} users; {result.apart:,} trees tell users apart")
    print(f"every operator with every type was asked: {'yes' if result.is_complete else 'no'}")
    for name, seconds in result.seconds.items():
        found = result.disagreements.get(name, [])
        verdict = "decides" if name == "sdk" else f"{len(found)} trees answered otherwise than the SDK"
        print(f"  {name:13} {seconds:7.1f} s  {verdict}")
        for line in found[:10]:
            print(f"      {line}")
    return 1 if any(result.disagreements.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
