"""Merging a load into ClickHouse, which has no transactions: written aside, then given the name that counts.

1. The batches go into a staging table, whose later rows of a user are left out. 2. One full join with the users of before
fills the next table, sorted by split group. 3. Renaming it to `users_<next number>` publishes it. Somebody else who was
faster has taken that number: then step 2 is done again upon theirs. A load killed on the way leaves tables called
`staging_…`, which a later load clears away, and nothing else.
"""

# ruff: noqa: S608 - names in this SQL are quoted identifiers; values are our own or quoted literals

from __future__ import annotations

import datetime as dt
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from audience.dialects import LIST_SET_SUFFIX
from audience.specs import FilterType
from audience.warehouse.base import DuplicateId, MergeReport, UserBatch, WarehouseError, WarehouseQueryFailed
from audience.warehouse.clickhouse_store import (
    EMPTY_VERSION,
    LIMITS,
    UNKNOWN_TABLE,
    ClickHouseStore,
    ledger_table,
    literal,
    quoted,
    users_table,
)
from audience.warehouse.sql_merge import DUPLICATES_SHOWN, ColumnPlan, values_of, with_version_keys
from audience.warehouse.table_marks import known_from, marked

logger = logging.getLogger(__name__)

TABLE_ALREADY_EXISTS: Final = 57
ATTEMPTS: Final = 20
STAGING_SECONDS: Final = 2 * 86_400
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - warehouses keep moments in UTC without saying so
_MICROSECOND: Final = dt.timedelta(microseconds=1)
# Servers of some years ago move what lies outside of these years to their edges, without a word.
_FIRST_YEAR, _LAST_YEAR = 1900, 2299
_LAST_DATE: Final = "SELECT toUnixTimestamp64Micro(toDateTime64('9999-12-31 23:59:59.999999', 6, 'UTC'))"
_LAST_MICROSECOND: Final = 253_402_300_799_999_999
_SETTINGS: Final = {
    **LIMITS,
    "max_execution_time": 0,
    "join_use_nulls": 1,
    # Both sides lie in the order of their ids, so a join needs no memory for either.
    "join_algorithm": "full_sorting_merge",
}
_SQL_TYPES: Final[Mapping[str, str]] = {
    "boolean": "Nullable(Bool)",
    "integer": "Nullable(Int64)",
    "number": "Nullable(Float64)",
    "string": "Nullable(String)",
    "date": "Nullable(DateTime64(6, 'UTC'))",
    "version": "Nullable(String)",
    "list": "Array(String)",
    "key": "Nullable(String)",
    "set": "UInt8",
}
_MISSING: Final[Mapping[str, str]] = {"list": "CAST([] AS Array(String))", "set": "0"}


def merge_users(
    store: ClickHouseStore,
    batches: Iterable[UserBatch],
    column_types: Mapping[str, FilterType],
    *,
    replace: bool,
    each_duplicate: Callable[[DuplicateId], None] | None,
) -> MergeReport:
    """See `Warehouse.merge_users`."""
    merge = _Merge(store, column_types, replace, each_duplicate)
    try:
        return merge.run(batches)
    except ClickHouseError as error:
        raise store.failure(error) from None
    finally:
        clear_litter(merge)
        merge.client.close()


def clear_litter(merge: _Merge) -> None:
    """What cannot be dropped now is left for a later load; whether this one counts is decided already."""
    try:
        merge.clear()
    except (ClickHouseError, WarehouseError) as error:
        logger.warning("tables of earlier loads were not dropped: %s", merge.store.scrubbed(str(error)))


class _Merge:
    """One load. `staged` are its rows, `s` those that count with their split group, `u` the users of before."""

    def __init__(
        self,
        store: ClickHouseStore,
        column_types: Mapping[str, FilterType],
        replace: bool,
        each_duplicate: Callable[[DuplicateId], None] | None,
    ) -> None:
        self.store = store
        self.client = store.new_client()
        self.given = dict(column_types)
        self.replace = replace
        self.each_duplicate = each_duplicate
        self.token = secrets.token_hex(4)
        self.staged = f"staging_{self.token}_rows"

    def run(self, batches: Iterable[UserBatch]) -> MergeReport:
        # The server's own clock, in the comments: the times that it keeps of tables are not the same everywhere.
        self.marks = {"load": self.token, "begun": self.server_time()}
        generations = self.store.generations()
        self.refuse_name_of_others(generations[0][1]["number"] + 1 if generations else 1)
        self.stage(batches)
        duplicate_count, duplicates = self.drop_duplicates()
        for attempt in range(ATTEMPTS):
            try:
                report = self.attempt(attempt)
            except ClickHouseError as error:
                # The users of before are gone: two loads have published meanwhile.
                if getattr(error, "code", None) != UNKNOWN_TABLE:
                    raise
                continue
            if report is not None:
                return MergeReport(**report, duplicate_count=duplicate_count, duplicates=duplicates)
        raise WarehouseQueryFailed(
            f"{ATTEMPTS} other loads were faster than this one, which counts upon the users of before it; load it again"
        )

    def server_time(self) -> int:
        ((seconds,),) = self.ask("SELECT toUnixTimestamp(now())")
        return int(seconds)

    def refuse_name_of_others(self, number: int) -> None:
        """Raises WarehouseQueryFailed where a table that is not ours has the name of our next one."""
        name = users_table(number)
        rows = self.ask(
            f"SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = {literal(name)}"
        )
        if rows and (known_from(rows[0][0]) or {}).get("number") != number:
            raise WarehouseQueryFailed(
                f"the next users would lie in {name}, but a table of that name is there that UserSplit has not made; "
                "nothing was changed: rename that table, or give UserSplit a database of its own"
            )

    def attempt(self, attempt: int) -> dict[str, Any] | None:
        """Upon the users as they are now; None if another load has published meanwhile."""
        generations = self.store.generations()
        self.before, known = generations[0] if generations else ("", {})
        self.ledger = known.get("ledger", "")
        columns, users = known.get("columns", {}), known.get("users", 0)
        self.plan = ColumnPlan(columns, self.given, self.replace)
        self.own = f"staging_{self.token}_own_{attempt}"
        self.write_own()
        added, changed, unchanged, groups_kept = self.compare()
        removed = users - changed - unchanged if self.replace else 0
        version = known.get("version", EMPTY_VERSION)
        if added or changed or removed or self.plan.after != columns:
            number = known.get("number", 0) + 1
            version = f"{number}-{self.token}"
            users = users + added - removed
            if not self.write(attempt, number, version, users):
                return None
        return {
            "version": version,
            "added": added,
            "changed": changed,
            "unchanged": unchanged,
            "removed": removed,
            "split_groups_kept": groups_kept,
            "user_count": users,
        }

    # ---- staging ---------------------------------------------------------------------------------------------

    def stage(self, batches: Iterable[UserBatch]) -> None:
        types = {
            name: "Nullable(Int64)" if kind == "date" else _SQL_TYPES[kind]
            for name, kind in _physical(self.given)
        }
        columns = "".join(f", {quoted(name)} {sql_type}" for name, sql_type in types.items())
        self.do(
            f"CREATE TABLE {quoted(self.staged)} (line Int64, id String, given UInt16, drawn UInt16{columns})"
            f" ENGINE = MergeTree ORDER BY (id, line) COMMENT {literal(marked(**self.marks))}"
        )
        names = ["line", "id", "given", "drawn", *types]
        self.has_all_dates = (
            "date" not in self.given.values() or self.ask(_LAST_DATE)[0][0] == _LAST_MICROSECOND
        )
        for batch in batches:
            if batch.ids:
                data = [
                    list(batch.lines), list(batch.ids), list(batch.split_groups), batch.drawn.tolist(),
                    *self.values(batch),
                ]  # fmt: skip
                self.client.insert(self.staged, data, column_names=names, column_oriented=True)

    def values(self, batch: UserBatch) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = []
        columns = values_of(batch, self.given)
        for (name, kind), values in zip(with_version_keys(self.given).items(), columns, strict=True):
            if kind == "date":
                found.append([None if value is None else self.microseconds(name, value) for value in values])
            elif kind == "list":
                found.append([value or [] for value in values])
                found.append([0 if value is None else 1 for value in values])
            else:
                found.append(values)
        return found

    def microseconds(self, column: str, moment: dt.datetime) -> int:
        if not self.has_all_dates and not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise WarehouseQueryFailed(
                f"this ClickHouse server keeps dates from {_FIRST_YEAR} to {_LAST_YEAR}; {column} has {moment.date()}"
            )
        return (moment - _EPOCH) // _MICROSECOND

    def drop_duplicates(self) -> tuple[int, tuple[DuplicateId, ...]]:
        """The first row of a user counts: then a file means the same whatever its order of later rows."""
        ((count,),) = self.ask(f"SELECT count() - uniqExact(id) FROM {quoted(self.staged)}")
        shown: list[DuplicateId] = []
        if count:
            later = (
                f"SELECT line, id, first_line FROM {quoted(self.staged)} AS s JOIN (SELECT id, min(line) AS first_line"
                f" FROM {quoted(self.staged)} GROUP BY id HAVING count() > 1) AS r USING (id)"
                " WHERE line > first_line ORDER BY line"
            )
            most = "" if self.each_duplicate is not None else f" LIMIT {DUPLICATES_SHOWN}"
            client = self.store.new_client()
            try:
                with client.query_rows_stream(later + most, settings=_SETTINGS) as rows:
                    for row in rows:
                        duplicate = DuplicateId(*row)
                        if len(shown) < DUPLICATES_SHOWN:
                            shown.append(duplicate)
                        if self.each_duplicate is not None:
                            self.each_duplicate(duplicate)
            finally:
                client.close()
        return int(count), tuple(shown)

    def write_own(self) -> None:
        """The first row of every user, with the split group that is theirs or becomes theirs."""
        split_group = "CASE WHEN given > 0 THEN given ELSE drawn END"
        join = ""
        if self.ledger:
            split_group = f"coalesce(l.split_group, {split_group})"
            join = f" LEFT JOIN {quoted(self.ledger)} AS l ON l.id = s.id"
        names = ", ".join(f"s.{quoted(name)} AS {quoted(name)}" for name, _ in _physical(self.given))
        is_new = "isNull(l.id)" if self.ledger else "1"
        self.do(
            f"CREATE TABLE {quoted(self.own)} ENGINE = MergeTree ORDER BY id"
            f" COMMENT {literal(marked(**self.marks))} AS"
            f" SELECT s.id AS id, s.given AS given, toUInt16({split_group}) AS own, {is_new} AS is_new"
            f"{', ' + names if names else ''}"
            f" FROM (SELECT * FROM {quoted(self.staged)} ORDER BY id, line LIMIT 1 BY id) AS s{join}"
        )

    # ---- what changes ----------------------------------------------------------------------------------------

    def compare(self) -> tuple[int, int, int, int]:
        """Added, changed and unchanged users, and rows that name another split group than the user's own."""
        kept = "sum(CASE WHEN s.given > 0 AND s.given != s.own THEN 1 ELSE 0 END)"
        if not self.before:
            ((added, groups_kept),) = self.ask(f"SELECT count(), {kept} FROM {quoted(self.own)} AS s")
            return int(added), 0, 0, int(groups_kept)
        compared = {name: self.plan.given.get(name) or self.plan.earlier[name] for name in self.plan.compared}
        pairs = [(self.old(name, kind), self.new(name, kind)) for name, kind in _physical(compared)]
        differs = (
            " OR ".join(f"(isNull({a}) != isNull({b}) OR ifNull({a} != {b}, 0))" for a, b in pairs) or "0"
        )
        ((added, changed, unchanged, groups_kept),) = self.ask(
            f"""SELECT sum(CASE WHEN u.id IS NULL THEN 1 ELSE 0 END),
                       sum(CASE WHEN u.id IS NOT NULL AND ({differs}) THEN 1 ELSE 0 END),
                       sum(CASE WHEN u.id IS NOT NULL AND NOT ({differs}) THEN 1 ELSE 0 END), {kept}
                FROM {quoted(self.own)} AS s LEFT JOIN {quoted(self.before)} AS u ON u.id = s.id"""
        )
        return int(added or 0), int(changed or 0), int(unchanged or 0), int(groups_kept or 0)

    def old(self, column: str, kind: str) -> str:
        there = column in dict(_physical(self.plan.earlier))
        return f"u.{quoted(column)}" if there else _MISSING.get(kind, "NULL")

    def new(self, column: str, kind: str) -> str:
        if column not in dict(_physical(self.given)):
            return _MISSING.get(kind, "NULL")
        name = f"s.{quoted(column)}"
        return f"fromUnixTimestamp64Micro({name}, 'UTC')" if kind == "date" else name

    # ---- the next table --------------------------------------------------------------------------------------

    def write(self, attempt: int, number: int, version: str, users: int) -> bool:
        """Everything of the next version; False if another load has taken its number."""
        ledger = ledger_table(number, self.token)
        new_ones = f"SELECT id, own AS split_group FROM {quoted(self.own)} WHERE is_new"
        old_ones = f"SELECT id, split_group FROM {quoted(self.ledger)} UNION ALL " if self.ledger else ""
        table = f"staging_{self.token}_users_{attempt}"
        self.do(f"DROP TABLE IF EXISTS {quoted(ledger)}")
        comment = marked(**self.marks, number=number)
        self.do(
            f"CREATE TABLE {quoted(ledger)} ENGINE = MergeTree ORDER BY id COMMENT {literal(comment)}"
            f" AS {old_ones}{new_ones}"
        )
        comment = marked(
            **self.marks, version=version, number=number, users=users, columns=self.plan.after, ledger=ledger
        )
        columns = "".join(f", {quoted(name)} {_SQL_TYPES[kind]}" for name, kind in _physical(self.plan.after))
        self.do(
            f"CREATE TABLE {quoted(table)} (id String, split_group UInt16{columns})"
            f" ENGINE = MergeTree ORDER BY (split_group, id) COMMENT {literal(comment)}"
        )
        self.do(f"INSERT INTO {quoted(table)} {self.select_merged()}")
        try:
            self.do(f"RENAME TABLE {quoted(table)} TO {quoted(users_table(number))}")
        except ClickHouseError as error:
            self.do(f"DROP TABLE IF EXISTS {quoted(ledger)}")
            if getattr(error, "code", None) == TABLE_ALREADY_EXISTS:
                self.refuse_name_of_others(number)
                return False
            raise
        return True

    def select_merged(self) -> str:
        """A load is the truth about the columns it has, blanks included; the others stay."""
        physical = _physical(self.plan.after)
        given = dict(_physical(self.given))
        if self.replace or not self.before:
            columns = "".join(f", {self.new(name, kind)}" for name, kind in physical)
            return f"SELECT s.id, s.own{columns} FROM {quoted(self.own)} AS s"
        merged = []
        for name, kind in physical:
            old = self.old(name, kind)
            value = (
                f"CASE WHEN s.id IS NOT NULL THEN {self.new(name, kind)} ELSE {old} END"
                if name in given
                else old
            )
            if kind == "set":
                value = f"coalesce({value}, 0)"
            merged.append(f", {value}")
        return (
            f"SELECT coalesce(s.id, u.id), coalesce(u.split_group, s.own){''.join(merged)}"
            f" FROM {quoted(self.own)} AS s FULL JOIN {quoted(self.before)} AS u ON u.id = s.id"
        )

    # ---- afterwards ------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Drop what this load staged, what killed ones left days ago, and the users of loads before the last two."""
        kept = self.store.generations()[:2]
        wanted = {name for name, _ in kept} | {known["ledger"] for _, known in kept}
        newest = max((known["number"] for _, known in kept), default=0)
        now = self.server_time()
        for name, known in self.store.own_tables():
            is_old = known["begun"] < now - STAGING_SECONDS
            if name.startswith("staging_"):
                is_litter = is_old or known["load"] == self.token
            else:
                # A ledger with a later number is being written by a load that has not published yet.
                is_litter = name not in wanted and (is_old or known["number"] <= newest)
            if is_litter:
                self.do(f"DROP TABLE IF EXISTS {quoted(name)}")

    def do(self, sql: str) -> None:
        self.client.command(sql, settings=_SETTINGS)

    def ask(self, sql: str) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = self.client.query(sql, settings=_SETTINGS).result_rows
        return rows


def _physical(columns: Mapping[str, FilterType]) -> list[tuple[str, str]]:
    """The columns as they lie in the table, with their kinds: versions have their key beside them, lists whether there is one."""
    physical: list[tuple[str, str]] = []
    for name, kind in with_version_keys(columns).items():
        physical.append((name, kind or "key"))
        if kind == "list":
            physical.append((name + LIST_SET_SUFFIX, "set"))
    return physical
