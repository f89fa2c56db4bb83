"""Is it worth running? From counted users, arrivals and visitors to effects and days, and back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from accounts.actors import Actor
from audience.loading import load_users
from audience.warehouse import Warehouse, get_warehouse
from core import clock
from core.errors import Conflict, InvalidInput
from experiments.models import Experiment, SettingsGroup
from experiments.worth import Worth, recent_arrivals, worth_of
from experiments.worth_asked import read_asked
from experiments.worth_words import notes, number, sentences
from tests.factories import add_settings, make_draft, make_experiment

RATE: dict[str, object] = {"baseline": 0.05, "visitors_per_day": 3_000}
THREE = [
    {"name": "green", "percent": "20"},
    {"name": "control", "percent": "40", "is_control": True},
    {"name": "blue", "percent": "20"},
]


@pytest.fixture
def settings_group(manager: Actor, warehouse: Warehouse) -> SettingsGroup:
    return current_of(make_experiment(manager, key="button", variants=THREE))


def current_of(experiment: Experiment) -> SettingsGroup:
    assert experiment.current is not None
    return experiment.current


def answer(settings_group: SettingsGroup, **asked: Any) -> Worth:
    return worth_of(settings_group, read_asked(RATE | asked))


def test_the_control_comes_first_and_each_variant_has_its_counted_users(
    settings_group: SettingsGroup,
) -> None:
    worth = answer(settings_group)
    assert [one.name for one in worth.variants] == ["control", "green", "blue"]
    assert worth.users == 24_000
    control, green, blue = worth.variants
    assert control.users == pytest.approx(9_600, rel=0.05)
    assert green.users == pytest.approx(4_800, rel=0.05)
    assert control.arrivals == pytest.approx(2 * blue.arrivals)
    assert worth.alpha_of_each == 0.025


def test_days_lead_to_effects_and_effects_back_to_the_same_days(settings_group: SettingsGroup) -> None:
    there = answer(settings_group, days=[1, 3, 7, 14, 28, 200])
    effects = [row.smallest.absolute for row in there.by_days if row.smallest]
    assert len(effects) == 6
    assert effects == sorted(effects, reverse=True)
    back = answer(settings_group, effect_kind="absolute", effects=[one * (1 + 1e-7) for one in effects])
    assert [row.days for row in back.by_effects] == [1, 3, 7, 14, 28, 200]
    for row, reached in zip(back.by_effects, there.by_days, strict=True):
        assert row.users.keys() == reached.users.keys()
        for name, needed in row.users.items():
            assert needed == pytest.approx(reached.users[name], rel=1e-3, abs=2)


def test_an_effect_too_small_says_what_is_missing(settings_group: SettingsGroup) -> None:
    [row] = answer(settings_group, effects=[0.001]).by_effects
    assert row.days is None
    assert "needs" in row.reason
    assert "come by in 365 days" in row.reason
    [impossible] = answer(settings_group, effects=[1e-9]).by_effects
    assert "too small" in impossible.reason
    [sentence] = [one for one in sentences(answer(settings_group, effects=[0.001])) if "not worth" in one]
    assert "0.1 % higher (5 % → 5.01 %)" in sentence


def test_fewer_visitors_and_the_same_ones_again_make_it_longer(settings_group: SettingsGroup) -> None:
    def days(**asked: Any) -> int:
        [row] = answer(settings_group, effects=[0.3], **asked).by_effects
        assert row.days is not None
        return row.days

    quick = days()
    assert days(visitors_per_day=600) > quick
    assert days(visitors_per_week=4_000, arrivals_per_day=500) > days(arrivals_per_day=500)
    assert days(visitors_per_day=600, arrivals_per_day=2_000) < days(visitors_per_day=600)


def test_a_mean_is_worked_out_too(settings_group: SettingsGroup) -> None:
    worth = answer(
        settings_group, metric="mean", baseline=20, deviation=35, effects=["5"], effect_kind="absolute"
    )
    assert worth.by_days[0].smallest is not None
    assert worth.by_effects[0].effect.relative == pytest.approx(0.25)
    assert "A mean that is" in sentences(worth)[0]
    zero = answer(settings_group, metric="mean", baseline=0, deviation=1)
    assert zero.by_effects == ()
    assert zero.by_days[0].smallest is not None
    assert zero.by_days[0].smallest.relative is None


def test_arrivals_are_those_of_the_28_whole_days_before_the_newest_registration(
    manager: Actor, tmp_path: Path
) -> None:
    now = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
    rows = [f"old{n},2026-08-01,de" for n in range(50)]
    rows += [
        f"u{day}_{n},2026-10-{day:02},{'de' if n < 2 else 'fr'}" for day in range(4, 32) for n in range(3)
    ]
    rows += ["newest,2026-11-01,de"]
    (tmp_path / "users.csv").write_text("\n".join(["id,registered_at,language", *rows]))
    load_users(tmp_path / "users.csv")
    german = [{"filter": "language", "source": "user", "operator": "eq", "value": "de"}]
    with clock.frozen_at(now):
        assert recent_arrivals([]) == 3
        assert recent_arrivals(german) == 2
    with clock.frozen_at(now + dt.timedelta(days=200)):
        assert recent_arrivals([]) == 3
    with clock.frozen_at(now + dt.timedelta(days=1_000)):
        assert recent_arrivals([]) == 0


def test_a_warehouse_that_knows_no_registrations_leaves_arrivals_out_and_says_so(
    manager: Actor, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text("id\n" + "".join(f"u{n}\n" for n in range(5_000)))
    load_users(tmp_path / "users.csv")
    assert get_warehouse().column_types() == {}
    worth = answer(current_of(make_experiment(manager, variants=THREE)), visitors_per_day=500)
    assert worth.arrivals_per_day == 0
    assert any("registered_at" in note for note in notes(worth))


def test_what_the_figures_rest_on_is_told(manager: Actor, warehouse: Warehouse) -> None:
    conditions = [{"filter": "user_agent", "operator": "contains", "value": "Bot"}]
    variants = [{"name": "a", "percent": "0.5"}, {"name": "b", "percent": "0.5"}]
    group = current_of(make_experiment(manager, conditions=conditions, variants=variants))
    told = " ".join(notes(worth_of(group, read_asked({"baseline": 0.05}))))
    for words in ("user_agent", "is a guess", "the same users", "No variant is the control", "rough"):
        assert words in told
    full = worth_of(
        group, read_asked({"baseline": 0.05, "visitors_per_day": 2_000, "visitors_per_week": 6_000})
    )
    assert "guess" not in " ".join(notes(full))


def test_where_nothing_can_be_compared_it_is_said(manager: Actor, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="not counted yet"):
        answer(add_settings(manager, make_draft(manager), variants=THREE))
    one = current_of(make_experiment(manager, variants=[{"name": "a", "percent": "5"}]))
    with pytest.raises(Conflict, match="single variant"):
        answer(one)
    nobody = current_of(make_experiment(manager, variants=THREE))
    with pytest.raises(Conflict, match="Nobody who meets the conditions is in control or green or blue"):
        answer(nobody)


def test_visitors_that_cannot_be(settings_group: SettingsGroup) -> None:
    for asked, field in (
        ({"visitors_per_day": 24_001}, "visitors_per_day"),
        ({"visitors_per_day": 0}, "visitors_per_day"),
        ({"visitors_per_week": 24_000}, "visitors_per_week"),
    ):
        with pytest.raises(InvalidInput, match=f"^{field}: "):
            answer(settings_group, **asked)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.5, "1,234"),
        (12.34, "12.3"),
        (0.0012345, "0.00123"),
        (5.0, "5"),
        (1e12, "1,000,000,000,000"),
        (99.96, "100"),
    ],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert number(value) == text
