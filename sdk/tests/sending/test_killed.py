"""Processes that log hits are killed again and again, over a server that fails: what they had on disk arrives once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sending.conftest import HitServer, Senders

START = """
import asyncio, random, sys, time
from datetime import datetime, timezone
from usersplit_sdk import AsyncHttpHits, Hit, HttpHits, outbox

outbox.BACKOFF_SECONDS, outbox.BACKOFF_LIMIT, outbox.ADOPT_SECONDS = 0.005, 0.02, 0.05
url, spool, name = sys.argv[1:]
options = {"spool": spool, "batch_size": 20, "batch_seconds": 0.02, "timeout": 0.3}
numbers = iter(range(300))  # then it only sends: on a slow machine more would be left than can be sent in time

def hits(count):
    moment = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
    return [
        Hit("green_button", 3, "green", f"{name}-{number}", None, 7, "production", moment, False, False)
        for number, _ in zip(numbers, range(count))
    ]

def tell(stored):
    print(*(hit.user_id for hit in stored), flush=True)
"""
THREADS = (
    START
    + """
sink = HttpHits(url, "ust_very_secret", **options)
while True:
    mine = hits(random.randint(1, 30))
    for hit in mine:
        sink.record(hit)
    sink.flush()
    tell(mine)
    time.sleep(0.003)
"""
)
LOOP = (
    START
    + """
async def main():
    sink = AsyncHttpHits(url, "ust_very_secret", **options)
    while True:
        mine = hits(random.randint(1, 30))
        await sink.store(mine)
        tell(mine)
        await asyncio.sleep(0.003)

asyncio.run(main())
"""
)
KILLS = 6


class Victim:
    """A process that logs hits, and which of them it has reported to be on disk."""

    def __init__(self, program: str, arguments: list[str], environment: dict[str, str]) -> None:
        self.reported: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self._reader.start()

    def _read(self, output: IO[bytes]) -> None:
        for line in output:
            if line.endswith(b"\n"):
                self.reported += line.decode().split()

    def kill(self) -> None:
        """SIGKILL; nothing of it runs afterwards."""
        self.process.kill()
        self._reader.join(60)
        _, told = self.process.communicate(timeout=60)
        assert b"Traceback" not in told, told.decode()


@contextmanager
def trouble(server: HitServer, seed: int) -> Iterator[None]:
    """The server does anything to a batch, but keeps to what it finds too large."""
    dice = random.Random(seed)
    enough = threading.Event()

    def anything(server: HitServer, request: Any, body: bytes) -> None:
        with server.lock:
            roll = dice.random()
        if len(json.loads(body)["hits"]) > 25:
            return server.reply(request, 413)
        if roll < 0.15:
            return server.reply(request, 500)
        if roll < 0.25:
            return server.reply(request, 429, headers={"Retry-After": "0"})
        if roll < 0.40:
            return server.cut(server, request, body)
        if roll < 0.45:
            server.store(body)
            enough.wait(20)
            request.close_connection = True
            return None
        return server.take(request, body)

    server.mood = anything
    try:
        yield
    finally:
        enough.set()
        server.mood = type(server).take


@pytest.mark.parametrize("program", [THREADS, LOOP], ids=["threads", "asyncio"])
def test_what_was_on_disk_arrives_once(
    server: HitServer, senders: Senders, child_environment: dict[str, str], program: str
) -> None:
    dice = random.Random(program)
    victims: list[Victim] = []
    with trouble(server, seed=7):
        try:
            for number in range(KILLS):
                # Two at a time share the spool; the one that dies leaves its hits to whoever comes next.
                arguments = [server.url, str(senders.spool), str(number)]
                victims.append(Victim(program, arguments, child_environment))
                enough = dice.randint(1, 150)
                assert senders.eventually(lambda: len(victims[-1].reported) >= enough)  # noqa: B023
                if number:
                    victims[-2].kill()
        finally:
            for victim in victims:
                victim.kill()
    reported = [user for victim in victims for user in victim.reported]
    assert len(reported) == len(set(reported)) > KILLS
    sink = senders()
    assert senders.eventually(lambda: not senders.files() and not sink.waiting, seconds=60)
    arrived = Counter(server.users())
    assert [user for user, times in arrived.items() if times > 1] == []
    assert [user for user in reported if user not in arrived] == []
    assert not (senders.spool / "aside").exists()
