"""Differences between variants, beside published examples, scipy and simulation."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analytics.intervals import Difference, Sample, mean_difference, rate_difference, wilson


def sample(values: list[float]) -> Sample:
    return Sample(len(values), sum(values), sum(value * value for value in values))


@pytest.mark.parametrize(
    ("conversions", "users", "of_control", "control_users", "low", "high"),
    [
        # Newcombe (1998), table II, method 10: 56/70 − 48/80, 9/10 − 3/10, 10/10 − 0/20, 0/10 − 0/20.
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 20, 0.6791, 1.0),
        (0, 10, 0, 20, -0.1611, 0.2775),
    ],
)
def test_differences_of_rates_are_newcombe_s(
    conversions: int, users: int, of_control: int, control_users: int, low: float, high: float
) -> None:
    found = rate_difference(conversions, users, of_control, control_users)
    assert found is not None
    assert found.absolute_interval.low == pytest.approx(low, abs=1e-4)
    assert found.absolute_interval.high == pytest.approx(high, abs=1e-4)


def test_wilson_is_that_of_scipy() -> None:
    for conversions, users in ((0, 7), (3, 10), (50, 50), (81, 263)):
        wanted = stats.binomtest(conversions, users).proportion_ci(method="wilson")
        found = wilson(conversions, users)
        assert found == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_p_of_rates_is_the_pooled_z_test_and_the_ratio_is_katz_s() -> None:
    found = rate_difference(120, 1_000, 100, 1_000)
    assert found is not None
    # Without continuity correction z² is Pearson's chi-square of the two-by-two table.
    table = [[120, 880], [100, 900]]
    assert found.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    wanted = stats.contingency.relative_risk(120, 1_000, 100, 1_000).confidence_interval(0.95)
    assert found.relative == pytest.approx(0.2)
    assert found.relative_interval is not None
    assert found.relative_interval.low == pytest.approx(wanted.low - 1)
    assert found.relative_interval.high == pytest.approx(wanted.high - 1)


def test_means_are_compared_as_welch_does() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.gamma(1.5, 20, 80).tolist(), rng.gamma(1.5, 26, 50).tolist()
    found = mean_difference(sample(b), sample(a))
    wanted = stats.ttest_ind(b, a, equal_var=False)
    interval = wanted.confidence_interval(0.95)
    assert found is not None
    assert found.p_value == pytest.approx(wanted.pvalue)
    assert (found.absolute_interval.low, found.absolute_interval.high) == pytest.approx(
        (interval.low, interval.high)
    )


def test_fieller_s_interval_covers_the_true_ratio_in_nineteen_of_twenty() -> None:
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(800):
        a, b = rng.exponential(10, 200), rng.exponential(11, 200)
        found = mean_difference(
            Sample(200, float(b.sum()), float((b * b).sum())),
            Sample(200, float(a.sum()), float((a * a).sum())),
        )
        assert found is not None
        assert found.relative_interval is not None
        assert found.relative_interval.low is not None
        assert found.relative_interval.high is not None
        covered += found.relative_interval.low <= 0.1 <= found.relative_interval.high
    # 760 expected; four standard errors either side.
    assert 735 <= covered <= 785


def test_relative_to_a_loss_more_is_more() -> None:
    found = mean_difference(sample([-8, -9, -7, -8.5] * 30), sample([-10, -11, -9, -10.5] * 30))
    assert found is not None
    assert found.absolute > 0
    assert found.relative_interval is not None
    assert found.relative is not None
    assert found.relative == pytest.approx(0.1975, abs=1e-4)
    assert found.relative_interval.low is not None
    assert found.relative_interval.high is not None
    assert found.relative_interval.low < found.relative < found.relative_interval.high


def test_where_nothing_can_be_said_there_is_no_number() -> None:
    assert rate_difference(0, 0, 1, 2) is None
    assert mean_difference(Sample(0, 0, 0), sample([1.0])) is None
    zero = rate_difference(0, 10, 0, 10)
    assert zero is not None
    assert (zero.relative, zero.relative_interval, zero.p_value) == (None, None, None)
    alike = mean_difference(sample([2.0, 2.0]), sample([0.0, 0.0]))
    assert alike is not None
    assert (alike.absolute, alike.relative, alike.p_value) == (2.0, None, None)
    # A control that may be 0 leaves every ratio open.
    vague = mean_difference(sample([5.0, 6.0]), sample([-100.0, 101.0]))
    assert vague is not None
    assert vague.relative_interval is None


def _numbers(found: Difference | None) -> list[float]:
    if found is None:
        return []
    ends = [found.absolute_interval, *([found.relative_interval] if found.relative_interval else [])]
    values = [
        found.absolute,
        found.relative,
        found.p_value,
        *(one.low for one in ends),
        *(one.high for one in ends),
    ]
    return [value for value in values if value is not None]


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_any_rates_have_finite_answers(users: int, control_users: int, rate: float, base: float) -> None:
    found = rate_difference(int(users * rate), users, int(control_users * base), control_users)
    assert all(math.isfinite(value) for value in _numbers(found))


_SUMS = st.floats(-1e300, 1e300)


@given(st.integers(0, 10**6), st.integers(0, 10**6), _SUMS, _SUMS, st.floats(0), st.floats(0))
@settings(max_examples=200, deadline=None)
def test_any_sums_have_finite_answers(
    users: int, control_users: int, total: float, base: float, squares: float, base_squares: float
) -> None:
    found = mean_difference(Sample(users, total, squares), Sample(control_users, base, base_squares))
    assert all(math.isfinite(value) for value in _numbers(found))


def test_scipy_waits_until_it_is_needed() -> None:
    code = "import sys, analytics.intervals, analytics.srm; print('scipy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
