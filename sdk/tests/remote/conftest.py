"""A real server of a delivery, on loopback, that can be stopped and told to misbehave."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from usersplit_sdk import Problem, Status
from usersplit_sdk.remote import RemoteStore
from usersplit_sdk.reporting import Reporter

TOKEN = "ust_very_secret"
PREFIX = "/api/v1/delivery/"

Answer = Callable[[BaseHTTPRequestHandler], None]


class DeliveryServer:
    """Serves ``files`` (path → bytes, ``manifest`` among them) to who has the token.

    ``odd`` holds answers of another kind by path; ``asked`` is the path, ETag and status of every request.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.odd: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None, int]] = []
        self.hits: list[dict[str, Any]] = []
        self.tokens = {TOKEN}
        self.gzip = True
        self._server = self._listen(0)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def publish(self, version: int, *documents: dict[str, Any], **manifest: Any) -> None:
        files = {f"{item['kind']}s/{item['key']}.json": json.dumps(item).encode() for item in documents}
        listed = {path: hashlib.sha256(body).hexdigest() for path, body in files.items()}
        content = {"format": 1, "version": version, "published_at": "2026-11-22T12:00:00Z", "files": listed}
        self.files = {**files, "manifest": json.dumps({**content, **manifest}).encode()}

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

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

            def do_GET(self) -> None:
                outer.serve(self)

            def do_POST(self) -> None:
                outer.take_hits(self)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *args: Any) -> None:
                """Clients that hang up are what these tests are about."""

        server = Server(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        # Closing would wait for connections that clients keep open.
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.removeprefix(PREFIX).removeprefix("files/")
        if path in self.odd:
            self.asked.append((path, None, 0))
            try:
                return self.odd[path](request)
            except OSError:
                request.close_connection = True  # the client has had enough
                return None
        body = self.files.get(path)
        etag = f'W/"{hashlib.sha256(body or b"").hexdigest()}"'
        asked_for = request.headers.get("If-None-Match")
        if request.headers.get("Authorization") not in {f"Bearer {token}" for token in self.tokens}:
            status, body = 401, b"{}"
        elif body is None:
            status, body = 404, b"{}"
        else:
            status = 304 if asked_for == etag else 200
        self.asked.append((path, asked_for, status))
        self.reply(request, status, b"" if status == 304 else body, {"ETag": etag}, packed=self.gzip)
        return None

    def take_hits(self, request: BaseHTTPRequestHandler) -> None:
        """Hits go to the same server as a rule."""
        body = gzip.decompress(request.rfile.read(int(request.headers["Content-Length"])))
        self.hits += json.loads(body)["hits"]
        self.reply(request, 202, b"{}")

    @staticmethod
    def reply(
        request: BaseHTTPRequestHandler,
        status: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        packed: bool = False,
    ) -> None:
        """Answer with a body, in gzip if that is wanted on both sides."""
        request.send_response(status)
        if packed and body and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            request.send_header("Content-Encoding", "gzip")
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    @staticmethod
    def document(key: str = "green_button", variant: str = "v1", **changes: Any) -> dict[str, Any]:
        return {
            "format": 1,
            "kind": "test",
            "key": key,
            "status": "running",
            "side": "server",
            "settings_group": 1,
            "conditions": [],
            "variants": [{"name": variant, "split_groups": [[1, 2400]]}],
            **changes,
        }


class Followed:
    """A store of the server, what it told, and who can be asked for a variant."""

    def __init__(self, url: str, token: str, **options: Any) -> None:
        self.problems: list[Problem] = []
        self.statuses: list[Status] = []
        self.store = RemoteStore(
            url, token, Reporter(self.problems.append), on_status=self.statuses.append, **options
        )

    def variant(self, key: str = "green_button") -> str | None:
        """The one variant of a test that can be used."""
        entry = self.store.snapshot.tests.get(key)
        return None if entry is None or entry.test is None else entry.test.names[1]

    def errors(self) -> str:
        return "\n".join(self.store.status.errors)

    @staticmethod
    def eventually(condition: Callable[[], bool]) -> bool:
        """Poll until the condition holds; the limit is for a machine that is very busy."""
        limit = time.monotonic() + 20
        pause = threading.Event()
        while not condition():
            if time.monotonic() > limit:
                return False
            pause.wait(0.005)
        return True


@pytest.fixture
def server() -> Iterator[DeliveryServer]:
    served = DeliveryServer()
    yield served
    served.stop()


@pytest.fixture
def follow(server: DeliveryServer) -> Iterator[Callable[..., Followed]]:
    """Follow the server: by hand and without a disk copy, unless told otherwise."""
    made: list[Followed] = []

    def start(url: str = server.url, token: str = TOKEN, **options: Any) -> Followed:
        made.append(Followed(url, token, **{"cache_dir": False, "poll_seconds": None, **options}))
        return made[-1]

    yield start
    for followed in made:
        followed.store.close()
