"""The embedded warehouse: DuckDB over one immutable file, its users sorted by split group."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from audience.catalogue import load_catalogue
from audience.compiling import compile_conditions, is_always
from audience.moments import Moments
from audience.specs import Catalogue, FilterSpec, FilterType
from audience.walking_order import comes_after, ranges_left, ranges_of, steps_of, within
from audience.warehouse.arrivals_sql import arrivals_by_day, require_registrations
from audience.warehouse.asked import Conditions
from audience.warehouse.base import CountTable, DuplicateId, KeptReport, MergeReport, UserBatch, UserRecord
from audience.warehouse.codes_shelf import CODES_FROM
from audience.warehouse.duckdb_counts import count, keep
from audience.warehouse.duckdb_merge import merge_users
from audience.warehouse.duckdb_store import Generation, Store
from audience.warehouse.moments_sql import NO_MOMENTS, measures_among, moments_by_split_group
from audience.warehouse.time_limits import TimeLimit

ROWS_PER_STEP: Final = 10_000


class DuckDBWarehouse:
    """See `base.Warehouse` for what the methods answer. `catalogue` is asked anew for every question.

    From `codes_from` users on they are counted by codes and kept matches (see `codes`), fewer by scans.
    """

    def __init__(
        self,
        folder: Path,
        catalogue: Callable[[], Catalogue] = load_catalogue,
        *,
        codes_from: int = CODES_FROM,
    ) -> None:
        self.store = Store(folder, codes_from)
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
            compiler = Conditions(catalogue, self._column_types(generation, catalogue), now)
            mine = compiler.asked(conditions)
            theirs = [compiler.asked(other) for other in others]
            users, shared = count(connection, self.store.codes(generation), mine, theirs, split_groups)
        return CountTable(
            users, shared, mine.meaning.not_counted, tuple(other.meaning.not_counted for other in theirs)
        )

    def keep_matches(self, all_conditions: Sequence[object], now: dt.datetime) -> KeptReport:
        catalogue = self.catalogue()
        with self.store.reading() as (generation, connection):
            codes = self.store.codes(generation)
            if connection is None or codes is None:
                return KeptReport()
            compiler = Conditions(catalogue, self._column_types(generation, catalogue), now)
            return keep(connection, codes, [compiler.asked(each) for each in all_conditions])

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
            with TimeLimit().stopping(connection.interrupt):
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


def _users() -> exp.Table:
    return exp.table_("users", db="store")


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
