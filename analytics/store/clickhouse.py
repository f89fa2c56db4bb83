"""Hits and events in ClickHouse: two MergeTree tables, partitioned by day, in the order of what is asked.

There are no transactions: a part is written in one block, so that each of its days is there or not. A part that is written
again is looked for first; what is there of it is deleted. An insert whose sender was killed may go on in the server: it
has a name of its own, and is ended before anybody looks.
"""

# ruff: noqa: S608 - names in this SQL are ours; values are numbers or quoted literals

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import SplitResult

from sqlglot import exp

from analytics.models import Stream
from analytics.store.base import StoreError, WrittenFile, as_store_errors
from analytics.store.questions import Questions
from analytics.store.shapes import SHAPES
from analytics.store.sql_store import Ask, Row, SqlItemStore
from audience.warehouse.clickhouse_store import LIMITS, Address, ClickHouseStore, literal
from audience.warehouse.table_marks import known_from, marked
from audience.warehouse.time_limits import TimeLimit

if TYPE_CHECKING:
    import duckdb
    from clickhouse_connect.driver.client import Client

TABLES: Final[Mapping[str, str]] = {Stream.HITS: "usersplit_hits", Stream.EVENTS: "usersplit_events"}
_TYPES: Final[Mapping[str, str]] = {
    "BIGINT": "Int64",
    "INTEGER": "Int32",
    "SMALLINT": "Int16",
    "VARCHAR": "String",
    "TIMESTAMP": "DateTime64(6, 'UTC')",
    "BOOLEAN": "Bool",
    "DOUBLE": "Nullable(Float64)",
}
_FEW_VALUES: Final = frozenset({"test", "variant", "environment", "event"})
_INDEXES: Final[Mapping[str, Sequence[str]]] = {
    Stream.HITS: ("visitor", "device"),
    Stream.EVENTS: ("visitor",),
}
_SETTINGS: Final = {**LIMITS, "max_execution_time": 0}
# One block, however many rows and days: each partition of a block is written as a whole.
_ONE_BLOCK: Final = {
    "max_insert_block_size": 2_000_000_000,
    "min_insert_block_size_rows": 2_000_000_000,
    "min_insert_block_size_bytes": 0,
    "max_partitions_per_insert_block": 0,
    "async_insert": 0,
}
_TIME: Final = 'toUnixTimestamp64Micro("time")'


class ClickHouseItemStore(SqlItemStore):
    """See `base.ItemStore` for what the methods answer. Items count as soon as they are written."""

    def __init__(self, store: ClickHouseStore) -> None:
        self.store = store
        self.questions = Questions(
            "clickhouse", {stream: exp.table_(name, quoted=True) for stream, name in TABLES.items()}
        )

    @classmethod
    def at(cls, parts: SplitResult) -> Self:
        with as_store_errors():
            address = Address.of(parts)
        return cls(
            ClickHouseStore(
                address.connect,
                connect_for_questions=address.connect_for_questions,
                password=address.password,
            )
        )

    # ---- writing ---------------------------------------------------------------------------------------------

    def write(
        self, stream: str, part: int, connection: duckdb.DuckDBPyConnection, table: str
    ) -> list[WrittenFile]:
        columns = SHAPES[stream].columns
        # The driver's datetimes go through the time zone of the machine; microseconds do not.
        selected = ", ".join(
            f'epoch_us("{name}")' if kind == "TIMESTAMP" else f'"{name}"'
            for name, (kind, _) in columns.items()
        )
        rows = connection.execute(f"SELECT {selected} FROM ({SHAPES[stream].select(table)})").fetchall()
        with self.writing() as client:
            self.make_tables(client)
            if rows:
                data = dict(zip(columns, zip(*rows, strict=True), strict=True))
                self.forget(client, stream, part, min(data["time"]), max(data["time"]))
                self.insert(client, stream, part, data)
        return []

    def forget(self, client: Client, stream: str, part: int, first: int, last: int) -> None:
        """What an earlier attempt has written, or is about to: it had the same items, so the same days."""
        client.command(f"KILL QUERY WHERE Settings['log_comment'] = {literal(_name(stream, part))} SYNC")
        there = f"part = {part:d} AND {_TIME} BETWEEN {first:d} AND {last:d}"
        if client.query(f"SELECT 1 FROM {TABLES[stream]} WHERE {there} LIMIT 1").result_rows:
            client.command(
                f"ALTER TABLE {TABLES[stream]} DELETE WHERE {there}",
                settings={**_SETTINGS, "mutations_sync": 2},
            )

    def insert(self, client: Client, stream: str, part: int, data: Mapping[str, Sequence[Any]]) -> None:
        size = len(data["time"])
        client.insert(
            TABLES[stream],
            [[part] * size, *data.values()],
            column_names=["part", *data],
            column_type_names=["Int64", *_columns(stream).values()],
            column_oriented=True,
            settings={**_SETTINGS, **_ONE_BLOCK, "log_comment": _name(stream, part)},
        )

    def compact(self, before: dt.date | None) -> int:
        """ClickHouse merges by itself."""
        return 0

    def prune(self, before: dt.date) -> int:
        dropped = 0
        with self.writing() as client:
            self.make_tables(client)
            for table in TABLES.values():
                found = client.query(
                    "SELECT DISTINCT partition FROM system.parts WHERE active AND database = currentDatabase()"
                    f" AND table = {literal(table)} AND partition < {literal(before.isoformat())}"
                )
                for (day,) in found.result_rows:
                    client.command(f"ALTER TABLE {table} DROP PARTITION {literal(day)}", settings=_SETTINGS)
                    dropped += 1
        return dropped

    # ---- the tables ------------------------------------------------------------------------------------------

    def make_tables(self, client: Client) -> None:
        """Where they are not there yet. Raises StoreError where somebody else's have the names."""
        there = self.tables_among(client.query(_OURS).result_rows)
        for stream in Stream:
            if TABLES[stream] in there:
                continue
            columns = ", ".join(f'"{name}" {kind}' for name, kind in _columns(stream).items())
            indexes = "".join(
                f", INDEX {name}_bloom {name} TYPE bloom_filter GRANULARITY 1" for name in _INDEXES[stream]
            )
            order = ", ".join(f'"{name}"' for name in SHAPES[stream].order)
            client.command(
                f"CREATE TABLE IF NOT EXISTS {TABLES[stream]} (part Int64, {columns}{indexes})"
                f' ENGINE = MergeTree PARTITION BY toDate("time") ORDER BY ({order})'
                f" COMMENT {literal(marked(table=TABLES[stream]))}"
            )

    def tables_among(self, rows: Sequence[Row]) -> set[str]:
        """Our tables among those of the database; rows are names and comments."""
        for name, comment in rows:
            if (known_from(comment) or {}).get("table") != name:
                raise StoreError(
                    f"the database holds {name}, which UserSplit has not made; nothing was changed: rename that table,"
                    " or give UserSplit a database of its own"
                )
        return {name for name, _ in rows}

    # ---- connections -----------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Client]:
        """A client of its own: inserts take the time they take."""
        from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415

        with as_store_errors():
            client = self.store.new_client()
            try:
                yield client
            except (ClickHouseError, OSError) as error:
                raise StoreError(self.store.failure(error).detail) from None
            finally:
                client.close()

    @contextmanager
    def asking(
        self, streams: Collection[Stream], since: dt.datetime | None, until: dt.datetime | None
    ) -> Iterator[Ask]:
        limit = TimeLimit()
        with as_store_errors():
            there = self.tables_among(self.store.rows(_OURS, limit))
            nothing_yet = not {TABLES[stream] for stream in streams} <= there
            yield lambda sql: [] if nothing_yet else self.store.rows(sql, limit)


_OURS: Final = (
    "SELECT name, comment FROM system.tables WHERE database = currentDatabase()"
    f" AND name IN ({', '.join(map(literal, TABLES.values()))})"
)


def _columns(stream: str) -> dict[str, str]:
    """Without `part`: name → type."""
    return {
        name: f"LowCardinality({_TYPES[kind]})" if name in _FEW_VALUES else _TYPES[kind]
        for name, (kind, _) in SHAPES[stream].columns.items()
    }


def _name(stream: str, part: int) -> str:
    """Of an insert, by which it is found among those that are running."""
    return f"usersplit {stream} {part:d}"
