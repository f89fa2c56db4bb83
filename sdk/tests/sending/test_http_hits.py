"""Hits reach the server in batches, each once, whatever it answers meanwhile; who records them never waits."""

from __future__ import annotations

import gc
import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from usersplit_sdk import http_hits, outbox
from usersplit_sdk.hits import NotTaken

if TYPE_CHECKING:
    from tests.sending.conftest import HitServer, Senders


def test_a_batch_is_what_the_server_asks_for(server: HitServer, senders: Senders) -> None:
    sink = senders()
    senders.record(sink, 3)
    assert senders.eventually(lambda: len(server.users()) == 3)
    assert senders.eventually(lambda: (sink.sent, sink.waiting) == (3, 0))
    document = json.loads(server.bodies[0])
    assert set(document) == {"batch_id", "hits"}
    assert uuid.UUID(document["batch_id"]).version == 4
    assert document["hits"][0] == senders.hit(0).as_json()
    headers = server.headers[0]
    assert headers["path"] == "/api/v1/hits/"
    assert headers["Authorization"] == "Bearer ust_very_secret"
    assert (headers["Content-Encoding"], headers["Content-Type"]) == ("gzip", "application/json")
    assert senders.files() == []
    assert senders.told == []


def test_batches_are_bounded(server: HitServer, senders: Senders) -> None:
    sink = senders(batch_size=10, batch_seconds=3600)
    users = senders.record(sink, 25)
    assert senders.eventually(lambda: len(server.users()) == 20)
    assert [count for _, count in server.asked] == [10, 10]
    sink.close()
    assert server.users() == users
    assert [count for _, count in server.asked] == [10, 10, 5]


def test_who_records_never_waits_and_memory_is_bounded(
    server: HitServer, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MEMORY_LIMIT", 50)
    go = threading.Event()
    asked = threading.Event()

    def hang(server: HitServer, request: Any, body: bytes) -> None:
        asked.set()
        go.wait(20)
        server.take(request, body)

    server.mood = hang
    sink = senders(spool=False, batch_size=10)
    senders.record(sink, 10)
    assert asked.wait(20)
    senders.record(sink, 200, first=10)
    sink.flush()
    assert sink.dropped == 150
    assert sink.waiting == 60
    go.set()
    assert senders.eventually(lambda: sink.sent == 60)
    assert server.users() == sorted(str(number) for number in [*range(10), *range(160, 210)])
    assert senders.told == ["hits: some are dropped: too many are waiting, and the oldest go first"]


def test_a_full_queue_takes_no_more(
    server: HitServer, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_hits, "QUEUE_LIMIT", 0)
    sink = senders()
    with pytest.raises(NotTaken, match="too many"):
        sink.record(senders.hit())
    assert sink.dropped == 1


def test_closing_sends_what_is_left_and_takes_no_more(server: HitServer, senders: Senders) -> None:
    sink = senders(batch_seconds=3600, spool=False)
    users = senders.record(sink, 5)
    sink.close()
    sink.close()
    assert server.users() == users
    with pytest.raises(NotTaken, match="closed"):
        sink.record(senders.hit())
    assert (sink.dropped, sink.waiting) == (1, 0)


def test_a_forgotten_sink_ends_its_threads_and_lets_go_of_its_spool(
    server: HitServer, senders: Senders
) -> None:
    server.mood = server.says(403)
    before = {*threading.enumerate()}
    sink = senders()
    users = senders.record(sink, 3)
    assert senders.eventually(lambda: len(senders.told) == 1)
    threads = [thread for thread in {*threading.enumerate()} - before if thread.name.startswith("usersplit-")]
    assert len(threads) == 2
    gc.disable()
    try:
        senders.made.clear()
        del sink
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
    finally:
        gc.enable()
    server.mood = type(server).take
    senders()
    assert senders.eventually(lambda: server.users() == users)


def test_closing_tries_again_where_nothing_else_would_keep_them(server: HitServer, senders: Senders) -> None:
    server.moods.extend([server.says(503)] * 3)
    sink = senders(batch_seconds=3600, spool=False)
    users = senders.record(sink, 5)
    sink.close()
    assert server.users() == users


def test_closing_gives_up_in_time_and_counts(server: HitServer, senders: Senders) -> None:
    server.stop()
    sink = senders(batch_seconds=3600, spool=False, close_seconds=0.05)
    senders.record(sink, 5)
    sink.close()
    server.start_again()
    assert sink.dropped == 5
    assert "hits: some are dropped: they could not be sent before the client was closed" in senders.told


def test_hits_that_no_server_would_take_are_dropped_here(server: HitServer, senders: Senders) -> None:
    sink = senders()
    for changes in ({"device_id": "half \ud800"}, {"user_id": "x" * 20_000}, {"split_group": object()}):
        sink.record(senders.hit(**changes))
    sink.record(senders.hit("grün 🐢 \0"))
    assert senders.eventually(lambda: server.users() == ["grün 🐢 \0"])
    assert sink.dropped == 3
    assert senders.told == ["hits: some are dropped: ids that are too long, or no text"]


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"batch_size": 10_001},
        {"batch_seconds": -1},
        {"batch_seconds": float("nan")},
        {"spool_bytes": 0},
        {"close_seconds": -1},
        {"timeout": 0},
        {"url": "ftp://example.org"},
        {"token": "two words"},
    ],
)
def test_what_makes_no_sense_is_refused(senders: Senders, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        senders(**options)


def test_hits_take_the_way_through_the_environments_proxy(
    server: HitServer, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://mia:pass@127.0.0.1:{server.port}")
    monkeypatch.setenv("no_proxy", "")
    sink = senders(url="http://usersplit.example/below")
    users = senders.record(sink, 2)
    assert senders.eventually(lambda: server.users() == users)
    assert server.headers[0]["path"] == "http://usersplit.example/below/api/v1/hits/"
    assert server.headers[0]["Proxy-Authorization"].startswith("Basic ")
