"""System health: what is wrong stands first, with what to do; what hangs or fails keeps nothing else from being seen."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.actors import Actor
from analytics.models import Batch, Stream, WaitingBatch
from audience.models import LoadState, UserLoad
from audience.warehouse import Warehouse
from console.health import flows
from console.health.findings import Finding, State
from console.health.machines import Broker, ask_broker, disks
from console.health.report import health_report
from console.health.work import QueueRow, beat, queues, workers
from console.models import Pulse
from console.pulses import queue_names, record_pulse
from console.tasks import pulse
from core import clock
from delivery.services import deliver
from experiments.lifecycle import Status
from notifications.models import Connection, Provider
from tests.conftest import People
from tests.factories import make_experiment
from usersplit.celery import app

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def served(ago: dict[str, dt.timedelta], waiting: int = 3) -> list[QueueRow]:
    """All queues, served a moment ago or as `ago` says, in each of which so many tasks wait."""
    for name in queue_names():
        Pulse.objects.update_or_create(queue=name, defaults={"at": NOW - ago.get(name, dt.timedelta(0))})
    with clock.frozen_at(NOW):
        return queues(Broker(dict.fromkeys(queue_names(), waiting)))


def clock_and_workers(rows: list[QueueRow]) -> tuple[Finding, Finding]:
    with clock.frozen_at(NOW):
        return beat(rows), workers(rows)


def test_a_pulse_tells_that_a_queue_is_served(db: None) -> None:
    assert {row.state for row in queues(Broker({}))} == {State.UNKNOWN}
    pulse("celery")
    record_pulse("made_up")
    assert list(Pulse.objects.values_list("queue", flat=True)) == ["celery"]
    scheduled = [one for one in app.conf.beat_schedule.values() if one["task"] == pulse.name]
    assert [(one["args"][0], one["options"]["queue"]) for one in scheduled] == [
        (name, name) for name in queue_names()
    ]


def test_a_queue_that_nobody_serves_is_named(db: None) -> None:
    ticking, working = clock_and_workers(served({}))
    assert (ticking.state, working.state) == (State.FINE, State.FINE)
    ticking, working = clock_and_workers(served({"hits": 5 * MINUTE}))
    assert (ticking.state, working.state) == (State.FINE, State.BAD)
    assert "Nobody serves hits" in working.sentence
    assert "--queues hits" in working.advice
    # A worker that counts hears nothing meanwhile; after an hour that is no excuse.
    _, working = clock_and_workers(served({"counting": 30 * MINUTE}))
    assert working.state == State.WATCH
    _, working = clock_and_workers(served({"counting": 90 * MINUTE}))
    assert working.state == State.BAD


def test_a_clock_that_stands_still_is_told_from_workers_that_are_gone(db: None) -> None:
    silent = dict.fromkeys(queue_names(), 10 * MINUTE)
    ticking, working = clock_and_workers(served(silent, waiting=0))
    assert (ticking.state, working.state) == (State.BAD, State.UNKNOWN)
    assert "No pulse has come for 10 minutes" in ticking.sentence
    # Pulses that wait were sent by somebody.
    ticking, working = clock_and_workers(served(silent, waiting=40))
    assert (ticking.state, working.state) == (State.UNKNOWN, State.BAD)
    assert "Nobody serves celery, " in working.sentence


def test_the_broker_says_how_much_waits_or_that_it_is_away(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ask_broker()
    assert said.trouble == ""
    assert said.waiting.keys() == set(queue_names())
    monkeypatch.setattr(app.conf, "broker_url", "redis://:secret@127.0.0.1:1/0")
    away = ask_broker()
    assert away.waiting == {}
    assert away.trouble
    assert "secret" not in away.trouble


def test_hits_that_wait_too_long_are_told(db: None) -> None:
    assert flows.hits().state == State.FINE
    for age, state in ((0, State.FINE), (2, State.WATCH), (20, State.BAD)):
        batch = Batch.objects.create(
            stream=Stream.HITS, batch_id=f"6a1f9a3e-6b0f-4a55-9f43-0c8a3f6f8a{age:02}", items=1, answer={},
            received_at=clock.now() - age * MINUTE,
        )  # fmt: skip
        WaitingBatch.objects.create(batch=batch, stream=Stream.HITS, body=b"")
        assert flows.hits().state == state


def test_loads_tell_whether_users_are_of_today(warehouse: Warehouse) -> None:
    assert "24,000 users" in flows.warehouse().sentence

    def loaded(state: LoadState, ago: dt.timedelta) -> State:
        moment = clock.now() - ago
        UserLoad.objects.create(
            title="shop", actor_name="Mia", state=state, started_at=moment, finished_at=moment
        )
        return flows.warehouse().state

    assert loaded(LoadState.LOADED, dt.timedelta(hours=40)) == State.WATCH
    assert loaded(LoadState.FAILED, dt.timedelta(hours=2)) == State.BAD
    assert loaded(LoadState.LOADED, dt.timedelta(hours=1)) == State.FINE


def test_a_folder_without_the_newest_version_is_told(
    manager: Actor, warehouse: Warehouse, settings: Settings
) -> None:
    assert flows.delivery().state == State.UNKNOWN
    make_experiment(manager, Status.RUNNING)
    deliver()
    assert flows.delivery().state == State.FINE
    (Path(settings.DELIVERY_DIR) / "manifest.json").write_text("{")
    assert flows.delivery().state == State.FINE
    with clock.frozen_at(clock.now() + 5 * MINUTE):
        found = flows.delivery()
    assert (found.state, "does not hold it" in found.sentence) == (State.BAD, True)


def test_connections_that_fail_are_named(db: None) -> None:
    assert flows.notifications().state == State.FINE
    Connection.objects.create(name="Team chat", provider=Provider.SLACK, secret=b"s3cret", failures=3)
    found = flows.notifications()
    assert (found.state, found.sentence) == (State.BAD, "Nothing gets through to Team chat.")


@pytest.mark.parametrize(("free", "state"), [(50, State.FINE), (10, State.WATCH), (2, State.BAD)])
def test_a_disk_that_fills_up_is_told(monkeypatch: pytest.MonkeyPatch, free: int, state: State) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=100, free=free))
    assert {finding.state for finding in disks()} == {state}


def test_the_page_shows_the_worst_first_and_survives_what_fails(
    people: People, warehouse: Warehouse, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> Any:
        raise RuntimeError("password=s3cret")

    monkeypatch.setattr(flows, "hits", fails)
    client.force_login(people.superuser)
    assert "Asking every part" in client.get("/system/").content.decode()
    shown = client.get("/system/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in shown
    assert "It could not be looked at (RuntimeError)." in shown
    assert "s3cret" not in shown
    assert "s3cret" not in client.get("/system/?now").content.decode()
    findings = health_report().findings
    assert findings[0].name == "Hits"
    assert {finding.name for finding in findings} >= {"PostgreSQL", "Redis", "Workers", "Delivery"}
    assert all(finding.advice for finding in findings if finding.state == State.BAD)


def test_others_do_not_see_it(people: People, client: Client) -> None:
    client.force_login(people.manager)
    assert client.get("/system/").status_code == 403
