"""Monitoring sees what is counted, what nobody knows, what is refused and what waits."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client

from accounts.actors import Actor
from accounts.models import Scope
from analytics import folding
from core import clock
from tests.analytics.batches import hit, send
from tests.api import Api
from tests.conftest import People
from tests.factories import make_experiment


@pytest.mark.django_db(transaction=True)
def test_hits_stand_in_the_metrics(people: People, client: Client) -> None:
    make_experiment(Actor.person(people.manager), key="green_button")
    api = Api.of(people.developer, [Scope.INGEST])
    send(api, hit(), hit(), hit(forced=True), hit(test="mistyped"), hit(test=""))
    folding.fold()
    with clock.frozen_at(clock.now() - dt.timedelta(minutes=10)):
        send(api, hit(), hit(test=""))
    lines = client.get("/metrics").content.decode().splitlines()
    for line in (
        'usersplit_hits_counted_total{environment="production",who="users"} 2.0',
        'usersplit_hits_counted_total{environment="production",who="forced"} 1.0',
        "usersplit_hits_unknown 1.0",
        "usersplit_items_refused 1.0",
        "usersplit_batches_waiting 1.0",
    ):
        assert line in lines
    [age] = [line for line in lines if line.startswith("usersplit_oldest_waiting_batch_seconds")]
    assert 600 <= float(age.split()[1]) < 1200
