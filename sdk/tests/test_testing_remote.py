"""Forcing variants on a server: what is asked of it in which order, what is removed in the end, and what is said of trouble."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from usersplit_sdk import testing_remote
from usersplit_sdk.testing_remote import NotForced, RemoteVariants

TOKEN = "ust_very_secret"
DELIVERED = {"version": 7, "delivered": True, "servers": 2, "waiting_for": []}
LATE = {"version": 7, "delivered": False, "servers": 2, "waiting_for": ["shop-1:1:0123abcd"]}


class QaServer:
    """Keeps what is asked of it. ``deliveries`` are what it says of the delivery, one after the other, the last again and
    again; ``odd`` are whole answers (status, body) by path."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any] | None]] = []
        self.keys: list[str | None] = []
        self.deliveries: list[object] = [DELIVERED]
        self.odd: dict[str, tuple[int, bytes]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.serve(self)

            def do_DELETE(self) -> None:
                outer.serve(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        size = int(request.headers.get("Content-Length") or 0)
        body = json.loads(request.rfile.read(size)) if size else None
        path, _, query = request.path.removeprefix("/api/v1/qa/").partition("?")
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        status, answer = (204, b"") if request.command == "DELETE" else (201, self.made(query))
        status, answer = self.odd.get(path, (status, answer))
        self.asked.append((request.command, f"{path}?{query}" if query else path, body))
        self.keys.append(request.headers.get("Idempotency-Key"))
        request.send_response(status)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def made(self, query: str) -> bytes:
        number = len(self.asked) + 1
        if not query:
            return json.dumps({"id": number}).encode()
        delivery = self.deliveries.pop(0) if len(self.deliveries) > 1 else self.deliveries[0]
        return json.dumps({"id": number, "delivery": delivery}).encode()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def steps(self) -> list[str]:
        return [f"{method} {path}" for method, path, _ in self.asked]


@pytest.fixture
def server() -> Iterator[QaServer]:
    server = QaServer()
    yield server
    server.stop()


def test_others_are_off_first_and_the_last_step_waits(server: QaServer) -> None:
    with RemoteVariants(server.url, TOKEN, reason="pytest test_shop.py::test_button") as remote:
        remote.user(4711, green_button="green", red_banner="b", old=None)
        assert server.steps() == ["POST tests-off/", "POST forced/", "POST forced/?wait=10.000"]
        off, first, second = (body for _, _, body in server.asked)
        assert off is not None
        assert off.pop("expires_at") > "2026"
        assert off == {"user_id": "4711", "reason": "pytest test_shop.py::test_button"}
        assert first is not None
        assert {**off, "test": "green_button", "variant": "green"}.items() <= first.items()
        assert second is not None
        assert (second["test"], second["variant"]) == ("red_banner", "b")
    assert server.steps()[3:] == ["DELETE forced/3/", "DELETE forced/2/", "DELETE tests-off/1/"]


def test_a_device_in_another_environment_without_waiting(server: QaServer) -> None:
    with RemoteVariants(server.url, TOKEN, environment="devel", wait=0) as remote:
        remote.device("a-b-c", {"green_button": "green"})
    (_, first, off), (_, second, forced) = server.asked[:2]
    assert (first, second) == ("tests-off/", "forced/")
    assert off is not None
    assert forced is not None
    assert (off["device_id"], forced["device_id"], forced["environment"]) == ("a-b-c", "a-b-c", "devel")
    assert "environment" not in off


def test_all_tests_off_waits_too(server: QaServer) -> None:
    with RemoteVariants(server.url, TOKEN) as remote:
        remote.user("4711")
    assert server.steps() == ["POST tests-off/?wait=10.000", "DELETE tests-off/1/"]


def test_once_more_changes_it_and_removes_what_is_not_wanted_any_more(server: QaServer) -> None:
    with RemoteVariants(server.url, TOKEN) as remote:
        remote.user("4711", green_button="green", red_banner="b")
        remote.user("4711", green_button="control")
        assert server.steps()[3:] == ["DELETE forced/3/", "POST tests-off/", "POST forced/?wait=10.000"]


def test_a_busy_server_is_asked_again_under_the_same_key(
    server: QaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing_remote, "PAUSE_SECONDS", 0.001)
    server.deliveries = [LATE, LATE, DELIVERED]
    with RemoteVariants(server.url, TOKEN) as remote:
        remote.user("4711")
        assert server.steps() == ["POST tests-off/?wait=10.000"] * 3
        assert len(set(server.keys)) == 1
        bodies = [body for _, _, body in server.asked]
        assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        (LATE, "of 2 app servers these run an older version than 7: shop-1:1:0123abcd"),
        ({**DELIVERED, "delivered": False, "servers": 0}, "no app server that reads over HTTP was heard of"),
        ("soon", "the server does not tell who has it"),
        ({**LATE, "waiting_for": "x", "servers": "y"}, "of y app servers these run"),
    ],
)
def test_too_late_is_told_and_removed_all_the_same(server: QaServer, delivery: object, words: str) -> None:
    server.deliveries = [delivery]
    with pytest.raises(NotForced) as problem, RemoteVariants(server.url, TOKEN, wait=0.01) as remote:
        remote.user("4711", green_button="green")
    assert "green_button for user_id '4711' is not delivered in 0.01 s" in str(problem.value)
    assert words in str(problem.value)
    forced, off = server.steps()[-2:]
    assert forced.startswith("DELETE forced/")
    assert off == "DELETE tests-off/1/"


PROBLEM = {
    "detail": "The input is not valid.",
    "errors": [{"field": "variant", "message": "There is no variant gren."}, "odd"],
}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, json.dumps(PROBLEM).encode()), "answers 400: The input is not valid. variant: There is no variant gren."),
        ((401, b"{}"), "answers 401: no reason is given"),
        ((500, b"<html>"), "answers 500"),
        ((200, b"[]"), "without an id"),
        ((200, b'{"id": "../../tests/"}'), "without an id"),
        ((200, b'{"id": true}'), "without an id"),
        ((200, b"[" * 100_000), "without an id"),
    ],
)  # fmt: skip
def test_what_the_server_refuses_is_told_and_the_rest_removed(
    server: QaServer, answer: tuple[int, bytes], words: str
) -> None:
    server.odd["forced/"] = answer
    with pytest.raises(NotForced) as problem, RemoteVariants(server.url, TOKEN) as remote:
        remote.user("4711", green_button="green")
    assert words in str(problem.value)
    assert TOKEN not in str(problem.value)
    assert server.steps() == ["POST tests-off/", "POST forced/?wait=10.000", "DELETE tests-off/1/"]


def test_all_is_removed_even_if_some_of_it_cannot_be(server: QaServer) -> None:
    server.odd["forced/2/"] = (500, b"")
    remote = RemoteVariants(server.url, TOKEN)
    remote.user("4711", green_button="green")
    with pytest.raises(NotForced, match=r"it expires: removing /api/v1/qa/forced/2/: the server answers 500"):
        remote.release()
    assert "DELETE tests-off/1/" in server.steps()
    remote.release()
    assert len(server.steps()) == 4


def test_what_somebody_else_has_removed_is_no_trouble(server: QaServer) -> None:
    server.odd["tests-off/1/"] = (404, b"")
    with RemoteVariants(server.url, TOKEN) as remote:
        remote.user("4711")


def test_a_server_that_is_not_there_is_told() -> None:
    server = QaServer()
    server.stop()
    remote = RemoteVariants(server.url, TOKEN)
    with pytest.raises(NotForced, match="cannot be reached"):
        remote.user("4711")
    remote.release()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"wait": 31}, "from 0 to 30"),
        ({"wait": float("nan")}, "from 0 to 30"),
        ({"expires_in": 0}, "more than 0"),
        ({"url": "shop"}, "url|address"),
        ({"token": "a b"}, "token"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RemoteVariants(**{"url": "http://127.0.0.1:1", "token": TOKEN, **options})


def test_a_name_that_cannot_be_one_is_refused_before_anything_is_asked(server: QaServer) -> None:
    with RemoteVariants(server.url, TOKEN) as remote:
        with pytest.raises(TypeError, match="green_button must be the name"):
            remote.user("4711", green_button=True)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="key of a test"):
            remote.user("4711", {"../x": "green"})
    assert server.asked == []
