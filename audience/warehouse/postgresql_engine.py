"""The warehouse in PostgreSQL, by URL: `postgresql://user:password@host/database?schema=usersplit`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import SplitResult

from audience.catalogue import load_catalogue
from audience.specs import Catalogue, FilterType
from audience.warehouse.base import DuplicateId, MergeReport, UserBatch, WarehouseQueryFailed
from audience.warehouse.postgresql_store import Address, PostgreSQLStore
from audience.warehouse.sql_engine import ROWS_PER_STEP, Reading, Row, SqlWarehouse, UserTable
from audience.warehouse.time_limits import TimeLimit

if TYPE_CHECKING:
    import psycopg

_ATTEMPTS: Final = 5


class PostgreSQLWarehouse(SqlWarehouse):
    """See `base.Warehouse` for what the methods answer."""

    dialect: ClassVar[str] = "postgres"

    def __init__(self, parts: SplitResult, catalogue: Callable[[], Catalogue] = load_catalogue) -> None:
        super().__init__(catalogue)
        self.store = PostgreSQLStore(Address.of(parts))

    @contextmanager
    def reading(self, catalogue: Callable[[], Catalogue]) -> Iterator[Reading]:
        with self.store.connection(reading=True) as connection:
            yield _Reading(self.store, connection, self.store.table(connection, catalogue))

    def merge_users(
        self,
        batches: Iterable[UserBatch],
        column_types: Mapping[str, FilterType],
        *,
        replace: bool = False,
        each_duplicate: Callable[[DuplicateId], None] | None = None,
    ) -> MergeReport:
        if self.store.address.users:
            raise WarehouseQueryFailed(
                f"users cannot be loaded into {'.'.join(self.store.address.users)}: "
                "WAREHOUSE_URL names it as somebody else's table, which is only read"
            )
        from audience.warehouse.postgresql_merge import merge_users  # noqa: PLC0415 - only loads need it

        return merge_users(self.store, batches, column_types, replace=replace, each_duplicate=each_duplicate)


class _Reading(Reading):
    def __init__(self, store: PostgreSQLStore, connection: psycopg.Connection[Any], table: UserTable) -> None:
        super().__init__(table)
        self.store = store
        self.connection = connection

    def rows(self, sql: str, limit: TimeLimit) -> Sequence[Row]:
        import psycopg  # noqa: PLC0415 - imported already by whoever opened the connection

        limit.check()
        self.connection.execute(f"SET LOCAL statement_timeout = {max(1, int(limit.left() * 1000))}")
        try:
            # Without parameters nothing is prepared, and a % in a text is a %.
            return self.connection.execute(sql.encode()).fetchall()
        except psycopg.errors.QueryCanceled:
            raise limit.exceeded() from None

    def walk(self, sql: str) -> Iterator[Sequence[Row]]:
        self.connection.execute("SET LOCAL statement_timeout = 0")
        with self.connection.cursor(name=f"walk_{secrets.token_hex(4)}") as cursor:
            cursor.execute(sql.encode())
            while rows := cursor.fetchmany(ROWS_PER_STEP):
                yield rows
