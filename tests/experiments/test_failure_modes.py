"""The warehouse is gone, a disk is full, a count takes too long: one settings group says so, and everything else goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from pytest_django import Settings

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments import tasks
from experiments.lifecycle import Status, Verb
from experiments.models import AudienceCount, Draw, Preparation, PreparationState, SettingsGroup
from experiments.services import apply_verb, retry_preparation
from experiments.services.preparation import fail_preparation
from tests.experiments.test_workers_killed import drawing_held_up
from tests.factories import add_settings, make_draft, make_experiment
from tests.waiting import wait_until
from tests.workers import WorkerProcess

pytestmark = pytest.mark.worker


@pytest.fixture
def own_warehouse(transactional_db: None, small_warehouse: str, settings: Settings, tmp_path: Path) -> Path:
    """The folder of a warehouse with the small users that a test may do away with."""
    folder = tmp_path / "own_warehouse"
    shutil.copytree(small_warehouse.removeprefix("duckdb://"), folder)
    settings.WAREHOUSE_URL = f"duckdb://{folder}"
    return folder


def new_settings(manager: Actor, **settings: object) -> SettingsGroup:
    with transaction.atomic():
        return add_settings(manager, make_draft(manager), **settings)


def preparation(settings_group: SettingsGroup) -> Preparation:
    return Preparation.objects.get(settings_group=settings_group)


def is_ready(settings_group: SettingsGroup) -> bool:
    return preparation(settings_group).state == PreparationState.READY


def delivered_status(key: str) -> str:
    path = Path(django_settings.DELIVERY_DIR) / f"tests/{key}.json"
    return str(json.loads(path.read_bytes())["status"]) if path.exists() else ""


def test_while_the_warehouse_is_gone_settings_wait_with_a_reason_and_delivery_goes_on(
    start_worker: Callable[..., WorkerProcess], manager: Actor, own_warehouse: Path
) -> None:
    running = make_experiment(manager, Status.RUNNING, key="running")
    hidden = own_warehouse.rename(own_warehouse.with_name("unmounted"))
    waiting = new_settings(manager)
    start_worker(beat=True)
    wait_until(lambda: preparation(waiting).error, "the reason is told")
    assert "the warehouse has no users, though it had some before" in preparation(waiting).error
    assert preparation(waiting).is_open
    apply_verb(manager, running, Verb.PAUSE)
    wait_until(lambda: delivered_status("running") == "paused", "the pause is delivered")
    hidden.rename(own_warehouse)
    wait_until(lambda: is_ready(waiting), "it is prepared by itself once the warehouse is back")
    assert preparation(waiting).error == ""
    assert sum(AudienceCount.objects.get(settings_group=waiting).users) == 24_000


def test_a_damaged_warehouse_is_given_up_with_a_reason_and_taken_up_by_hand(
    start_worker: Callable[..., WorkerProcess], manager: Actor, own_warehouse: Path
) -> None:
    pointer = own_warehouse / "current.json"
    good = pointer.read_text()
    pointer.write_text("{")
    waiting = new_settings(manager)
    # The last attempt: before it come as many, seconds and then half a minute apart.
    Preparation.objects.filter(settings_group=waiting).update(attempts=tasks.MAX_ATTEMPTS - 1)
    start_worker()
    wait_until(lambda: preparation(waiting).state == PreparationState.FAILED, "it is given up")
    assert "current.json is damaged" in preparation(waiting).error
    assert not Draw.objects.filter(settings_group=waiting).exists()
    pointer.write_text(good)
    retry_preparation(manager, waiting.experiment, waiting.number)
    wait_until(lambda: is_ready(waiting), "it is prepared after all")


def test_a_count_over_its_time_limit_says_so_and_stops_nobody_else(
    start_worker: Callable[..., WorkerProcess], manager: Actor, own_warehouse: Path
) -> None:
    running = make_experiment(manager, Status.RUNNING, key="running")
    slow = new_settings(manager)
    limited = start_worker(environment={"WAREHOUSE_TIME_LIMIT": "0.000001"}, queues="preparation")
    wait_until(lambda: preparation(slow).error, "the reason is told")
    assert "took longer than" in preparation(slow).error
    start_worker(queues="celery")
    apply_verb(manager, running, Verb.FINISH, {"result": "rejected"})
    wait_until(lambda: delivered_status("running") == "finished", "the end is delivered")
    limited.stop()
    fail_preparation(slow.pk, preparation(slow).error)
    retry_preparation(manager, slow.experiment, slow.number)
    start_worker(queues="preparation")
    wait_until(lambda: is_ready(slow), "it is prepared by a worker with time enough")


def test_a_full_disk_of_the_database_leaves_nothing_half_done(
    start_worker: Callable[..., WorkerProcess], manager: Actor, own_warehouse: Path
) -> None:
    # What PostgreSQL raises when it cannot extend a table.
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
            " CREATE TRIGGER disk_is_full BEFORE INSERT ON experiments_draw EXECUTE FUNCTION disk_is_full()"
        )
    try:
        waiting = new_settings(manager)
        start_worker(beat=True)
        wait_until(lambda: preparation(waiting).error, "the reason is told")
        assert preparation(waiting).error.startswith("The disk of the database is full")
        assert not AudienceCount.objects.exists()
        assert not Draw.objects.exists()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION disk_is_full CASCADE")
    wait_until(lambda: is_ready(waiting), "it is prepared by itself once there is room")
    assert AudienceCount.objects.count() == Draw.objects.count() == 1


def test_a_pause_waits_for_no_count(
    start_worker: Callable[..., WorkerProcess], manager: Actor, warehouse: Warehouse
) -> None:
    """As the product starts them: one worker for what counts, one for the rest."""
    running = make_experiment(manager, Status.RUNNING, key="running")
    with drawing_held_up() as somebody_waits:
        held = [new_settings(manager) for _ in range(3)]
        start_worker(queues="preparation,counting", concurrency=2)
        wait_until(somebody_waits, "the preparations are stuck")
        start_worker(queues="celery")
        apply_verb(manager, running, Verb.PAUSE)
        wait_until(lambda: delivered_status("running") == "paused", "the pause is delivered meanwhile")
        assert not any(map(is_ready, held))
    wait_until(lambda: all(map(is_ready, held)), "the preparations go on")


def test_one_that_fails_holds_up_no_other(
    start_worker: Callable[..., WorkerProcess], manager: Actor, warehouse: Warehouse
) -> None:
    crowd = make_experiment(manager, Status.RUNNING, key="crowd", variants=[{"name": "a", "percent": "98"}])
    start_worker()
    hopeless = new_settings(manager, draw="exclusive", exclusive_with=[crowd.key])
    fine = new_settings(manager)
    wait_until(lambda: is_ready(fine), "the other is prepared")
    wait_until(lambda: preparation(hopeless).state == PreparationState.FAILED, "the hopeless one is given up")
    assert (
        "240 split groups (10 %) are needed, but only 48 (2 %) are free of crowd"
        in preparation(hopeless).error
    )
    apply_verb(manager, crowd, Verb.FINISH, {"result": "rejected"})
    retry_preparation(manager, hopeless.experiment, hopeless.number)
    wait_until(lambda: is_ready(hopeless), "there is room now")
