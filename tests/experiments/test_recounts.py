"""Counting again: nothing that was asked for is lost, and what cannot be done says why."""

from __future__ import annotations

import datetime as dt

import pytest

from accounts.actors import Actor
from audience.warehouse import Warehouse, WarehouseError
from core import clock
from experiments import tasks
from experiments.lifecycle import Status
from experiments.models import AudienceCount, Experiment, Kind, RecountRequest, SettingsGroup
from experiments.services import request_recount
from experiments.services.recounts import MOST_ATTEMPTS, request_all_recounts, serve_recount
from tests.factories import add_settings, make_draft, make_experiment


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is handed to a broker that loses everything."""
    lost: list[int] = []
    for module in (tasks, "experiments.services.recounts"):
        target = (
            f"{module}.enqueue_on_commit"
            if isinstance(module, str)
            else "experiments.tasks.enqueue_on_commit"
        )
        monkeypatch.setattr(target, lambda name, pk: lost.append(pk))
    return lost


def current_of(experiment: Experiment) -> SettingsGroup:
    assert experiment.current is not None
    return experiment.current


def counts_of(settings_group: SettingsGroup) -> int:
    return AudienceCount.objects.filter(settings_group=settings_group).count()


def test_what_the_broker_lost_is_found_by_the_sweep(
    manager: Actor, warehouse: Warehouse, sent: list[int]
) -> None:
    experiment = make_experiment(manager, Status.RUNNING)
    settings_group = current_of(experiment)
    request_recount(manager, experiment, 1)
    assert sent == [settings_group.pk]
    tasks.sweep_recounts()
    assert len(sent) == 1
    with clock.frozen_at(clock.now() + 2 * tasks.RECOUNT_LOST_AFTER):
        tasks.sweep_recounts()
    assert sent == [settings_group.pk] * 2
    tasks.recount(settings_group.pk)
    assert counts_of(settings_group) == 2
    assert not RecountRequest.objects.exists()


def test_twice_is_the_same_as_once(manager: Actor, warehouse: Warehouse, sent: list[int]) -> None:
    experiment = make_experiment(manager, Status.RUNNING)
    for _ in range(2):
        request_recount(manager, experiment, 1)
    assert serve_recount(current_of(experiment).pk) is not None
    assert serve_recount(current_of(experiment).pk) is None
    assert counts_of(current_of(experiment)) == 2


def test_asked_for_again_while_it_is_counted_it_is_counted_again(
    manager: Actor, warehouse: Warehouse, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = make_experiment(manager, Status.RUNNING)
    request_recount(manager, experiment, 1)
    count_table = warehouse.count_table

    def impatient(*args: object, **kwargs: object) -> object:
        monkeypatch.setattr(warehouse, "count_table", count_table)
        request_recount(manager, experiment, 1)
        return count_table(*args, **kwargs)  # type: ignore[arg-type]  # passes on whatever came

    monkeypatch.setattr(warehouse, "count_table", impatient)
    assert serve_recount(current_of(experiment).pk) is not None
    assert RecountRequest.objects.count() == 1
    assert serve_recount(current_of(experiment).pk) is not None
    assert not RecountRequest.objects.exists()


def test_what_fails_is_tried_later_and_given_up_in_the_end(
    manager: Actor, warehouse: Warehouse, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = make_experiment(manager, Status.RUNNING)
    settings_group = current_of(experiment)
    request_recount(manager, experiment, 1)
    del sent[:]

    def burning(*args: object) -> Warehouse:
        raise WarehouseError("the folder is on fire")

    with monkeypatch.context() as broken:
        broken.setattr("experiments.counting.get_warehouse", burning)
        for attempt in range(1, MOST_ATTEMPTS + 1):
            tasks.recount(settings_group.pk)
            request = RecountRequest.objects.get()
            assert request.attempts == attempt
            assert "on fire" in request.error
            assert request.given_up is (attempt == MOST_ATTEMPTS)
    with clock.frozen_at(clock.now() + dt.timedelta(days=1)):
        tasks.sweep_recounts()
    assert sent == []
    # What was counted before is still there, and somebody may ask anew.
    assert counts_of(settings_group) == 1
    request_recount(manager, experiment, 1)
    assert not RecountRequest.objects.get().error
    tasks.recount(settings_group.pk)
    assert counts_of(settings_group) == 2


def test_every_night_all_that_is_current_is_asked_for(
    manager: Actor, warehouse: Warehouse, sent: list[int]
) -> None:
    current = [
        make_experiment(manager, Status.RUNNING),
        make_experiment(manager, Status.DRAFT),
        make_experiment(manager, Status.DEV, Kind.GROUP),
    ]
    make_experiment(manager, Status.FINISHED)
    add_settings(manager, make_draft(manager))
    assert request_all_recounts() == 3
    asked = set(RecountRequest.objects.values_list("settings_group_id", flat=True))
    assert asked == {experiment.current_id for experiment in current}
    assert request_all_recounts() == 3
    assert RecountRequest.objects.count() == 3


def test_matches_are_kept_once_per_load_and_hour(
    manager: Actor, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    paying = [{"filter": "is_paying", "operator": "eq", "value": True}]
    make_experiment(manager, Status.RUNNING, conditions=paying)
    make_experiment(manager, Status.RUNNING, Kind.GROUP, conditions=paying)
    asked: list[tuple[list[list[dict[str, object]]], int]] = []
    keep_matches = warehouse.keep_matches

    def watched(conditions: list[list[dict[str, object]]], now: dt.datetime) -> object:
        asked.append((conditions, now.minute))
        return keep_matches(conditions, now)

    monkeypatch.setattr(warehouse, "keep_matches", watched)
    monkeypatch.setattr(tasks, "_kept", {"for": ""})
    moment = clock.now().replace(minute=10)
    for minutes in (0, 20, 60):
        with clock.frozen_at(moment + dt.timedelta(minutes=minutes)):
            tasks.keep_matches()
    assert len(asked) == 2
    conditions, minute = asked[0]
    assert {tree[0]["filter"] for tree in conditions} == {"is_paying"}
    assert minute == 0
