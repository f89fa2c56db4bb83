"""When somebody may be told: quiet hours in the person's own time zone. No database here."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begins` to `ends` of every day (over midnight if it begins later than it ends); whole Saturdays and Sundays too."""

    time_zone: str
    begins: dt.time | None = None
    ends: dt.time | None = None
    weekends: bool = False

    def next_moment(self, moment: dt.datetime) -> dt.datetime:
        """`moment` (aware) if it is not quiet then, else the end of the quiet time, in UTC.

        Wall-clock times that a change of the clocks skips are those an hour later; of those that come twice the first counts.
        """
        zone = _zone(self.time_zone)
        # A weekend may follow the night, and a night the weekend.
        for _ in range(4):
            later = self._after_night(self._after_weekend(moment.astimezone(zone), zone), zone)
            if later == moment:
                break
            moment = later
        return moment.astimezone(dt.UTC)

    def _after_weekend(self, local: dt.datetime, zone: ZoneInfo) -> dt.datetime:
        if not self.weekends or local.weekday() < SATURDAY:
            return local
        monday = local.date() + dt.timedelta(days=7 - local.weekday())
        return _wall(monday, dt.time(), zone)

    def _after_night(self, local: dt.datetime, zone: ZoneInfo) -> dt.datetime:
        if self.begins is None or self.ends is None or self.begins == self.ends:
            return local
        time, today = local.time(), local.date()
        if self.begins < self.ends:
            return _wall(today, self.ends, zone) if self.begins <= time < self.ends else local
        if time >= self.begins:
            return _wall(today + dt.timedelta(days=1), self.ends, zone)
        return _wall(today, self.ends, zone) if time < self.ends else local


def _wall(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    """That time on that day's clocks; there and back through UTC, so that a skipped time becomes one that exists."""
    return dt.datetime.combine(day, time, zone).astimezone(dt.UTC).astimezone(zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
