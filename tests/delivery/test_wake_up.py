"""A change is delivered by itself: by a worker at once, by the sweep when the call for it was lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from accounts.actors import Actor
from delivery import tasks
from experiments.lifecycle import Status, Verb
from experiments.services import apply_verb
from tests.factories import make_experiment
from tests.waiting import wait_until
from tests.workers import WorkerProcess
from usersplit.celery import app


@pytest.mark.worker
def test_a_worker_delivers_every_change(
    transactional_db: None, manager: Actor, start_worker: Callable[..., WorkerProcess]
) -> None:
    start_worker()
    experiment = make_experiment(manager, Status.DEV, key="woken")
    file = Path(settings.DELIVERY_DIR) / "tests/woken.json"
    wait_until(file.exists, "the file of the published test")
    apply_verb(manager, experiment, Verb.START)
    wait_until(lambda: json.loads(file.read_bytes())["status"] == "running", "the file of the running test")
    apply_verb(manager, experiment, Verb.FINISH, {"result": "rejected"})
    wait_until(lambda: json.loads(file.read_bytes())["outcome"], "the file of the finished test")


def test_the_sweep_is_on_the_clock() -> None:
    assert tasks.deliver.name in {entry["task"] for entry in app.conf.beat_schedule.values()}


def test_without_a_broker_the_change_is_saved_and_swept_up(
    transactional_db: None, manager: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.tasks._send", lambda *given: 1 / 0)
    make_experiment(manager, Status.DEV, key="unheard")
    tasks.deliver()
    assert (Path(settings.DELIVERY_DIR) / "tests/unheard.json").exists()


def test_a_folder_that_cannot_be_written_is_an_error_in_the_log(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(settings, "DELIVERY_DIR", tmp_path / "file" / "delivery")
    tasks.deliver()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "cannot be written" in caplog.text
