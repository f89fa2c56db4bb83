"""What every engine that is reached by SQL answers alike: counts, walks and sums from the one compiler.

An engine says how users are reached (`SqlWarehouse.reading`) and how they are loaded. Everything asked of it is an aggregate
over split groups with `SUM(CASE WHEN …)`, so that shards only add up, or a walk in the order of (split group, id).
"""

from __future__ import annotations

import datetime as dt
import functools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Final, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from audience.catalogue import load_catalogue
from audience.compiling import Compiled, as_flag, compile_conditions, is_always
from audience.dialects import render
from audience.moments import Moments
from audience.specs import SPLIT_GROUPS, Catalogue, FilterSpec, FilterType
from audience.walking_order import RANGES_PER_STEP, comes_after, ranges_of, within
from audience.warehouse.arrivals_sql import arrivals_by_day, require_registrations
from audience.warehouse.base import (
    CountTable,
    DuplicateId,
    KeptReport,
    MergeReport,
    UserBatch,
    UserRecord,
    WarehouseQueryFailed,
)
from audience.warehouse.moments_sql import NO_MOMENTS, measures_among, moments_by_split_group
from audience.warehouse.time_limits import TimeLimit

OTHERS_PER_QUERY: Final = 100
CHARACTERS_PER_QUERY: Final = 400_000
ROWS_PER_STEP: Final = 10_000
ATTEMPTS: Final = 5
COUNT_SECONDS: Final = 600
"""How long the number of users in somebody else's table is remembered: nobody tells when it changes."""
Row = Sequence[Any]
_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class UserTable:
    """The users that count now: a table, or a select in its place. `source` is None before the first load, `users` where
    nobody has counted them."""

    version: str
    source: exp.Table | exp.Subquery | None
    users: int | None
    columns: Mapping[str, FilterType]


class UsersMoved(WarehouseQueryFailed):
    """The table was dropped under the question: two loads have come since its name was read. Asking again helps."""


class Reading(ABC):
    """One look at one state of the users."""

    def __init__(self, table: UserTable) -> None:
        self.table = table

    @abstractmethod
    def rows(self, sql: str, limit: TimeLimit) -> Sequence[Row]:
        """All rows of a query that returns few. Raises WarehouseQueryFailed, `limit.exceeded()` where time was the reason."""

    @abstractmethod
    def walk(self, sql: str) -> Iterator[Sequence[Row]]:
        """The rows of a query that may return any number, in portions."""

    def user(self, selected: exp.Select, user_id: str, dialect: str) -> Sequence[Row]:
        """The rows of `selected` that are this user's."""
        is_theirs = exp.EQ(this=exp.column("id"), expression=exp.Literal.string(user_id))
        return self.rows(render(selected.where(is_theirs), dialect), TimeLimit())


def _asking_again(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """The question is asked anew where the users have moved under it."""

    @functools.wraps(method)
    def asked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        for _ in range(ATTEMPTS - 1):
            try:
                return method(*args, **kwargs)
            except UsersMoved:
                continue
        return method(*args, **kwargs)

    return asked


class SqlWarehouse(ABC):
    """See `base.Warehouse` for what the methods answer. `catalogue` is asked anew for every question."""

    dialect: ClassVar[str]

    def __init__(self, catalogue: Callable[[], Catalogue] = load_catalogue) -> None:
        self.catalogue = catalogue
        self._counted: tuple[float, int] | None = None

    @abstractmethod
    def reading(self, catalogue: Callable[[], Catalogue]) -> AbstractContextManager[Reading]:
        """The users as they are now; they stay so for the one who reads. The catalogue is asked where columns are looked for."""

    @abstractmethod
    def merge_users(
        self,
        batches: Iterable[UserBatch],
        column_types: Mapping[str, FilterType],
        *,
        replace: bool = False,
        each_duplicate: Callable[[DuplicateId], None] | None = None,
    ) -> MergeReport: ...

    # ---- what is there ---------------------------------------------------------------------------------------

    def version(self) -> str:
        with self.reading(self.catalogue) as reading:
            return reading.table.version

    def user_count(self) -> int:
        with self.reading(self.catalogue) as reading:
            if reading.table.users is not None:
                return reading.table.users
            now = time.monotonic()
            if self._counted is None or self._counted[0] < now:
                assert reading.table.source is not None
                query = exp.select(exp.Count(this=exp.Star())).from_(reading.table.source.copy())
                ((users,),) = reading.rows(render(query, self.dialect), TimeLimit())
                self._counted = (now + COUNT_SECONDS, int(users))
            return self._counted[1]

    def columns(self) -> frozenset[str]:
        return frozenset(self.column_types())

    def column_types(self) -> Mapping[str, FilterType]:
        with self.reading(self.catalogue) as reading:
            return reading.table.columns

    def keep_matches(self, all_conditions: Sequence[object], now: dt.datetime) -> KeptReport:
        """A server of its own counts from its tables; nothing is kept beside them."""
        return KeptReport()

    # ---- counts ----------------------------------------------------------------------------------------------

    @_asking_again
    def count_table(
        self,
        conditions: object,
        others: Sequence[object],
        now: dt.datetime,
        *,
        split_groups: Collection[int] | None = None,
    ) -> CountTable:
        catalogue = functools.cache(self.catalogue)
        limit = TimeLimit()
        with self.reading(catalogue) as reading:
            columns = reading.table.columns
            mine = compile_conditions(conditions, catalogue(), columns, now)
            theirs = [compile_conditions(other, catalogue(), columns, now) for other in others]
            # Written once: writing SQL is most of the work where many tests meet few users.
            texts = [None if is_always(other.expression) else self._flagged(other) for other in theirs]
            # Many tests share their conditions ("everyone", above all): each different one is counted once.
            asked = list(dict.fromkeys(text for text in texts if text is not None))
            users, rows = self._counts(reading, mine, asked, split_groups, limit)
        position = {text: index for index, text in enumerate(asked)}
        shared = np.empty((len(theirs), SPLIT_GROUPS), dtype=np.int64)
        for index, text in enumerate(texts):
            shared[index] = users if text is None else rows[position[text]]
        return CountTable(users, shared, mine.not_counted, tuple(other.not_counted for other in theirs))

    def _flagged(self, compiled: Compiled) -> str:
        """The users who meet the condition, as the SQL of a sum."""
        return render(self._sum(as_flag(compiled.expression)), self.dialect)

    def _counts(
        self,
        reading: Reading,
        mine: Compiled,
        others: Sequence[str],
        split_groups: Collection[int] | None,
        limit: TimeLimit,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        users = np.zeros(SPLIT_GROUPS, dtype=np.int64)
        shared = np.zeros((len(others), SPLIT_GROUPS), dtype=np.int64)
        source = reading.table.source
        if source is None or (split_groups is not None and not split_groups):
            return users, shared
        rest = exp.select().from_(source.copy()).where(_where(mine.expression, split_groups))
        tail = render(rest.group_by(exp.column("split_group")), self.dialect).removeprefix("SELECT")
        for start, end in _portions(others):
            sums = "".join(f", {text} AS b{index}" for index, text in enumerate(others[start:end]))
            query = f"SELECT split_group, COUNT(*) AS users{sums}{tail}"
            table = np.array(reading.rows(query, limit), dtype=np.int64)
            if len(table):
                groups = table[:, 0] - 1
                users[groups] = table[:, 1]
                shared[start:end, groups] = table[:, 2:].T
        return users, shared

    def _sum(self, value: exp.Expr) -> exp.Expr:
        return exp.cast(exp.Sum(this=value), exp.DType.BIGINT)

    @_asking_again
    def arrivals(self, conditions: object, now: dt.datetime, days: int) -> NDArray[np.int64]:
        catalogue = functools.cache(self.catalogue)
        limit = TimeLimit()
        with self.reading(catalogue) as reading:
            table = reading.table
            require_registrations(table.columns)
            if table.source is None:
                return np.zeros(days, dtype=np.int64)
            mine = compile_conditions(conditions, catalogue(), table.columns, now)
            return arrivals_by_day(
                mine.expression,
                table.source,
                now,
                days,
                lambda query: reading.rows(render(query, self.dialect), limit),
            )

    @_asking_again
    def moments_by_split_group(self, columns: Collection[str]) -> Mapping[str, Moments]:
        limit = TimeLimit()
        with self.reading(self.catalogue) as reading:
            measures = measures_among(reading.table.columns, columns)
            if reading.table.source is None:
                return dict.fromkeys(measures, NO_MOMENTS)
            return moments_by_split_group(
                measures,
                reading.table.source,
                lambda query: reading.rows(render(query, self.dialect), limit),
            )

    # ---- users -----------------------------------------------------------------------------------------------

    def iterate_users(
        self,
        conditions: object,
        now: dt.datetime,
        split_groups: Collection[int] | None = None,
        *,
        after: tuple[int, str] | None = None,
    ) -> Iterator[UserRecord]:
        started = False
        for attempt in range(ATTEMPTS):
            try:
                for record in self._walk(conditions, now, split_groups, after):
                    started = True
                    yield record
            except UsersMoved:
                if started or attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def _walk(
        self,
        conditions: object,
        now: dt.datetime,
        split_groups: Collection[int] | None,
        after: tuple[int, str] | None,
    ) -> Iterator[UserRecord]:
        catalogue = functools.cache(self.catalogue)
        with self.reading(catalogue) as reading:
            table = reading.table
            if table.source is None or (split_groups is not None and not split_groups):
                return
            mine = compile_conditions(conditions, catalogue(), table.columns, now)
            specs = self._attributes(catalogue(), table)
            query = self._select_users(table.source, specs).where(_where(mine.expression, split_groups))
            if after is not None:
                query = query.where(comes_after(after))
            query = query.order_by(exp.column("split_group"), exp.column("id"))
            for rows in reading.walk(render(query, self.dialect)):
                for row in rows:
                    yield self._record(specs, row)

    @_asking_again
    def user(self, user_id: str) -> UserRecord | None:
        catalogue = functools.cache(self.catalogue)
        with self.reading(catalogue) as reading:
            if reading.table.source is None or "\0" in user_id:
                return None
            specs = self._attributes(catalogue(), reading.table)
            rows = reading.user(self._select_users(reading.table.source, specs), user_id, self.dialect)
            return self._record(specs, rows[0]) if rows else None

    def _attributes(self, catalogue: Catalogue, table: UserTable) -> list[FilterSpec]:
        """The filters whose value the warehouse has for a user."""
        return [spec for spec in catalogue.values() if table.columns.get(spec.column) == spec.type]

    def _select_users(self, source: exp.Table | exp.Subquery, specs: Sequence[FilterSpec]) -> exp.Select:
        values = [self._selected(exp.column(spec.column, quoted=True), spec.type) for spec in specs]
        return exp.select(exp.column("id"), exp.column("split_group"), *values).from_(source.copy())

    def _selected(self, column: exp.Expr, kind: FilterType) -> exp.Expr:
        """How a value is read; `_value` makes the SDK's of it."""
        return column

    def _value(self, value: Any, kind: FilterType) -> Any:
        return value.replace(tzinfo=dt.UTC) if kind == "date" else value

    def _record(self, specs: Sequence[FilterSpec], row: Row) -> UserRecord:
        attributes = {}
        for spec, value in zip(specs, row[2:], strict=True):
            if value is not None and (read := self._value(value, spec.type)) is not None:
                attributes[spec.name] = read
        return UserRecord(row[0], row[1], attributes)


def _text_of(compiled: Compiled) -> str:
    text: str = compiled.expression.sql(dialect="duckdb")
    return text


def _where(condition: exp.Expr, split_groups: Collection[int] | None) -> exp.Expr:
    if split_groups is None:
        return condition
    ranges = ranges_of(split_groups)
    inside = within(ranges) if len(ranges) <= RANGES_PER_STEP else _one_of(split_groups)
    return inside if is_always(condition) else exp.and_(inside, condition)


def _one_of(split_groups: Collection[int]) -> exp.Expr:
    numbers = [exp.Literal.number(int(group)) for group in sorted(set(split_groups))]
    return exp.In(this=exp.column("split_group"), expressions=numbers)


def _portions(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Positions [start, end) of what one query asks for; at least one portion, and one text in each."""
    start = length = 0
    for index, text in enumerate(texts):
        if index > start and (index - start >= OTHERS_PER_QUERY or length + len(text) > CHARACTERS_PER_QUERY):
            yield start, index
            start, length = index, 0
        length += len(text)
    yield start, len(texts)
