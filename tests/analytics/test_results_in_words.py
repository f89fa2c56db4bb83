"""Numbers of results have as many decimals as say something, and no more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from analytics.effects_in_words import shown_events
from analytics.intervals import Interval
from analytics.results import EventResult, Results, VariantResult


def shown(rate: float, low: float, high: float) -> tuple[str, str]:
    """A rate and its interval, as the page of results words them."""
    seen = VariantResult(
        name="control",
        users=10_000,
        conversions=1,
        rate=rate,
        rate_interval=Interval(low, high),
        events=1,
        value=0.0,
        mean_value=None,
        mean_events=None,
        rate_difference=None,
        value_difference=None,
        events_difference=None,
    )
    results = SimpleNamespace(events=[EventResult("order.paid", [seen])])
    [event] = shown_events(cast("Results", results))
    row = event.measures[0].rows[0]
    return row.value, row.between


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.05, 0.045, 0.056), ("5.00 %", "4.50 % to 5.60 %")),
        # 99.6 % and 99.9 % are not alike.
        ((0.9963, 0.99, 1.0), ("99.6 %", "99.0 % to 100.0 %")),
        # The noise of floating point is no number.
        ((2.7e-17, 0.0, 2.7e-17), ("0 %", "0 % to 0 %")),
        ((0.0, 0.0, 0.0004), ("0.0000 %", "0.0000 % to 0.0400 %")),
    ],
)
def test_rates(numbers: tuple[float, float, float], words: tuple[str, str]) -> None:
    assert shown(*numbers) == words
