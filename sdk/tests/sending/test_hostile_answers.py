"""Answers that mean harm: they take neither memory nor time, nothing is raised, and no hit is lost or sent elsewhere."""

from __future__ import annotations

import json
import logging
import threading
import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usersplit_sdk.hit_answers import RETRY_AFTER_LIMIT, Outcome, judge
from usersplit_sdk.origin import Posted

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from tests.sending.conftest import HitServer, Senders

MEGABYTE = 1024 * 1024
BATCH_ID = "0b0e7f4e-3c1c-4a61-9b7e-0f0f0f0f0f0f"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        name: JSON | st.just(BATCH_ID)
        for name in ("batch_id", "rejected", "rejected_count", "unknown", "detail", "title")
    },
)
ITEMS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"index": JSON, "errors": st.lists(st.dictionaries(st.text(), JSON)) | JSON}
    ),
    max_size=5,
)


@given(
    status=st.integers(100, 999),
    body=st.binary(max_size=60)
    | st.builds(lambda document: json.dumps(document).encode(), FIELDS | JSON)
    | st.builds(lambda items: json.dumps({"rejected": items, "unknown": items}).encode(), ITEMS),
    content_type=st.sampled_from(["application/json", "text/html", ""]),
    retry_after=st.none() | st.text(max_size=50) | st.integers().map(str),
)
@settings(max_examples=100, deadline=None)
def test_any_answer_is_one_of_few_outcomes(
    status: int, body: bytes, content_type: str, retry_after: str | None
) -> None:
    verdict = judge(Posted(status, body, content_type, retry_after), BATCH_ID, "https://usersplit.example")
    assert 0 <= verdict.seconds <= RETRY_AFTER_LIMIT
    assert (verdict.outcome is Outcome.STORED) <= (200 <= status < 300)
    assert verdict.rejected >= 0
    told = "".join((verdict.message, *verdict.reasons, *verdict.unknown))
    assert told.isprintable()
    assert len(told) < 50_000


def huge(server: HitServer, request: BaseHTTPRequestHandler, body: bytes) -> None:
    server.store(body)
    request.send_response(202)
    request.send_header("Content-Length", str(1024 * MEGABYTE))
    request.end_headers()
    while True:  # until the client hangs up
        request.wfile.write(bytes(MEGABYTE))


def endless_headers(server: HitServer, request: BaseHTTPRequestHandler, body: bytes) -> None:
    server.store(body)
    request.close_connection = True
    request.wfile.write(b"HTTP/1.1 202 Accepted\r\nX: " + b"y" * 100_000 + b"\r\n\r\n")


def not_http(server: HitServer, request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.close_connection = True
    request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


def broken_gzip(server: HitServer, request: BaseHTTPRequestHandler, body: bytes) -> None:
    server.reply(request, 202, b"not gzip", {"Content-Encoding": "gzip"})


@pytest.mark.parametrize("mood", [huge, endless_headers, not_http, broken_gzip])
def test_answers_that_cannot_be_used_cost_an_attempt(
    server: HitServer, senders: Senders, mood: Callable[..., None]
) -> None:
    server.moods.extend([mood] * 2)
    tracemalloc.start()
    try:
        sink = senders()
        users = senders.record(sink, 3)
        assert senders.eventually(lambda: sink.sent == 3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50 * MEGABYTE
    assert server.users() == users
    assert len(set(server.bodies)) == 1


def drip_headers(request: BaseHTTPRequestHandler, enough: threading.Event) -> None:
    request.wfile.write(b"HTTP/1.1 202 Accepted\r\nX-Slow: ")
    while not enough.wait(0.02):
        request.wfile.write(b"x")


def drip_body(request: BaseHTTPRequestHandler, enough: threading.Event) -> None:
    request.send_response(202)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    while not enough.wait(0.02):
        request.wfile.write(b" ")


def silence(request: BaseHTTPRequestHandler, enough: threading.Event) -> None:
    enough.wait(20)


@pytest.mark.parametrize("answer", [drip_headers, drip_body, silence])
def test_a_slow_drip_is_cut_off(
    server: HitServer, senders: Senders, answer: Callable[[BaseHTTPRequestHandler, threading.Event], None]
) -> None:
    enough = threading.Event()

    def drip(server: HitServer, request: Any, body: bytes) -> None:
        server.store(body)
        request.close_connection = True
        answer(request, enough)

    server.moods.append(drip)
    sink = senders(timeout=0.3)
    users = senders.record(sink, 3)
    try:
        assert senders.eventually(lambda: sink.sent == 3)
    finally:
        enough.set()
    assert server.users() == users
    assert senders.told == [f"hits: {server.url} takes longer than 0.3 s"]


def test_the_token_is_in_no_message(
    server: HitServer, senders: Senders, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for status in (302, 400, 401, 403, 404, 413, 429, 500):
        server.moods.append(server.says(status, {"Location": "//x/"}, b'{"detail": "no\\nno"}'))
        sink = senders(spool=False)
        senders.record(sink, 1)
        assert senders.eventually(lambda: not server.moods)
        sink._close_seconds = 0.0
        sink.close()
    assert senders.told
    assert "ust_very_secret" not in "".join([*senders.told, caplog.text, repr(vars(sink))])
    assert all(message.isprintable() for message in senders.told)
