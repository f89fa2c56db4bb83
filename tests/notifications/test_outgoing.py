"""Requests to providers, against servers that mean no good: not into private networks, not for ever, no secrets told."""

from __future__ import annotations

import http.server
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from notifications import outgoing
from notifications.channels.base import SendFailed
from notifications.outgoing import call, is_allowed

SECRET = "xoxb-very-secret"
_Handle = Callable[[http.server.BaseHTTPRequestHandler], None]


class _Handler(http.server.BaseHTTPRequestHandler):
    handle_it: _Handle
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(f"{self.headers['Host']} {self.path}")
        self.handle_it(self)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Served:
    """A server on loopback that answers as it is told, and what it was asked."""

    def __init__(self, handle: _Handle) -> None:
        self.seen: list[str] = []
        kind = type("Handler", (_Handler,), {"handle_it": staticmethod(handle), "seen": self.seen})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve(settings: Settings) -> Iterator[Callable[[_Handle], Served]]:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    started: list[Served] = []

    def start(handle: _Handle) -> Served:
        started.append(Served(handle))
        return started[-1]

    yield start
    for one in started:
        one.end()


def answering(body: bytes = b"{}", status: int = 200, **headers: str) -> _Handle:
    def handle(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return handle


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name leads to these addresses; what was asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_an_answer_is_an_answer_whatever_its_status(serve: Callable[[_Handle], Served]) -> None:
    server = serve(answering(b'{"a": 1}', 418, **{"X-Tea": "yes"}))
    answer = call("GET", f"{server.url}/pot", params={"a": "b c"})
    assert (answer.status, answer.headers["x-tea"], answer.json()) == (418, "yes", {"a": 1})
    assert server.seen == [f"127.0.0.1:{server.port} /pot?a=b+c"]


def test_a_redirect_is_not_followed(serve: Callable[[_Handle], Served]) -> None:
    elsewhere = serve(answering())
    server = serve(answering(status=302, Location=f"{elsewhere.url}/secret"))
    assert call("GET", server.url).status == 302
    assert elsewhere.seen == []


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::"),
        *("224.0.0.1", "ff02::1", "255.255.255.255", "192.0.2.1", "2001:db8::1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "::7f00:1", "fec0::1", "2001::1"),
    ],
)
def test_what_is_not_public_is_not_reached(
    address: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = []
    for addresses in ((address,), ("93.184.216.34", address)):
        resolving(monkeypatch, *addresses)
        with pytest.raises(SendFailed, match="which is not a public address") as failed:
            call("GET", "https://chat.example.org/")
        assert failed.value.permanent


@given(st.ip_addresses(v=4))
def test_an_address_in_ipv6_clothes_is_judged_as_what_it_is(address: ipaddress.IPv4Address) -> None:
    plain = is_allowed(str(address))
    assert is_allowed(f"::ffff:{address}") == is_allowed(f"64:ff9b::{address}") == plain
    assert plain == (address.is_global and not address.is_multicast and not address.is_reserved)


def test_networks_of_ones_own_can_be_allowed(settings: Settings) -> None:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["10.1.2.7/24", "fd00:1::/64"]
    assert [is_allowed(one) for one in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5")] == [True] * 3
    assert [is_allowed(one) for one in ("10.1.3.3", "fd00:2::5", "127.0.0.1")] == [False] * 3
    assert [is_allowed(one) for one in ("93.184.216.34", "2606:4700::1111")] == [True] * 2
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["10.1.2.*"]
    with pytest.raises(
        SendFailed, match=r"NOTIFICATIONS_ALLOW_PRIVATE holds “10\.1\.2\.\*”, which is no network"
    ):
        call("GET", "http://127.0.0.1:1/")


def test_a_name_is_asked_for_once_and_what_was_checked_is_connected_to(
    serve: Callable[[_Handle], Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answering())
    asked = resolving(monkeypatch, "127.0.0.1")
    assert call("GET", f"http://chat.example.org:{server.port}/").status == 200
    # urllib3 asks once more, for the number; a name that leads elsewhere the second time leads nobody astray.
    assert asked.count("chat.example.org") == 1
    assert server.seen == [f"chat.example.org:{server.port} /"]


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_server_that_feeds_byte_by_byte_is_cut_off(
    part: str, serve: Callable[[_Handle], Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "WHOLE_SECONDS", 0.5)
    gone = threading.Event()

    def drip(request: http.server.BaseHTTPRequestHandler) -> None:
        start = b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 100000\r\n\r\n" if part == "body" else b"X: ")
        request.connection.sendall(start)
        while not gone.wait(0.02):
            try:
                request.connection.sendall(b"x")
            except OSError:
                gone.set()

    server = serve(drip)
    with pytest.raises(SendFailed, match=r"^No answer within \d+ seconds\.$") as failed:
        call("GET", server.url)
    assert failed.value.provider_down
    assert gone.wait(60), "the connection is closed"


def test_an_answer_that_does_not_end_is_not_read_to_its_end(serve: Callable[[_Handle], Served]) -> None:
    server = serve(answering(b"x" * (outgoing.MAX_BODY + 1)))
    with pytest.raises(SendFailed, match="with more than 1 MB"):
        call("GET", server.url)


def test_rubbish_and_a_cut_connection_are_words_for_people(serve: Callable[[_Handle], Served]) -> None:
    server = serve(lambda request: request.connection.sendall(b"\x00\xff rubbish\r\n\r\n"))
    with pytest.raises(SendFailed, match="The connection broke before the answer was whole"):
        call("GET", server.url)
    server = serve(lambda request: request.connection.shutdown(socket.SHUT_RDWR))
    with pytest.raises(SendFailed, match="The connection broke before the answer was whole"):
        call("GET", server.url)
    server = serve(answering(b"<html>"))
    with pytest.raises(SendFailed, match="Answered 200 with something that is not JSON"):
        call("GET", server.url).json()
    server.end()
    with pytest.raises(SendFailed, match="Nothing listens at this address"):
        call("GET", server.url)


@pytest.mark.parametrize(
    "url", ["", "chat", "ftp://a/", "file:///etc/passwd", "http://", "http://[::1", "http://a:b/"]
)
def test_what_is_no_address_fails_for_good(url: str) -> None:
    with pytest.raises(SendFailed) as failed:
        call("GET", url)
    assert failed.value.permanent


def test_no_secret_is_told(serve: Callable[[_Handle], Served], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(answering(f"no such token {SECRET}".encode(), 401))
    headers = {"Authorization": f"Bearer {SECRET}"}
    answer = call(
        "POST",
        f"{server.url}/hooks/{SECRET}?key={SECRET}",
        headers=headers,
        body={"t": SECRET},
        secrets=[SECRET],
    )
    assert answer.words() == "no such token •••"
    assert SECRET in server.seen[0]
    server.end()
    with pytest.raises(SendFailed) as failed:
        call("GET", f"{server.url}/hooks/{SECRET}", headers=headers, secrets=[SECRET])
    ours = [record.getMessage() for record in caplog.records]
    assert SECRET not in " ".join(
        [*ours, caplog.text, repr(answer.secrets and answer.words()), failed.value.answer]
    )
    assert "secrets" not in repr(answer)
    assert f"POST {server.url}/hooks/•••: 401" in ours


def test_half_a_secret_is_one_too(
    serve: Callable[[_Handle], Served], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server, secret = serve(answering()), f"{SECRET}-{'y' * 300}"
    call("POST", f"{server.url}/hooks/{secret}", secrets=[secret])
    assert f"POST {server.url}/hooks/•••: 200" in caplog.messages


def test_proxies_and_logins_of_the_environment_are_not_used(
    serve: Callable[[_Handle], Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(answering())
    server = serve(answering())
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    assert call("GET", server.url).status == 200
    assert (len(server.seen), proxy.seen) == (1, [])
