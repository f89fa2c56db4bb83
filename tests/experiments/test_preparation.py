"""What a preparation counts, draws and leaves behind."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import connection

from accounts.actors import Actor
from audience.warehouse import Warehouse, WarehouseError
from core import clock
from core.errors import Conflict
from experiments import tasks
from experiments.audience_report import audience_report
from experiments.lifecycle import Status, Verb
from experiments.models import AudienceCount, Draw, Kind, Preparation, PreparationState, SettingsGroup
from experiments.services import apply_verb, prepare_settings_group, recount_settings_group, retry_preparation
from experiments.services.preparation import MOST_STARTS
from tests.factories import add_prepared, add_settings, make_draft, make_experiment
from tests.workers import database_url

EVERYBODY: list[object] = []
PAYING: list[object] = [{"filter": "is_paying", "operator": "eq", "value": True}]
NOT_PAYING: list[object] = [{"filter": "is_paying", "operator": "eq", "value": False}]
HALF: list[dict[str, object]] = [{"name": "a", "percent": "25"}, {"name": "b", "percent": "25"}]


def owners(settings_group: SettingsGroup | None) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.asarray(Draw.objects.get(settings_group=settings_group).owners, dtype=np.int16)


def test_counts_are_those_of_the_users(manager: Actor, warehouse: Warehouse) -> None:
    settings_group = add_prepared(manager, make_draft(manager), conditions=PAYING)
    report = audience_report(settings_group)
    assert report is not None
    own = owners(settings_group)
    matching = [
        user for user in warehouse.iterate_users([], clock.now()) if user.attributes.get("is_paying") is True
    ]
    assert report.users == len(matching) > 0
    for position, variant in enumerate(report.variants, start=1):
        assert variant.users == sum(own[user.split_group - 1] == position for user in matching) > 0


def test_what_two_tests_share_is_counted_variant_by_variant(manager: Actor, warehouse: Warehouse) -> None:
    first = make_experiment(manager, Status.RUNNING, variants=HALF, properties={"area": "pay"})
    everybody = [{"name": "x", "percent": "60"}, {"name": "y", "percent": "40"}]
    settings_group = add_prepared(
        manager, make_draft(manager, area="pay"), conditions=PAYING, variants=everybody
    )
    report = audience_report(settings_group)
    assert report is not None
    [shared] = report.intersections
    theirs, mine = owners(first.current), owners(settings_group)
    paying = [
        user for user in warehouse.iterate_users([], clock.now()) if user.attributes.get("is_paying") is True
    ]
    expected = sum(bool(mine[user.split_group - 1] and theirs[user.split_group - 1]) for user in paying)
    assert (shared.experiment.key, shared.same_area, shared.users) == (first.key, True, expected)
    assert sum(pair.users for pair in shared.variants) == expected
    assert {(pair.mine, pair.theirs) for pair in shared.variants} == {
        ("x", "a"),
        ("x", "b"),
        ("y", "a"),
        ("y", "b"),
    }
    assert shared.share == pytest.approx(expected / report.variant_users, abs=1e-4)


def test_free_groups_come_first(manager: Actor, warehouse: Warehouse) -> None:
    busy = make_experiment(manager, Status.RUNNING, variants=HALF)
    settings_group = add_prepared(manager, make_draft(manager), variants=HALF)
    assert not np.any((owners(busy.current) > 0) & (owners(settings_group) > 0))


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        ({"conditions": NOT_PAYING}, "audiences that never meet"),
        ({"starts_at": "2001-01-01", "ends_at": "2001-02-01"}, "dates that are over"),
        ({"starts_at": "2100-01-01"}, "dates after ours"),
        ({"variants": [{"name": "all", "percent": "100"}]}, "a test of everybody"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_these_make_no_group_busy(
    manager: Actor, warehouse: Warehouse, theirs: dict[str, object], reason: str
) -> None:
    # 96 % are busy for whoever overlaps: without these rules a quarter would not fit beside it.
    settings: Any = {"variants": [{"name": "a", "percent": "96"}], **theirs}
    make_experiment(manager, Status.RUNNING, **settings)
    settings_group = add_prepared(
        manager, make_draft(manager), conditions=PAYING, variants=HALF, ends_at="2099-01-01T00:00:00Z"
    )
    log = Draw.objects.get(settings_group=settings_group).log
    assert log["seed"] == Draw.objects.get(settings_group=settings_group).seed
    assert log["free"] == 2400, reason


def test_finished_tests_give_their_groups_back(manager: Actor, warehouse: Warehouse) -> None:
    done = make_experiment(manager, Status.RUNNING, variants=[{"name": "a", "percent": "90"}])
    apply_verb(manager, done, Verb.FINISH, {"result": "rejected"})
    assert Draw.objects.get(settings_group=add_prepared(manager, make_draft(manager))).log["free"] == 2400


def test_while_no_users_are_known_every_test_counts_as_meeting(manager: Actor) -> None:
    busy = make_experiment(manager, Status.RUNNING, variants=HALF)
    settings_group = add_prepared(manager, make_draft(manager), variants=HALF)
    assert not np.any((owners(busy.current) > 0) & (owners(settings_group) > 0))


def test_numbers_of_two_loads_of_users_are_never_mixed(
    manager: Actor, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_group = add_settings(manager, make_draft(manager))
    versions = iter(["before the load", "after it", "quiet again", "quiet again"])
    monkeypatch.setattr(warehouse, "version", lambda: next(versions))
    monkeypatch.setattr("experiments.counting.get_warehouse", lambda: warehouse)
    tasks.prepare(settings_group.pk)
    assert Preparation.objects.get(settings_group=settings_group).is_open
    tasks.prepare(settings_group.pk)
    assert AudienceCount.objects.get(settings_group=settings_group).warehouse_version == "quiet again"


def test_twice_is_the_same_as_once(manager: Actor, warehouse: Warehouse) -> None:
    settings_group = add_settings(manager, make_draft(manager))
    assert prepare_settings_group(settings_group.pk) is True
    drawn = owners(settings_group)
    assert prepare_settings_group(settings_group.pk) is False
    assert np.array_equal(owners(settings_group), drawn)
    assert AudienceCount.objects.filter(settings_group=settings_group).count() == 1


def test_a_recount_adds_a_count_and_keeps_the_one_it_was_drawn_with(
    manager: Actor, warehouse: Warehouse
) -> None:
    settings_group = add_prepared(manager, make_draft(manager))
    later = make_experiment(manager, Status.RUNNING, variants=HALF)
    recount_settings_group(settings_group.pk)
    assert AudienceCount.objects.filter(settings_group=settings_group).count() == 2
    report = audience_report(settings_group)
    assert report is not None
    assert [one.experiment.key for one in report.intersections] == [later.key]


def test_exclusive_without_room_fails_with_the_reason_and_can_be_tried_again(
    manager: Actor, warehouse: Warehouse
) -> None:
    crowd = make_experiment(manager, Status.RUNNING, variants=[{"name": "a", "percent": "90"}])
    experiment = make_draft(manager)
    settings_group = add_settings(
        manager, experiment, variants=HALF, draw="exclusive", exclusive_with=[crowd.key]
    )
    assert prepare_settings_group(settings_group.pk) is False
    preparation = Preparation.objects.get(settings_group=settings_group)
    assert preparation.state == PreparationState.FAILED
    assert "1,200 split groups (50 %) are needed, but only 240 (10 %) are free" in preparation.error
    apply_verb(manager, crowd, Verb.FINISH, {"result": "rejected"})
    retry_preparation(manager, experiment, settings_group.number)
    assert prepare_settings_group(settings_group.pk) is True
    with pytest.raises(Conflict, match="has not failed"):
        retry_preparation(manager, experiment, settings_group.number)


def test_a_warehouse_that_is_gone_is_tried_again_later_and_then_given_up_with_a_reason(
    manager: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_group = add_settings(manager, make_draft(manager))
    gone = WarehouseError("the folder is on fire")

    def broken() -> Warehouse:
        raise gone

    monkeypatch.setattr("experiments.counting.get_warehouse", broken)
    moment = clock.now()
    for _ in range(tasks.MAX_ATTEMPTS - 1):
        tasks.prepare(settings_group.pk)
        preparation = Preparation.objects.get(settings_group=settings_group)
        assert preparation.is_open
        assert preparation.retry_at is not None
        assert preparation.retry_at > moment
        assert "on fire" in preparation.error
    tasks.prepare(settings_group.pk)
    preparation = Preparation.objects.get(settings_group=settings_group)
    assert preparation.state == PreparationState.FAILED
    assert "on fire" in preparation.error


def test_whatever_goes_wrong_the_manager_hears_of_it_and_it_ends(
    manager: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_group = add_settings(manager, make_draft(manager))

    def broken() -> Warehouse:
        raise MemoryError("secret address")

    monkeypatch.setattr("experiments.counting.get_warehouse", broken)
    tasks.prepare(settings_group.pk)
    preparation = Preparation.objects.get(settings_group=settings_group)
    assert preparation.is_open
    assert preparation.retry_at is not None
    assert "MemoryError" in preparation.error
    assert "secret" not in preparation.error
    for _ in range(tasks.MAX_ATTEMPTS - 1):
        tasks.prepare(settings_group.pk)
    assert Preparation.objects.get(settings_group=settings_group).state == PreparationState.FAILED


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_lost_half_way_is_told_over_a_new_one(
    manager: Actor, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_group = add_settings(manager, make_draft(manager))

    def lost() -> Warehouse:
        with psycopg.connect(database_url(), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        return warehouse

    with monkeypatch.context() as broken:
        broken.setattr("experiments.counting.get_warehouse", lost)
        tasks.prepare(settings_group.pk)
    preparation = Preparation.objects.get(settings_group=settings_group)
    assert preparation.is_open
    assert "OperationalError" in preparation.error
    assert prepare_settings_group(settings_group.pk) is True


def test_what_kills_every_worker_is_given_up_until_somebody_tries_again(
    manager: Actor, warehouse: Warehouse
) -> None:
    experiment = make_draft(manager)
    settings_group = add_settings(manager, experiment)
    # What workers leave behind that were killed before they could say anything.
    left = Preparation.objects.filter(settings_group=settings_group)
    left.update(state=PreparationState.PREPARING, attempts=MOST_STARTS)
    assert prepare_settings_group(settings_group.pk) is False
    assert left.get().state == PreparationState.FAILED
    assert "never came to an end" in left.get().error
    retry_preparation(manager, experiment, settings_group.number)
    assert prepare_settings_group(settings_group.pk) is True


def test_a_user_group_is_counted_and_not_drawn(manager: Actor, warehouse: Warehouse) -> None:
    group = make_experiment(manager, Status.RUNNING, Kind.GROUP, conditions=PAYING)
    assert group.current is not None
    report = audience_report(group.current)
    assert report is not None
    assert report.users > 0
    assert not report.variants
    assert not report.intersections


def test_filters_without_a_column_are_named_and_count_as_met(manager: Actor, warehouse: Warehouse) -> None:
    condition = {"filter": "user_agent", "operator": "contains", "value": "Firefox"}
    settings_group = add_prepared(manager, make_draft(manager), conditions=[condition])
    report = audience_report(settings_group)
    assert report is not None
    assert report.not_counted == ["user_agent"]
    assert report.users == warehouse.user_count()


def test_progress_is_visible_while_it_works(
    manager: Actor, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_group = add_settings(manager, make_draft(manager))
    seen: list[tuple[str, int]] = []
    count_table = warehouse.count_table

    def watched(*args: object, **kwargs: object) -> object:
        preparation = Preparation.objects.get(settings_group=settings_group)
        seen.append((preparation.state, preparation.progress))
        return count_table(*args, **kwargs)  # type: ignore[arg-type]  # passes on whatever came

    monkeypatch.setattr(warehouse, "count_table", watched)
    prepare_settings_group(settings_group.pk)
    assert seen[0] == (PreparationState.PREPARING, 5)
    assert Preparation.objects.get(settings_group=settings_group).progress == 100


def test_the_sweep_leaves_fresh_ones_alone_and_finds_lost_ones(
    manager: Actor, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(tasks, "enqueue_on_commit", lambda name, *args: sent.append(args[0]))
    settings_group = add_settings(manager, make_draft(manager))
    tasks.sweep_preparations()
    assert sent == []
    with clock.frozen_at(clock.now() + dt.timedelta(seconds=30)):
        tasks.sweep_preparations()
    assert sent == [settings_group.pk]
