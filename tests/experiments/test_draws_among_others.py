"""What other tests mean for a draw: exclusive ones both ways, planned ones, and those that ended shortly before."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from pytest_django import Settings

from accounts.actors import Actor
from audience.warehouse import Warehouse
from core import clock
from experiments.audience_report import audience_report
from experiments.lifecycle import Status, Verb
from experiments.models import Draw, Experiment, Preparation, SettingsGroup
from experiments.plans import plan_of
from experiments.services import (
    apply_verb,
    attach_settings_group,
    prepare_settings_group,
    recount_settings_group,
)
from tests.factories import add_prepared, add_settings, make_draft, make_experiment

PAYING: list[object] = [{"filter": "is_paying", "operator": "eq", "value": True}]
NOT_PAYING: list[object] = [{"filter": "is_paying", "operator": "eq", "value": False}]


def variants(percent: str) -> list[dict[str, object]]:
    return [{"name": "a", "percent": percent}]


def owned(settings_group: SettingsGroup | None) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(Draw.objects.get(settings_group=settings_group).owners) > 0


def days_from_now(days: int) -> str:
    return (clock.now() + dt.timedelta(days=days)).isoformat()


def others_of(settings_group: SettingsGroup) -> dict[str, bool]:
    """Key of each other test that matters → whether it counts as finished."""
    return {
        other.settings_group.experiment.key: other.is_finished for other in plan_of(settings_group).others()
    }


@pytest.mark.parametrize("objective", ["fewest_shared_users", "smallest_worst_pair", "random"])
def test_a_test_keeps_away_from_one_that_named_it_before_it_was_drawn(
    manager: Actor, warehouse: Warehouse, objective: str
) -> None:
    late = make_draft(manager, "late")
    shy = make_experiment(
        manager, Status.RUNNING, variants=variants("40"), draw="exclusive", exclusive_with=["late"]
    )
    # So much is taken already that the late one cannot do without busy groups.
    make_experiment(manager, Status.RUNNING, variants=variants("50"))
    drawn = add_prepared(manager, late, variants=variants("60"), draw=objective)
    assert not np.any(owned(shy.current) & owned(drawn))
    assert Draw.objects.get(settings_group=drawn).log["barred"] == 960


def test_without_room_beside_the_one_that_named_it_the_reason_and_the_day_are_told(
    manager: Actor, warehouse: Warehouse
) -> None:
    late = make_draft(manager, "late")
    make_experiment(
        manager, Status.RUNNING, key="shy", variants=variants("40"), draw="exclusive", exclusive_with=["late"],
        ends_at="2098-01-01T00:00:00Z",
    )  # fmt: skip
    waiting = add_settings(manager, late, variants=variants("70"))
    assert prepare_settings_group(waiting.pk) is False
    assert Preparation.objects.get(settings_group=waiting).error == (
        "1,680 split groups (70 %) are needed, but only 1,440 (60 %) are free of shy, which must share none"
        " with this test. There will be room from 2098-01-01 on, if their dates stay as they are."
    )


def test_those_that_can_share_nobody_need_not_keep_apart(manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(manager, Status.RUNNING, key="crowd", variants=variants("90"), conditions=NOT_PAYING)
    apart = add_prepared(
        manager, make_draft(manager), conditions=PAYING, variants=variants("50"), draw="exclusive",
        exclusive_with=["crowd"],
    )  # fmt: skip
    assert owned(apart).sum() == 1_200


def test_a_draft_that_bars_is_not_named_to_those_who_may_not_know_it(
    manager: Actor, people: Any, warehouse: Warehouse
) -> None:
    make_experiment(manager, Status.DEV, key="late")
    make_experiment(
        Actor.person(people.other_manager), Status.DRAFT, key="secret_idea", variants=variants("60"),
        draw="exclusive", exclusive_with=["late"],
    )  # fmt: skip
    waiting = add_settings(manager, Experiment.objects.get(key="late"), variants=variants("90"))
    assert prepare_settings_group(waiting.pk) is False
    error = Preparation.objects.get(settings_group=waiting).error
    assert "free of a draft, which" in error
    assert "secret" not in error


def test_planned_and_waiting_settings_make_groups_busy(manager: Actor, warehouse: Warehouse) -> None:
    planned = make_experiment(manager, Status.DRAFT, variants=variants("30"), starts_at=days_from_now(5))
    running = make_experiment(manager, Status.RUNNING, variants=variants("30"))
    waiting = add_prepared(manager, running, variants=variants("40"))
    drawn = add_prepared(manager, make_draft(manager), variants=variants("30"))
    for other in (planned.current, running.current, waiting):
        assert not np.any(owned(other) & owned(drawn))
    early = add_prepared(
        manager, make_draft(manager), variants=variants("60"), ends_at=days_from_now(4), conditions=PAYING
    )
    assert planned.key not in others_of(early)


def test_what_ended_lately_is_counted_and_spread_but_makes_no_group_busy(
    manager: Actor, warehouse: Warehouse, settings: Settings
) -> None:
    half = [{"name": "a", "percent": "25"}, {"name": "b", "percent": "25"}]
    done = make_experiment(manager, Status.RUNNING, key="done", variants=half)
    apply_verb(manager, done, Verb.FINISH, {"result": "rejected"})
    given_up = make_experiment(manager, Status.DEV, key="given_up", variants=half)
    apply_verb(manager, given_up, Verb.FINISH)
    settings_group = add_prepared(
        manager,
        make_draft(manager),
        variants=[{"name": "x", "percent": "50"}, {"name": "y", "percent": "50"}],
    )
    draw = Draw.objects.get(settings_group=settings_group)
    assert draw.log["free"] == 2_400
    assert others_of(settings_group) == {"done": True}
    owners, theirs = np.asarray(draw.owners), np.asarray(Draw.objects.get(settings_group=done.current).owners)
    # 600 groups of each of theirs: 300 to each of ours, where chance alone would be off by a dozen.
    assert [int(((owners == 1) & (theirs == number)).sum()) for number in (1, 2)] == [300, 300]
    report = audience_report(settings_group)
    assert report is not None
    assert report.intersections == []
    with clock.frozen_at(clock.now() + dt.timedelta(days=settings.CARRY_OVER_DAYS + 1)):
        assert others_of(settings_group) == {}


def test_dates_alone_end_a_test_too(manager: Actor, warehouse: Warehouse) -> None:
    now = clock.now()
    with clock.frozen_at(now - dt.timedelta(days=20)):
        make_experiment(manager, Status.RUNNING, key="over", ends_at=(now - dt.timedelta(days=5)).isoformat())
        make_experiment(manager, Status.DEV, key="never", ends_at=(now - dt.timedelta(days=5)).isoformat())
    with clock.frozen_at(now - dt.timedelta(days=90)):
        make_experiment(
            manager, Status.RUNNING, key="long_ago", ends_at=(now - dt.timedelta(days=50)).isoformat()
        )
    make_experiment(manager, Status.RUNNING, key="ends_before", ends_at=days_from_now(3))
    make_experiment(manager, Status.RUNNING, key="meets", ends_at=days_from_now(8))
    settings_group = add_prepared(manager, make_draft(manager), starts_at=days_from_now(7))
    assert others_of(settings_group) == {"over": True, "ends_before": True, "meets": False}


def test_older_settings_of_a_test_do_not_matter(manager: Actor, warehouse: Warehouse) -> None:
    running = make_experiment(manager, Status.RUNNING, variants=variants("30"))
    first = running.current
    second = add_prepared(manager, running, variants=[{"name": "other", "percent": "30"}])
    attach_settings_group(manager, running, second.number)
    drawn = add_prepared(manager, make_draft(manager), variants=variants("5"))
    assert first is not None
    assert [other.settings_group.pk for other in plan_of(drawn).others()] == [second.pk]
    # Counts of then stay readable when the others have other settings by now.
    assert recount_settings_group(drawn.pk).others == [second.pk]
