"""Marks: how far a source has been read, and where the next load begins."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience.source_watermarks import Moving

NOW = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_the_highest_value_counts_whatever_the_order() -> None:
    moving = Moving("bigint")
    moving.saw([3, None, 9])
    moving.saw([4])
    moving.saw([])
    assert moving.mark() == 9
    assert moving.mark(before=12) == 12


def test_nothing_seen_keeps_the_mark_of_before() -> None:
    moving = Moving("timestamptz", NOW)
    moving.saw([None])
    assert moving.mark() is None
    assert moving.mark(before=NOW) == NOW


def test_offsets_are_compared_as_moments() -> None:
    moving = Moving("timestamptz", NOW)
    auckland = dt.timezone(dt.timedelta(hours=13))
    moving.saw([NOW - HOUR, (NOW - 2 * HOUR).astimezone(auckland)])
    assert moving.mark() == NOW - HOUR


@pytest.mark.parametrize(
    ("kind", "seen", "mark"),
    [
        ("timestamptz", NOW + HOUR, NOW),
        ("timestamp", dt.datetime(2099, 1, 1), dt.datetime(2026, 10, 2, 2)),  # noqa: DTZ001 - of a column without a zone
        ("date", dt.date(2099, 1, 1), dt.date(2026, 10, 2)),
        ("bigint", 2**62, 2**62),
    ],
)
def test_no_mark_is_in_the_future_of_any_time_zone(kind: str, seen: object, mark: object) -> None:
    moving = Moving(kind, NOW)  # type: ignore[arg-type]  # of Kind
    moving.saw([seen])
    assert moving.mark() == mark


@given(st.datetimes(timezones=st.timezones()))
def test_a_mark_is_kept_to_the_microsecond(moment: dt.datetime) -> None:
    moving = Moving("timestamptz", NOW)
    mark = moment.astimezone(dt.UTC) if 1 < moment.year < 9999 else NOW
    assert moving.parse(moving.text(mark)) == mark


@pytest.mark.parametrize(
    ("kind", "earliest"),
    [
        ("timestamp", dt.datetime(1, 1, 1)),  # noqa: DTZ001 - of a column without a zone
        ("timestamptz", dt.datetime.min.replace(tzinfo=dt.UTC)),
        ("date", dt.date.min),
        ("bigint", -(2**63)),
    ],
)
def test_the_start_never_leaves_the_calendar(kind: str, earliest: Any) -> None:
    assert Moving(kind, NOW).start(earliest, dt.timedelta(days=7)) == earliest  # type: ignore[arg-type]  # of Kind
