"""`?wait=` with clients that follow a real server: what an autotest hears is true of the app servers."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from core import clock
from delivery.app_servers import Report, record_report
from delivery.models import AppServer
from delivery.services import deliver
from experiments.lifecycle import Status
from tests.factories import make_experiment
from tests.waiting import wait_until
from usersplit_sdk import Client, User

ALL = [{"name": "green", "percent": "100"}]
PAYING = [{"filter": "is_paying", "operator": "eq", "value": "yes"}]
USER = User("4711", 7, {})

Call = Callable[..., Any]


@pytest.fixture
def app_servers(transactional_db: None, manager: Actor, live_server: Any) -> Iterator[list[Client]]:
    """Three processes' clients, as different as they can be within one process."""
    make_experiment(manager, Status.RUNNING, key="running", conditions=PAYING, variants=ALL)
    deliver()
    _, token = create_token(manager, "app server", [Scope.DELIVER], "devel")
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Client.from_url(live_server.url, token, "devel", cache_dir=False, poll_seconds=0.2)
            )
            for _ in range(3)
        ]


@pytest.fixture
def call(manager: Actor, live_server: Any) -> Call:
    """A call of the API by somebody who is no part of this process."""
    _, token = create_token(manager, "autotest", [Scope.QA], "devel")

    def send(method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{live_server.url}/api/v1/qa/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    return send


def variants(app_servers: list[Client]) -> set[str | None]:
    return {client.get_active_variant("running", USER, log_hit=False) for client in app_servers}


def test_what_was_waited_for_is_so_on_every_server(
    app_servers: list[Client], call: Call, people: Any
) -> None:
    people.manager.role = "superuser"
    people.manager.save(update_fields=["role"])
    assert variants(app_servers) == {None}
    forced = call("POST", "forced/?wait=30", {"test": "running", "variant": "green", "user_id": "4711"})
    assert (forced["delivery"]["delivered"], forced["delivery"]["servers"]) == (True, 3)
    assert variants(app_servers) == {"green"}
    off = call("POST", "tests-off/?wait=30", {"user_id": "4711", "expires_at": "2999-01-01"})
    assert off["delivery"]["delivered"]
    assert variants(app_servers) == {"green"}, "forced goes before tests off"
    assert call("DELETE", "forced/?user_id=4711&wait=30")["delivery"]["delivered"]
    assert variants(app_servers) == {None}


def test_a_dead_server_holds_nobody_longer_than_the_wait(
    app_servers: list[Client], call: Call, manager: Actor
) -> None:
    token, _ = create_token(manager, "app server", [Scope.DELIVER], "devel")
    record_report(token, Report("dead:1:00000000", 1, "1.0"))
    forced = call("POST", "forced/?wait=1", {"test": "running", "variant": "green", "user_id": "4711"})
    delivery = forced["delivery"]
    assert (delivery["delivered"], delivery["servers"]) == (False, 4)
    assert "dead:1:00000000" in delivery["waiting_for"]


def test_pages_are_answered_while_many_wait(
    app_servers: list[Client], call: Call, manager: Actor, live_server: Any
) -> None:
    token, _ = create_token(manager, "app server", [Scope.DELIVER], "devel")
    record_report(token, Report("dead:1:00000000", 1, "1.0"))
    AppServer.objects.filter(instance="dead:1:00000000").update(seen_at=clock.now())
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(
                call,
                "POST",
                "forced/?wait=2",
                {"test": "running", "variant": "green", "user_id": str(number)},
            )
            for number in range(8)
        ]
        wait_until(
            lambda: sum(one.done() for one in calls) >= 6, "those for whom there is no room are answered"
        )
        with urllib.request.urlopen(f"{live_server.url}/healthz") as answer:
            assert answer.status == 200
        assert not any(one.result()["delivery"]["delivered"] for one in calls)
