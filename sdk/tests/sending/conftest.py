"""A server that takes hits, on loopback, and does to them whatever a test wants."""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk import Hit, Problem, outbox
from usersplit_sdk.http_hits import HttpHits

TOKEN = "ust_very_secret"

Mood = Callable[["HitServer", BaseHTTPRequestHandler, bytes], None]


class HitServer:
    """Takes batches at ``/api/v1/hits/``. ``moods`` are what it does to the next requests; then it is ``mood``.

    ``stored`` is what each batch holds, by its id; ``asked`` the id and number of hits of every request that was read.
    """

    def __init__(self) -> None:
        self.stored: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[tuple[str, int]] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.moods: deque[Mood] = deque()
        self.mood: Mood = HitServer.take
        self.get: Callable[[HitServer, BaseHTTPRequestHandler], None] = HitServer.nothing
        self.lock = threading.Lock()
        self._server = self._listen(0)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    # ---- moods -------------------------------------------------------------------------------------------

    def take(self, request: BaseHTTPRequestHandler, body: bytes, **more: Any) -> None:
        """Store the batch, unless it is there already."""
        batch_id, is_new = self.store(body)
        hits = len(self.stored[batch_id])
        answer = {"batch_id": batch_id, "accepted": hits, "rejected": [], "duplicate": not is_new, **more}
        self.reply(request, 202, json.dumps(answer).encode())

    def store(self, body: bytes) -> tuple[str, bool]:
        document = json.loads(body)
        with self.lock:
            is_new = document["batch_id"] not in self.stored
            if is_new:
                self.stored[document["batch_id"]] = document["hits"]
        return document["batch_id"], is_new

    @staticmethod
    def says(status: int, headers: dict[str, str] | None = None, body: bytes = b"{}") -> Mood:
        return lambda server, request, _: server.reply(request, status, body, headers)

    @staticmethod
    def refuses(detail: str = "hits: must be a list") -> Mood:
        """As a UserSplit server refuses what it will never take."""
        body = json.dumps({"title": "No", "detail": detail}).encode()
        return HitServer.says(400, {"Content-Type": "application/problem+json"}, body)

    @staticmethod
    def nothing(server: HitServer, request: BaseHTTPRequestHandler) -> None:
        """Have nothing to deliver."""
        server.reply(request, 404)

    @staticmethod
    def cut(server: HitServer, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Store it, and hang up without a word."""
        server.store(body)
        request.close_connection = True

    # ---- looking -----------------------------------------------------------------------------------------

    def users(self) -> list[str]:
        """The users of all hits that are stored, each as often as it is."""
        with self.lock:
            return sorted(hit["user_id"] for hits in self.stored.values() for hit in hits)

    # ---- serving -----------------------------------------------------------------------------------------

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def start_again(self) -> None:
        self._server = self._listen(self.port)

    def _listen(self, port: int) -> ThreadingHTTPServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                outer.serve(self)

            def do_GET(self) -> None:
                outer.get(outer, self)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *args: Any) -> None:
                """Clients that are killed are what these tests are about."""

        server = Server(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        body = gzip.decompress(request.rfile.read(int(request.headers["Content-Length"])))
        document = json.loads(body)
        with self.lock:
            self.headers.append({**dict(request.headers), "path": request.path})
            self.bodies.append(body)
            self.asked.append((document["batch_id"], len(document["hits"])))
            mood = self.moods.popleft() if self.moods else self.mood
        try:
            mood(self, request, body)
        except OSError:
            request.close_connection = True

    @staticmethod
    def reply(
        request: BaseHTTPRequestHandler, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


class Senders:
    """Makes sinks of the server, quick ones, and remembers what they told."""

    def __init__(self, server: HitServer, spool: Path) -> None:
        self.spool = spool
        self.told: list[str] = []
        self.made: list[HttpHits] = []
        self._server = server

    def __call__(self, **options: Any) -> HttpHits:
        sink = HttpHits(
            options.pop("url", self._server.url),
            options.pop("token", TOKEN),
            on_error=self.tell,
            **{"spool": self.spool, "batch_seconds": 0.01, **options},
        )
        self.made.append(sink)
        return sink

    def tell(self, problem: Problem) -> None:
        self.told.append(str(problem))

    def files(self) -> list[Path]:
        """Batches on disk. Folders come and go meanwhile."""
        places = self.spool.iterdir() if self.spool.exists() else ()
        found: list[Path] = []
        for place in places:
            if place.name != "aside":
                with suppress(FileNotFoundError):
                    found += [path for path in place.iterdir() if path.suffix == ".hits"]
        return sorted(found)

    def lines(self) -> list[str]:
        """The users of the hits on disk."""
        found = [json.loads(line) for path in self.files() for line in path.read_bytes().splitlines()]
        return sorted(hit["user_id"] for hit in found)

    def record(self, sink: HttpHits, count: int, first: int = 0) -> list[str]:
        """Record hits of so many users; answers who they are."""
        users = [str(number) for number in range(first, first + count)]
        for user in users:
            sink.record(self.hit(user))
        return sorted(users)

    @staticmethod
    def hit(user_id: object = "1", **changes: Any) -> Hit:
        moment = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
        hit = Hit("green_button", 3, "green", str(user_id), None, 7, "production", moment, False, False)
        return hit._replace(**changes)

    @staticmethod
    def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
        """Poll until the condition holds; the limit is for a machine that is very busy."""
        limit = time.monotonic() + seconds
        pause = threading.Event()
        while not condition():
            if time.monotonic() > limit:
                return False
            pause.wait(0.002)
        return True


@pytest.fixture
def server() -> Iterator[HitServer]:
    served = HitServer()
    yield served
    served.stop()


@pytest.fixture
def senders(server: HitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Senders]:
    """Pauses after failures are short, and closing waits for nobody."""
    monkeypatch.setattr(outbox, "BACKOFF_SECONDS", 0.005)
    monkeypatch.setattr(outbox, "BACKOFF_LIMIT", 0.02)
    made = Senders(server, tmp_path / "spool")
    yield made
    for sink in made.made:
        sink._close_seconds = 0.0
        sink.close()


@pytest.fixture
def child_environment() -> dict[str, str]:
    """For programs that tests start."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
