"""Where users lie in ClickHouse: clients, the table that counts, tables that are somebody else's.

Every load writes a table `users_<number>` of its own, with what is to be known about it in the table's comment; the highest
number counts, and giving a table that name is the one step by which a load begins to count. `ledger_<number>_…` is everyone who was
ever loaded, with the split group that is theirs for good. Tables whose comment does not say that they are these are
somebody else's, whatever their names. With `?users=table` nothing is loaded or written: a table
that others keep, a Distributed one over shards above all, is asked as it is.
"""

# ruff: noqa: S608 - names in this SQL are quoted identifiers; values are our own or quoted literals

from __future__ import annotations

import math
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote

from django.conf import settings
from sqlglot import exp, parse_one

from audience.compiling import VERSION_KEY_SUFFIX
from audience.dialects import LIST_SET_SUFFIX
from audience.specs import SPLIT_GROUPS, Catalogue, FilterType
from audience.warehouse.base import WarehouseQueryFailed, WarehouseUnavailable
from audience.warehouse.sql_engine import Row, UsersMoved, UserTable
from audience.warehouse.table_marks import known_from
from audience.warehouse.time_limits import TimeLimit

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

EMPTY_VERSION: Final = "empty"
CONNECT_SECONDS: Final = 10
DAY_SECONDS: Final = 86_400
ANSWER_SECONDS: Final = 30
UNKNOWN_TABLE, TIMEOUT_EXCEEDED, TOO_SLOW = 60, 159, 160
# Long lists of values and many tests make long queries; ClickHouse's own limits guard servers that strangers query.
LIMITS: Final[Mapping[str, int]] = {
    "max_query_size": 100_000_000,
    "max_ast_elements": 10_000_000,
    "max_expanded_ast_elements": 10_000_000,
    "max_ast_depth": 10_000,
    "max_parser_depth": 10_000,
    "transform_null_in": 0,
}
_TLS_OPTIONS: Final = ("ca_cert", "client_cert", "client_cert_key", "server_host_name")


@dataclass(frozen=True, slots=True)
class Address:
    """A `clickhouse://` URL taken apart."""

    host: str
    port: int | None
    user: str
    password: str = field(repr=False)
    database: str = "default"
    secure: bool = False
    users: str = ""
    marker: str = ""
    tls: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: SplitResult) -> Address:
        query = dict(parse_qsl(parts.query))
        try:
            port = parts.port
        except ValueError:
            raise WarehouseUnavailable("the port in WAREHOUSE_URL must be a number") from None
        return cls(
            host=parts.hostname or "localhost",
            port=port,
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.removeprefix("/")) or "default",
            secure=parts.scheme == "clickhouses",
            users=query.get("users", ""),
            marker=query.get("version", ""),
            tls={name: query[name] for name in _TLS_OPTIONS if name in query},
        )

    def connect_for_questions(self) -> Client:
        """The server stops a question that takes too long; a server that does not even do that is given up soon after."""
        return self.connect(settings.WAREHOUSE_TIME_LIMIT + ANSWER_SECONDS)

    def connect(self, silence: float = DAY_SECONDS) -> Client:
        """`silence` is how many seconds the server may take to answer: steps of a load take the time they take."""
        import clickhouse_connect  # noqa: PLC0415 - nothing of an engine is imported before it is used

        return clickhouse_connect.get_client(
            host=self.host,
            port=self.port or 0,
            username=self.user,
            password=self.password,
            database=self.database,
            secure=self.secure,
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=math.ceil(silence),
            # Without a session, queries of several threads run side by side.
            autogenerate_session_id=False,
            # The driver's shared pool would have a child of a fork write into its parent's sockets.
            dedicated_pool=True,
            client_name="usersplit",
            **self.tls,
        )


def quoted(*names: str) -> str:
    """A name as an identifier in SQL."""
    return ".".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names)


def literal(text: str) -> str:
    """A text as a string in SQL."""
    written: str = exp.Literal.string(text).sql(dialect="clickhouse")
    return written


def users_table(number: int) -> str:
    return f"users_{number:08d}"


def ledger_table(number: int, load: str) -> str:
    return f"ledger_{number:08d}_{load}"


def _is_name_of(known: Mapping[str, Any], name: str) -> bool:
    load, number = str(known.get("load")), known.get("number")
    if name.startswith("staging_"):
        return re.fullmatch(rf"staging_{re.escape(load)}_(rows|own_[0-9]+|users_[0-9]+)", name) is not None
    return isinstance(number, int) and name in (users_table(number), ledger_table(number, load))


class ClickHouseStore:
    """One address, one client per process for questions. Walks and loads have clients of their own."""

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        connect_for_questions: Callable[[], Client] | None = None,
        users: str = "",
        marker: str = "",
        password: str = "",
    ) -> None:
        self.connect = connect
        self.connect_for_questions = connect_for_questions or connect
        self.users = users
        self.marker = marker
        self.password = password
        self._lock = threading.Lock()
        self._client: tuple[int, Client] | None = None

    def client(self) -> Client:
        """This process's. One from before a fork is left to the parent."""
        with self._lock:
            if self._client is None or self._client[0] != os.getpid():
                self._client = (os.getpid(), self._connected(self.connect_for_questions))
            return self._client[1]

    def new_client(self) -> Client:
        """For what may take long; whoever asks for it closes it."""
        return self._connected(self.connect)

    def _connected(self, connect: Callable[[], Client]) -> Client:
        from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415

        try:
            return connect()
        except (ClickHouseError, OSError) as error:
            raise WarehouseUnavailable(
                f"the warehouse cannot be reached: {self.scrubbed(str(error))}"
            ) from None

    def rows(self, sql: str, limit: TimeLimit | None = None) -> Sequence[Row]:
        """All rows of a query that returns few."""
        from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415

        client = self.client()
        limit = limit or TimeLimit()
        limit.check()
        try:
            rows: Sequence[Row] = client.query(
                sql, settings={**LIMITS, "max_execution_time": limit.left()}
            ).result_rows
        except ClickHouseError as error:
            if getattr(error, "code", None) in (TIMEOUT_EXCEEDED, TOO_SLOW) or not limit.left():
                raise limit.exceeded() from None
            raise self.failure(error) from None
        return rows

    def failure(self, error: Exception) -> WarehouseQueryFailed:
        kind = UsersMoved if getattr(error, "code", None) == UNKNOWN_TABLE else WarehouseQueryFailed
        return kind(f"the warehouse could not carry this out: {self.scrubbed(str(error))}")

    def scrubbed(self, text: str) -> str:
        """What a driver says, in one line, without the password."""
        line = text.strip().splitlines()[0] if text.strip() else "no reason was given"
        return line.replace(self.password, "***") if self.password else line

    # ---- the table that counts -------------------------------------------------------------------------------

    def table(self, catalogue: Callable[[], Catalogue]) -> UserTable:
        if self.users:
            return self._foreign_table(catalogue)
        found = self.generations()
        if not found:
            # Before the first load every column that the catalogue names is there, with nobody in it.
            named = {spec.column: spec.type for spec in catalogue().values() if spec.column}
            return UserTable(EMPTY_VERSION, None, 0, named)
        name, known = found[0]
        return UserTable(known["version"], exp.table_(name, quoted=True), known["users"], known["columns"])

    def generations(self) -> list[tuple[str, dict[str, Any]]]:
        """The users' tables, the one that counts first, with what their comments know:
        version, number, users, columns, ledger."""
        found = [(name, known) for name, known in self.own_tables() if name.startswith("users_")]
        return sorted(found, key=lambda table: table[1]["number"], reverse=True)

    def own_tables(self) -> list[tuple[str, dict[str, Any]]]:
        """Everything that loads have written and not dropped yet, with what the comments know."""
        rows = self.rows(
            "SELECT name, comment FROM system.tables WHERE database = currentDatabase()"
            " AND match(name, '^(staging|users|ledger)_[0-9a-f]{8}')"
        )
        tables = ((name, known_from(comment)) for name, comment in rows)
        # Somebody's copy of one of our tables carries our comment as well, but not the name that it tells.
        return [(name, known) for name, known in tables if known is not None and _is_name_of(known, name)]

    # ---- somebody else's table -------------------------------------------------------------------------------

    def _foreign_table(self, catalogue: Callable[[], Catalogue]) -> UserTable:
        database, _, name = self.users.rpartition(".")
        where = literal(database) if database else "currentDatabase()"
        there = {
            column: _plain(kind)
            for column, kind in self.rows(
                f"SELECT name, type FROM system.columns WHERE database = {where} AND table = {literal(name)}"
            )
        }
        if "id" not in there or "split_group" not in there:
            raise WarehouseUnavailable(
                f"{self.users} must be a table or a view with the columns id and split_group"
            )
        columns = {
            spec.column: spec.type
            for spec in catalogue().values()
            if spec.column in there
            and _normal(spec.column, spec.type, there[spec.column]) is not None
            and (spec.type != "version" or spec.column + VERSION_KEY_SUFFIX in there)
        }
        group = _split_group(there["split_group"])
        selected = ['toString("id") AS "id"', f'{group} AS "split_group"']
        for column, kind in columns.items():
            selected.append(f"{_normal(column, kind, there[column])} AS {quoted(column)}")
            if kind == "version":
                key = quoted(column + VERSION_KEY_SUFFIX)
                selected.append(f"toString({key}) AS {key}")
            if kind == "list":
                selected.append(f"1 AS {quoted(column + LIST_SET_SUFFIX)}")
        source = parse_one(
            f"SELECT {', '.join(selected)} FROM {quoted(*self.users.split('.'))}"
            f" WHERE {group} BETWEEN 1 AND {SPLIT_GROUPS}",
            dialect="clickhouse",
        )
        assert isinstance(source, exp.Select)
        return UserTable(self._marker(), source.subquery("theirs"), None, columns)

    def _marker(self) -> str:
        """Whatever the one cell of `?version=table` says; without it only people know when to count again."""
        if not self.marker:
            return "theirs"
        rows = self.rows(f"SELECT * FROM {quoted(*self.marker.split('.'))} LIMIT 1")
        return f"theirs:{rows[0][0]}" if rows else "theirs"


def _plain(sql_type: str) -> str:
    """A type without what does not change which values it has."""
    return re.sub(
        r"\b(?:Nullable|LowCardinality)\((.*)\)", r"\1", re.sub(r"\bLowCardinality\((.*)\)", r"\1", sql_type)
    )


def _split_group(sql_type: str) -> str:
    """Somebody else's split group, in a type that wraps nothing into 1 to 2400; 0 or missing where it is no whole number.

    In a WHERE the name means the column to some servers and the alias to others: both give the same.
    """
    if re.fullmatch(r"U?Int(8|16|32|64)", sql_type):
        return 'toInt64("split_group")'
    number = 'toFloat64OrZero(toString("split_group"))'
    return f"CASE WHEN {number} BETWEEN 1 AND {SPLIT_GROUPS} AND {number} = floor({number}) THEN toInt64({number}) ELSE 0 END"


def _normal(name: str, kind: FilterType, sql_type: str) -> str | None:
    """Somebody else's column as ours would be, as SQL; None where its type holds no such values."""
    column = quoted(name)
    base = sql_type.partition("(")[0]
    if kind == "boolean":
        return column if base in ("Bool", "UInt8") else None
    if kind in ("integer", "number") and re.fullmatch(r"U?Int(8|16|32|64)", base):
        if kind == "number":
            return f"toFloat64({column})"
        # What does not fit into 64 bits with a sign is missing rather than negative.
        return (
            f"CASE WHEN {column} <= 9223372036854775807 THEN toInt64({column}) END"
            if base == "UInt64"
            else f"toInt64({column})"
        )
    if kind == "number" and base in ("Float32", "Float64", "Decimal"):
        return f"CASE WHEN isFinite(toFloat64({column})) THEN toFloat64({column}) END"
    if kind in ("string", "version") and base in ("String", "FixedString", "UUID", "Enum8", "Enum16"):
        return f"toString({column})"
    if kind == "date" and base in ("Date", "Date32", "DateTime", "DateTime64"):
        return f"toDateTime64({column}, 6, 'UTC')"
    return column if kind == "list" and sql_type == "Array(String)" else None
