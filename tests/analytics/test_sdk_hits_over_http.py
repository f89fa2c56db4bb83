"""The SDK's sinks and this server: app servers are killed while they log hits, and each hit is counted once."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from analytics import folding
from analytics.api.ingest_views import IngestView
from analytics.models import TotalHits, UnknownHits
from core import clock
from delivery.services import deliver
from experiments.lifecycle import Status
from tests.analytics.stored import Sums, stored_rows
from tests.conftest import People
from tests.factories import make_experiment
from tests.waiting import wait_until
from usersplit_sdk import Client, Hit, HttpHits, Problem, User

ROOT = Path(__file__).resolve().parents[2]

APP_SERVER = """
import asyncio, random, sys, time
from usersplit_sdk import AsyncClient, Client, User, outbox

outbox.BACKOFF_SECONDS, outbox.BACKOFF_LIMIT, outbox.ADOPT_SECONDS = 0.01, 0.05, 0.1
kind, url, token, cache, name = sys.argv[1:]
users = iter(User(f"{name}-{number}", number % 2400 + 1) for number in range(2000))

def shown(answers):
    print(*(user.id for user, variant in answers if variant is not None), flush=True)

def threads():
    client = Client.from_url(url, token, cache_dir=cache, poll_seconds=None)
    sink = client._hits._sink
    while True:
        answers = [(user, client.get_active_variant("green_button", user)) for user, _ in zip(users, range(40))]
        sink.flush()
        shown(answers)
        time.sleep(0.01)

async def loop():
    async with AsyncClient.from_url(url, token, cache_dir=cache, poll_seconds=None) as client:
        while True:
            answers = [
                (user, await client.get_active_variant("green_button", user)) for user, _ in zip(users, range(40))
            ]
            while client._queue._queue or client._queue._storing:
                await asyncio.sleep(0.005)
            shown(answers)
            await asyncio.sleep(0.01)

threads() if kind == "threads" else asyncio.run(loop())
"""

WRONG_ENVIRONMENT = (
    "The token is one for production: send devel hits and events with a token of that environment."
)


class AppServer:
    """A process that asks for variants, and the users of whom it has said that their hits are on disk."""

    def __init__(self, *arguments: str) -> None:
        self.shown: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", APP_SERVER, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "sdk")},
        )
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self._reader.start()

    def _read(self, output: IO[bytes]) -> None:
        for line in output:
            self.shown += line.decode().split() if line.endswith(b"\n") else []

    def kill(self) -> None:
        self.process.kill()
        self._reader.join(60)
        _, told = self.process.communicate(timeout=60)
        assert b"Traceback" not in told, told.decode()


@contextmanager
def failing_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every third batch is refused, every third is stored, but its sender not told so."""
    dice = random.Random(5)
    taken = IngestView.taken

    def fail(self: IngestView, request: Request) -> Response:
        roll = dice.random()
        answer = taken(self, request) if roll > 0.3 else Response(status=503)
        return Response(status=500) if roll > 0.7 else answer

    with monkeypatch.context() as patch:
        patch.setattr(IngestView, "taken", fail)
        yield


def show(client: Client, name: str) -> None:
    """Somebody of that name is shown a variant."""
    users = (User(name, group) for group in range(1, 2401))
    user = next(user for user in users if client.explain("green_button", user).variant is not None)
    assert client.get_active_variant("green_button", user) is not None


@pytest.fixture
def token(transactional_db: None, people: People) -> str:
    manager = Actor.person(people.manager)
    make_experiment(manager, Status.RUNNING, key="green_button")
    deliver()
    return create_token(manager, "app server", [Scope.DELIVER, Scope.INGEST])[1]


def test_app_servers_that_are_killed_lose_and_double_nothing(
    token: str, live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers: list[AppServer] = []
    with failing_server(monkeypatch):
        try:
            for number in range(6):
                kind = "asyncio" if number % 2 else "threads"
                servers.append(AppServer(kind, live_server.url, token, str(tmp_path), str(number)))
                wait_until(lambda: len(servers[-1].shown) > 20, "it has shown variants")
                if number:
                    servers[-2].kill()
        finally:
            for server in servers:
                server.kill()
    told: list[Problem] = []
    with Client.from_url(
        live_server.url, token, cache_dir=tmp_path, poll_seconds=None, on_error=told.append
    ) as heir:
        show(heir, "heir")
        wait_until(lambda: not list(tmp_path.rglob("*.hits")), "all hits are sent")
    folding.fold()
    stored = Counter(str(user) for (user,) in stored_rows(what="visitor[3:]"))
    assert [user for user, times in stored.items() if times > 1] == []
    shown = [user for server in servers for user in server.shown]
    assert len(shown) > 100
    assert {*shown, "heir"} <= stored.keys()
    assert Sums.now() == Sums.all(len(stored))
    assert told == []


def test_what_the_server_says_of_hits_is_told(token: str, live_server: Any) -> None:
    told: list[str] = []
    sink = HttpHits(live_server.url, token, spool=False, on_error=lambda problem: told.append(str(problem)))
    sound = Hit("green_button", 1, "green", "1", None, 7, "production", clock.now(), False, False)
    for number in range(3):
        sink.record(sound._replace(user_id=str(number)))
    sink.record(sound._replace(test="gren_button"))
    sink.record(sound._replace(environment="devel"))
    sink.close()
    assert (sink.sent, sink.rejected, sink.dropped) == (4, 1, 0)
    assert told == [
        f"rejected hits: the server rejects some: environment: {WRONG_ENVIRONMENT}",
        "rejected hits: the server does not know test gren_button, settings group 1, variant green",
    ]
    folding.fold()
    assert TotalHits.objects.get().hits == 3
    assert UnknownHits.objects.get().test == "gren_button"


def test_a_token_without_the_scope_is_told_what_it_lacks(
    token: str, live_server: Any, people: People, tmp_path: Path
) -> None:
    told: list[str] = []
    _, deliverer = create_token(Actor.person(people.manager), "deliverer", [Scope.DELIVER])
    with Client.from_url(
        live_server.url,
        deliverer,
        cache_dir=tmp_path,
        poll_seconds=None,
        on_error=lambda problem: told.append(str(problem)),
    ) as client:
        show(client, "1")
    assert told == [f"hits: {live_server.url} refuses the token: it needs the scope ingest (403); hits wait"]
    assert client.dropped_hits == 0
    with Client.from_url(live_server.url, token, cache_dir=tmp_path, poll_seconds=None):
        wait_until(lambda: not list(tmp_path.rglob("*.hits")), "the hit is sent with a token that may")
    folding.fold()
    assert TotalHits.objects.get().hits == 1


def test_example_for_asyncio_tells_the_server_what_it_has_shown(
    token: str, live_server: Any, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "asyncio_server.py"), "green_button", "2000"],
        env={
            **os.environ,
            "USERSPLIT_URL": live_server.url,
            "USERSPLIT_TOKEN": token,
            "USERSPLIT_CACHE": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = dict(re.findall(r"^(.+): (\d+) visitors$", done.stdout, re.MULTILINE))
    assert done.stdout.endswith("0 hits were dropped\n")
    folding.fold()
    counted = {row.variant: str(row.hits) for row in TotalHits.objects.all()}
    assert counted == {name: users for name, users in lines.items() if name != "as ever"}
    assert sum(map(int, lines.values())) == 2000
