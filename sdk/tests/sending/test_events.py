"""Events on their way to a server that is slow, down or hostile."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from usersplit_sdk import Problem
from usersplit_sdk.events import QUEUE_LIMIT, Event, HttpEvents

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


class EventServer(ThreadingHTTPServer):
    """Answers with each of ``statuses`` in turn, then with 202, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.statuses: list[int] = []
        self.asked: list[dict[str, Any]] = []
        self.has_stored = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: EventServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        status = self.server.statuses.pop(0) if self.server.statuses else 202
        answer = json.dumps({"batch_id": body["batch_id"], "rejected": []}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Content-Type", "application/problem+json" if status >= 400 else "application/json")
        self.end_headers()
        self.wfile.write(answer)
        if status == 202:
            self.server.has_stored.set()

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def server() -> Iterator[EventServer]:
    with EventServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def event(name: str = "order.paid", value: float | None = None) -> Event:
    return Event(name, "mia", None, "production", NOON, value)


def names(body: dict[str, Any]) -> list[str]:
    return [one["event"] for one in body["events"]]


def test_a_batch_is_sent_again_under_its_id_until_the_server_has_it(server: EventServer) -> None:
    server.statuses = [503, 500]
    problems: list[Problem] = []
    sink = HttpEvents(server.url, "token", batch_seconds=0.01, on_error=problems.append)
    sink.record(event(value=19.9))
    assert server.has_stored.wait(60)
    sink.close()
    assert [names(body) for body in server.asked] == [["order.paid"]] * 3
    assert len({body["batch_id"] for body in server.asked}) == 1
    assert server.asked[0]["events"] == [
        {
            "event": "order.paid",
            "user_id": "mia",
            "device_id": None,
            "environment": "production",
            "time": "2026-11-22T12:00:00+00:00",
            "value": 19.9,
        }
    ]
    assert (sink.dropped, len(problems)) == (0, 2)


def test_closing_sends_what_is_left_and_then_takes_nothing(server: EventServer) -> None:
    sink = HttpEvents(server.url, "token", batch_seconds=600)
    for number in range(1_001):
        sink.record(event(f"event{number}"))
    sink.close()
    assert [len(body["events"]) for body in server.asked] == [1_000, 1]
    sink.record(event())
    sink.close()
    assert sink.dropped == 1


def test_what_is_useless_to_the_server_is_dropped_and_told(server: EventServer) -> None:
    server.statuses = [400]
    problems: list[Problem] = []
    sink = HttpEvents(server.url, "token", batch_seconds=600, on_error=problems.append)
    sink.record(event())
    sink.record(event(value=float("nan")))
    sink.close()
    assert (sink.dropped, len(problems)) == (2, 2)


def test_without_a_server_nothing_is_raised_and_memory_is_bounded() -> None:
    sink = HttpEvents("http://127.0.0.1:9", "token", batch_seconds=600)
    for _ in range(QUEUE_LIMIT + 5):
        sink.record(event())
    assert sink.dropped == 5
    sink.close()
    assert sink.dropped == QUEUE_LIMIT + 5


@pytest.mark.parametrize("wrong", [{"url": "shop"}, {"token": "a\nb"}, {"batch_seconds": 0}, {"timeout": -1}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        HttpEvents(**{"url": "http://127.0.0.1:9", "token": "token", **wrong})
