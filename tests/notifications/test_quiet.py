"""Quiet hours are those of the person's clock, also on the days when clocks change."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.quiet import QuietHours

BERLIN = QuietHours("Europe/Berlin", dt.time(22), dt.time(7))


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2026-11-23T20:59", "2026-11-23T20:59"),
        ("2026-11-23T21:00", "2026-11-24T06:00"),
        ("2026-11-24T05:59", "2026-11-24T06:00"),
        ("2026-11-24T06:00", "2026-11-24T06:00"),
        # In the night to 29 March the clocks go forward, in that to 25 October back.
        ("2026-03-28T22:00", "2026-03-29T05:00"),
        ("2026-10-24T21:00", "2026-10-25T06:00"),
    ],
)
def test_the_night_ends_by_the_wall_clock(moment: str, told: str) -> None:
    assert BERLIN.next_moment(utc(moment)) == utc(told)


def test_hours_within_a_day_and_a_time_that_the_clocks_skip() -> None:
    lunch = QuietHours("Asia/Tokyo", dt.time(12), dt.time(13))
    assert lunch.next_moment(utc("2026-11-23T03:30")) == utc("2026-11-23T04:00")
    # On 29 March there is no half past two in Berlin: half past three is when it would have been.
    skipped = QuietHours("Europe/Berlin", dt.time(1), dt.time(2, 30))
    assert skipped.next_moment(utc("2026-03-29T00:30")) == utc("2026-03-29T01:30")


def test_a_weekend_is_quiet_as_a_whole_and_the_night_after_it_too() -> None:
    weekend = QuietHours("Europe/Berlin", dt.time(22), dt.time(7), weekends=True)
    assert weekend.next_moment(utc("2026-11-20T21:30")) == utc("2026-11-23T06:00")
    assert QuietHours("UTC", weekends=True).next_moment(utc("2026-11-21T12:00")) == utc("2026-11-23T00:00")


def test_a_zone_that_is_gone_is_utc() -> None:
    assert QuietHours("Mars/Base", dt.time(0), dt.time(1)).next_moment(utc("2026-11-23T00:30")) == utc(
        "2026-11-23T01:00"
    )


@given(
    moment=st.integers(1_767_225_600, 1_830_297_600).map(
        lambda second: dt.datetime.fromtimestamp(second, dt.UTC)
    ),
    zone=st.sampled_from(
        ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
    ),
    begins=st.none() | st.times(),
    ends=st.times(),
    weekends=st.booleans(),
)
def test_told_then_it_is_not_quiet_and_never_before_it_happened(
    moment: dt.datetime, zone: str, begins: dt.time | None, ends: dt.time, weekends: bool
) -> None:
    hours = QuietHours(zone, begins, None if begins is None else ends, weekends)
    told = hours.next_moment(moment)
    assert told >= moment
    assert told - moment <= dt.timedelta(days=4)
    assert hours.next_moment(told) == told
