"""Spark with two workers of its own: what they count together is what the embedded engine counts."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest
from pyspark.sql import SparkSession
from sqlglot import exp

from audience.compiling import VERSION_KEY_SUFFIX
from audience.specs import Catalogue, FilterType
from audience.warehouse import DuplicateId, MergeReport, UserBatch
from audience.warehouse.sql_engine import Reading, Row, SqlWarehouse, UserTable
from audience.warehouse.time_limits import TimeLimit
from tests.audience.random_conditions import CATALOGUE, NOW
from tests.engines.conftest import Population

PARTS = 4
TREES = 120
"""Fewer than elsewhere: Spark plans each wide query for a long time."""


class SparkWarehouse(SqlWarehouse):
    """The users of a view in Spark, for counting and walking."""

    dialect: ClassVar[str] = "spark"

    def __init__(self, session: SparkSession, columns: Mapping[str, FilterType]) -> None:
        super().__init__(lambda: CATALOGUE)
        self.session = session
        self.there = columns

    @contextmanager
    def reading(self, catalogue: Callable[[], Catalogue]) -> Iterator[Reading]:
        yield _Reading(self.session, UserTable("spark", exp.table_("people", quoted=True), None, self.there))

    def merge_users(
        self,
        batches: Iterable[UserBatch],
        column_types: Mapping[str, FilterType],
        *,
        replace: bool = False,
        each_duplicate: Callable[[DuplicateId], None] | None = None,
    ) -> MergeReport:
        raise NotImplementedError

    def _value(self, value: Any, kind: FilterType) -> Any:
        return value.replace(tzinfo=dt.UTC) if kind == "date" else value


class _Reading(Reading):
    def __init__(self, session: SparkSession, table: UserTable) -> None:
        super().__init__(table)
        self.session = session

    def rows(self, sql: str, limit: TimeLimit) -> Sequence[Row]:
        return [tuple(row) for row in self.session.sql(sql).collect()]

    def walk(self, sql: str) -> Iterator[Sequence[Row]]:
        yield self.rows(sql, TimeLimit())


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Two workers, each a process with one core, under a master in this one; all on loopback."""
    folder = tmp_path_factory.mktemp("spark")
    os.environ.update(
        SPARK_LOCAL_IP="127.0.0.1",
        SPARK_WORKER_DIR=str(folder / "workers"),
        SPARK_LOCAL_DIRS=str(folder / "local"),
    )
    options = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.memory": "700m",
        "spark.driver.memory": "700m",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.codegen.wholeStage": "false",
    }
    builder = SparkSession.builder.master("local-cluster[2,1,700]").appName("usersplit")
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    logging.getLogger("py4j").setLevel(logging.ERROR)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def warehouse(
    session: SparkSession, population: Population, tmp_path_factory: pytest.TempPathFactory
) -> SparkWarehouse:
    """The users as Parquet files, sharded by split group."""
    folder = tmp_path_factory.mktemp("people")
    write_parquet(folder, population)
    session.read.option("spark.sql.parquet.inferTimestampNTZ.enabled", "true").parquet(
        str(folder)
    ).createOrReplaceTempView("people")
    return SparkWarehouse(session, {spec.column: spec.type for spec in CATALOGUE.values()})


def write_parquet(folder: Path, population: Population) -> None:
    """By the embedded engine, which has them in the same types already."""
    (store,) = Path(population.embedded.store.folder).glob("users-*.duckdb")  # type: ignore[attr-defined]
    names = ["id", "split_group"]
    for name, spec in CATALOGUE.items():
        names += [name, name + VERSION_KEY_SUFFIX] if spec.type == "version" else [name]
    columns = ", ".join(f'"{name}"' for name in names)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{store}' AS store (READ_ONLY)")
        for part in range(PARTS):
            connection.execute(
                f"COPY (SELECT {columns} FROM store.users WHERE split_group % {PARTS} = {part})"
                f" TO '{folder / f'part-{part}.parquet'}' (FORMAT PARQUET)"
            )


def test_both_workers_are_there(session: SparkSession, warehouse: SparkWarehouse) -> None:
    context: Any = session.sparkContext
    executors = context._jsc.sc().getExecutorMemoryStatus().size() - 1  # the driver is one of them
    assert executors == 2


def test_two_workers_count_what_the_embedded_engine_counts(
    warehouse: SparkWarehouse, population: Population
) -> None:
    population.answers_alike(warehouse, population.trees(3)[:TREES])


def test_long_lists_of_numbers_are_counted_alike(warehouse: SparkWarehouse, population: Population) -> None:
    """Above ten values Spark looks them up otherwise."""
    many = [0, 1, 0.1, 0.3, 50, -2.5, 5e-324, 1e308, *range(100, 120)]
    trees: list[Any] = [
        [{"filter": "number_one", "source": "user", "operator": operator, "value": many}]
        for operator in ("in", "not_in")
    ]
    population.answers_alike(warehouse, [[], *trees])


def test_users_are_walked_in_order(warehouse: SparkWarehouse, population: Population) -> None:
    groups = [1, 2, 1200, 2400]
    assert list(warehouse.iterate_users([], NOW, groups)) == list(
        population.embedded.iterate_users([], NOW, groups)
    )
