"""A server on loopback in which a provider is played. It behaves, or misbehaves, as the test says.

    with standing_in(Slack()) as server:
        server.behaves(Behaviour.BROKEN, on="chat.postMessage")
        ...  # server.url, server.received, server.requests("chat.postMessage")

A request that the provider's published description does not allow raises Complaint in the provider; the test that sent
it then fails at the end of the block, whatever the product made of the answer.
"""

from __future__ import annotations

import contextlib
import enum
import json
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

RETRY_AFTER: Final = 77
"""Seconds that a server asks to wait with 429."""


class Behaviour(enum.Enum):
    """How the server answers; a number is a status."""

    GOOD = "as the provider does"
    BAD_REQUEST = 400
    NOT_LET_IN = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    CONFLICT = 409
    TOO_MANY = 429
    BROKEN = 500
    HANG = "no answer until the client goes"
    CUT = "the connection ends within the answer, and nothing was done"
    LOST = "what was asked is done, but the connection ends within the answer"
    RUBBISH = "200 with a page for people, as from a proxy that wants a login"


@dataclass(frozen=True, slots=True)
class Received:
    """A request. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body; a Complaint when it is no JSON or does not say that it is."""
        require(self.headers.get("content-type", "").startswith("application/json"), "body without its type")
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Complaint(f"body is no JSON: {self.body[:100]!r}") from error


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: a `body` of bytes goes as it is, anything else but None as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Complaint(AssertionError):
    """The provider's description does not allow this request."""


def require(allowed: object, what: object) -> None:
    """Raise a Complaint unless it is allowed."""
    if not allowed:
        raise Complaint(str(what))


class Provider(Protocol):
    """What is played. Called by one thread at a time."""

    def answer(self, request: Received) -> Reply:
        """Do what the request asks. Raises Complaint."""

    def refusal(self, status: int) -> Reply:
        """How the provider words an error of this status."""


class Server:
    """The running server: where it is, what it was asked, how it behaves."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.received: list[Received] = []
        self.complaints: list[str] = []
        self.is_over = threading.Event()
        self._lock = threading.Lock()
        self._behaviour, self._on, self._times = Behaviour.GOOD, "", 0
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.standin = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def behaves(self, behaviour: Behaviour, *, on: str = "", times: int = sys.maxsize) -> None:
        """From now on, on addresses that have `on` in them, for so many requests; then it is good again."""
        with self._lock:
            self._behaviour, self._on, self._times = behaviour, on, times

    def requests(self, on: str = "") -> list[Received]:
        """What came to addresses that have `on` in them."""
        return [request for request in self.received if on in request.path]

    def take(self, request: Received) -> tuple[Behaviour, Reply]:
        """Note the request; how to answer it and what."""
        with self._lock:
            self.received.append(request)
            behaviour = self._behaviour if self._on in request.path and self._times else Behaviour.GOOD
            if behaviour is not Behaviour.GOOD:
                self._times -= 1
            if behaviour in {Behaviour.GOOD, Behaviour.LOST}:
                return behaviour, self._asked(request)
        if isinstance(behaviour.value, int):
            reply = self.provider.refusal(behaviour.value)
            if behaviour is Behaviour.TOO_MANY:
                reply = Reply(reply.status, reply.body, {**reply.headers, "Retry-After": str(RETRY_AFTER)})
            return behaviour, reply
        page = b"<html><title>Log in</title><p>Please log in to the network first.</p></html>"
        return behaviour, Reply(200, page, {"Content-Type": "text/html"})

    def _asked(self, request: Received) -> Reply:
        try:
            return self.provider.answer(request)
        except Complaint as complaint:
            self.complain(f"{request.method} {request.path}: {complaint}")
            return Reply(400, {"complaint": str(complaint)})

    def complain(self, words: str) -> None:
        self.complaints.append(words)

    def run(self) -> None:
        self._http.serve_forever(poll_interval=0.02)

    def stop(self) -> None:
        self.is_over.set()
        self._http.shutdown()
        self._http.server_close()


@contextlib.contextmanager
def standing_in(provider: Provider) -> Iterator[Server]:
    """The provider, served within the block. Fails at its end if a request was not as published."""
    server = Server(provider)
    thread = threading.Thread(target=server.run, name="stand-in")
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
    assert server.complaints == []


class _Http(ThreadingHTTPServer):
    standin: Server
    # Every thread ends before the test does.
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of our business; an error in a provider is."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            self.standin.complain(f"the stand-in broke: {error!r}")


class _Handler(BaseHTTPRequestHandler):
    timeout = 30

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        address = urlsplit(self.path)
        request = Received(
            self.command,
            address.path,
            dict(parse_qsl(address.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        standin = cast(_Http, self.server).standin
        behaviour, reply = standin.take(request)
        if behaviour is Behaviour.HANG:
            self._wait_for_the_client_to_go(standin.is_over)
        elif behaviour in {Behaviour.CUT, Behaviour.LOST}:
            self._send(Reply(200, b'{"ok": tr'), more=1_000)
        else:
            self._send(reply)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the library's names

    def _send(self, reply: Reply, more: int = 0) -> None:
        if reply.body is None:
            content = b""
        else:
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        headers = {"Content-Type": "application/json; charset=utf-8", **reply.headers}
        for name, value in {**headers, "Content-Length": str(len(content) + more)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _wait_for_the_client_to_go(self, is_over: threading.Event) -> None:
        self.connection.settimeout(0.02)
        while not is_over.is_set():
            with contextlib.suppress(TimeoutError, socket.timeout):
                if not self.connection.recv(1):
                    return

    def log_message(self, *args: object) -> None:
        """Nothing: what was asked is in `received`."""
