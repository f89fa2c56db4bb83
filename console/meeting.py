"""Which tests can give somebody a variant at the same moment, from now on: many at once, as arrays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """From when until before when each test may run, as seconds: what has begun or has no first day begins now, inf has no end."""

    starts: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]

    @classmethod
    def of(cls, dates: Iterable[tuple[dt.datetime | None, dt.datetime | None]], now: dt.datetime) -> Spans:
        """Of settings' dates; a test whose dates are over meets nobody."""
        rows = [
            (max(start, now).timestamp() if start else now.timestamp(), end.timestamp() if end else np.inf)
            for start, end in dates
        ]
        table = np.array(rows, dtype=np.float64).reshape(-1, 2)
        return cls(table[:, 0], table[:, 1])

    def meeting(self, place: int, others: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Which of the others share a moment with the test at `place`."""
        starts = np.maximum(self.starts[others], self.starts[place])
        meets: npt.NDArray[np.bool_] = starts < np.minimum(self.ends[others], self.ends[place])
        return meets

    def table(self) -> npt.NDArray[np.bool_]:
        """bool[tests, tests]: every test against every other."""
        starts, ends = np.maximum.outer(self.starts, self.starts), np.minimum.outer(self.ends, self.ends)
        meets: npt.NDArray[np.bool_] = starts < ends
        return meets
