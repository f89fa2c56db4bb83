"""The sample ratio is looked at often, its smallest p is kept, and the alarm is raised once."""

from __future__ import annotations

import datetime as dt

import pytest

from accounts.actors import Actor
from analytics.models import SampleRatioWatch
from analytics.tasks import watch_sample_ratios
from analytics.watching import look_at
from changelog.models import Entry
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, SettingsGroup
from experiments.services import apply_verb
from tests.analytics.counted import count_hits
from tests.factories import make_experiment

HALVES: list[dict[str, object]] = [
    {"name": "control", "percent": "50", "is_control": True},
    {"name": "green", "percent": "50"},
]


@pytest.fixture
def button(manager: Actor, warehouse: object) -> Experiment:
    return make_experiment(manager, Status.RUNNING, key="button", variants=HALVES)


@pytest.fixture
def group(button: Experiment) -> SettingsGroup:
    assert button.current is not None
    return button.current


def alarms() -> list[str]:
    return list(Entry.objects.filter(verb="alarm", subject_key="button").values_list("message", flat=True))


def test_the_strongest_alarm_stays_as_well(group: SettingsGroup) -> None:
    count_hits(group, "control", 110_000, 110_000)
    count_hits(group, "green", 90_000, 90_000)
    watch_sample_ratios()
    assert SampleRatioWatch.objects.get().smallest_p == 0.0
    count_hits(group, "green", 20_000, 20_000)
    assert look_at(group).holds_always


def test_an_alarm_is_raised_once_and_stays(group: SettingsGroup) -> None:
    count_hits(group, "control", 500, 500)
    count_hits(group, "green", 500, 500)
    watch_sample_ratios()
    assert alarms() == []
    count_hits(group, "control", 8_500, 8_500)
    count_hits(group, "green", 6_500, 6_500)
    watch_sample_ratios()
    watch_sample_ratios()
    [told] = alarms()
    assert "Sample ratio mismatch in settings 1" in told
    assert "9,000 users" in told or "7,000 users" in told
    smallest = SampleRatioWatch.objects.get().smallest_p
    assert smallest < 1e-9
    # The ratio mends, the alarm stays: what was lost is lost.
    count_hits(group, "green", 2_000, 2_000)
    watch_sample_ratios()
    assert SampleRatioWatch.objects.get().smallest_p == smallest
    assert look_at(group).holds_always
    assert len(alarms()) == 1


def test_nobody_is_looked_at_in_vain(group: SettingsGroup, button: Experiment, manager: Actor) -> None:
    count_hits(group, "control", 9_000, 9_000, ago=dt.timedelta(days=3))
    count_hits(group, "green", 90, 90, environment="devel")
    count_hits(group, "green", 90, 0, users_counted=False, environment="devel")
    watch_sample_ratios()
    assert not SampleRatioWatch.objects.exists()
    count_hits(group, "control", 9_000, 9_000)
    apply_verb(manager, button, Verb.FINISH, {"result": "rejected"})
    watch_sample_ratios()
    assert alarms() == []


def test_what_cannot_be_judged_is_left_for_later(group: SettingsGroup) -> None:
    count_hits(group, "control", 9_000, 0, users_counted=False)
    count_hits(group, "green", 9_000, 9_000)
    watch_sample_ratios()
    assert not SampleRatioWatch.objects.exists()
