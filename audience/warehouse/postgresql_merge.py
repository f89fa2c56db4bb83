"""Merging a load into PostgreSQL: one transaction, from the lock to the row that says which table counts.

Staged by COPY, joined with the users of before into a table of its own, sorted by split group. Readers hold on to
the table they began with; whoever comes later finds the new one. A load that is killed leaves nothing at all.
"""

# ruff: noqa: S608 - the names in this SQL are quoted identifiers, values are parameters

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import psycopg
import psycopg.sql

from audience.specs import FilterType
from audience.warehouse.base import DuplicateId, MergeReport, UserBatch, WarehouseQueryFailed
from audience.warehouse.postgresql_store import EMPTY_VERSION, PostgreSQLStore, quoted
from audience.warehouse.sql_merge import DUPLICATES_SHOWN, ColumnPlan, values_of, with_version_keys
from audience.warehouse.table_marks import marked

logger = logging.getLogger(__name__)

_TEXT: Final = 'text COLLATE "C"'
_SQL_TYPES: Final[Mapping[FilterType | None, str]] = {
    "boolean": "boolean",
    "integer": "bigint",
    "number": "double precision",
    "string": _TEXT,
    "date": "timestamp",
    "version": _TEXT,
    "list": "text[]",
    None: _TEXT,
}
_COPY_TYPES: Final = {**_SQL_TYPES, **dict.fromkeys(("string", "version", None), "text")}


def merge_users(
    store: PostgreSQLStore,
    batches: Iterable[UserBatch],
    column_types: Mapping[str, FilterType],
    *,
    replace: bool,
    each_duplicate: Callable[[DuplicateId], None] | None,
) -> MergeReport:
    """See `Warehouse.merge_users`."""
    with store.connection(reading=False) as connection:
        merge = _Merge(store, connection, column_types, replace, each_duplicate)
        report = merge.run(batches)
    clear_litter(store)
    return report


def clear_litter(store: PostgreSQLStore) -> None:
    """Drop the tables of earlier loads but the last two. One that somebody walks still is left for the next load."""
    with store.connection(reading=False) as connection:
        row = store.current(connection)
        wanted = {_users_table(row[1]), _users_table(row[1] - 1)} if row else set()
        for name, is_ours in store.relations(connection).items():
            if is_ours and name.startswith("users_") and name not in wanted:
                _drop(connection, quoted(store.address.schema, name))


def _drop(connection: psycopg.Connection[Any], table: str) -> None:
    """What cannot be dropped now is left for a later load: this one counts already."""
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '500ms'")
            connection.execute(f"DROP TABLE {table}")
    except psycopg.errors.LockNotAvailable:
        logger.info(
            "the users of an earlier load are being walked still; they are dropped after a later load"
        )
    except psycopg.errors.DependentObjectsStillExist as error:
        logger.warning("the users of an earlier load were not dropped: %s", error.diag.message_detail)


def _users_table(number: int) -> str:
    return f"users_{number:06d}"


class _Merge:
    """One load in one transaction. `staged` are its rows; `u` the users of before, `l` the ledger."""

    def __init__(
        self,
        store: PostgreSQLStore,
        connection: psycopg.Connection[Any],
        column_types: Mapping[str, FilterType],
        replace: bool,
        each_duplicate: Callable[[DuplicateId], None] | None,
    ) -> None:
        self.store = store
        self.connection = connection
        self.given = dict(column_types)
        self.replace = replace
        self.each_duplicate = each_duplicate
        self.schema = store.address.schema
        self.ledger = quoted(self.schema, "ledger")
        self.current = quoted(self.schema, "current")

    def run(self, batches: Iterable[UserBatch]) -> MergeReport:
        self.lock()
        row = self.store.current(self.connection)
        version, self.number, self.before, users, columns = row or (EMPTY_VERSION, 0, "", 0, {})
        self.refuse_tables_of_others(_users_table(self.number + 1))
        self.plan = ColumnPlan(columns, self.given, self.replace)
        self.stage(batches)
        duplicate_count, duplicates = self.drop_duplicates()
        added, changed, unchanged, groups_kept = self.compare()
        removed = users - changed - unchanged if self.replace else 0
        if added or changed or removed or self.plan.after != columns:
            users = users + added - removed
            version = self.write(users)
        return MergeReport(
            version=version,
            added=added,
            changed=changed,
            unchanged=unchanged,
            removed=removed,
            duplicate_count=duplicate_count,
            duplicates=duplicates,
            split_groups_kept=groups_kept,
            user_count=users,
        )

    def lock(self) -> None:
        """One load at a time; the server frees the lock of a killed one with its connection."""
        self.connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"usersplit load {self.schema}"]
        )
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.schema)}")
        there = self.store.relations(self.connection)
        # Before the first load nothing tells whether such names are meant for us; afterwards they are in nobody's way.
        self.refuse_tables_of_others("current", "ledger", *([] if there.get("current") else there))
        if "ledger" not in there:
            self.connection.execute(
                f"CREATE TABLE {self.ledger} (id {_TEXT} PRIMARY KEY, split_group smallint NOT NULL)"
            )
            self.mark("ledger")
        if "current" not in there:
            self.connection.execute(
                f"CREATE TABLE {self.current}"
                " (version text, number bigint, users_table text, users bigint, columns jsonb)"
            )
            self.mark("current")

    def refuse_tables_of_others(self, *names: str) -> None:
        """Raises WarehouseQueryFailed where a table that no load has made has one of these names."""
        there = self.store.relations(self.connection)
        taken = sorted({name for name in names if not there.get(name, True)})
        if taken:
            raise WarehouseQueryFailed(self.store.not_ours(taken))

    def mark(self, name: str) -> None:
        comment = psycopg.sql.Literal(marked(table=name)).as_string(self.connection)
        self.connection.execute(f"COMMENT ON TABLE {quoted(self.schema, name)} IS {comment}")

    # ---- staging ---------------------------------------------------------------------------------------------

    def stage(self, batches: Iterable[UserBatch]) -> None:
        physical = with_version_keys(self.given)
        columns = "".join(f", {quoted(name)} {_SQL_TYPES[kind]}" for name, kind in physical.items())
        self.connection.execute(
            f"CREATE TEMPORARY TABLE staged (line bigint, id {_TEXT}, given smallint, drawn smallint{columns}) ON COMMIT DROP"
        )
        types = ["bigint", "text", "smallint", "smallint", *(_COPY_TYPES[kind] for kind in physical.values())]
        with (
            self.connection.cursor() as cursor,
            cursor.copy("COPY staged FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types(types)
            for batch in batches:
                rows = zip(
                    batch.lines,
                    batch.ids,
                    batch.split_groups,
                    batch.drawn.tolist(),
                    *values_of(batch, self.given),
                    strict=True,
                )
                for row in rows:
                    copy.write_row(row)
        self.connection.execute("CREATE INDEX ON staged (id, line)")
        self.connection.execute("ANALYZE staged")

    def drop_duplicates(self) -> tuple[int, tuple[DuplicateId, ...]]:
        """The first row of a user counts: then a file means the same whatever its order of later rows."""
        self.connection.execute(
            "CREATE TEMPORARY TABLE repeated ON COMMIT DROP AS"
            " SELECT id, MIN(line) AS first_line FROM staged GROUP BY id HAVING COUNT(*) > 1"
        )
        later = "FROM staged JOIN repeated USING (id) WHERE line > first_line"
        count = self.numbers(f"SELECT COUNT(*) {later}")[0]
        shown: list[DuplicateId] = []
        if count:
            with self.connection.cursor(name="repeated_rows") as cursor:
                cursor.execute(f"SELECT line, id, first_line {later} ORDER BY line")
                for row in cursor:
                    duplicate = DuplicateId(*row)
                    if len(shown) < DUPLICATES_SHOWN:
                        shown.append(duplicate)
                    elif self.each_duplicate is None:
                        break
                    if self.each_duplicate is not None:
                        self.each_duplicate(duplicate)
        self.connection.execute(
            "DELETE FROM staged USING repeated WHERE staged.id = repeated.id AND staged.line > repeated.first_line"
        )
        return count, tuple(shown)

    # ---- what changes ----------------------------------------------------------------------------------------

    def compare(self) -> tuple[int, int, int, int]:
        """Added, changed and unchanged users, and rows that name another split group than the user's own."""
        differs = (
            " OR ".join(f"{self.old(name)} IS DISTINCT FROM {self.new(name)}" for name in self.plan.compared)
            or "FALSE"
        )
        added, changed, unchanged = self.numbers(
            f"""SELECT COALESCE(SUM(CASE WHEN u.id IS NULL THEN 1 ELSE 0 END), 0),
                       COALESCE(SUM(CASE WHEN u.id IS NOT NULL AND ({differs}) THEN 1 ELSE 0 END), 0),
                       COALESCE(SUM(CASE WHEN u.id IS NOT NULL AND NOT ({differs}) THEN 1 ELSE 0 END), 0)
                FROM staged AS s LEFT JOIN {self.users_before()} AS u ON u.id = s.id"""
        )
        (groups_kept,) = self.numbers(
            f"SELECT COUNT(*) FROM staged AS s JOIN {self.ledger} AS l USING (id)"
            " WHERE s.given > 0 AND s.given <> l.split_group"
        )
        return added, changed, unchanged, groups_kept

    def users_before(self) -> str:
        if self.before:
            return quoted(self.schema, self.before)
        return f"(SELECT id, split_group FROM {self.ledger} WHERE FALSE)"

    def old(self, column: str) -> str:
        return f"u.{quoted(column)}" if column in self.plan.earlier else "NULL"

    def new(self, column: str) -> str:
        return f"s.{quoted(column)}" if column in self.given else "NULL"

    # ---- the next table --------------------------------------------------------------------------------------

    def write(self, users: int) -> str:
        """Everything of the next version; returns its name."""
        number = self.number + 1
        name = _users_table(number)
        table = quoted(self.schema, name)
        self.connection.execute(
            f"""INSERT INTO {self.ledger} (id, split_group)
                SELECT s.id, CASE WHEN s.given > 0 THEN s.given ELSE s.drawn END FROM staged AS s
                ON CONFLICT (id) DO NOTHING"""
        )
        if name in self.store.relations(self.connection):
            # Left where `current` was restored from before a load: users that do not count any more.
            self.refuse_tables_of_others(name)
            self.connection.execute(f"DROP TABLE {table}")
        self.connection.execute(f"CREATE TABLE {table} AS {self.select_merged()} ORDER BY split_group, id")
        self.mark(name)
        self.connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id)")
        self.connection.execute(f"CREATE INDEX ON {table} (split_group, id)")
        self.connection.execute(f"ANALYZE {table}")
        version = f"{number}-{secrets.token_hex(4)}"
        self.connection.execute(f"DELETE FROM {self.current}")
        self.connection.execute(
            f"INSERT INTO {self.current} VALUES (%s, %s, %s, %s, %s)",
            [version, number, name, users, json.dumps(self.plan.after)],
        )
        return version

    def select_merged(self) -> str:
        physical = with_version_keys(self.plan.after)
        columns = "".join(
            f", {self.merged(name)}::{_SQL_TYPES[kind]} AS {quoted(name)}" for name, kind in physical.items()
        )
        if self.replace:
            return (
                f"SELECT s.id, l.split_group{columns} FROM staged AS s JOIN {self.ledger} AS l ON l.id = s.id"
            )
        return (
            f"SELECT COALESCE(s.id, u.id) AS id, COALESCE(u.split_group, s.own) AS split_group{columns} FROM"
            f" (SELECT staged.*, l.split_group AS own FROM staged JOIN {self.ledger} AS l USING (id)) AS s"
            f" FULL JOIN {self.users_before()} AS u ON u.id = s.id"
        )

    def merged(self, column: str) -> str:
        """A load is the truth about the columns it has, blanks included; the others stay."""
        if column not in with_version_keys(self.given):
            return f"u.{quoted(column)}"
        if self.replace:
            return f"s.{quoted(column)}"
        otherwise = f"u.{quoted(column)}" if column in with_version_keys(self.plan.earlier) else "NULL"
        return f"CASE WHEN s.id IS NOT NULL THEN s.{quoted(column)} ELSE {otherwise} END"

    def numbers(self, query: str) -> tuple[int, ...]:
        row = self.connection.execute(query).fetchone()
        assert row is not None
        return tuple(int(number) for number in row)
