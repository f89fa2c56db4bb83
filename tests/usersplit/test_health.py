"""What load balancers and monitoring see."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from accounts.actors import Actor
from audience.warehouse import Warehouse, WarehouseUnavailable
from experiments.lifecycle import Status
from tests.factories import add_settings, make_draft, make_experiment
from tests.waiting import wait_until
from usersplit import health
from usersplit.celery import app


def test_liveness_asks_nobody(client: Client) -> None:
    # Without the `db` fixture any query fails.
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readiness_names_every_part(db: None, client: Client, warehouse: Warehouse) -> None:
    # A busy machine may take longer for the first connection to the broker than a probe waits.
    wait_until(lambda: client.get("/readyz").status_code == 200, "every part to answer")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "database": "ok", "broker": "ok", "warehouse": "ok"},
    )


def test_an_empty_warehouse_is_ready(db: None, client: Client) -> None:
    assert client.get("/readyz").json()["warehouse"] == "ok"


def test_a_broker_that_is_away_is_named(
    db: None, client: Client, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.conf, "broker_url", "redis://:secret@127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    body = answer.json()
    assert (body["status"], body["database"], body["warehouse"]) == ("error", "ok", "ok")
    assert body["broker"].startswith("error")
    assert b"secret" not in answer.content


def test_a_database_that_is_away_is_named(
    client: Client, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {"host": "127.0.0.1", "port": 1, "password": "secret"}
    monkeypatch.setattr(DatabaseWrapper, "get_connection_params", lambda self: nowhere)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "error: OperationalError"


def test_a_warehouse_that_hangs_does_not_hold_up_the_answer(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event  # noqa: PLC0415

    never = Event()
    monkeypatch.setattr(health, "CHECKS", {**health.CHECKS, "warehouse": lambda: never.wait(20)})
    monkeypatch.setattr(health, "WAIT_SECONDS", 0.1)
    assert client.get("/readyz").json()["warehouse"] == "error: no answer in time"
    never.set()


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/metrics"])
def test_they_are_only_read(db: None, client: Client, address: str) -> None:
    assert client.post(address).status_code == 405


def scraped(client: Client) -> dict[tuple[str, ...], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_metrics_tell_how_the_product_is_doing(client: Client, manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(manager, Status.RUNNING)
    add_settings(manager, make_draft(manager, "slow"))
    found = scraped(client)
    assert found["usersplit_experiments", "test", "running"] == 1
    assert found["usersplit_experiments", "test", "draft"] == 1
    assert found["usersplit_experiments", "group", "finished"] == 0
    assert found["usersplit_preparations", "queued"] == 1
    assert found["usersplit_preparations", "ready"] == 1
    assert found["usersplit_warehouse_users",] == 24_000
    assert found["usersplit_delivery_version",] == 0
    assert found["usersplit_changelog_entries_total", "person"] == 6
    assert all(found["usersplit_part_up", part] == 1 for part in health.CHECKS)


def test_metrics_tell_of_rows_and_users_that_cannot_be_read(
    db: None, client: Client, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise WarehouseUnavailable("gone since it was asked")

    def unreadable() -> None:
        raise DatabaseError

    monkeypatch.setattr(type(warehouse), "user_count", broken)
    monkeypatch.setattr(health, "_experiments", unreadable)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    text = answer.content.decode()
    assert 'usersplit_part_up{part="rows"} 0.0' in text
    assert 'usersplit_part_up{part="users"} 0.0' in text
    assert "usersplit_preparations" not in text


def test_metrics_hold_no_secrets_and_no_names(client: Client, manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(manager, Status.RUNNING, key="hush_hush")
    text = client.get("/metrics").content.decode()
    assert "hush" not in text
    assert settings.SECRET_KEY not in text


def test_metrics_are_there_when_a_part_is_not(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Warehouse:
        raise WarehouseUnavailable("gone")

    monkeypatch.setattr("usersplit.health.get_warehouse", away)
    found = scraped(client)
    assert found["usersplit_part_up", "warehouse"] == 0
    assert found["usersplit_part_up", "database"] == 1
    assert ("usersplit_warehouse_users",) not in found
