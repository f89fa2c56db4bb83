"""The small bar of dates: 60 days before today to 60 after, cut off where it goes on."""

from __future__ import annotations

import datetime as dt

import pytest

from console.timeline import Bar, bar

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-10, 20, Bar(50.0, 30.0, is_open_left=False, is_open_right=False)),
        (-100, 20, Bar(0.0, 80.0, is_open_left=True, is_open_right=False)),
        (-10, 100, Bar(50.0, 70.0, is_open_left=False, is_open_right=True)),
        (None, None, Bar(0.0, 120.0, is_open_left=True, is_open_right=True)),
        (5, None, Bar(65.0, 55.0, is_open_left=False, is_open_right=True)),
        (-0.5, 0.5, Bar(59.5, 2.0, is_open_left=False, is_open_right=False)),
        (59.5, 200, Bar(118.0, 2.0, is_open_left=False, is_open_right=True)),
        (-100, -60, None),
        (60, 90, None),
        (20, 10, None),
    ],
)
def test_where_the_bar_stands(start: float | None, end: float | None, expected: Bar | None) -> None:
    first, last = (None if days is None else NOW + dt.timedelta(days=days) for days in (start, end))
    assert bar(first, last, NOW) == expected
