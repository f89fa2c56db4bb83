"""How far a source has been read, as a value of its changed-at column. Pure.

Rows are asked for from the mark on, not after it, and from a while before: a transaction that was open when the last load read
writes its rows afterwards, with a time from before. Reading rows twice is harmless, missing one is not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Mark = int | dt.datetime | dt.date
Kind = Literal["timestamptz", "timestamp", "date", "bigint"]

KIND_OF_TYPE: Final[Mapping[int, Kind]] = {
    1184: "timestamptz",
    1114: "timestamp",
    1082: "date",
    20: "bigint",
    21: "bigint",
    23: "bigint",
}
"""By PostgreSQL's number of the column's type."""

# A column without time zone may hold any zone's time; none is further ahead of UTC.
_FURTHEST_AHEAD: Final = dt.timedelta(hours=14)
# When summer time ends such a column says 02:30 twice.
_CLOCK_GOES_BACK: Final = dt.timedelta(hours=1)


@dataclass(slots=True)
class Moving:
    """The changed-at column of one run. `now` is the source's own clock when the run began."""

    kind: Kind
    now: dt.datetime | None = None
    highest: Mark | None = field(default=None, init=False)

    def saw(self, cells: Iterable[Any]) -> None:
        """Take note of some rows' values."""
        highest = max((cell for cell in cells if cell is not None), default=None)
        if highest is not None and (self.highest is None or highest > self.highest):
            self.highest = highest

    def mark(self, before: Mark | None = None) -> Mark | None:
        """How far the source has been read once this run is published; never less than `before`.

        A row from the future (a wrong clock, a date of 2099) does not count: everything until then would be missed.
        """
        mark = self.highest
        limit = self.limit()
        if mark is not None and limit is not None and mark > limit:  # type: ignore[operator]  # of one kind
            mark = limit
        if mark is None or (before is not None and before > mark):  # type: ignore[operator]  # of one kind
            return before
        return mark

    def limit(self) -> Mark | None:
        if self.now is None or self.kind == "bigint":
            return None
        now = self.now.astimezone(dt.UTC)
        if self.kind == "timestamptz":
            return now
        latest = now.replace(tzinfo=None) + _FURTHEST_AHEAD
        return latest.date() if self.kind == "date" else latest

    def start(self, mark: Mark, overlap: dt.timedelta) -> Mark:
        """Where the next run begins to read."""
        if self.kind == "timestamp":
            overlap += _CLOCK_GOES_BACK
        if isinstance(mark, dt.datetime):
            earliest = dt.datetime.min.replace(tzinfo=mark.tzinfo)
            return mark - overlap if mark - earliest > overlap else earliest
        if isinstance(mark, dt.date):
            # A day is over everywhere only half a day later.
            days = min(overlap.days + 1, mark.toordinal() - dt.date.min.toordinal())
            return mark - dt.timedelta(days=days)
        return mark

    def text(self, mark: Mark) -> str:
        """The mark as it is kept and as PostgreSQL reads it, whatever the session's zone."""
        if isinstance(mark, dt.datetime):
            return (mark.astimezone(dt.UTC) if mark.tzinfo else mark).isoformat(sep=" ")
        return mark.isoformat() if isinstance(mark, dt.date) else str(mark)

    def parse(self, text: str) -> Mark:
        """`text()` the other way round."""
        if self.kind == "bigint":
            return int(text)
        return dt.date.fromisoformat(text) if self.kind == "date" else dt.datetime.fromisoformat(text)
