"""The warehouse in ClickHouse, by URL: `clickhouse://user:password@host:8123/database`, `clickhouses://` with TLS."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import SplitResult

from sqlglot import exp

from audience.catalogue import load_catalogue
from audience.dialects import LIST_SET_SUFFIX
from audience.specs import Catalogue, FilterType
from audience.warehouse.base import DuplicateId, MergeReport, UserBatch, WarehouseQueryFailed
from audience.warehouse.clickhouse_store import LIMITS, Address, ClickHouseStore, literal, quoted
from audience.warehouse.sql_engine import Reading, Row, SqlWarehouse, UserTable
from audience.warehouse.time_limits import TimeLimit

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class ClickHouseWarehouse(SqlWarehouse):
    """See `base.Warehouse` for what the methods answer."""

    dialect: ClassVar[str] = "clickhouse"

    def __init__(self, store: ClickHouseStore, catalogue: Callable[[], Catalogue] = load_catalogue) -> None:
        super().__init__(catalogue)
        self.store = store

    @classmethod
    def at(
        cls, parts: SplitResult, catalogue: Callable[[], Catalogue] = load_catalogue
    ) -> ClickHouseWarehouse:
        address = Address.of(parts)
        store = ClickHouseStore(
            address.connect,
            connect_for_questions=address.connect_for_questions,
            users=address.users,
            marker=address.marker,
            password=address.password,
        )
        return cls(store, catalogue)

    @contextmanager
    def reading(self, catalogue: Callable[[], Catalogue]) -> Iterator[Reading]:
        yield _Reading(self.store, self.store.table(catalogue))

    def merge_users(
        self,
        batches: Iterable[UserBatch],
        column_types: Mapping[str, FilterType],
        *,
        replace: bool = False,
        each_duplicate: Callable[[DuplicateId], None] | None = None,
    ) -> MergeReport:
        if self.store.users:
            raise WarehouseQueryFailed(
                f"users cannot be loaded into {self.store.users}: "
                "WAREHOUSE_URL names it as somebody else's table, which is only read"
            )
        from audience.warehouse.clickhouse_merge import merge_users  # noqa: PLC0415 - only loads need it

        return merge_users(self.store, batches, column_types, replace=replace, each_duplicate=each_duplicate)

    def _selected(self, column: exp.Expr, kind: FilterType) -> exp.Expr:
        if kind == "date":
            # The driver's datetimes go through the time zone of the machine; microseconds do not.
            return exp.Anonymous(this="toUnixTimestamp64Micro", expressions=[column])
        if kind == "list":
            is_set = exp.column(f"{column.name}{LIST_SET_SUFFIX}", quoted=True)
            return exp.Anonymous(this="tuple", expressions=[is_set, column])
        return column

    def _value(self, value: Any, kind: FilterType) -> Any:
        if kind == "date":
            return _EPOCH + dt.timedelta(microseconds=value)
        if kind == "boolean":
            return bool(value)
        if kind == "list":
            is_set, items = value
            return list(items) if is_set else None
        return value


class _Reading(Reading):
    def __init__(self, store: ClickHouseStore, table: UserTable) -> None:
        super().__init__(table)
        self.store = store

    def rows(self, sql: str, limit: TimeLimit) -> Sequence[Row]:
        return self.store.rows(sql, limit)

    def walk(self, sql: str) -> Iterator[Sequence[Row]]:
        from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415

        # A client of its own: whoever walks may ask other things meanwhile. The time is the walker's, not the query's.
        client = self.store.new_client()
        settings = {**LIMITS, "max_execution_time": 0, "optimize_read_in_order": 1}
        try:
            with client.query_row_block_stream(sql, settings=settings) as stream:
                yield from stream
        except ClickHouseError as error:
            raise self.store.failure(error) from None
        finally:
            client.close()

    def user(self, selected: exp.Select, user_id: str, dialect: str) -> Sequence[Row]:
        if self.store.users:
            return super().user(selected, user_id, dialect)
        # The ledger is sorted by id, the users by split group: both look-ups read a few blocks only.
        ledger = self.store.generations()[0][1]["ledger"]
        found = self.rows(
            f"SELECT split_group FROM {quoted(ledger)} WHERE id = {literal(user_id)}",  # noqa: S608 - quoted
            TimeLimit(),
        )
        if not found:
            return []
        group = exp.EQ(this=exp.column("split_group"), expression=exp.Literal.number(int(found[0][0])))
        return super().user(selected.where(group), user_id, dialect)
