"""Users from files: read, checked cell by cell, merged into the warehouse in one step.

Columns go to the filters they are mapped to, else to the filter of the same name. A blank cell is a missing value. Bad rows are
left out and reported with their lines; everything else is loaded. Memory stays bounded whatever the file's size.
"""

from __future__ import annotations

import gc
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audience.casting import shown
from audience.catalogue import load_catalogue
from audience.column_casting import field_reader, id_reader, split_group_reader
from audience.column_values import ArrayColumn, PackedColumn
from audience.entropy import random_split_groups
from audience.sources import Block, Source, open_source
from audience.specs import Catalogue, FilterSpec, FilterType
from audience.warehouse import DuplicateId, MergeReport, UserBatch, Warehouse, get_warehouse
from core.errors import FieldError, InvalidInput

BATCH_ROWS: Final = 50_000
REJECTS_SHOWN: Final = 20
ID_COLUMNS: Final = ("id", "user_id", "userid")
SPLIT_GROUP_COLUMN: Final = "split_group"


class Reject(NamedTuple):
    """A row that was left out. `line` counts from 1, a header included; in Parquet and in queries it is the row, from 1."""

    line: int
    reason: str


Progress = Callable[[int, float | None], None]
"""Called now and then with the rows read so far and the part of the source that is done (0..1, None if nobody knows)."""
OnReject = Callable[[Reject], None]
"""Called for each row that is left out: the bad ones in order, then the repeated ones in order."""


class LoadRefused(InvalidInput):
    """Nothing was loaded: the file or the options are wrong as a whole. Paths are `file` and the options' names."""

    code = "load_refused"
    title = "These users cannot be loaded"


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
    on_reject: OnReject | None = None,
    warehouse: Warehouse | None = None,
    catalogue: Catalogue | None = None,
) -> LoadReport:
    """Add and update users from a CSV, gzipped CSV or Parquet file; with `replace`, leave only these users and columns.

    `mapping` is filter → column of the file. The id column is guessed from ID_COLUMNS, the split groups' is `split_group` if
    the file has it. Users without a split group draw one; a user's never changes again, whatever later files say.
    Raises LoadRefused before anything is loaded, WarehouseError when the warehouse cannot take it; both change nothing.
    """
    with open_source(Path(path)) as source:
        plan = plan_load(source.columns, id_column, split_group_column, mapping or {}, catalogue=catalogue)
        return load_from(
            source, plan, replace=replace, progress=progress, on_reject=on_reject, warehouse=warehouse
        )


def load_from(
    source: Source,
    plan: Plan,
    *,
    replace: bool = False,
    progress: Progress | None = None,
    on_reject: OnReject | None = None,
    warehouse: Warehouse | None = None,
) -> LoadReport:
    """The same for a source that is open already."""
    reader = _Reader(source, plan, progress, on_reject)
    target = get_warehouse() if warehouse is None else warehouse
    with _no_search_for_cycles():
        merged = target.merge_users(
            reader.batches(must_hold_users=replace),
            plan.column_types,
            replace=replace,
            each_duplicate=reader.repeated,
        )
    return reader.report(merged)


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Millions of short-lived rows hold no cycles; looking for some is a third of the work of reading them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# ---- which column is what ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """Which column of a source feeds what: (position, its name, the filter) for every field."""

    id_position: int
    split_group_position: int | None
    fields: tuple[tuple[int, str, FilterSpec], ...]
    ignored: tuple[str, ...]

    @property
    def column_types(self) -> dict[str, FilterType]:
        return {spec.column: spec.type for _, _, spec in self.fields}


def plan_load(
    columns: Sequence[str],
    id_column: str | None,
    split_group_column: str | None,
    mapping: Mapping[str, str],
    *,
    catalogue: Catalogue | None = None,
    called: str = "file",
) -> Plan:
    """Raises LoadRefused, naming every option that does not fit the columns and the catalogue."""
    catalogue = load_catalogue() if catalogue is None else catalogue
    errors: list[FieldError] = []
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        errors.append(
            FieldError(called, f"has more than one column called {', '.join(map(shown, repeated))}")
        )

    def position(option: str, column: str) -> int:
        if column in columns:
            return columns.index(column)
        errors.append(
            FieldError(option, f"there is no column {shown(column)}; the {called} has {_listed(columns)}")
        )
        return -1

    id_column = id_column or _guessed_id(columns)
    if id_column is None:
        errors.append(
            FieldError("id", f"say which column holds the user ids; the {called} has {_listed(columns)}")
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
    return Plan(id_position, group_position, tuple(fields), ignored)


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


# ---- blocks → batches ----------------------------------------------------------------------------------------


class _Reader:
    """Turns blocks of rows into batches and keeps the tally."""

    def __init__(
        self, source: Source, plan: Plan, progress: Progress | None, on_reject: OnReject | None
    ) -> None:
        self.source = source
        self.plan = plan
        self.progress = progress
        self.on_reject = on_reject
        self.rows_read = 0
        self.rejected = 0
        self.rejects: list[Reject] = []
        self.ids = id_reader()
        self.groups = split_group_reader()
        self.fields = [(where, field_reader(spec.type, column)) for where, column, spec in plan.fields]

    def batches(self, *, must_hold_users: bool) -> Iterator[UserBatch]:
        """Checked rows, about BATCH_ROWS at a time. An all-bad source is refused where it would replace everybody."""
        good = 0
        for block in self.source.blocks(BATCH_ROWS):
            batch = self.batch(block)
            good += len(batch.ids)
            yield batch
            if self.progress is not None:
                self.progress(self.rows_read, self.source.done())
        if self.progress is not None:
            self.progress(self.rows_read, 1.0)
        if self.rows_read == 0 and self.source.no_rows:
            raise LoadRefused([FieldError(self.source.called, self.source.no_rows)])
        if must_hold_users and good == 0:
            first = f"; line {self.rejects[0].line}: {self.rejects[0].reason}" if self.rejects else ""
            raise LoadRefused(
                [FieldError(self.source.called, f"has no usable row, so nobody was replaced{first}")]
            )

    def batch(self, block: Block) -> UserBatch:
        """Column by column, as most columns repeat few values. A row's first bad cell is its reason."""
        lines = block.lines
        self.rows_read += len(lines) + len(block.bad)
        bad: dict[int, str] = {}
        ids = self.ids.read(block.columns[self.plan.id_position], bad)
        where = self.plan.split_group_position
        groups: Sequence[Any] = (
            ArrayColumn(np.zeros(len(lines), dtype=np.int16))
            if where is None
            else self.groups.read(block.columns[where], bad)
        )
        columns = [reader.read(block.columns[where], bad) for where, reader in self.fields]
        for reject in sorted([*block.bad, *(Reject(lines[index], reason) for index, reason in bad.items())]):
            self.reject(Reject(*reject))
        if bad:
            keep = np.delete(np.arange(len(lines)), list(bad))
            lines, ids, groups, *columns = (_only(column, keep) for column in (lines, ids, groups, *columns))
        return UserBatch(
            lines=lines,
            ids=ids,
            split_groups=groups,
            drawn=random_split_groups(len(lines)),
            values={
                spec.column: column for (_, _, spec), column in zip(self.plan.fields, columns, strict=True)
            },
        )

    def reject(self, reject: Reject) -> None:
        self.rejected += 1
        if len(self.rejects) < REJECTS_SHOWN:
            self.rejects.append(reject)
        if self.on_reject is not None:
            self.on_reject(reject)

    def repeated(self, repeat: DuplicateId) -> None:
        if self.on_reject is not None:
            self.on_reject(_repetition(repeat))

    def report(self, merged: MergeReport) -> LoadReport:
        repeats = map(_repetition, merged.duplicates)
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


def _repetition(repeat: DuplicateId) -> Reject:
    return Reject(repeat.line, f"user {shown(repeat.id)} was on line {repeat.first_line} already")


def _only(column: Sequence[Any], keep: NDArray[np.intp]) -> Sequence[Any]:
    """The rows at these positions."""
    return (
        column.only(keep) if isinstance(column, PackedColumn) else [column[index] for index in keep.tolist()]
    )
