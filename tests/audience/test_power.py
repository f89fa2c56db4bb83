"""What a test can show, beside published numbers, formulas worked out by hand, and simulated tests."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.power import (
    Measure,
    Rules,
    Unanswerable,
    is_rough,
    power_of_each,
    smallest_effect,
    users_needed,
)

HALF = Measure("proportion", 0.5)
UNIT = Measure("mean", 0.0, 1.0)
NORMAL = NormalDist()


@pytest.mark.parametrize(
    ("measure", "rules", "effect", "published"),
    [
        # R's documentation of power.prop.test and power.t.test.
        (HALF, Rules(power=0.9), 0.25, 76.7),
        (UNIT, Rules(power=0.9), 1.0, 22.02110),
        (UNIT, Rules(power=0.9, two_sided=False), 1.0, 17.84713),
        # Cohen (1988), table 2.4.1: small, medium and large effects.
        (UNIT, Rules(), 0.5, 63.77),
        (UNIT, Rules(), 0.8, 25.52),
    ],
)
def test_users_needed_are_those_of_the_literature(
    measure: Measure, rules: Rules, effect: float, published: float
) -> None:
    assert users_needed(measure, rules, [1, 1], effect) == [math.ceil(published)] * 2


@pytest.mark.parametrize(
    ("measure", "users", "effect", "published"), [(HALF, 50, 0.25, 0.740), (UNIT, 20, 1.0, 0.8689528)]
)
def test_power_is_that_of_the_literature(
    measure: Measure, users: int, effect: float, published: float
) -> None:
    [found] = power_of_each(measure, Rules(), [users, users], effect)
    assert found == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(("baseline", "effect"), [(0.05, 0.005), (0.2, 0.05), (0.6, -0.02), (0.01, 0.001)])
@pytest.mark.parametrize(("alpha", "power"), [(0.05, 0.8), (0.01, 0.95)])
def test_rates_by_the_formula_of_fleiss(baseline: float, effect: float, alpha: float, power: float) -> None:
    rate = baseline + effect
    pooled = (baseline + rate) / 2
    wanted = (
        NORMAL.inv_cdf(1 - alpha / 2) * math.sqrt(2 * pooled * (1 - pooled))
        + NORMAL.inv_cdf(power) * math.sqrt(baseline * (1 - baseline) + rate * (1 - rate))
    ) ** 2 / effect**2
    [control, treatment] = users_needed(Measure("proportion", baseline), Rules(alpha, power), [1, 1], effect)
    assert control == treatment == pytest.approx(wanted, abs=1.5)


def test_uneven_shares_and_means_by_the_formula_for_large_numbers() -> None:
    shares, effect, deviation = [3.0, 1.0], 0.02, 1.7
    needed = users_needed(Measure("mean", 5, deviation), Rules(), shares, effect)
    z = NORMAL.inv_cdf(0.975) + NORMAL.inv_cdf(0.8)
    assert needed[1] == pytest.approx((z * deviation / effect) ** 2 * (1 + 1 / 3), rel=1e-3)
    assert needed[0] == pytest.approx(3 * needed[1], abs=3)


def test_several_variants_share_alpha() -> None:
    """Bonferroni: three comparisons at alpha are each one comparison at a third of it."""
    measure, users = Measure("proportion", 0.1), 20_000
    each = power_of_each(measure, Rules(0.05), [users] * 4, 0.01)
    alone = power_of_each(measure, Rules(0.05 / 3), [users] * 2, 0.01)
    assert each == alone * 3
    assert each[0] < power_of_each(measure, Rules(0.05), [users] * 2, 0.01)[0]


def test_the_smallest_variant_decides() -> None:
    measure = Measure("proportion", 0.1)
    few = smallest_effect(measure, Rules(), [10_000, 10_000, 1_000])
    many = smallest_effect(measure, Rules(), [10_000, 10_000, 10_000])
    assert few is not None
    assert many is not None
    assert few > 2 * many


@settings(max_examples=40, deadline=None)
@given(
    baseline=st.floats(0.001, 0.95),
    users=st.integers(50, 10**8),
    ratio=st.floats(0.1, 10),
    treatments=st.integers(1, 4),
    alpha=st.sampled_from([0.001, 0.05, 0.2]),
    power=st.sampled_from([0.5, 0.8, 0.99]),
    two_sided=st.booleans(),
    is_rate=st.booleans(),
)
def test_effect_and_users_lead_back_to_each_other(
    baseline: float,
    users: int,
    ratio: float,
    treatments: int,
    alpha: float,
    power: float,
    two_sided: bool,
    is_rate: bool,
) -> None:
    measure = Measure("proportion", baseline) if is_rate else Measure("mean", baseline, 3 * baseline)
    rules = Rules(alpha, power, two_sided)
    have = [float(users), *[users * ratio] * treatments]
    effect = smallest_effect(measure, rules, have)
    if effect is None:
        assert min(power_of_each(measure, rules, have, (1 - baseline) * 0.999)) < power
        return
    assert min(power_of_each(measure, rules, have, effect)) == pytest.approx(power, abs=1e-6)
    needed = users_needed(measure, rules, have, effect)
    assert needed == [pytest.approx(one, rel=1e-6, abs=1.01) for one in have]


def test_simulated_rates_are_found_as_often_as_promised() -> None:
    users, rate, effect, runs = 2_000, 0.1, 0.028, 20_000
    random = np.random.default_rng(5)
    control = random.binomial(users, rate, runs) / users
    green = random.binomial(2 * users, rate + effect, runs) / (2 * users)
    pooled = (control + 2 * green) / 3
    z = (green - control) / np.sqrt(pooled * (1 - pooled) * (1 / users + 1 / (2 * users)))
    found = np.mean(np.abs(z) > NORMAL.inv_cdf(0.975))
    [promised] = power_of_each(Measure("proportion", rate), Rules(), [users, 2 * users], effect)
    assert 0.8 < promised < 0.95
    # Four standard errors of the simulation, and what rates in whole users make of a normal distribution.
    assert found == pytest.approx(promised, abs=4 * math.sqrt(promised * (1 - promised) / runs) + 0.005)


def test_simulated_means_are_found_as_often_as_promised() -> None:
    users, runs = 30, 20_000
    random = np.random.default_rng(6)
    control, green = random.normal(0, 1, (runs, users)), random.normal(0.7, 1, (runs, users))
    error = np.sqrt((control.var(1, ddof=1) + green.var(1, ddof=1)) / users)
    # 2.0017 is the 97.5 % point of Student's t with 58 degrees of freedom.
    found = np.mean(np.abs(green.mean(1) - control.mean(1)) / error > 2.0017)
    [promised] = power_of_each(UNIT, Rules(), [users, users], 0.7)
    assert found == pytest.approx(promised, abs=4 * math.sqrt(promised * (1 - promised) / runs))


@pytest.mark.parametrize("size", [1e-6, 0.3, 1, 8, 20, 35, 1e3, 1e9])
@pytest.mark.parametrize("users", [2, 3, 10, 1e3, 1e6, 1e11])
def test_power_is_always_a_number(size: float, users: float) -> None:
    for alpha in (1e-9, 0.05, 0.49):
        for two_sided in (True, False):
            [found] = power_of_each(UNIT, Rules(alpha, 0.8, two_sided), [users, 3 * users], size)
            assert 0 <= found <= 1 + 1e-12


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda: Measure("proportion", 0), "baseline"),
        (lambda: Measure("proportion", 1), "baseline"),
        (lambda: Measure("proportion", -0.1), "baseline"),
        (lambda: Measure("proportion", math.nan), "baseline"),
        (lambda: Measure("proportion", 0.1, 0.3), "deviation"),
        (lambda: Measure("mean", math.inf, 1), "baseline"),
        (lambda: Measure("mean", 5), "deviation"),
        (lambda: Measure("mean", 5, 0), "deviation"),
        (lambda: Measure("mean", 5, math.nan), "deviation"),
        (lambda: Rules(alpha=0), "alpha"),
        (lambda: Rules(alpha=0.5), "alpha"),
        (lambda: Rules(alpha=math.nan), "alpha"),
        (lambda: Rules(alpha=0.1, power=0.1), "power"),
        (lambda: Rules(power=1), "power"),
        (lambda: Rules(power=math.nan), "power"),
        (lambda: HALF.effect(0, relative=True), "effect"),
        (lambda: HALF.effect(1, relative=True), "effect"),
        (lambda: HALF.effect(-0.5, relative=False), "effect"),
        (lambda: HALF.effect(math.nan, relative=False), "effect"),
        (lambda: UNIT.effect(0.1, relative=True), "effect"),
        (lambda: users_needed(HALF, Rules(), [1, 1], 1e-9), "effect"),
        (lambda: users_needed(HALF, Rules(), [1], 0.1), "variants"),
        (lambda: users_needed(HALF, Rules(), [1, 0], 0.1), "variants"),
        (lambda: smallest_effect(HALF, Rules(), [100, 0]), "users"),
        (lambda: smallest_effect(HALF, Rules(), [100, 1]), "users"),
        (lambda: smallest_effect(HALF, Rules(), [100, math.nan]), "users"),
    ],
)
def test_nonsense_is_refused_by_the_name_of_what_is_wrong(ask: Callable[[], object], field: str) -> None:
    with pytest.raises(Unanswerable) as refusal:
        ask()
    assert refusal.value.field == field
    assert refusal.value.message


def test_a_relative_effect_is_of_the_baseline() -> None:
    assert Measure("proportion", 0.05).effect(0.1, relative=True) == pytest.approx(0.005)
    assert Measure("mean", -20, 5).effect(0.1, relative=True) == pytest.approx(2)
    assert UNIT.effect(-0.4, relative=False) == -0.4


def test_a_rate_near_all_may_have_no_effect_left_to_find() -> None:
    assert smallest_effect(Measure("proportion", 0.99), Rules(), [50, 50]) is None


def test_few_conversions_make_it_rough() -> None:
    assert is_rough(Measure("proportion", 0.01), [900, 5_000])
    assert not is_rough(Measure("proportion", 0.01), [1_000, 5_000])
    assert is_rough(Measure("proportion", 0.995), [1_000, 1_000])
    assert not is_rough(UNIT, [5, 5])


def test_the_statistics_are_imported_by_those_who_compute_only() -> None:
    """They take seconds and a hundred megabytes; every process of the product loads urls and models."""
    program = (
        "import django, sys; django.setup(); import usersplit.urls, experiments.tasks; "
        "sys.exit('statsmodels' in sys.modules or 'scipy' in sys.modules)"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "usersplit.settings", "PYTHONPATH": "."}
    assert (
        subprocess.run([sys.executable, "-c", program], env=os.environ | environment, check=False).returncode
        == 0
    )
