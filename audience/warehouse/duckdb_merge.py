"""Merging a load into the embedded warehouse: staged beside, joined with the users of before, swapped in.

1. Under the folder's lock, the batches go into a staging database. 2. Rows of a user who came before in the same
load are left out. 3. One full join with the present file writes the next one, users sorted by split group,
and the ledger: everyone who was ever loaded, with the split group that is theirs for good. 4. The pointer moves.
A failure before step 4 leaves litter that the next load clears, and nothing else.
"""

# ruff: noqa: S608 - the only names in this SQL are columns, whose form the catalogue and its table check

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from audience.column_values import ArrayColumn, CodedColumn
from audience.compiling import VERSION_KEY_SUFFIX
from audience.specs import FilterType
from audience.warehouse.base import DuplicateId, MergeReport, UserBatch
from audience.warehouse.duckdb_store import (
    NO_EXTENSIONS,
    STAGING_PREFIX,
    Generation,
    Store,
    query_failed,
    quoted,
)
from usersplit_sdk.values import version_key

LOAD_MEMORY: Final = "1GB"
ROWS_PER_TRANSACTION: Final = 500_000
DUPLICATES_SHOWN: Final = 20
_SQL_TYPES: Final[Mapping[FilterType, str]] = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "string": "VARCHAR",
    "date": "TIMESTAMP",
    "version": "VARCHAR",
    "list": "VARCHAR[]",
}


def merge_users(
    store: Store,
    batches: Iterable[UserBatch],
    column_types: Mapping[str, FilterType],
    *,
    replace: bool,
    each_duplicate: Callable[[DuplicateId], None] | None = None,
) -> MergeReport:
    """See `Warehouse.merge_users`."""
    with store.exclusively() as generation:
        try:
            return _Merge(store, generation, column_types, replace, each_duplicate).run(batches)
        except duckdb.Error as error:
            raise query_failed(error) from error
        finally:
            store.clear_litter()


class _Merge:
    """One load. Tables: `staged` (this load), `old.users` and `old.ledger` (before), `new.*` (after)."""

    def __init__(
        self,
        store: Store,
        generation: Generation,
        column_types: Mapping[str, FilterType],
        replace: bool,
        each_duplicate: Callable[[DuplicateId], None] | None,
    ) -> None:
        self.each_duplicate = each_duplicate
        self.store = store
        self.before = generation
        self.replace = replace
        self.given = dict(column_types)
        kept = {} if replace else generation.columns
        self.after: dict[str, FilterType] = {**kept, **column_types}
        # A column that a superuser gave to a filter of another type starts anew.
        self.earlier = {
            name: kind for name, kind in generation.columns.items() if self.given.get(name, kind) == kind
        }
        self.token = secrets.token_hex(4)

    def run(self, batches: Iterable[UserBatch]) -> MergeReport:
        staging = self.store.folder / f"{STAGING_PREFIX}{self.token}.duckdb"
        spill = self.store.folder / f"{STAGING_PREFIX}{self.token}.spill"
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": LOAD_MEMORY,
            "temp_directory": str(spill),
            **NO_EXTENSIONS,
        }
        self.connection = duckdb.connect(str(staging), config=config)
        try:
            # On a terminal it would be drawn into the command's own line of progress.
            self.connection.execute("SET enable_progress_bar = false")
            self.attach_old()
            self.stage(batches)
            duplicate_count, duplicates = self.drop_duplicates()
            added, changed, unchanged, groups_kept = self.compare()
            removed = self.before.users - changed - unchanged if self.replace else 0
            generation = self.before
            if added or changed or removed or self.after != dict(self.before.columns):
                generation = self.write(self.before.users + added - removed)
        finally:
            self.connection.close()
        if generation is not self.before:
            try:
                self.store.publish(generation)
            except OSError as error:
                raise query_failed(error) from error
        return MergeReport(
            version=generation.version,
            added=added,
            changed=changed,
            unchanged=unchanged,
            removed=removed,
            duplicate_count=duplicate_count,
            duplicates=duplicates,
            split_groups_kept=groups_kept,
            user_count=generation.users,
        )

    def attach_old(self) -> None:
        if self.before.file is not None:
            self.connection.execute(
                f"ATTACH {quoted(self.store.folder / self.before.file)} AS old (READ_ONLY)"
            )
            return
        self.connection.execute("ATTACH ':memory:' AS old")
        self.connection.execute("CREATE TABLE old.users (id VARCHAR, split_group USMALLINT)")
        self.connection.execute("CREATE TABLE old.ledger (id VARCHAR, split_group USMALLINT)")

    # ---- staging ---------------------------------------------------------------------------------------------

    def stage(self, batches: Iterable[UserBatch]) -> None:
        physical = _physical(self.given)
        columns = "".join(f', "{name}" {sql_type}' for name, sql_type in physical)
        self.connection.execute(
            f"CREATE TABLE staged (line BIGINT, id VARCHAR, given USMALLINT, drawn USMALLINT{columns})"
        )
        # In a transaction DuckDB writes whole row groups to where they stay; else each batch would go through its log. But
        # what is not committed yet is in memory beyond the limit.
        self.connection.execute("BEGIN")
        waiting = 0
        for batch in batches:
            if batch.ids:
                arriving = _Arriving(batch, self.given)
                self.connection.register("arriving", arriving.arrays)
                self.connection.execute(
                    f"INSERT INTO staged SELECT {', '.join(arriving.selected)} FROM arriving",
                    arriving.dictionaries,
                )
                self.connection.unregister("arriving")
                waiting += len(batch.ids)
            if waiting >= ROWS_PER_TRANSACTION:
                self.connection.execute("COMMIT")
                self.connection.execute("BEGIN")
                waiting = 0
        self.connection.execute("COMMIT")

    def drop_duplicates(self) -> tuple[int, tuple[DuplicateId, ...]]:
        """The first row of a user counts: then a file means the same whatever its order of later rows."""
        self.connection.execute(
            "CREATE TABLE repeated AS SELECT id, MIN(line) AS first_line FROM staged GROUP BY id HAVING COUNT(*) > 1"
        )
        later = "FROM staged JOIN repeated USING (id) WHERE line > first_line"
        count = self.numbers(f"SELECT COUNT(*) {later}")[0]
        shown = self.connection.execute(
            f"SELECT line, id, first_line {later} ORDER BY line LIMIT {DUPLICATES_SHOWN}"
        ).fetchall()
        if self.each_duplicate is not None and count:
            self.connection.execute(f"SELECT line, id, first_line {later} ORDER BY line")
            while rows := self.connection.fetchmany(10_000):
                for row in rows:
                    self.each_duplicate(DuplicateId(*row))
        self.connection.execute(
            "DELETE FROM staged USING repeated WHERE staged.id = repeated.id AND staged.line > repeated.first_line"
        )
        return count, tuple(DuplicateId(*row) for row in shown)

    # ---- what changes ----------------------------------------------------------------------------------------

    def compare(self) -> tuple[int, int, int, int]:
        """Added, changed and unchanged users, and rows that name another split group than the user's own."""
        compared = {**self.earlier, **self.given} if self.replace else self.given
        differs = (
            " OR ".join(f"{self.old(name)} IS DISTINCT FROM {self.new(name)}" for name in compared) or "FALSE"
        )
        added, changed, unchanged = self.numbers(
            f"""SELECT COALESCE(SUM(CASE WHEN u.id IS NULL THEN 1 ELSE 0 END), 0),
                       COALESCE(SUM(CASE WHEN u.id IS NOT NULL AND ({differs}) THEN 1 ELSE 0 END), 0),
                       COALESCE(SUM(CASE WHEN u.id IS NOT NULL AND NOT ({differs}) THEN 1 ELSE 0 END), 0)
                FROM staged AS s LEFT JOIN old.users AS u ON u.id = s.id"""
        )
        (groups_kept,) = self.numbers(
            "SELECT COUNT(*) FROM staged AS s JOIN old.ledger AS l USING (id) WHERE s.given > 0 AND s.given <> l.split_group"
        )
        return added, changed, unchanged, groups_kept

    def old(self, column: str) -> str:
        return f'u."{column}"' if column in self.earlier else "NULL"

    def new(self, column: str) -> str:
        return f's."{column}"' if column in self.given else "NULL"

    # ---- the next file ---------------------------------------------------------------------------------------

    def write(self, users: int) -> Generation:
        number = self.before.number + 1
        file = self.store.users_file(number, self.token)
        self.connection.execute(f"ATTACH {quoted(self.store.folder / file)} AS new")
        self.connection.execute(
            """CREATE TABLE new.ledger AS
               SELECT id, split_group FROM old.ledger
               UNION ALL
               SELECT s.id, CASE WHEN s.given > 0 THEN s.given ELSE s.drawn END
               FROM staged AS s ANTI JOIN old.ledger AS l ON l.id = s.id
               ORDER BY id"""
        )
        self.connection.execute(f"CREATE TABLE new.users AS {self.select_merged()} ORDER BY split_group, id")
        self.connection.execute("CHECKPOINT new")
        self.connection.execute("DETACH new")
        return Generation(
            f"{number}-{self.token}", number, file, users, self.after, previous=self.before.file
        )

    def select_merged(self) -> str:
        columns = "".join(f', {self.merged(name)} AS "{name}"' for name, _ in _physical(self.after))
        source = (
            "staged AS s JOIN new.ledger AS l ON l.id = s.id"
            if self.replace
            else "(SELECT staged.*, ledger.split_group AS own FROM staged JOIN new.ledger AS ledger USING (id)) AS s "
            "FULL JOIN old.users AS u ON u.id = s.id"
        )
        if self.replace:
            return f"SELECT s.id, l.split_group{columns} FROM {source}"
        return f"SELECT COALESCE(s.id, u.id) AS id, COALESCE(u.split_group, s.own) AS split_group{columns} FROM {source}"

    def merged(self, column: str) -> str:
        """A file is the truth about the columns it has, blanks included; the others stay."""
        present = {name for name, _ in _physical(self.given)}
        earlier = {name for name, _ in _physical(self.earlier)}
        if column not in present:
            return f'u."{column}"'
        if self.replace:
            return f's."{column}"'
        otherwise = f'u."{column}"' if column in earlier else "NULL"
        return f'CASE WHEN s.id IS NOT NULL THEN s."{column}" ELSE {otherwise} END'

    def numbers(self, query: str) -> tuple[int, ...]:
        return tuple(int(number) for number in self.connection.execute(query).fetchall()[0])


def _physical(columns: Mapping[str, FilterType]) -> list[tuple[str, str]]:
    """The columns of the file with their SQL types: versions have their sortable companion beside them."""
    physical = []
    for name, kind in columns.items():
        physical.append((name, _SQL_TYPES[kind]))
        if kind == "version":
            physical.append((name + VERSION_KEY_SUFFIX, "VARCHAR"))
    return physical


class _Arriving:
    """A batch as DuckDB reads it fastest: arrays by name, and what to select from them.

    Texts of few kinds arrive as numbers; DuckDB looks them up in a dictionary instead of reading as many Python objects.
    """

    def __init__(self, batch: UserBatch, types: Mapping[str, FilterType]) -> None:
        self.arrays: dict[str, NDArray[Any]] = {
            "line": np.asarray(batch.lines, dtype=np.int64),
            "id": _array(batch.ids, "string"),
            "given": _array(batch.split_groups, "integer"),
            "drawn": batch.drawn,
        }
        self.selected = list(self.arrays)
        self.dictionaries: list[Sequence[Any]] = []
        for name, kind in types.items():
            column = batch.values[name]
            self.add(name, column, kind)
            if kind == "version":
                self.add(name + VERSION_KEY_SUFFIX, _version_keys(column), kind)

    def add(self, name: str, column: Sequence[Any], kind: FilterType) -> None:
        if isinstance(column, CodedColumn) and kind in ("string", "version"):
            self.arrays[name] = column.codes
            self.dictionaries.append(list(column.dictionary))
            self.selected.append(f'CAST(${len(self.dictionaries)} AS VARCHAR[])["{name}" + 1]')
        else:
            self.arrays[name] = _array(column, kind)
            self.selected.append(f'"{name}"')


_DTYPES: Final[Mapping[FilterType, str]] = {
    "boolean": "?",
    "integer": "int64",
    "number": "float64",
    "date": "datetime64[us]",
}
"""Those that DuckDB takes as they lie in memory; others are arrays of Python's objects, None where a value is missing."""


def _array(column: Sequence[Any], kind: FilterType) -> NDArray[Any]:
    """A column as DuckDB reads it fastest."""
    if isinstance(column, ArrayColumn):
        return column.array if column.missing is None else np.ma.masked_array(column.array, column.missing)
    if isinstance(column, CodedColumn):
        return _array(column.dictionary, kind)[column.codes]
    if kind in _DTYPES and column:
        missing = np.fromiter((value is None for value in column), np.bool_, len(column))
        filler = next((value for value in column if value is not None), 0)
        filled = [filler if value is None else value for value in column]
        return np.ma.masked_array(np.array(filled, dtype=_DTYPES[kind]), missing)
    array = np.empty(len(column), dtype=object)
    if kind == "list":  # one by one: numpy would make a table of a list of lists
        for index, value in enumerate(column):
            array[index] = value
    else:
        array[:] = column
    return array


def _version_keys(column: Sequence[Any]) -> Sequence[Any]:
    if isinstance(column, CodedColumn):
        return CodedColumn(column.codes, [version_key(text) for text in column.dictionary])
    return [version_key(text) for text in column]
