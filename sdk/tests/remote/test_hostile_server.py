"""A server, or who sits in between, that means harm: answers are bounded, and the token goes nowhere else."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer, Followed

    Follow = Callable[..., Followed]

FILE = "tests/green_button.json"
MEGABYTE = 1024 * 1024


@pytest.fixture
def other(server: DeliveryServer) -> Iterator[DeliveryServer]:
    """A second server, which has what the first one has."""
    second = type(server)()
    second.publish(5, server.document(variant="stolen"))
    yield second
    second.stop()


def test_redirect_to_another_server_is_not_followed(
    server: DeliveryServer, other: DeliveryServer, follow: Follow
) -> None:
    server.publish(1, server.document())
    location = f"{other.url}/api/v1/delivery/manifest"
    for path in ("manifest", FILE):
        server.odd[path] = lambda request: server.reply(request, 302, headers={"Location": location})
        followed = follow()
        assert followed.variant() is None
        assert "redirects to" in followed.errors()
        del server.odd[path]
    assert other.asked == []


@pytest.mark.parametrize(
    "location",
    [
        "https://127.0.0.1:{port}/x",
        "http://localhost:{port}/x",
        "//elsewhere.example/x",
        "http://127.0.0.1:{port}@elsewhere.example/x",
        "http://127.0.0.1:{port}\\@elsewhere.example/",
        "ftp://127.0.0.1:{port}/",
        "file:///etc/passwd",
        "http://[",
        "http://127.0.0.1:99999/",
        "/path with spaces",
        "/\u2028",
        "",
    ],
)
def test_odd_redirects_lead_nowhere(server: DeliveryServer, follow: Follow, location: str) -> None:
    server.publish(1, server.document())
    target = location.format(port=server.port).encode().decode("latin-1")
    server.odd["manifest"] = lambda request: server.reply(request, 301, headers={"Location": target})
    followed = follow()
    assert followed.variant() is None
    assert followed.errors()
    assert set(server.paths()) == {"manifest"}


def test_redirect_within_the_server_is_followed(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())
    server.files["moved?x=1"] = server.files["manifest"]
    server.odd["manifest"] = lambda request: server.reply(
        request, 308, b"see there", {"Location": "/api/v1/delivery/moved?x=1"}
    )
    assert follow().variant() == "v1"


def test_redirects_in_a_circle_end(server: DeliveryServer, follow: Follow) -> None:
    server.odd["manifest"] = lambda request: server.reply(request, 302, headers={"Location": request.path})
    followed = follow()
    assert "again and again" in followed.errors()
    assert len(server.asked) < 10


def packed_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return b"".join([*(packer.compress(bytes(MEGABYTE)) for _ in range(megabytes)), packer.flush()])


BOMB = packed_zeros(300)


def bomb(request: Any) -> None:
    request.send_response(200)
    request.send_header("Content-Encoding", "gzip")
    request.send_header("Content-Length", str(len(BOMB)))
    request.end_headers()
    request.wfile.write(BOMB)


def announced(request: Any) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(5 * 1024 * MEGABYTE))
    request.end_headers()
    request.wfile.write(bytes(MEGABYTE))
    request.close_connection = True


def endless(request: Any) -> None:
    request.send_response(200)
    request.end_headers()
    request.close_connection = True
    while True:  # until the client hangs up
        request.wfile.write(bytes(MEGABYTE))


def endless_chunks(request: Any) -> None:
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    while True:
        request.wfile.write(b"100000\r\n" + bytes(MEGABYTE) + b"\r\n")


@pytest.mark.parametrize("answer", [bomb, announced, endless, endless_chunks])
@pytest.mark.parametrize("path", ["manifest", FILE])
def test_huge_answers_take_neither_memory_nor_the_other_tests(
    server: DeliveryServer, follow: Follow, path: str, answer: Callable[[Any], None]
) -> None:
    server.publish(1, server.document(), server.document("other"))
    followed = follow()
    server.publish(2, server.document(variant="v2"), server.document("other", "v2"))
    server.odd[path] = answer
    tracemalloc.start()
    try:
        assert not followed.store.refresh()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The server lives in this process, too, and holds a piece for each request.
    assert peak < 100 * MEGABYTE
    assert followed.variant() == "v1"
    assert followed.variant("other") == ("v1" if path == "manifest" else "v2")
    assert "larger than" in followed.errors()


def drip_headers(request: Any, enough: threading.Event) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not enough.wait(0.02):
        request.wfile.write(b"x")


def drip_body(request: Any, enough: threading.Event) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    while not enough.wait(0.02):
        request.wfile.write(b" ")


def drip_chunks(request: Any, enough: threading.Event) -> None:
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    while not enough.wait(0.02):
        request.wfile.write(b"1\r\n \r\n")


def silence(request: Any, enough: threading.Event) -> None:
    enough.wait(20)


@pytest.mark.parametrize("answer", [drip_headers, drip_body, drip_chunks, silence])
def test_slow_drip_is_cut_off(
    server: DeliveryServer, follow: Follow, answer: Callable[[Any, threading.Event], None]
) -> None:
    server.publish(1, server.document())
    followed = follow(timeout=0.3)
    enough = threading.Event()
    server.odd["manifest"] = lambda request: answer(request, enough)
    refreshing = threading.Thread(target=followed.store.refresh)
    refreshing.start()
    refreshing.join(15)
    cut_off = not refreshing.is_alive()
    enough.set()
    refreshing.join()
    assert cut_off
    assert "takes longer than 0.3 s" in followed.errors()
    assert followed.variant() == "v1"


def with_header(body: bytes, **changes: str) -> Callable[[Any], None]:
    headers = {"Content_Length": str(len(body)), **changes}

    def answer(request: Any) -> None:
        request.send_response(200)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)
        request.close_connection = True

    return answer


GZIPPED = gzip.compress(b'{"format": 1, "version": 1, "files": {}}')


@pytest.mark.parametrize(
    "answer",
    [
        with_header(b'{"format": 1, "version": 1, "files": {}}', Content_Length="50"),
        with_header(GZIPPED[:-4], Content_Encoding="gzip"),
        with_header(b"not gzip", Content_Encoding="gzip"),
        with_header(GZIPPED + b"more", Content_Encoding="gzip"),
        with_header(GZIPPED, Content_Encoding="br"),
        with_header(GZIPPED),
        with_header(b"5\r\nhell", Transfer_Encoding="chunked", Content_Length="0"),
        with_header(b"zz\r\nhell", Transfer_Encoding="chunked", Content_Length="0"),
        lambda request: request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n"),
        lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"),
    ],
)
def test_broken_answers_change_nothing(
    server: DeliveryServer, follow: Follow, answer: Callable[[Any], None]
) -> None:
    server.publish(1, server.document())
    followed = follow(timeout=1)

    def answer_and_hang_up(request: Any) -> None:
        request.close_connection = True
        answer(request)

    server.odd["manifest"] = answer_and_hang_up
    assert not followed.store.refresh()
    assert followed.variant() == "v1"
    assert followed.store.status.errors[0].startswith("manifest.json: ")


def test_paths_of_the_manifest_that_lead_elsewhere_are_not_asked_for(
    server: DeliveryServer, follow: Follow
) -> None:
    body = json.dumps(server.document("secret")).encode()
    checksum = hashlib.sha256(body).hexdigest()
    paths = [
        "../../tokens/",
        "tests/../../x.json",
        "/etc/passwd",
        "tests/%2e%2e.json",
        "tests/a b.json",
        "manifest",
    ]
    server.publish(1, server.document())
    manifest = json.loads(server.files["manifest"])
    manifest["files"].update(dict.fromkeys(paths, checksum))
    server.files["manifest"] = json.dumps(manifest).encode()
    followed = follow()
    assert set(server.paths()) == {"manifest", FILE}
    assert followed.variant() == "v1"
    assert len(followed.store.status.errors) == len(paths)


def test_token_is_in_no_message_and_no_representation(
    server: DeliveryServer, follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    def refuse(status: int) -> None:
        server.odd["manifest"] = lambda request: server.reply(request, status, b"{}", {"Location": "//x/"})

    for status in (401, 403, 404, 500, 302):
        refuse(status)
        followed = follow()
        shown += [followed.errors(), repr(vars(followed.store)), *map(str, followed.problems)]
    server.stop()
    followed = follow()
    shown += [followed.errors(), repr(followed.store._remote._origin), caplog.text]
    assert "does not know the token" in shown[0]
    assert "ust_very_secret" not in "".join(shown)
