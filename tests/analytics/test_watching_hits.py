"""Production's first hits, silence, and hits after the finish: each is told once an occasion."""

from __future__ import annotations

import datetime as dt

import pytest

from accounts.actors import Actor
from analytics.models import TotalHits
from analytics.watching_hits import watch_hits
from changelog.models import Entry
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from tests.conftest import People
from tests.factories import make_experiment

pytestmark = pytest.mark.usefixtures("warehouse")
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def make(people: People, status: Status, **settings: object) -> Experiment:
    with clock.frozen_at(NOW):
        return make_experiment(Actor.person(people.manager), status, **settings)  # type: ignore[arg-type]


def hit(experiment: Experiment, at: dt.datetime, environment: str = "production", who: str = "users") -> None:
    TotalHits.objects.update_or_create(
        settings_group=experiment.current,
        variant="green",
        environment=environment,
        who=who,
        defaults={"hits": 1, "last_at": at},
        create_defaults={"hits": 1, "first_at": at, "last_at": at},
    )


def told_at(moment: dt.datetime) -> list[str]:
    """What is told when somebody looks at that moment, twice."""
    before = set(Entry.objects.values_list("pk", flat=True))
    with clock.frozen_at(moment):
        for _ in range(2):
            watch_hits()
    return list(Entry.objects.exclude(pk__in=before).order_by("pk").values_list("verb", flat=True))


@pytest.mark.parametrize("who", ["users", "test_users", "forced"])
def test_the_first_hit_from_production_says_that_a_test_can_be_started(people: People, who: str) -> None:
    experiment = make(people, Status.DEV)
    hit(experiment, NOW, "devel")
    assert told_at(NOW + HOUR) == []
    hit(experiment, NOW + 2 * HOUR, who=who)
    assert told_at(NOW + 3 * HOUR) == ["first_hit"]
    hit(experiment, NOW + 4 * HOUR)
    assert told_at(NOW + 5 * HOUR) == []


def test_a_running_test_that_falls_silent_is_told_of_each_time(people: People) -> None:
    experiment = make(people, Status.RUNNING)
    hit(experiment, NOW + HOUR)
    assert told_at(NOW + DAY) == []
    assert told_at(NOW + DAY + 2 * HOUR) == ["no_hits"]
    assert told_at(NOW + 3 * DAY) == []
    hit(experiment, NOW + 4 * DAY)
    assert told_at(NOW + 4 * DAY + HOUR) == []
    assert told_at(NOW + 5 * DAY) == ["no_hits"]


def test_a_test_that_was_never_seen_is_told_of_a_day_after_its_start(people: People) -> None:
    make(people, Status.RUNNING)
    assert told_at(NOW + 23 * HOUR) == []
    assert told_at(NOW + DAY) == ["no_hits"]


def test_a_test_outside_its_dates_paused_or_just_resumed_is_not_missed(people: People) -> None:
    make(people, Status.RUNNING, starts_at=(NOW + 10 * DAY).isoformat())
    make(people, Status.RUNNING, ends_at=(NOW + HOUR).isoformat(), draw="random")
    resumed = make(people, Status.PAUSED, draw="random")
    assert told_at(NOW + 2 * DAY) == []
    with clock.frozen_at(NOW + 2 * DAY):
        apply_verb(Actor.person(people.manager), resumed, Verb.RESUME)
    assert told_at(NOW + 2 * DAY + HOUR) == []
    assert told_at(NOW + 3 * DAY) == ["no_hits"]


def test_hits_days_after_the_finish_say_that_it_is_still_in_the_code(people: People) -> None:
    experiment = make(people, Status.FINISHED)
    hit(experiment, NOW + 2 * DAY)
    assert told_at(NOW + 4 * DAY) == []
    hit(experiment, NOW + 4 * DAY)
    assert told_at(NOW + 4 * DAY + HOUR) == ["still_hits"]
    hit(experiment, NOW + 9 * DAY)
    assert told_at(NOW + 9 * DAY) == []
