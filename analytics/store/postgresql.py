"""Hits and events in PostgreSQL: two tables in the warehouse's schema; a part is deleted and copied anew in one transaction."""

# ruff: noqa: S608 - the names in this SQL are quoted identifiers, values are parameters

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult

from sqlglot import exp

from analytics.models import Stream
from analytics.store.base import StoreError, WrittenFile, as_store_errors
from analytics.store.questions import Questions
from analytics.store.shapes import SHAPES
from analytics.store.sql_store import Ask, Row, SqlItemStore
from audience.warehouse.postgresql_store import Address, PostgreSQLStore, quoted
from audience.warehouse.table_marks import known_from, marked
from audience.warehouse.time_limits import TimeLimit

if TYPE_CHECKING:
    import duckdb
    import psycopg

TABLES: Final[Mapping[str, str]] = {Stream.HITS: "usersplit_hits", Stream.EVENTS: "usersplit_events"}
ROWS_PER_STEP: Final = 5_000
_TYPES: Final[Mapping[str, str]] = {
    "BIGINT": "bigint NOT NULL",
    "INTEGER": "integer NOT NULL",
    "SMALLINT": "smallint NOT NULL",
    "VARCHAR": 'text COLLATE "C" NOT NULL',
    "TIMESTAMP": "timestamp NOT NULL",
    "BOOLEAN": "boolean NOT NULL",
    "DOUBLE": "double precision",
}
_INDEXES: Final[Mapping[str, Mapping[str, str]]] = {
    Stream.HITS: {
        "part": "(part)",
        "group": '(group_id, "time")',
        "visitor": '(visitor, "time")',
        "device": "(device) WHERE device <> ''",
        "time": 'USING brin ("time")',
    },
    Stream.EVENTS: {"part": "(part)", "visitor": '(visitor, "time")', "time": 'USING brin ("time")'},
}


class PostgreSQLItemStore(SqlItemStore):
    """See `base.ItemStore` for what the methods answer. Items count as soon as they are written."""

    def __init__(self, parts: SplitResult) -> None:
        with as_store_errors():
            self.store = PostgreSQLStore(Address.of(parts))
        schema = self.store.address.schema
        self.questions = Questions(
            "postgres",
            {stream: exp.table_(name, db=schema, quoted=True) for stream, name in TABLES.items()},
        )

    def write(
        self, stream: str, part: int, connection: duckdb.DuckDBPyConnection, table: str
    ) -> list[WrittenFile]:
        columns = SHAPES[stream].columns
        names = ", ".join(quoted(name) for name in ["part", *columns])
        sent = connection.execute(SHAPES[stream].select(table))
        with self.writing() as there:
            self.make_tables(there)
            # A writer of the same part that is not quite dead has ended, or has not begun, when this is passed.
            there.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"usersplit {stream} {part}"]
            )
            there.execute(f"DELETE FROM {self.table(stream)} WHERE part = %s", [part])
            with there.cursor().copy(f"COPY {self.table(stream)} ({names}) FROM STDIN") as copy:
                while rows := sent.fetchmany(ROWS_PER_STEP):
                    for row in rows:
                        copy.write_row((part, *row))
        return []

    def compact(self, before: dt.date | None) -> int:
        """PostgreSQL sees to that itself."""
        return 0

    def prune(self, before: dt.date) -> int:
        days = 0
        with self.writing() as there:
            self.make_tables(there)
            for stream in Stream:
                found = there.execute(
                    f'WITH gone AS (DELETE FROM {self.table(stream)} WHERE "time" < %s RETURNING "time"::date AS day)'
                    " SELECT count(DISTINCT day) FROM gone",
                    [before],
                ).fetchone()
                days += found[0] if found else 0
        return days

    # ---- the tables ------------------------------------------------------------------------------------------

    def table(self, stream: str) -> str:
        return quoted(self.store.address.schema, TABLES[stream])

    def make_tables(self, there: psycopg.Connection[Any]) -> None:
        """Where they are not there yet. Raises StoreError where somebody else's have the names."""
        missing = [stream for stream in Stream if not self.is_there(there, stream)]
        if not missing:
            return
        schema = self.store.address.schema
        there.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"usersplit items {schema}"])
        there.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        for stream in missing:
            if self.is_there(there, stream):
                continue
            columns = ", ".join(
                f"{quoted(name)} {_TYPES[kind]}" for name, (kind, _) in SHAPES[stream].columns.items()
            )
            there.execute(f"CREATE TABLE {self.table(stream)} (part bigint NOT NULL, {columns})")
            for name, of_what in _INDEXES[stream].items():
                index = quoted(f"{TABLES[stream]}_{name}")
                on = of_what if of_what.startswith("USING") else f"USING btree {of_what}"
                there.execute(f"CREATE INDEX {index} ON {self.table(stream)} {on}")
            comment = marked(table=TABLES[stream]).replace("'", "''")
            there.execute(f"COMMENT ON TABLE {self.table(stream)} IS '{comment}'")

    def is_there(self, there: psycopg.Connection[Any], stream: str) -> bool:
        found = there.execute(
            "SELECT obj_description(place, 'pg_class') FROM to_regclass(%s) AS place WHERE place IS NOT NULL",
            [self.table(stream)],
        ).fetchone()
        if found is None:
            return False
        if (known_from(found[0]) or {}).get("table") != TABLES[stream]:
            raise StoreError(
                f"the schema {self.store.address.schema} holds {TABLES[stream]}, which UserSplit has not made;"
                " nothing was changed: rename that table, or give UserSplit a schema of its own (?schema= in WAREHOUSE_URL)"
            )
        return True

    # ---- connections -----------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[psycopg.Connection[Any]]:
        """One transaction."""
        with as_store_errors(), self.store.connection(reading=False) as connection:
            yield connection

    @contextmanager
    def asking(
        self, streams: Collection[Stream], since: dt.datetime | None, until: dt.datetime | None
    ) -> Iterator[Ask]:
        import psycopg  # noqa: PLC0415 - nothing of an engine is imported before it is used

        limit = TimeLimit()
        with as_store_errors(), self.store.connection(reading=True) as connection:
            nothing_yet = not all(self.is_there(connection, stream) for stream in streams)

            def ask(sql: str) -> Sequence[Row]:
                if nothing_yet:
                    return []
                limit.check()
                connection.execute(f"SET LOCAL statement_timeout = {max(1, int(limit.left() * 1000))}")
                try:
                    # Without parameters nothing is prepared, and a % in a text is a %.
                    return connection.execute(sql.encode()).fetchall()
                except psycopg.errors.QueryCanceled:
                    raise limit.exceeded() from None

            yield ask
