"""Where users lie in PostgreSQL: connections, the row that says which table counts, tables that are somebody else's.

In the schema (`usersplit`, or `?schema=`) lie `current` (one row: version, table, users, columns), `ledger` (everyone who
was ever loaded, with the split group that is theirs for good) and one table of users per load, of which the last two are kept.
Their comments say that they are ours; whatever else lies in the schema is somebody else's.
With `?users=schema.table` nothing is loaded or written: a table or a view that others keep is asked as it is.
"""

# ruff: noqa: S608 - the names in this SQL are quoted identifiers, values are parameters

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote

from sqlglot import exp, parse_one

from audience.compiling import VERSION_KEY_SUFFIX
from audience.specs import SPLIT_GROUPS, Catalogue, FilterType
from audience.warehouse.base import WarehouseQueryFailed, WarehouseUnavailable
from audience.warehouse.sql_engine import UsersMoved, UserTable
from audience.warehouse.table_marks import known_from

if TYPE_CHECKING:
    import psycopg

DEFAULT_SCHEMA: Final = "usersplit"
EMPTY_VERSION: Final = "empty"
CONNECT_SECONDS: Final = 10
_INTEGERS: Final = ("smallint", "integer", "bigint")
_FITS: Final[Mapping[str, frozenset[FilterType]]] = {
    "boolean": frozenset({"boolean"}),
    **dict.fromkeys(_INTEGERS, frozenset[FilterType]({"integer", "number"})),
    **dict.fromkeys(("real", "double precision", "numeric"), frozenset[FilterType]({"number"})),
    **dict.fromkeys(
        ("text", "character varying", "character", "citext", "uuid"),
        frozenset[FilterType]({"string", "version"}),
    ),
    **dict.fromkeys(
        ("date", "timestamp without time zone", "timestamp with time zone"), frozenset[FilterType]({"date"})
    ),
    **dict.fromkeys(("text[]", "character varying[]"), frozenset[FilterType]({"list"})),
}


@dataclass(frozen=True, slots=True)
class Address:
    """A `postgresql://` URL taken apart. `options` go to libpq as they are."""

    options: Mapping[str, str]
    password: str = field(repr=False)
    schema: str = DEFAULT_SCHEMA
    users: tuple[str, ...] = ()
    marker: tuple[str, ...] = ()

    @classmethod
    def of(cls, parts: SplitResult) -> Address:
        query = dict(parse_qsl(parts.query))
        try:
            port = parts.port
        except ValueError:
            raise WarehouseUnavailable("the port in WAREHOUSE_URL must be a number") from None
        given = {
            "host": parts.hostname and unquote(parts.hostname),
            "port": port and str(port),
            "user": parts.username and unquote(parts.username),
            "dbname": unquote(parts.path.removeprefix("/")),
        }
        schema = query.pop("schema", DEFAULT_SCHEMA)
        users, marker = _name(query.pop("users", "")), _name(query.pop("version", ""))
        password = query.pop("password", unquote(parts.password or ""))
        options = {name: value for name, value in given.items() if value}
        return cls({**options, **query}, password, schema, users, marker)

    def conninfo(self) -> str:
        """What libpq takes, the password included."""
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415

        options: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "application_name": "usersplit"}
        secret = {"password": self.password} if self.password else {}
        return make_conninfo("", **{**options, **self.options, **secret})

    def scrubbed(self, text: str) -> str:
        """What a driver says, in one line, without the password."""
        line = text.strip().splitlines()[0] if text.strip() else "no reason was given"
        return line.replace(self.password, "***") if self.password else line


def _name(dotted: str) -> tuple[str, ...]:
    return tuple(part for part in dotted.split(".") if part)


def _is_mark_of(name: str, comment: str | None) -> bool:
    """A table of ours that somebody renamed to keep it is theirs."""
    return (known_from(comment) or {}).get("table") == name


def quoted(*names: str) -> str:
    """A name as an identifier in SQL."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


class PostgreSQLStore:
    """One address. Every question has a connection of its own: safe in any thread and after a fork."""

    def __init__(self, address: Address) -> None:
        self.address = address

    @contextmanager
    def connection(self, *, reading: bool) -> Iterator[psycopg.Connection[Any]]:
        """One transaction; a reading one sees one state of the users from its first statement to its last."""
        import psycopg  # noqa: PLC0415 - nothing of an engine is imported before it is used

        try:
            connection = psycopg.connect(self.address.conninfo())
        except (psycopg.Error, UnicodeError) as error:
            raise WarehouseUnavailable(
                f"the warehouse cannot be reached: {self.address.scrubbed(str(error))}"
            ) from None
        try:
            with connection:
                connection.execute("SET TIME ZONE 'UTC'")
                # Questions set their own limit; walks and loads take the time they take.
                connection.execute("SET LOCAL statement_timeout = 0")
                connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                if reading:
                    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    connection.execute("SET extra_float_digits = 3")
                yield connection
        except psycopg.Error as error:
            raise self.query_failed(error) from None

    def query_failed(self, error: psycopg.Error) -> WarehouseQueryFailed:
        # 42P01: undefined table.
        kind = UsersMoved if error.sqlstate == "42P01" and not self.address.users else WarehouseQueryFailed
        return kind(f"the warehouse could not carry this out: {self.address.scrubbed(str(error))}")

    # ---- the table that counts -------------------------------------------------------------------------------

    def table(self, connection: psycopg.Connection[Any], catalogue: Callable[[], Catalogue]) -> UserTable:
        if self.address.users:
            return self._foreign_table(connection, catalogue)
        row = self.current(connection)
        if row is None:
            # Before the first load every column that the catalogue names is there, with nobody in it.
            named = {spec.column: spec.type for spec in catalogue().values() if spec.column}
            return UserTable(EMPTY_VERSION, None, 0, named)
        version, _, name, users, columns = row
        return UserTable(version, exp.table_(name, db=self.address.schema, quoted=True), users, columns)

    def current(
        self, connection: psycopg.Connection[Any]
    ) -> tuple[str, int, str, int, dict[str, FilterType]] | None:
        """Version, number, table, users and columns; None before the first load."""
        name = quoted(self.address.schema, "current")
        found = connection.execute(
            "SELECT obj_description(place, 'pg_class') FROM to_regclass(%s) AS place WHERE place IS NOT NULL",
            [name],
        ).fetchone()
        if found is None:
            return None
        if not _is_mark_of("current", found[0]):
            raise WarehouseUnavailable(self.not_ours(["current"]))
        return connection.execute(
            f"SELECT version, number, users_table, users, columns FROM {name}"
        ).fetchone()

    def relations(self, connection: psycopg.Connection[Any]) -> dict[str, bool]:
        """Whatever in the schema has a name that a load may give, and whether a load has made it."""
        found = connection.execute(
            "SELECT relname, obj_description(pg_class.oid, 'pg_class') FROM pg_class"
            " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
            " WHERE nspname = %s AND relname ~ '^(current|ledger|users_[0-9]{6,})$' ORDER BY relname",
            [self.address.schema],
        )
        return {name: _is_mark_of(name, comment) for name, comment in found.fetchall()}

    def not_ours(self, names: Sequence[str]) -> str:
        return (
            f"the schema {self.address.schema} holds {', '.join(names)}, which UserSplit has not made; "
            "nothing was changed: give UserSplit a schema of its own (?schema= in WAREHOUSE_URL)"
        )

    # ---- somebody else's table -------------------------------------------------------------------------------

    def _foreign_table(
        self, connection: psycopg.Connection[Any], catalogue: Callable[[], Catalogue]
    ) -> UserTable:
        there = dict(
            connection.execute(
                "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
                " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
                [quoted(*self.address.users)],
            ).fetchall()
        )
        if "id" not in there or "split_group" not in there:
            raise WarehouseUnavailable(
                f"{'.'.join(self.address.users)} must be a table or a view with the columns id and split_group"
            )
        columns = {
            spec.column: spec.type
            for spec in catalogue().values()
            if spec.column in there
            and spec.type in _FITS.get(there[spec.column], ())
            and (spec.type != "version" or spec.column + VERSION_KEY_SUFFIX in there)
        }
        group = _split_group(there["split_group"])
        selected = [
            exp.alias_(_text("id"), "id"),
            exp.alias_(group, "split_group", quoted=True),
        ]
        for name, kind in columns.items():
            selected.append(exp.alias_(_normal(name, kind, there[name]), name, quoted=True))
            if kind == "version":
                key = name + VERSION_KEY_SUFFIX
                selected.append(exp.alias_(_text(key), key, quoted=True))
        source = (
            exp.select(*selected)
            .from_(exp.to_table(quoted(*self.address.users), dialect="postgres"))
            .where(group.copy().between(1, SPLIT_GROUPS))
            .subquery("theirs")
        )
        return UserTable(self._marker(connection), source, None, columns)

    def _marker(self, connection: psycopg.Connection[Any]) -> str:
        """Whatever the one cell of `?version=schema.table` says; without it only people know when to count again."""
        if not self.address.marker:
            return "theirs"
        row = connection.execute(f"SELECT * FROM {quoted(*self.address.marker)} LIMIT 1").fetchone()
        return f"theirs:{row[0]}" if row else "theirs"


def _text(name: str) -> exp.Expr:
    """Compared byte by byte, whatever the type and the collation of somebody else's column."""
    text = exp.cast(exp.column(name, quoted=True), exp.DType.TEXT)
    return exp.Collate(this=text, expression=exp.to_identifier("C", quoted=True))


def _split_group(sql_type: str) -> exp.Expr:
    """Somebody else's split group; missing where it is no whole number from 1 to 2400 (of integers, the column alone says)."""
    column = exp.column("split_group", quoted=True)
    if sql_type in _INTEGERS:
        # As it is: a cast would hide the key of its partitions.
        return column
    if sql_type in ("real", "double precision", "numeric"):
        is_group = f'"split_group" BETWEEN 1 AND {SPLIT_GROUPS} AND "split_group" = FLOOR("split_group")'
        return parse_one(f'CASE WHEN {is_group} THEN CAST("split_group" AS SMALLINT) END', dialect="postgres")
    # Only what passes the pattern reaches the cast.
    looks_so = exp.RegexpLike(this=_text("split_group"), expression=exp.Literal.string("^[1-9][0-9]{0,3}$"))
    return exp.Case(ifs=[exp.If(this=looks_so, true=exp.cast(_text("split_group"), exp.DType.SMALLINT))])


def _normal(name: str, kind: FilterType, sql_type: str) -> exp.Expr:
    """Somebody else's column as ours would be: no NaN or infinity, moments in UTC without a zone, texts by their bytes."""
    column = exp.column(name, quoted=True)
    if kind in ("string", "version"):
        return _text(name)
    if kind == "integer":
        return exp.cast(column, exp.DType.BIGINT)
    if kind == "number":
        number = exp.cast(column, exp.DType.DOUBLE)
        limits = [
            exp.cast(exp.Literal.string(text), exp.DType.DOUBLE) for text in ("NaN", "Infinity", "-Infinity")
        ]
        return exp.Case(
            ifs=[exp.If(this=exp.In(this=number, expressions=limits), true=exp.null())], default=number.copy()
        )
    if kind == "date":
        moment: exp.Expr = (
            exp.AtTimeZone(this=column, zone=exp.Literal.string("UTC"))
            if sql_type == "timestamp with time zone"
            else exp.cast(column, exp.DType.TIMESTAMP)
        )
        finite = exp.Anonymous(this="ISFINITE", expressions=[column.copy()])
        return exp.Case(ifs=[exp.If(this=finite, true=moment)])
    if kind == "list":
        return exp.cast(column, exp.DataType.build("text[]", dialect="postgres"))
    return column
