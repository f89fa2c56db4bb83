"""The answer of a query against a PostgreSQL database, as a source of users: read block by block, in constant memory.

The session may only read, sees one snapshot from the first look at the columns to the last row, and runs in UTC.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from audience.casting import shown
from audience.source_watermarks import KIND_OF_TYPE, Mark, Moving
from audience.sources import Block
from core.errors import FieldError, InvalidInput

CONNECT_SECONDS: Final = 10
_URL: Final = re.compile(r"postgres(ql)?://", re.ASCII)
_MOMENTS: Final = frozenset({1082, 1114, 1184})
_PORTS: Final = re.compile(r"[0-9,]*", re.ASCII)
# bool, int2, int4, int8, float4, float8, numeric, text, varchar, char(n), name, date, timestamp, timestamptz, text[], varchar[]
_AS_THEY_ARE: Final = frozenset(
    {16, 21, 23, 20, 700, 701, 1700, 25, 1043, 1042, 19, 1082, 1114, 1184, 1009, 1015}
)


class UnreadableSource(InvalidInput):
    """The database or the query as a whole cannot be read. Paths are `database`, `query` and `changed-at`."""

    code = "unreadable_source"
    title = "This source cannot be read"

    def __init__(self, path: str, message: str) -> None:
        super().__init__([FieldError(path, message)])


def address_in(variable: str) -> str:
    """The database's address that an environment variable holds. No message ever shows what it holds."""
    address = os.environ.get(variable, "")
    if not address:
        raise UnreadableSource("database", f"the environment variable {variable} is not set in this process")
    return address


class PostgreSQLSource:
    """Open from the constructor on. `read_from()` limits the rows, before the first block is read.

    `changed_at` names a column of the answer that says when a row was changed last: a timestamp, a date or a growing number.
    """

    called = "query"
    no_rows = "has no row in its answer"

    def __init__(self, address: str, query: str, *, changed_at: str = "") -> None:
        self.query = query.strip().rstrip(";").rstrip()
        if not self.query:
            raise UnreadableSource("query", "is empty")
        self.moving: Moving | None = None
        self.condition: sql.Composable = sql.SQL("")
        self.read = 0
        self.connection = _connect(address)
        try:
            self.describe(changed_at)
        except psycopg.Error as error:
            self.connection.close()
            raise UnreadableSource("query", f"cannot be answered: {_words(error)}") from error
        except BaseException:
            self.connection.close()
            raise

    def describe(self, changed_at: str) -> None:
        self.connection.execute("SET LOCAL timezone TO 'UTC'")
        self.connection.execute("SET LOCAL datestyle TO 'ISO'")
        # Asked for in binary it goes by the protocol that takes one statement only: a query that ends the read-only transaction
        # and goes on with something else is refused here.
        cursor = self.connection.execute(self.select(sql.SQL("*"), sql.SQL("LIMIT 0")), binary=True)
        described = cursor.description or []
        self.columns: Sequence[str] = [column.name for column in described]
        self.types = [column.type_code for column in described]
        if not changed_at:
            return
        if self.columns.count(changed_at) != 1:
            raise UnreadableSource("changed-at", f"the answer has no column {shown(changed_at)}")
        self.moving_position = self.columns.index(changed_at)
        kind = KIND_OF_TYPE.get(self.types[self.moving_position])
        if kind is None:
            raise UnreadableSource(
                "changed-at",
                f"the column {changed_at} must be a timestamp, a date or a whole number, so that what is newer is greater",
            )
        row = self.connection.execute("SELECT now()").fetchone()
        self.moving = Moving(kind, now=row[0] if row else None)

    def read_from(self, mark: Mark) -> None:
        """Only rows from this mark on, and those whose changed-at is null: they say nothing about when they changed."""
        if self.moving is None:
            raise ValueError("a source without a changed-at column is read as a whole")
        column = sql.Identifier(self.columns[self.moving_position])
        start = sql.Literal(self.moving.text(mark))
        kind = sql.SQL(self.moving.kind)
        self.condition = sql.SQL("WHERE {column} >= CAST({start} AS {kind}) OR {column} IS NULL").format(
            column=column, start=start, kind=kind
        )
        self.no_rows = ""

    def select(self, columns: sql.Composable, rest: sql.Composable) -> sql.Composed:
        # The line end keeps a comment at the query's end from swallowing the bracket.
        return sql.SQL("SELECT {} FROM ({}\n) AS answer {}").format(
            columns,
            sql.SQL(self.query),
            rest,
        )

    def blocks(self, size: int) -> Iterator[Block]:
        columns = sql.SQL(", ").join(
            sql.SQL(_readable(kind)).format(column=sql.Identifier(name))
            for name, kind in zip(self.columns, self.types, strict=True)
        )
        try:
            with self.connection.cursor(name="users", binary=True) as cursor:
                cursor.execute(self.select(columns, self.condition))
                while rows := cursor.fetchmany(size):
                    first = self.read + 1
                    self.read += len(rows)
                    cells = list(zip(*rows, strict=True))
                    if self.moving is not None:
                        self.moving.saw(cells[self.moving_position])
                    yield Block(range(first, first + len(rows)), cells)
        except psycopg.Error as error:
            raise UnreadableSource("query", f"broke off after row {self.read:,}: {_words(error)}") from error
        # The merge takes a while; the other database need not keep its snapshot for it.
        self.connection.close()

    def done(self) -> None:
        """Nobody knows how many rows an answer will have."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()


def database_of(address: str) -> list[str]:
    """Which database an address leads to, without who asks: server, port and name."""
    parts = _parts(address)
    return [str(parts.get(part, "")) for part in ("service", "host", "hostaddr", "port", "dbname")]


def _readable(kind: int) -> str:
    if kind in _MOMENTS:  # Python has no infinite dates
        return "CASE WHEN isfinite({column}) THEN {column} END"
    return "{column}" if kind in _AS_THEY_ARE else "CAST({column} AS text)"


def _parts(address: str) -> dict[str, Any]:
    if not _URL.match(address):
        raise UnreadableSource("database", "must be an address like postgresql://user:password@host/database")
    try:
        parts = psycopg.conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        # Its words would quote the address, and with it the password.
        raise UnreadableSource("database", "is not a valid PostgreSQL address") from None
    # A password that is not written for an address ends up in these, and from there in words about the connection.
    elsewhere = "@" in str(parts.get("host", "")) + str(parts.get("dbname", ""))
    if elsewhere or not _PORTS.fullmatch(str(parts.get("port", ""))):
        raise UnreadableSource(
            "database",
            "is not a valid PostgreSQL address: in a user name or password write @ as %40, : as %3A, / as %2F, ? as %3F",
        )
    return parts


def _connect(address: str) -> psycopg.Connection:
    parts = _parts(address)
    try:
        connection = psycopg.connect(
            **{"connect_timeout": CONNECT_SECONDS, "application_name": "UserSplit users", **parts}
        )
    except psycopg.Error as error:
        raise UnreadableSource("database", f"cannot be reached: {_words(error)}") from error
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


def _words(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error).strip() or type(error).__name__).splitlines()[0]
