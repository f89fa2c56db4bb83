"""The embedded warehouse: DuckDB over one immutable file, its users sorted by split group."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from audience.catalogue import load_catalogue
from audience.compiling import as_flag, compile_conditions, is_always
from audience.moments import Moments
from audience.specs import SPLIT_GROUPS, Catalogue, FilterSpec, FilterType
from audience.walking_order import comes_after, ranges_left, ranges_of, steps_of, within
from audience.warehouse.arrivals_sql import arrivals_by_day, require_registrations
from audience.warehouse.base import CountTable, DuplicateId, KeptReport, MergeReport, UserBatch, UserRecord
from audience.warehouse.duckdb_merge import merge_users
from audience.warehouse.duckdb_store import Generation, Store
from audience.warehouse.moments_sql import NO_MOMENTS, measures_among, moments_by_split_group
from audience.warehouse.time_limits import TimeLimit

OTHERS_PER_QUERY: Final = 100
ROWS_PER_STEP: Final = 10_000


class DuckDBWarehouse:
    """See `base.Warehouse` for what the methods answer. `catalogue` is asked anew for every question."""

    def __init__(self, folder: Path, catalogue: Callable[[], Catalogue] = load_catalogue) -> None:
        self.store = Store(folder)
        self.catalogue = catalogue

    def version(self) -> str:
        return self.store.current().version

    def user_count(self) -> int:
        return self.store.current().users

    def columns(self) -> frozenset[str]:
        return frozenset(self.column_types())

    def column_types(self) -> Mapping[str, FilterType]:
        return self._column_types(self.store.current(), self.catalogue())

    def count_table(
        self,
        conditions: object,
        others: Sequence[object],
        now: dt.datetime,
        *,
        split_groups: Collection[int] | None = None,
    ) -> CountTable:
        catalogue = self.catalogue()
        with self.store.reading() as (generation, connection):
            columns = self._column_types(generation, catalogue)
            mine = compile_conditions(conditions, catalogue, columns, now)
            theirs = [compile_conditions(other, catalogue, columns, now) for other in others]
            where = _where(mine.expression, split_groups)
            counts = _Counts(connection, where)
            # Many tests share their conditions ("everyone", above all): each different one is counted once.
            distinct = list(
                dict.fromkeys(other.expression for other in theirs if not is_always(other.expression))
            )
            users, rows = counts.of(distinct)
        position = {expression: index for index, expression in enumerate(distinct)}
        shared = np.empty((len(theirs), SPLIT_GROUPS), dtype=np.int64)
        for index, other in enumerate(theirs):
            shared[index] = users if is_always(other.expression) else rows[position[other.expression]]
        return CountTable(users, shared, mine.not_counted, tuple(other.not_counted for other in theirs))

    def keep_matches(self, all_conditions: Sequence[object], now: dt.datetime) -> KeptReport:
        return KeptReport()

    def iterate_users(
        self,
        conditions: object,
        now: dt.datetime,
        split_groups: Collection[int] | None = None,
        *,
        after: tuple[int, str] | None = None,
    ) -> Iterator[UserRecord]:
        catalogue = self.catalogue()
        with self.store.reading() as (generation, connection):
            if connection is None:
                return
            mine = compile_conditions(conditions, catalogue, self._column_types(generation, catalogue), now)
            specs = _attributes(catalogue, generation)
            query = _select_users(specs)
            if not is_always(mine.expression):
                query = query.where(mine.expression)
            if after is not None:
                query = query.where(comes_after(after))
            records = _Records(specs)
            # The file is sorted, but DuckDB makes a join of a long IN list, and a join returns its rows in any order.
            query = query.order_by(exp.column("split_group"), exp.column("id"))
            for ranges in steps_of(ranges_left(ranges_of(split_groups), after), generation.users):
                connection.execute(query.where(within(ranges)).sql(dialect="duckdb"))
                while rows := connection.fetchmany(ROWS_PER_STEP):
                    yield from map(records.record, rows)

    def arrivals(self, conditions: object, now: dt.datetime, days: int) -> NDArray[np.int64]:
        catalogue = self.catalogue()
        with self.store.reading() as (generation, connection):
            types = self._column_types(generation, catalogue)
            require_registrations(types)
            if connection is None:
                return np.zeros(days, dtype=np.int64)
            mine = compile_conditions(conditions, catalogue, types, now)
            with TimeLimit().stopping(connection.interrupt):
                return arrivals_by_day(
                    mine.expression,
                    _users(),
                    now,
                    days,
                    lambda query: connection.execute(query.sql(dialect="duckdb")).fetchall(),
                )

    def moments_by_split_group(self, columns: Collection[str]) -> Mapping[str, Moments]:
        with self.store.reading() as (generation, connection):
            types = self._column_types(generation, self.catalogue())
            asked = measures_among(types, columns)
            if connection is None:
                return dict.fromkeys(asked, NO_MOMENTS)
            return moments_by_split_group(
                asked, _users(), lambda query: connection.execute(query.sql(dialect="duckdb")).fetchall()
            )

    def user(self, user_id: str) -> UserRecord | None:
        catalogue = self.catalogue()
        with self.store.reading() as (generation, connection):
            if connection is None:
                return None
            # The ledger is sorted by id, the users by split group: both look-ups read a few blocks only.
            found = connection.execute(
                "SELECT split_group FROM store.ledger WHERE id = ?", [user_id]
            ).fetchall()
            if not found:
                return None
            specs = _attributes(catalogue, generation)
            query = _select_users(specs).where(f"split_group = {found[0][0]} AND id = ?", dialect="duckdb")
            rows = connection.execute(query.sql(dialect="duckdb"), [user_id]).fetchall()
            return _Records(specs).record(rows[0]) if rows else None

    def merge_users(
        self,
        batches: Iterable[UserBatch],
        column_types: Mapping[str, FilterType],
        *,
        replace: bool = False,
        each_duplicate: Callable[[DuplicateId], None] | None = None,
    ) -> MergeReport:
        return merge_users(self.store, batches, column_types, replace=replace, each_duplicate=each_duplicate)

    def _column_types(self, generation: Generation, catalogue: Catalogue) -> Mapping[str, FilterType]:
        """Before the first load every column that the catalogue names is there, with nobody in it."""
        if generation.file is not None:
            return generation.columns
        return {spec.column: spec.type for spec in catalogue.values() if spec.column}


class _Counts:
    """Users per split group, who match and who match others too, in as few scans as the width of a query allows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection | None, where: exp.Expr) -> None:
        self.connection = connection
        self.where = where

    def of(self, others: Sequence[exp.Expr]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        users = np.zeros(SPLIT_GROUPS, dtype=np.int64)
        shared = np.zeros((len(others), SPLIT_GROUPS), dtype=np.int64)
        for start in range(0, max(len(others), 1), OTHERS_PER_QUERY):
            chunk = others[start : start + OTHERS_PER_QUERY]
            table = self.query(chunk)
            groups = table["split_group"].astype(np.int64) - 1
            users[groups] = table["users"]
            for offset in range(len(chunk)):
                shared[start + offset, groups] = table[f"b{offset}"]
        return users, shared

    def query(self, others: Sequence[exp.Expr]) -> dict[str, NDArray[Any]]:
        names = ["users", *(f"b{offset}" for offset in range(len(others)))]
        if self.connection is None:
            return {name: np.zeros(0, dtype=np.int64) for name in ["split_group", *names]}
        sums = [_sum(exp.Literal.number(1)), *(_sum(as_flag(other)) for other in others)]
        query = (
            exp.select(
                exp.column("split_group"),
                *(exp.alias_(total, name) for total, name in zip(sums, names, strict=True)),
            )
            .from_(_users())
            .where(self.where)
            .group_by(exp.column("split_group"))
        )
        table: dict[str, NDArray[Any]] = self.connection.execute(query.sql(dialect="duckdb")).fetchnumpy()
        return table


def _sum(value: exp.Expr) -> exp.Expr:
    # DuckDB sums integers into 128 bits, which numpy only knows as floating point.
    return exp.cast(exp.Sum(this=value), exp.DType.BIGINT)


def _users() -> exp.Table:
    return exp.table_("users", db="store")


def _where(condition: exp.Expr, split_groups: Collection[int] | None) -> exp.Expr:
    if split_groups is None:
        return condition
    members = exp.In(
        this=exp.column("split_group"),
        expressions=[exp.Literal.number(int(group)) for group in sorted(set(split_groups))],
    )
    inside: exp.Expr = members if split_groups else exp.false()
    return inside if is_always(condition) else exp.and_(inside, condition)


def _attributes(catalogue: Catalogue, generation: Generation) -> list[FilterSpec]:
    """The filters whose value the warehouse has for a user."""
    return [spec for spec in catalogue.values() if generation.columns.get(spec.column) == spec.type]


def _select_users(specs: Sequence[FilterSpec]) -> exp.Select:
    names = ["id", "split_group", *(spec.column for spec in specs)]
    return exp.select(*(exp.column(name, quoted=True) for name in names)).from_(_users())


class _Records:
    """Rows of `_select_users` → records."""

    def __init__(self, specs: Sequence[FilterSpec]) -> None:
        self.names = [spec.name for spec in specs]
        self.dates = [spec.name for spec in specs if spec.type == "date"]

    def record(self, row: tuple[Any, ...]) -> UserRecord:
        attributes = {
            name: value for name, value in zip(self.names, row[2:], strict=True) if value is not None
        }
        for name in self.dates:
            if name in attributes:
                attributes[name] = attributes[name].replace(tzinfo=dt.UTC)
        return UserRecord(row[0], row[1], attributes)
