"""Users from files: read, checked cell by cell, merged into the warehouse in one step.

Columns go to the filters they are mapped to, else to the filter of the same name. A blank cell is a missing value. Bad rows are
left out and reported with their lines; everything else is loaded. Memory stays bounded whatever the file's size.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from audience.casting import CELL_CASTS, CastError, cast_integer, cast_string, shown
from audience.catalogue import load_catalogue
from audience.entropy import random_split_groups
from audience.sources import BadRow, Row, Source, open_source
from audience.specs import SPLIT_GROUPS, Catalogue, FilterSpec, FilterType
from audience.warehouse import MergeReport, UserBatch, Warehouse, get_warehouse
from core.errors import FieldError, InvalidInput

BATCH_ROWS: Final = 50_000
REJECTS_SHOWN: Final = 20
MAX_ID: Final = 200
ID_COLUMNS: Final = ("id", "user_id", "userid")
SPLIT_GROUP_COLUMN: Final = "split_group"
_REMEMBERED: Final = 100_000

Progress = Callable[[int, float], None]
"""Called now and then with the rows read so far and the part of the source that is done (0..1)."""


class LoadRefused(InvalidInput):
    """Nothing was loaded: the file or the options are wrong as a whole. Paths are `file` and the options' names."""

    code = "load_refused"
    title = "These users cannot be loaded"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out. `line` counts from 1, a header included; in Parquet it is the row, from 1."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did. `rows_read` = added + changed + unchanged + rejected. `rejects` are the first REJECTS_SHOWN.

    `mapped` says which column fed which filter, `ignored` names the columns that fed none. `split_groups_kept` counts rows
    that named another split group than the one their user already had, which stayed.
    """

    rows_read: int
    added: int
    changed: int
    unchanged: int
    removed: int
    rejected: int
    rejects: tuple[Reject, ...]
    mapped: Mapping[str, str]
    ignored: tuple[str, ...]
    split_groups_kept: int
    user_count: int
    version: str


def load_users(
    path: Path | str,
    *,
    id_column: str | None = None,
    split_group_column: str | None = None,
    mapping: Mapping[str, str] | None = None,
    replace: bool = False,
    progress: Progress | None = None,
    warehouse: Warehouse | None = None,
    catalogue: Catalogue | None = None,
) -> LoadReport:
    """Add and update users from a CSV, gzipped CSV or Parquet file; with `replace`, leave only these users and columns.

    `mapping` is filter → column of the file. The id column is guessed from ID_COLUMNS, the split groups' is `split_group` if
    the file has it. Users without a split group draw one; a user's never changes again, whatever later files say.
    Raises LoadRefused before anything is loaded, WarehouseError when the warehouse cannot take it; both change nothing.
    """
    with open_source(Path(path)) as source:
        plan = _plan(
            source.columns,
            load_catalogue() if catalogue is None else catalogue,
            id_column,
            split_group_column,
            mapping or {},
        )
        reader = _Reader(source, plan, progress)
        target = get_warehouse() if warehouse is None else warehouse
        merged = target.merge_users(reader.batches(must_hold_users=replace), plan.column_types, replace=replace)
        return reader.report(merged)


# ---- which column is what ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    id_position: int
    split_group_position: int | None
    fields: tuple[tuple[int, str, FilterSpec], ...]
    ignored: tuple[str, ...]

    @property
    def column_types(self) -> dict[str, FilterType]:
        return {spec.column: spec.type for _, _, spec in self.fields}


def _plan(
    columns: Sequence[str],
    catalogue: Catalogue,
    id_column: str | None,
    split_group_column: str | None,
    mapping: Mapping[str, str],
) -> _Plan:
    errors: list[FieldError] = []
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        errors.append(FieldError("file", f"has more than one column called {', '.join(map(shown, repeated))}"))

    def position(option: str, column: str) -> int:
        if column in columns:
            return columns.index(column)
        errors.append(FieldError(option, f"there is no column {shown(column)}; the file has {_listed(columns)}"))
        return -1

    if id_column is None:
        id_column = next((name for guess in ID_COLUMNS for name in columns if name.strip().lower() == guess), None)
        if id_column is None:
            errors.append(FieldError("id", f"say which column holds the user ids; the file has {_listed(columns)}"))
    id_position = -1 if id_column is None else position("id", id_column)
    if split_group_column is None and SPLIT_GROUP_COLUMN in columns:
        split_group_column = SPLIT_GROUP_COLUMN
    group_position = None if split_group_column is None else position("split-group", split_group_column)

    reserved = {id_position, group_position}
    fields = _mapped_fields(mapping, catalogue, position, errors)
    taken = {where for where, _, _ in fields}
    for index, column in enumerate(columns):
        spec = catalogue.get(column)
        if spec is not None and spec.column and column not in mapping and index not in reserved | taken:
            fields.append((index, column, spec))
    _refuse_shared_targets(fields, errors)
    if errors:
        raise LoadRefused(errors)
    used = reserved | {where for where, _, _ in fields}
    ignored = tuple(column for index, column in enumerate(columns) if index not in used)
    return _Plan(id_position, group_position, tuple(fields), ignored)


def _mapped_fields(
    mapping: Mapping[str, str], catalogue: Catalogue, position: Callable[[str, str], int], errors: list[FieldError]
) -> list[tuple[int, str, FilterSpec]]:
    fields = []
    for name, column in mapping.items():
        spec = catalogue.get(name)
        if spec is None:
            errors.append(FieldError("map", f"there is no filter {shown(name)}"))
        elif not spec.column:
            errors.append(FieldError("map", f"the filter {name} has no warehouse column; give it one first"))
        else:
            where = position("map", column)
            fields.append((where, column, spec))
    return fields


def _refuse_shared_targets(fields: Sequence[tuple[int, str, FilterSpec]], errors: list[FieldError]) -> None:
    seen: dict[str, FilterSpec] = {}
    for _, _, spec in fields:
        other = seen.setdefault(spec.column, spec)
        if other is not spec:
            errors.append(
                FieldError("map", f"the filters {other.name} and {spec.name} share the warehouse column {spec.column}; map one")
            )


def _listed(columns: Sequence[str], most: int = 20) -> str:
    names = ", ".join(shown(column) for column in columns[:most])
    return names + (f" and {len(columns) - most} more" if len(columns) > most else "")


# ---- rows → batches ------------------------------------------------------------------------------------------


class _Reader:
    """Turns rows into batches and keeps the tally."""

    def __init__(self, source: Source, plan: _Plan, progress: Progress | None) -> None:
        self.source = source
        self.plan = plan
        self.progress = progress
        self.rows_read = 0
        self.rejected = 0
        self.rejects: list[Reject] = []
        self.casts = [_RememberingCast(spec, column) for _, column, spec in plan.fields]

    def batches(self, *, must_hold_users: bool) -> Iterator[UserBatch]:
        """Checked rows, BATCH_ROWS at a time. An all-bad file is refused where it would replace everybody."""
        good = 0
        for rows in self.source.rows(BATCH_ROWS):
            batch = self.batch(rows)
            good += len(batch.ids)
            yield batch
            if self.progress is not None:
                self.progress(self.rows_read, self.source.done())
        if self.rows_read == 0:
            raise LoadRefused([FieldError("file", "has a header but no rows")])
        if must_hold_users and good == 0:
            first = f"; line {self.rejects[0].line}: {self.rejects[0].reason}" if self.rejects else ""
            raise LoadRefused([FieldError("file", f"has no usable row, so nobody was replaced{first}")])

    def batch(self, rows: Sequence[Row | BadRow]) -> UserBatch:
        self.rows_read += len(rows)
        lines: list[int] = []
        ids: list[str] = []
        groups: list[int] = []
        cells: list[list[Any]] = []
        for row in rows:
            if isinstance(row, BadRow):
                self.reject(row.line, row.reason)
                continue
            line, raw = row
            try:
                user_id = _user_id(raw[self.plan.id_position])
                group = 0 if self.plan.split_group_position is None else _split_group(raw[self.plan.split_group_position])
                values = [cast(raw[where]) for cast, (where, _, _) in zip(self.casts, self.plan.fields, strict=True)]
            except CastError as error:
                self.reject(line, str(error))
                continue
            lines.append(line)
            ids.append(user_id)
            groups.append(group)
            cells.append(values)
        columns: Sequence[Sequence[Any]] = list(zip(*cells, strict=True)) if cells else [()] * len(self.casts)
        return UserBatch(
            lines=lines,
            ids=ids,
            split_groups=groups,
            drawn=random_split_groups(len(ids)),
            values={spec.column: column for (_, _, spec), column in zip(self.plan.fields, columns, strict=True)},
        )

    def reject(self, line: int, reason: str) -> None:
        self.rejected += 1
        if len(self.rejects) < REJECTS_SHOWN:
            self.rejects.append(Reject(line, reason))

    def report(self, merged: MergeReport) -> LoadReport:
        repeats = [
            Reject(repeat.line, f"user {shown(repeat.id)} was on line {repeat.first_line} already")
            for repeat in merged.duplicates
        ]
        return LoadReport(
            rows_read=self.rows_read,
            added=merged.added,
            changed=merged.changed,
            unchanged=merged.unchanged,
            removed=merged.removed,
            rejected=self.rejected + merged.duplicate_count,
            rejects=tuple(heapq.nsmallest(REJECTS_SHOWN, [*self.rejects, *repeats], key=lambda reject: reject.line)),
            mapped={spec.name: column for _, column, spec in self.plan.fields},
            ignored=self.plan.ignored,
            split_groups_kept=merged.split_groups_kept,
            user_count=merged.user_count,
            version=merged.version,
        )


class _RememberingCast:
    """A column's cast. Most columns repeat few values, so what was cast before is looked up."""

    def __init__(self, spec: FilterSpec, column: str) -> None:
        self.cast = CELL_CASTS[spec.type]
        self.column = column
        self.known: dict[tuple[type, Any], Any] = {}

    def __call__(self, cell: Any) -> Any:
        if cell is None or cell == "":
            return None
        if isinstance(cell, (list, dict)):
            return self.fresh(cell)
        key = (type(cell), cell)
        try:
            return self.known[key]
        except KeyError:
            value = self.fresh(cell)
            if len(self.known) < _REMEMBERED:
                self.known[key] = value
            return value

    def fresh(self, cell: Any) -> Any:
        if isinstance(cell, str) and not cell.strip():
            return None
        try:
            return self.cast(cell)
        except CastError as error:
            raise CastError(f"{self.column} {error}") from None


def _user_id(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():  # how many tools write integer columns that have gaps
        cell = int(cell)
    try:
        text = "" if cell is None else cast_string(cell).strip()
    except CastError as error:
        raise CastError(f"the user id {error}") from None
    if not text:
        raise CastError("the user id is missing")
    if len(text) > MAX_ID:
        raise CastError(f"the user id has more than {MAX_ID} characters")
    return text


_SPLIT_GROUPS: Final = {str(group): group for group in range(1, SPLIT_GROUPS + 1)}


def _split_group(cell: Any) -> int:
    """1..2400, 0 for a blank cell."""
    if isinstance(cell, str):
        cell = cell.strip()
        if cell in _SPLIT_GROUPS:
            return _SPLIT_GROUPS[cell]
    if cell is None or cell == "":
        return 0
    try:
        number = cast_integer(cell)
    except CastError:
        number = 0
    if not 1 <= number <= SPLIT_GROUPS:
        raise CastError(f"the split group must be from 1 to {SPLIT_GROUPS}, not {shown(cell)}")
    return number
