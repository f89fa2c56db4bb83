"""What every warehouse engine answers; nothing outside this package knows which engine it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audience.moments import Moments
from audience.specs import FilterType
from core.errors import DomainError


class WarehouseError(DomainError):
    """The warehouse cannot answer; nothing was changed. `detail` can be shown to people."""

    code = "warehouse"
    title = "The warehouse of users cannot answer"
    status = 503


class WarehouseUnavailable(WarehouseError):
    """It cannot be reached or read at all: a wrong address, missing rights, a broken file."""

    code = "warehouse_unavailable"
    title = "The warehouse of users cannot be reached"


class WarehouseQueryFailed(WarehouseError):
    """It was reached, but this query or load did not succeed: out of memory, disk full, a limit."""

    code = "warehouse_query_failed"
    title = "The warehouse of users could not carry this out"


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user as the SDK takes one: `attributes` by filter name, missing values left out, dates aware in UTC."""

    id: str
    split_group: int
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class CountTable:
    """Users per split group; index i is split group i + 1.

    `users` (int64[2400]) match the conditions, `shared[k]` (int64[n, 2400]) match them and the k-th other's too.
    `not_counted` names the filters of the conditions that the warehouse does not have: they were taken as met,
    so the counts are upper bounds. `others_not_counted[k]` says the same of the k-th other.
    """

    users: NDArray[np.int64]
    shared: NDArray[np.int64]
    not_counted: tuple[str, ...] = ()
    others_not_counted: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class UserBatch:
    """Some users to load, column by column, all of one length and already cast.

    `lines` say where a row comes from. `split_groups` are those the source names, 0 where it names none, and `drawn` are
    fresh random ones for users who turn out to have none. Values are as `casting.CELL_CASTS` returns them, None if missing.
    """

    lines: Sequence[int]
    ids: Sequence[str]
    split_groups: Sequence[int]
    drawn: NDArray[np.int16]
    values: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class DuplicateId:
    """A row left out because its user came before in the same source."""

    line: int
    id: str
    first_line: int


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a load did to the users. `duplicates` are the first few of `duplicate_count`."""

    version: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    duplicate_count: int = 0
    duplicates: tuple[DuplicateId, ...] = ()
    split_groups_kept: int = 0
    user_count: int = field(default=0)


@dataclass(frozen=True, slots=True)
class KeptReport:
    """What `keep_matches` did: how many different conditions have their matches at hand now, how many of them were worked
    out anew, and the bytes all of them take. `problem` says why some could not be kept (the disk is full), else ""."""

    kept: int = 0
    added: int = 0
    size: int = 0
    problem: str = ""


class Warehouse(Protocol):
    """Users, counted and walked. Safe to use from several threads and after a fork.

    `conditions` are parsed trees (`audience.conditions`), `now` is aware. All methods raise WarehouseError.
    """

    def version(self) -> str:
        """Changes with every load that changed something; what was counted under another version is out of date."""

    def user_count(self) -> int: ...

    def columns(self) -> frozenset[str]:
        """The columns that are there to be asked."""

    def column_types(self) -> Mapping[str, FilterType]: ...

    def count_table(
        self,
        conditions: object,
        others: Sequence[object],
        now: dt.datetime,
        *,
        split_groups: Collection[int] | None = None,
    ) -> CountTable:
        """Users per split group who match, and who match each of the others too, from one scan or from kept matches.

        With `split_groups` only those are looked at, and the others count 0. Stopped after WAREHOUSE_TIME_LIMIT seconds.
        """

    def keep_matches(self, all_conditions: Sequence[object], now: dt.datetime) -> KeptReport:
        """Have the matches of these conditions at hand: counts of the same conditions with the same `now`, or of conditions
        that do not depend on it, are quick then. For after a load, and nightly; counts are right without it.

        An engine that keeps none answers with an empty report. What cannot be kept is said in the report, not raised.
        """

    def iterate_users(
        self,
        conditions: object,
        now: dt.datetime,
        split_groups: Collection[int] | None = None,
        *,
        after: tuple[int, str] | None = None,
    ) -> Iterator[UserRecord]:
        """The matching users in the order of (split group, id), in constant memory; a load meanwhile does not disturb it.

        With `after`, a split group and an id, only the users who come after them: where an earlier walk stopped.
        """

    def arrivals(self, conditions: object, now: dt.datetime, days: int) -> NDArray[np.int64]:
        """Matching users by the day on which they registered, int64[days]: the last `days` days in UTC before the day of
        `now`, the newest last. Raises WarehouseError if there is no date column `registered_at`."""

    def moments_by_split_group(self, columns: Collection[str]) -> Mapping[str, Moments]:
        """Of boolean, integer and number columns; others are refused. Users per split group are `count_table([], [], now).users`."""

    def user(self, user_id: str) -> UserRecord | None: ...

    def merge_users(
        self,
        batches: Iterable[UserBatch],
        column_types: Mapping[str, FilterType],
        *,
        replace: bool = False,
        each_duplicate: Callable[[DuplicateId], None] | None = None,
    ) -> MergeReport:
        """Add and update users; all of it becomes visible at once, or nothing does.

        The batches hold the columns named in `column_types`; other columns keep their values, unless `replace`, which leaves
        the users and columns of the batches only. A user's split group, once given, never changes, not by `replace` either.
        Of several rows of one user the first counts; the others, by line, are told to `each_duplicate`, in bounded memory,
        before the load counts. Loads at the same time wait for each other.
        """
