"""The checks of the split groups on simulated users: false alarms as rare as promised, planted marks found and not misattributed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audience.health import FEWEST_USERS, Health, PastTest, Question, Verdict, check_health, holm
from audience.moments import Moments

USERS = 48_000
Groups = NDArray[np.int64]


def _moments(groups: Groups, values: NDArray[Any]) -> Moments:
    center = float(values.mean())
    distance = values - center
    return Moments(
        np.bincount(groups, minlength=2400),
        np.asarray(np.bincount(groups, distance, 2400), dtype=np.float64),
        np.asarray(np.bincount(groups, distance**2, 2400), dtype=np.float64),
        center,
        float((distance**4).sum()),
    )


def _past(rng: np.random.Generator, key: str = "old_test", size: int = 120) -> PastTest:
    order, owners = rng.permutation(2400), np.zeros(2400, dtype=np.int16)
    owners[order[:size]], owners[order[size : 2 * size]] = 1, 2
    return PastTest(key, ("control", "green"), owners)


def _checked(
    groups: Groups, past: Sequence[PastTest] = (), known_bad: Sequence[str] = (), **measures: NDArray[Any]
) -> Health:
    users = np.bincount(groups, minlength=2400)
    return check_health(
        users, {name: _moments(groups, values) for name, values in measures.items()}, past, known_bad
    )


def _bad(health: Health) -> set[tuple[str, str, str]]:
    return {
        (finding.question.value, finding.test, finding.measure)
        for finding in health.findings
        if finding.verdict == Verdict.BAD
    }


def test_chance_alone_is_worth_a_look_as_rarely_as_promised() -> None:
    rng = np.random.default_rng(20261122)
    rare, age = (rng.random(USERS) < 0.01) * 1.0, 16 + rng.gamma(2.6, 6.0, USERS)
    alarms, p = {Verdict.FINE: 0, Verdict.WATCH: 0, Verdict.BAD: 0, Verdict.UNKNOWN: 0}, []
    runs = 300
    for _ in range(runs):
        groups = rng.integers(0, 2400, USERS)
        health = _checked(groups, [_past(rng), _past(rng)], rare=rare, age=age)
        alarms[health.verdict] += 1
        p += [finding.p for finding in health.findings if finding.question != Question.LARGEST]
    # 5 % of 300 are 15; chance alone gives more than 29 once in 4,000 such simulations, and bad ones (0.1 %) more than 4 once in 5,000.
    assert alarms[Verdict.WATCH] + alarms[Verdict.BAD] <= 29
    assert alarms[Verdict.BAD] <= 4
    # And they are p-values, not merely cautious: one in ten is below 0.1.
    assert 0.07 < np.mean(np.array(p) < 0.1) < 0.13


def test_groups_of_uneven_size_are_found() -> None:
    rng = np.random.default_rng(1)
    weights = np.where(np.arange(2400) < 1200, 1.05, 0.95)
    health = _checked(rng.choice(2400, USERS * 5, p=weights / weights.sum()))
    assert ("sizes", "", "") in _bad(health)
    (sizes,) = [finding for finding in health.findings if finding.question == Question.SIZES]
    assert sizes.excess == pytest.approx(0.05, abs=0.01)


def test_one_group_that_everybody_gets_is_found_and_named() -> None:
    rng = np.random.default_rng(2)
    groups = np.concatenate([rng.integers(0, 2400, USERS), np.full(40, 6)])
    health = _checked(groups)
    assert _bad(health) == {("largest", "", "")}
    assert health.worst[""][0].split_group == 7


def test_a_mark_of_a_test_is_blamed_on_that_test_alone() -> None:
    rng = np.random.default_rng(3)
    guilty, innocent = _past(rng, "guilty", 240), [_past(rng, f"innocent_{index}", 240) for index in range(8)]
    groups = rng.integers(0, 2400, USERS * 4)
    chance = np.where(guilty.owners[groups] == 2, 0.12, 0.08)
    pays = (rng.random(len(groups)) < chance) * 1.0
    health = _checked(groups, [guilty, *innocent], pays=pays, age=rng.normal(30, 5, len(groups)))
    assert {(test, measure) for _, test, measure in _bad(health)} <= {("guilty", "pays"), ("", "pays")}
    (mark,) = [
        finding for finding in health.findings if (finding.test, finding.measure) == ("guilty", "pays")
    ]
    assert mark.verdict == Verdict.BAD
    shares = {part.name: part.value for part in mark.parts}
    assert shares["green"] == pytest.approx(0.12, abs=0.01)
    assert shares["control"] == pytest.approx(0.08, abs=0.01)
    assert shares[""] == pytest.approx(0.08, abs=0.01)


def test_users_whom_a_variant_drove_away_are_missed() -> None:
    rng = np.random.default_rng(4)
    test = _past(rng, "rude_popup", 240)
    groups = rng.integers(0, 2400, USERS * 4)
    stays = (test.owners[groups] != 2) | (rng.random(len(groups)) < 0.93)
    assert ("test_users", "rude_popup", "") in _bad(_checked(groups[stays], [test]))


def test_over_dispersion_without_a_known_test_is_found_with_its_size() -> None:
    rng = np.random.default_rng(5)
    groups = rng.integers(0, 2400, USERS * 4)
    effect = rng.normal(0, 0.03, 2400)
    pays = (rng.random(len(groups)) < 0.3 + effect[groups]) * 1.0
    health = _checked(groups, pays=pays)
    assert _bad(health) == {("spread", "", "pays")}
    assert health.findings[0].excess == pytest.approx(0.03, abs=0.006)


def test_an_alarm_does_not_come_and_go_around_its_level() -> None:
    rng = np.random.default_rng(6)
    groups = rng.integers(0, 2400, USERS)
    between = None
    for extra in range(10, 45):
        health = _checked(np.concatenate([groups, np.full(extra, 6)]))
        (largest,) = [one for one in health.findings if one.question == Question.LARGEST]
        if 0.001 < largest.adjusted < 0.01:
            between = np.concatenate([groups, np.full(extra, 6)])
            assert largest.verdict == Verdict.WATCH
            assert _checked(between, known_bad=[largest.name]).verdict == Verdict.BAD
    assert between is not None


def test_too_few_users_say_nothing() -> None:
    rng = np.random.default_rng(7)
    health = _checked(rng.integers(0, 2400, FEWEST_USERS * 2400 - 1), pays=np.zeros(FEWEST_USERS * 2400 - 1))
    assert (health.verdict, health.findings) == (Verdict.UNKNOWN, ())


@pytest.mark.parametrize("kind", ["alike", "one whale", "handful"])
def test_measures_that_cannot_be_judged_are_named_not_judged(kind: str) -> None:
    rng = np.random.default_rng(8)
    values = np.zeros(USERS)
    values[: {"alike": 0, "one whale": 1, "handful": 20}[kind]] = 1e9
    health = _checked(rng.integers(0, 2400, USERS), odd=values)
    assert health.unsaid == ("odd",)
    assert {finding.measure for finding in health.findings} == {""}


def test_a_test_that_had_all_groups_is_compared_among_its_variants() -> None:
    rng = np.random.default_rng(9)
    owners = rng.integers(1, 3, 2400).astype(np.int16)
    past = PastTest("everybody", ("a", "b"), owners)
    (finding,) = [
        one
        for one in _checked(rng.integers(0, 2400, USERS), [past]).findings
        if one.question == Question.TEST_USERS
    ]
    assert [part.name for part in finding.parts] == ["a", "b"]
    assert finding.freedom == 1
    lonely = PastTest("one_variant", ("a",), np.ones(2400, dtype=np.int16))
    assert _checked(rng.integers(0, 2400, USERS), [lonely]).verdict != Verdict.BAD


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_between_the_plain_values_and_bonferroni(p: list[float]) -> None:
    adjusted = holm(p)
    plain = np.array(p)
    assert (adjusted >= plain).all()
    assert (adjusted <= np.minimum(1.0, plain * len(p)) + 1e-12).all()
    assert adjusted[np.argmin(plain)] == pytest.approx(min(1.0, plain.min() * len(p)))
    order = np.argsort(plain, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
