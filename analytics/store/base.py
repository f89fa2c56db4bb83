"""What every store of hits and events answers; nothing outside this package knows which engine it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from audience.warehouse import WarehouseError

if TYPE_CHECKING:
    import duckdb

Grain = Literal["hour", "day"]
EVENTS_SHOWN: Final = 100
HITS_SHOWN: Final = 100

# What `ItemStore.write` wants of the table it is given: names and DuckDB types. Texts that are missing are NULL or empty; other
# columns are ignored. No text holds a NUL character, which PostgreSQL cannot keep.
HIT_COLUMNS: Final[Mapping[str, str]] = {
    "group_id": "BIGINT",  # SettingsGroup.pk
    "test": "VARCHAR",
    "settings_group": "INTEGER",
    "variant": "VARCHAR",
    "user_id": "VARCHAR",
    "device_id": "VARCHAR",
    "split_group": "SMALLINT",  # may be NULL
    "environment": "VARCHAR",
    "time": "TIMESTAMP",  # UTC
    "forced": "BOOLEAN",
    "test_user": "BOOLEAN",
}
EVENT_COLUMNS: Final[Mapping[str, str]] = {
    "event": "VARCHAR",
    "user_id": "VARCHAR",
    "device_id": "VARCHAR",
    "environment": "VARCHAR",
    "time": "TIMESTAMP",  # UTC
    "value": "DOUBLE",  # may be NULL
}


class StoreError(WarehouseError):
    """The store cannot answer, or could not write; `detail` can be shown to people and names the file where one is damaged."""

    code = "store"
    title = "The store of hits and events cannot answer"


@contextmanager
def as_store_errors() -> Iterator[None]:
    """What connections to a warehouse raise, as the store's own error."""
    try:
        yield
    except StoreError:
        raise
    except WarehouseError as error:
        raise StoreError(error.detail) from error


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that `write` has made: becomes a `StoredFile` row in the transaction that counts its items."""

    day: dt.date
    path: str
    items: int


@dataclass(frozen=True, slots=True)
class UserCount:
    """Different users and devices. `who` is a `models.Who`; `moment` begins the hour or day (UTC), None over all of them."""

    group_id: int
    variant: str
    environment: str
    who: str
    moment: dt.datetime | None
    users: int


@dataclass(frozen=True, slots=True)
class StoredHit:
    """A hit as it was sent; what it did not have is None. `time` is aware, in UTC."""

    group_id: int
    test: str
    settings_group: int
    variant: str
    user_id: str | None
    device_id: str | None
    split_group: int | None
    environment: str
    time: dt.datetime
    forced: bool
    test_user: bool


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """What the exposed users of a variant did: sums over them, so that a mean is over `Outcomes.users[variant]`.

    `users` had the event at or after their first hit, `events` times in all. Per user, the number of events and the sum of
    their values (a missing value is 0) are numbers of which the sums and the sums of squares are here.
    """

    event: str
    variant: str
    users: int
    events: int
    events_squared: int
    value: float
    value_squared: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A settings group in one environment. `users`: exposed users by variant, without the `in_several` who saw more than one.

    `events`: the `EVENTS_SHOWN` most frequent events of these users, the most frequent first; a variant of which nobody had
    the event has no row. `events_left_out` is how many more event names there are.
    """

    users: Mapping[str, int] = field(default_factory=dict)
    in_several: int = 0
    events: tuple[EventOutcome, ...] = ()
    events_left_out: int = 0


class ItemStore(Protocol):
    """Hits and events, written part by part. Safe to use from several threads and after a fork.

    A user is a `user_id`, else a `device_id`; hits with neither are hits of nobody and count no user. Ranges of time are
    `since <= time < until`, aware; None is open. All methods raise StoreError.
    """

    def write(
        self, stream: str, part: int, connection: duckdb.DuckDBPyConnection, table: str
    ) -> list[WrittenFile]:
        """Store all rows of a DuckDB table (`HIT_COLUMNS` or `EVENT_COLUMNS`); durable when it returns.

        The same part written again replaces what it wrote before. Engines without files return []; of the others what
        is written counts once its `StoredFile` rows are committed.
        """

    def count_users(
        self,
        group_ids: Collection[int],
        since: dt.datetime | None,
        until: dt.datetime | None,
        by: Grain | None,
    ) -> list[UserCount]:
        """Exactly, per settings group, variant, environment, kind of users, and hour or day; what is 0 has no row."""

    def hits_of(
        self,
        user_id: str | None,
        device_id: str | None,
        *,
        test: str | None = None,
        since: dt.datetime | None = None,
        limit: int = HITS_SHOWN,
    ) -> list[StoredHit]:
        """The hits that carry this user id or this device id, the newest first, at most `limit`."""

    def exposed(
        self,
        group_id: int,
        environment: str,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Outcomes:
        """`outcomes` without the events, which are what takes long."""

    def outcomes(
        self,
        group_id: int,
        environment: str,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Outcomes:
        """What users did after they first saw a variant of this settings group; forced and test users don't count."""

    def compact(self, before: dt.date | None) -> int:
        """Merge small files; those of days before `before` into one a day. How many files were merged away."""

    def prune(self, before: dt.date) -> int:
        """Drop items of days (UTC) before this one. How many files or days were dropped."""
