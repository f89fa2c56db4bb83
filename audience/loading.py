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
        merged = target.merge_users(
            reader.batches(must_hold_users=replace), plan.column_types, replace=replace
        )
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
        errors.append(
            FieldError("file", f"has more than one column called {', '.join(map(shown, repeated))}")
        )

    def position(option: str, column: str) -> int:
        if column in columns:
            return columns.index(column)
        errors.append(
            FieldError(option, f"there is no column {shown(column)}; the file has {_listed(columns)}")
        )
        return -1

    id_column = id_column or _guessed_id(columns)
    if id_column is None:
        errors.append(
            FieldError("id", f"say which column holds the user ids; the file has {_listed(columns)}")
        )
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


def _guessed_id(columns: Sequence[str]) -> str | None:
    named = {name.lower(): name for name in reversed(columns)}
    return next((named[guess] for guess in ID_COLUMNS if guess in named), None)


def _mapped_fields(
    mapping: Mapping[str, str],
    catalogue: Catalogue,
    position: Callable[[str, str], int],
    errors: list[FieldError],
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
                FieldError(
                    "map",
                    f"the filters {other.name} and {spec.name} share the warehouse column {spec.column}; map one",
                )
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
        fields = [(where, _field_cast(spec, column)) for where, column, spec in plan.fields]
        self.ids = _ColumnCast(_user_id)
        self.groups = _ColumnCast(_split_group)
        self.casts = [(where, _ColumnCast(cast)) for where, cast in fields]

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
        """Column by column, as most columns repeat few values. A row's first bad cell is its reason."""
        self.rows_read += len(rows)
        good = [row for row in rows if isinstance(row, Row)]
        cells: Sequence[Sequence[Any]] = list(zip(*(row.cells for row in good), strict=True)) or [()] * len(
            self.source.columns
        )
        bad: dict[int, str] = {}
        ids = self.ids.column(cells[self.plan.id_position], bad)
        where = self.plan.split_group_position
        groups = [0] * len(good) if where is None else self.groups.column(cells[where], bad)
        columns = [cast.column(cells[where], bad) for where, cast in self.casts]
        self.reject_rows(rows, {good[index].line: reason for index, reason in bad.items()})
        keep = [index for index in range(len(good)) if index not in bad]

        def kept(column: Sequence[Any]) -> Sequence[Any]:
            return column if len(keep) == len(good) else [column[index] for index in keep]

        return UserBatch(
            lines=[good[index].line for index in keep],
            ids=kept(ids),
            split_groups=kept(groups),
            drawn=random_split_groups(len(keep)),
            values={
                spec.column: kept(column)
                for (_, _, spec), column in zip(self.plan.fields, columns, strict=True)
            },
        )

    def reject_rows(self, rows: Sequence[Row | BadRow], reasons: Mapping[int, str]) -> None:
        if reasons or len(self.rejects) < REJECTS_SHOWN:
            for row in rows:
                if isinstance(row, BadRow):
                    self.reject(row.line, row.reason)
                elif row.line in reasons:
                    self.reject(row.line, reasons[row.line])
        else:
            self.rejected += sum(isinstance(row, BadRow) for row in rows)

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
            rejects=tuple(
                heapq.nsmallest(REJECTS_SHOWN, [*self.rejects, *repeats], key=lambda reject: reject.line)
            ),
            mapped={spec.name: column for _, column, spec in self.plan.fields},
            ignored=self.plan.ignored,
            split_groups_kept=merged.split_groups_kept,
            user_count=merged.user_count,
            version=merged.version,
        )


class _ColumnCast:
    """Casts a column of one batch after the other, each different value once."""

    def __init__(self, cast: Callable[[Any], Any]) -> None:
        self.cast = cast
        self.known: dict[Any, Any] = {}

    def column(self, cells: Sequence[Any], bad: dict[int, str]) -> list[Any]:
        """The values; what cannot be read is None and its reason goes into `bad`, unless the row has one already."""
        try:
            different = set(cells)
        except TypeError:  # lists, from Parquet
            values = [self.attempt(cell) for cell in cells]
            misfits = any(type(value) is _Misfit for value in values)
        else:
            if len(self.known) > _REMEMBERED:
                self.known.clear()
            for cell in different - self.known.keys():
                self.known[cell] = self.attempt(cell)
            values = [self.known[cell] for cell in cells]
            misfits = any(type(self.known[cell]) is _Misfit for cell in different)
        if misfits:
            for index, value in enumerate(values):
                if type(value) is _Misfit:
                    bad.setdefault(index, value.reason)
                    values[index] = None
        return values

    def attempt(self, cell: Any) -> Any:
        try:
            return self.cast(cell)
        except CastError as error:
            return _Misfit(str(error))


@dataclass(frozen=True, slots=True)
class _Misfit:
    reason: str


def _field_cast(spec: FilterSpec, column: str) -> Callable[[Any], Any]:
    cast = CELL_CASTS[spec.type]

    def read(cell: Any) -> Any:
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            return None
        try:
            return cast(cell)
        except CastError as error:
            raise CastError(f"{column} {error}") from None

    return read


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
