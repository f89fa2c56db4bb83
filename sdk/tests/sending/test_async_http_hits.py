"""The same sink for an event loop, which neither a disk nor the server keeps waiting."""

from __future__ import annotations

import asyncio
import threading
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from usersplit_sdk import AsyncClient, AsyncHttpHits, Batching, HttpHits, User

if TYPE_CHECKING:
    from tests.sending.conftest import HitServer, Senders

TOKEN = "ust_very_secret"
DOCUMENT = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 3,
    "conditions": [],
    "variants": [{"name": "green", "split_groups": [[1, 2400]]}],
}


def sink_of(senders: Senders, server: HitServer, **options: Any) -> AsyncHttpHits:
    defaults: dict[str, Any] = {"spool": senders.spool, "batch_seconds": 0.01, "on_error": senders.tell}
    return AsyncHttpHits(server.url, TOKEN, **{**defaults, **options})


async def eventually(condition: Any) -> None:
    limit = asyncio.get_running_loop().time() + 20
    while not condition():
        assert asyncio.get_running_loop().time() < limit
        await asyncio.sleep(0.002)


def test_checks_of_an_asynchronous_client_arrive(server: HitServer, senders: Senders) -> None:
    sink = sink_of(senders, server)
    batching = Batching(size=20, seconds=0.01, limit=40)

    async def run() -> None:
        async with AsyncClient.from_documents([DOCUMENT], hits=sink, batching=batching) as client:
            checks = (client.get_active_variant("green_button", User(str(n), 1)) for n in range(300))
            assert set(await asyncio.gather(*checks)) == {"green"}
        assert client.dropped_hits == 0

    asyncio.run(run())
    assert server.users() == sorted(str(number) for number in range(300))
    assert sink.sent == 300
    assert senders.told == []


def test_making_one_starts_nothing_and_starting_sends_what_is_left(
    server: HitServer, senders: Senders
) -> None:
    earlier = senders(close_seconds=0.0)
    server.mood = server.says(403)
    earlier.record(senders.hit(1))
    assert senders.eventually(lambda: len(senders.told) == 1)
    earlier.close()
    server.mood = type(server).take
    before = {*threading.enumerate()}
    sink = sink_of(senders, server)
    assert {*threading.enumerate()} <= before

    async def run() -> None:
        async with AsyncClient.from_documents([DOCUMENT], hits=sink):
            await eventually(lambda: server.users() == ["1"])

    asyncio.run(run())


def test_what_was_stored_is_on_disk_and_the_server_is_not_waited_for(
    server: HitServer, senders: Senders
) -> None:
    go, asked = threading.Event(), threading.Event()

    def hang(server: HitServer, request: Any, body: bytes) -> None:
        asked.set()
        go.wait(20)
        server.take(request, body)

    server.mood = hang
    sink = sink_of(senders, server, batch_size=2)

    async def run() -> None:
        await sink.store([senders.hit(number) for number in range(2)])
        await eventually(asked.is_set)
        await sink.store([senders.hit(number) for number in range(2, 6)])
        assert senders.lines() == [str(number) for number in range(6)]
        assert sink.waiting == 6
        go.set()
        await sink.close()
        await sink.close()

    asyncio.run(run())
    assert server.users() == [str(number) for number in range(6)]
    assert (sink.sent, sink.dropped, sink.rejected, sink.waiting) == (6, 0, 0, 0)


def test_what_a_sink_loses_is_counted_by_its_client(server: HitServer, senders: Senders) -> None:
    server.mood = server.refuses()
    sink = sink_of(senders, server)

    async def run() -> None:
        async with AsyncClient.from_documents([DOCUMENT], hits=sink) as client:
            await client.get_active_variant("green_button", User("1", 1))
            await eventually(lambda: client.dropped_hits == 1)

    asyncio.run(run())


def test_a_spool_is_shared_with_the_sink_of_threads(server: HitServer, senders: Senders) -> None:
    server.stop()

    async def run() -> None:
        sink = sink_of(senders, server, close_seconds=0.0)
        await sink.store([senders.hit(1)])
        await sink.close()

    asyncio.run(run())
    assert senders.lines() == ["1"]
    server.start_again()
    senders()
    assert senders.eventually(lambda: server.users() == ["1"])


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"close_seconds": -1}, {"spool_bytes": 0}, {"url": "x"}]
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        AsyncHttpHits(options.pop("url", "https://usersplit.example"), TOKEN, spool=tmp_path, **options)


def test_both_sinks_have_the_same_options() -> None:
    assert signature(AsyncHttpHits) == signature(HttpHits)
