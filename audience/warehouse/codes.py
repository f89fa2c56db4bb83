"""Codes: the columns of a generation once more, each value a small number, in slots (see `slots`).

Beside the immutable file of users lies a folder of its name with `codes.json` (users per split group, the dictionaries)
and one flat file per column. Code 0 is nobody, 1 a missing value, k + 2 the k-th of the different values in ascending
order: one byte where these fit, else two. Columns with more different values than that have no codes, except that
moments are coded by their days: a day's code says between which two moments its users lie. All of it can be made again from
the file of users at any time, so whatever goes wrong with it, counts go on without.
"""

# ruff: noqa: S608 - the only names in this SQL are columns, whose form the catalogue and its table check

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from audience.specs import SPLIT_GROUPS
from audience.warehouse.slots import Slots

FORMAT: Final = 1
MISSING: Final = 1
FIRST_VALUE: Final = 2
MOST_VALUES: Final = 65_536 - FIRST_VALUE
_BYTE_VALUES: Final = 256 - FIRST_VALUE
_MOST_TEXT: Final = 4_000_000
"""Characters. Dictionaries are read by every process and sent to DuckDB with every question."""
_SLOTS_AT_A_TIME: Final = 1 << 20
_META: Final = "codes.json"
_SUFFIX: Final = ".codes"
_CODED_TYPES: Final = frozenset({"BOOLEAN", "BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "TIMESTAMP"})


class CodesDamaged(OSError):
    """They are not what was written."""


@dataclass(frozen=True)
class CodedColumn:
    """`lows[k]` is the value of code k + 2, as DuckDB casts it to text. If a code stands for a day, its users' values lie
    from `lows[k]` to `highs[k]`, and both occur; otherwise `highs` is None."""

    name: str
    sql_type: str
    file: str
    lows: list[str]
    highs: list[str] | None = None

    @property
    def dtype(self) -> type[np.uint8 | np.uint16]:
        return np.uint8 if len(self.lows) <= _BYTE_VALUES else np.uint16


@dataclass(frozen=True)
class Codes:
    """The codes of one generation, read from `folder` when they are asked for."""

    folder: Path
    slots: Slots
    columns: Mapping[str, CodedColumn]

    def read(self, column: CodedColumn, first: int, last: int) -> NDArray[Any]:
        """The codes of the slots of these split groups, [first, last). Raises OSError, CodesDamaged when they are gone."""
        start, end = int(self.slots.starts[first]), int(self.slots.starts[last])
        itemsize = np.dtype(column.dtype).itemsize
        try:
            codes = np.fromfile(
                self.folder / column.file, dtype=column.dtype, count=end - start, offset=start * itemsize
            )
        except FileNotFoundError as error:
            raise CodesDamaged(f"{column.file} is gone") from error
        if len(codes) != end - start:
            raise CodesDamaged(f"{column.file} is too short")
        return codes

    def disown(self) -> None:
        """Have nobody believe them any more; whoever misses them makes new ones."""
        with suppress(OSError):
            (self.folder / _META).unlink()


def has_codes(folder: Path) -> bool:
    """Whether somebody has written codes there, and nobody disowned them."""
    return (folder / _META).exists()


def open_codes(folder: Path) -> Codes | None:
    """The codes in a folder, None if there are none that can be used."""
    try:
        raw = json.loads((folder / _META).read_text(encoding="utf-8"))
        if raw["format"] != FORMAT or len(raw["sizes"]) != SPLIT_GROUPS:
            return None
        slots = Slots(np.asarray(raw["sizes"], dtype=np.int64))
        columns = {column["name"]: CodedColumn(**column) for column in raw["columns"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Codes(folder, slots, columns)


def write_codes(connection: duckdb.DuckDBPyConnection, target: Path, staging: Path) -> Codes | None:
    """Code the columns of `store.users` into `target`, by way of the folder `staging`, which is renamed at the end.

    Damaged ones that are there are replaced. None if the users do not lie in the order of their split groups. Raises
    OSError (no room, no right to write, somebody else was quicker) and duckdb.Error; `staging` is then gone.
    """
    slots = _slots(connection)
    if slots is None:
        return None
    staging.mkdir()
    try:
        found = [
            _dictionary(connection, name, sql_type, place)
            for place, (name, sql_type) in enumerate(_columns(connection))
        ]
        columns = _write_columns(connection, slots, [column for column in found if column], staging)
        meta = {"format": FORMAT, "sizes": slots.sizes.tolist(), "columns": [vars(each) for each in columns]}
        (staging / _META).write_text(json.dumps(meta), encoding="utf-8")
        # A power cut must not leave whole files of zeros under the final name: they would be believed.
        for path in (*staging.iterdir(), staging):
            sync(path)
        if open_codes(target) is None:
            shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Codes(target, slots, {column.name: column for column in columns})


def _slots(connection: duckdb.DuckDBPyConnection) -> Slots | None:
    found = connection.execute(
        "SELECT split_group, count(*) AS users, min(rowid) AS first, max(rowid) AS last FROM store.users GROUP BY 1 ORDER BY 1"
    ).fetchnumpy()
    sizes = np.zeros(SPLIT_GROUPS, dtype=np.int64)
    groups = found["split_group"].astype(np.int64) - 1
    sizes[groups] = found["users"]
    slots = Slots(sizes)
    in_order = (found["first"] == slots.rows[groups]) & (found["last"] + 1 == slots.rows[groups + 1])
    return slots if in_order.all() else None


def _columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    described = connection.execute("DESCRIBE store.users").fetchall()
    return [
        (name, kind)
        for name, kind, *_ in described
        if name not in ("id", "split_group") and kind in _CODED_TYPES
    ]


def _dictionary(
    connection: duckdb.DuckDBPyConnection, name: str, sql_type: str, place: int
) -> CodedColumn | None:
    """Make the table `dictionary_<place>` (key, low, high, code); None if its values are too many or too long."""
    column = f'"{name}"'
    about = (
        _number(connection, f"SELECT approx_count_distinct({column}) FROM store.users")
        if sql_type != "BOOLEAN"
        else 2
    )
    by_day = about > MOST_VALUES * 1.2
    if by_day and sql_type != "TIMESTAMP":
        return None
    values = (
        f"SELECT CAST({column} AS DATE) AS key, min({column}) AS low, max({column}) AS high FROM store.users GROUP BY 1"
        if by_day
        else f"SELECT DISTINCT {column} AS key, {column} AS low, {column} AS high FROM store.users"
    )
    table = f"dictionary_{place}"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {table} AS
            SELECT key, low, high, CAST(row_number() OVER (ORDER BY key) + {FIRST_VALUE - 1} AS INTEGER) AS code
            FROM ({values}) WHERE key IS NOT NULL"""
    )
    if _number(connection, f"SELECT count(*) FROM {table}") > MOST_VALUES:
        return None
    texts = connection.execute(
        f"SELECT CAST(low AS VARCHAR), CAST(high AS VARCHAR) FROM {table} ORDER BY code"
    ).fetchall()
    if sum(len(low) for low, _ in texts) > _MOST_TEXT:
        return None
    return CodedColumn(
        name,
        sql_type,
        f"{place}{_SUFFIX}",
        [low for low, _ in texts],
        [high for _, high in texts] if by_day else None,
    )


def _write_columns(
    connection: duckdb.DuckDBPyConnection, slots: Slots, columns: Sequence[CodedColumn], folder: Path
) -> list[CodedColumn]:
    """All in one pass, some split groups at a time. Those of which every value was found in the dictionary."""
    codes, joins = [], []
    for number, column in enumerate(columns):
        value = f'u."{column.name}"'
        key = value if column.highs is None else f"CAST({value} AS DATE)"
        codes.append(
            f"CAST(CASE WHEN {value} IS NULL THEN {MISSING} ELSE coalesce(d{number}.code, 0) END AS USMALLINT) AS c{number}"
        )
        table = f"dictionary_{column.file.removesuffix(_SUFFIX)}"
        joins.append(f"LEFT JOIN {table} AS d{number} ON {key} = d{number}.key")
    # A join returns its rows in any order: each says which one it is.
    select = f"SELECT CAST(u.rowid - $1 AS UINTEGER) AS place, {', '.join(codes)} FROM store.users AS u {' '.join(joins)}"
    complete = np.ones(len(columns), dtype=np.bool_)
    with ExitStack() as stack:
        files = [stack.enter_context((folder / column.file).open("wb")) for column in columns]
        for first, last in slots.stretches(_SLOTS_AT_A_TIME):
            start, end = int(slots.rows[first]), int(slots.rows[last])
            found = connection.execute(
                f"{select} WHERE u.rowid >= $1 AND u.rowid < $2", [start, end]
            ).fetchnumpy()
            order = found.pop("place")
            for number, (column, file) in enumerate(zip(columns, files, strict=True)):
                in_order = np.zeros(end - start, dtype=column.dtype)
                in_order[order] = found.pop(f"c{number}")
                complete[number] &= in_order.all()
                # Not tofile(): numpy says nothing of a disk that is full for the last of its buffered bytes.
                file.write(slots.spread(in_order, first, last).tobytes())
    for column, whole in zip(columns, complete, strict=True):
        if not whole:
            (folder / column.file).unlink()
    return [column for column, whole in zip(columns, complete, strict=True) if whole]


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])
