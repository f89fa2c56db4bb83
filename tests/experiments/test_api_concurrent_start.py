"""Fifty at once over real HTTP: one wins, the others hear of it."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

from accounts.actors import Actor
from accounts.services import create_token
from audience.warehouse import Warehouse
from changelog.models import Entry
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.factories import make_experiment

CALLERS = 50


def test_of_fifty_concurrent_starts_one_wins(
    transactional_db: None, manager: Actor, warehouse: Warehouse, live_server: Any
) -> None:
    make_experiment(manager, Status.DEV, key="green_button")
    _, token = create_token(manager, "start", ["manage"])
    ready = Barrier(CALLERS)

    def start(_: int) -> tuple[int, str]:
        connection = http.client.HTTPConnection(urlsplit(live_server.url).netloc, timeout=60)
        connection.connect()
        ready.wait(30)
        connection.request(
            "POST", "/api/v1/tests/green_button/start/", headers={"Authorization": f"Bearer {token}"}
        )
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        return answer.status, body["status"] if answer.status == 200 else body["code"]

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = Counter(pool.map(start, range(CALLERS)))
    assert answers == {(200, "running"): 1, (409, "conflict"): CALLERS - 1}
    assert Experiment.objects.get().status == Status.RUNNING
    assert Entry.objects.filter(verb="start").count() == 1
