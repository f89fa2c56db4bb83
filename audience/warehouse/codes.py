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
from collections.abc import Mapping
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
_SLOTS_AT_A_TIME: Final = 1 << 21
_META: Final = "codes.json"
_CODED_TYPES: Final = frozenset({"BOOLEAN", "BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "TIMESTAMP"})


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
        """The codes of the slots of these split groups, [first, last). Raises OSError when they are gone."""
        start, end = int(self.slots.starts[first]), int(self.slots.starts[last])
        itemsize = np.dtype(column.dtype).itemsize
        codes = np.fromfile(
            self.folder / column.file, dtype=column.dtype, count=end - start, offset=start * itemsize
        )
        if len(codes) != end - start:
            raise OSError(f"{column.file} is too short")
        return codes


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

    None if the users do not lie in the order of their split groups, or somebody else was quicker. Raises OSError
    (no room, no right to write) and duckdb.Error; `staging` is then gone.
    """
    slots = _slots(connection)
    if slots is None:
        return None
    staging.mkdir()
    try:
        columns: list[CodedColumn] = []
        for name, sql_type in _columns(connection):
            column = _dictionary(connection, name, sql_type, f"{len(columns)}.codes")
            if column is not None and _write_column(connection, slots, column, staging):
                columns.append(column)
        meta = {"format": FORMAT, "sizes": slots.sizes.tolist(), "columns": [vars(each) for each in columns]}
        (staging / _META).write_text(json.dumps(meta), encoding="utf-8")
        # A power cut must not leave whole files of zeros under the final name: they would be believed.
        for path in (*staging.iterdir(), staging):
            sync(path)
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
    connection: duckdb.DuckDBPyConnection, name: str, sql_type: str, file: str
) -> CodedColumn | None:
    """Make the table `dictionary` (value, code); None if there are too many different values."""
    key = f'"{name}"'
    about = _number(connection, f"SELECT approx_count_distinct({key}) FROM store.users")
    by_day = False
    if about > MOST_VALUES * 1.2:
        if sql_type != "TIMESTAMP":
            return None
        key, by_day = f'CAST("{name}" AS DATE)', True
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE dictionary AS
            SELECT key, low, high, CAST(row_number() OVER (ORDER BY key) + {FIRST_VALUE - 1} AS INTEGER) AS code
            FROM (SELECT {key} AS key, min("{name}") AS low, max("{name}") AS high
                  FROM store.users WHERE "{name}" IS NOT NULL GROUP BY 1)"""
    )
    if _number(connection, "SELECT count(*) FROM dictionary") > MOST_VALUES:
        return None
    texts = connection.execute(
        "SELECT CAST(low AS VARCHAR), CAST(high AS VARCHAR) FROM dictionary ORDER BY code"
    ).fetchall()
    return CodedColumn(
        name, sql_type, file, [low for low, _ in texts], [high for _, high in texts] if by_day else None
    )


def _write_column(
    connection: duckdb.DuckDBPyConnection, slots: Slots, column: CodedColumn, folder: Path
) -> bool:
    """False if a value was not found in the dictionary."""
    name = f'u."{column.name}"'
    key = name if column.highs is None else f"CAST({name} AS DATE)"
    with (folder / column.file).open("wb") as file:
        for first, last in slots.stretches(_SLOTS_AT_A_TIME):
            start, end = int(slots.rows[first]), int(slots.rows[last])
            # A join returns its rows in any order: each says which one it is.
            found = connection.execute(
                f"""SELECT CAST(u.rowid - {start} AS UINTEGER) AS place,
                           CAST(CASE WHEN {name} IS NULL THEN {MISSING} ELSE coalesce(d.code, 0) END AS USMALLINT) AS code
                    FROM store.users AS u LEFT JOIN dictionary AS d ON {key} = d.key
                    WHERE u.rowid >= {start} AND u.rowid < {end}"""
            ).fetchnumpy()
            codes = np.zeros(end - start, dtype=column.dtype)
            codes[found["place"]] = found["code"]
            if not codes.all():
                return False
            slots.spread(codes, first, last).tofile(file)
    return True


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])
