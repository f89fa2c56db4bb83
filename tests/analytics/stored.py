"""What the store and the counters hold, to be compared."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from analytics.models import CountedHits, DailyHits, HourlyHits, Stream, TotalHits
from analytics.store import get_store
from analytics.store.files import FileStore
from analytics.store.ledger import live_paths


def stored_rows(stream: Stream = Stream.HITS, what: str = "*") -> list[tuple[object, ...]]:
    """Rows of the embedded store that count."""
    store = get_store()
    assert isinstance(store, FileStore)
    with duckdb.connect(":memory:") as connection:
        rows = store.rows_of(stream, live_paths([stream], None, None)[stream])
        return connection.execute(f"SELECT {what} FROM ({rows})").fetchall()


@dataclass(frozen=True)
class Sums:
    """How many hits are in each place. They must agree."""

    store: int
    hourly: int
    daily: int
    total: int

    @classmethod
    def now(cls) -> Sums:
        return cls(len(stored_rows(what="1")), *[_sum(model) for model in (HourlyHits, DailyHits, TotalHits)])

    @classmethod
    def all(cls, hits: int) -> Sums:
        return cls(hits, hits, hits, hits)


def _sum(model: type[CountedHits]) -> int:
    return sum(model._default_manager.values_list("hits", flat=True))
