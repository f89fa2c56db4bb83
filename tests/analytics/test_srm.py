"""Sample ratio mismatch: beside scipy and published numbers, and simulated with daily looks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from analytics.srm import (
    ALARM_LEVEL,
    Method,
    Reason,
    Verdict,
    always_valid_p,
    chi_square_p,
    fixed_p,
    sample_ratio,
)

HALVES = {"control": 1_000, "green": 1_000}


@pytest.mark.parametrize("freedom", range(1, 12))
def test_the_chi_square_is_scipy_s(freedom: int) -> None:
    for value in (0.0, 1e-9, 0.3, 1.0, 5.5, 20.0, 90.0, 1_000.0):
        assert chi_square_p(value, freedom) == pytest.approx(
            float(stats.chi2.sf(value, freedom)), rel=1e-9, abs=1e-300
        )


def test_uneven_halves_of_a_large_test_are_a_mismatch() -> None:
    # Fabijan et al. (KDD 2019): 821,588 against 815,482 at 50 % each has p = 1.8e-6.
    found = sample_ratio({"control": 821_588, "green": 815_482}, HALVES)
    assert found.verdict == Verdict.MISMATCH
    assert found.p_value == pytest.approx(1.8e-6, rel=0.02)
    assert found.method == Method.CHI_SQUARE
    assert found.freedom == 1


def test_expected_are_the_counted_users_not_equal_shares() -> None:
    counted = {"control": 900, "green": 100}
    fits = sample_ratio({"control": 9_030, "green": 970}, counted)
    assert fits.verdict == Verdict.FINE
    assert [(one.name, one.share, one.users) for one in fits.variants] == [
        ("control", 0.9, 9_000.0),
        ("green", 0.1, 1_000.0),
    ]
    assert sample_ratio({"control": 5_000, "green": 5_000}, counted).is_mismatch


def test_few_users_are_judged_exactly() -> None:
    found = sample_ratio({"control": 3, "green": 0}, {"control": 100, "green": 900})
    assert found.method == Method.EXACT
    assert found.p_value == pytest.approx(stats.binomtest(3, 3, 0.1).pvalue)
    for seen in ((0, 8), (8, 0), (4, 4), (2, 6)):
        p_value, method = fixed_p(seen, (0.5, 0.5))
        assert method == Method.EXACT
        assert p_value == pytest.approx(stats.binomtest(seen[0], 8, 0.5).pvalue)


def test_three_variants_exactly_are_all_outcomes_at_most_as_likely() -> None:
    shares = (0.2, 0.3, 0.5)
    law = stats.multinomial(7, shares)
    seen = (4, 3, 0)
    outcomes = [one for one in itertools.product(range(8), repeat=3) if sum(one) == 7]
    wanted = sum(law.pmf(one) for one in outcomes if law.pmf(one) <= law.pmf(seen) * (1 + 1e-9))
    assert fixed_p(seen, shares)[0] == pytest.approx(wanted)


def test_many_outcomes_of_few_expected_users_are_rough_and_say_so() -> None:
    counted = {f"v{number}": 1 for number in range(9)} | {"rest": 10_000}
    assert sample_ratio({"v1": 2, "rest": 4_000}, counted).method == Method.ROUGH


@pytest.mark.parametrize(
    ("seen", "counted", "reason"),
    [
        ({"control": 5}, None, Reason.AUDIENCE_NOT_COUNTED),
        ({"control": 5}, {"control": 0, "green": 0}, Reason.AUDIENCE_NOT_COUNTED),
        ({}, HALVES, Reason.NO_USERS),
        ({"control": 0, "green": 0}, HALVES, Reason.NO_USERS),
        ({"control": 5}, {"control": 9}, Reason.ONE_VARIANT),
        ({"control": 5}, {"control": 9, "green": 0}, Reason.ONE_VARIANT),
    ],
)
def test_where_nothing_can_be_said_there_is_a_reason(
    seen: dict[str, int], counted: dict[str, int] | None, reason: Reason
) -> None:
    found = sample_ratio(seen, counted)
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, reason)
    assert found.p_value is None


def test_users_of_a_variant_that_nobody_was_counted_for_are_named_and_left_out() -> None:
    found = sample_ratio({"control": 50, "green": 50, "blue": 7}, {**HALVES, "blue": 0})
    assert found.uncounted == ("blue",)
    assert found.users == 100
    assert found.verdict == Verdict.FINE


def test_the_smallest_of_all_looks_counts() -> None:
    now = sample_ratio({"control": 500, "green": 500}, HALVES, smallest_so_far=1e-5)
    assert now.always_valid_p == 1e-5
    assert now.is_mismatch
    assert now.holds_always
    assert now.p_value is not None
    assert now.p_value > 0.9


def test_the_bayes_factor_is_the_product_of_the_predictions() -> None:
    """Γ ratios, user by user: each is predicted with (αᵢ + seen so far) / (A + seen so far)."""
    shares, order = (0.3, 0.7), [0, 1, 1, 0, 0, 0, 0]
    seen, factor = [0, 0], 1.0
    for variant in order:
        factor *= (10_000 * shares[variant] + seen[variant]) / (10_000 + sum(seen)) / shares[variant]
        seen[variant] += 1
    assert always_valid_p(seen, shares) == pytest.approx(min(1.0, 1 / factor))


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 10**9)), min_size=2, max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_numbers_have_an_answer(rows: list[tuple[int, int]]) -> None:
    found = sample_ratio(
        {str(number): seen for number, (seen, _) in enumerate(rows)},
        {str(number): counted for number, (_, counted) in enumerate(rows)},
    )
    if found.verdict != Verdict.UNKNOWN:
        assert found.p_value is not None
        assert found.always_valid_p is not None
        assert 0 <= found.p_value <= 1
        assert 0 <= found.always_valid_p <= 1


DAYS = 28
TESTS = 1_500


def _days(share: float, visitors: int, tests: int, seed: int) -> NDArray[np.int64]:
    """Users seen in both variants (test, day, variant) after each day; so many are new every day."""
    first = np.random.default_rng(seed).binomial(visitors, share, size=(tests, DAYS)).cumsum(axis=1)
    return np.stack([first, visitors * np.arange(1, DAYS + 1) - first], axis=2)


def _share_of_alarms(tests: NDArray[np.int64]) -> tuple[float, float, float]:
    """Tests with an alarm: chi-square on the last day only, chi-square on any day, always-valid on any day."""
    last_day = any_day = always = 0
    for looks in tests.tolist():
        p_values = [fixed_p(seen, (0.5, 0.5))[0] for seen in looks]
        last_day += p_values[-1] < ALARM_LEVEL
        any_day += min(p_values) < ALARM_LEVEL
        always += min(always_valid_p(seen, (0.5, 0.5)) for seen in looks) < ALARM_LEVEL
    return last_day / len(tests), any_day / len(tests), always / len(tests)


def test_looking_every_day_misleads_the_chi_square_and_not_the_always_valid_form() -> None:
    once, daily, always = _share_of_alarms(_days(0.5, 2_000, TESTS, seed=5))
    # One in a thousand, within three standard errors of 1,500 tests.
    assert once <= 0.001 + 3 * math.sqrt(0.001 / TESTS)
    assert always <= 0.001 + 3 * math.sqrt(0.001 / TESTS)
    assert daily > 0.004


def test_a_variant_that_loses_two_users_in_a_hundred_is_found() -> None:
    *_, always = _share_of_alarms(_days(0.98 / 1.98, 15_000, 200, seed=6))
    assert always > 0.9
