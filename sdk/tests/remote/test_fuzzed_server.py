"""Answers that are any bytes: nothing is raised, and the next sound answer is used."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usersplit_sdk.remote import Remote

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer, Followed

    Follow = Callable[..., Followed]

MANIFEST = b'{"format": 1, "version": 5, "files": {}}'
STARTS = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 304 Not Modified",
    b"HTTP/1.1 302 Found",
    b"HTTP/1.1 100 Continue",
    b"HTTP/1.0 200",
]
HEADERS = [
    b"Content-Length: 40",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: chunked",
    b"Content-Encoding: gzip",
    b"Content-Encoding: deflate",
    b"Location: /api/v1/delivery/manifest",
    b'ETag: "\xff"',
    b"",
]
BODIES = [
    MANIFEST,
    gzip.compress(MANIFEST),
    b"28\r\n" + MANIFEST + b"\r\n",
    b"ffffffffffffffffff\r\n",
    b"-1\r\n",
    b"0\r\n\r\n",
]


def answers() -> st.SearchStrategy[bytes]:
    parts = st.tuples(
        st.sampled_from(STARTS) | st.binary(max_size=20),
        st.lists(st.sampled_from(HEADERS) | st.binary(max_size=20), max_size=4).map(b"\r\n".join),
        st.lists(st.sampled_from(BODIES) | st.binary(max_size=20), max_size=4).map(b"".join),
    )
    return parts.map(lambda found: found[0] + b"\r\n" + found[1] + b"\r\n\r\n" + found[2])


FUZZED = settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@FUZZED
@given(
    raw=answers(),
    path=st.sampled_from(["manifest", "tests/green_button.json"]),
)
def test_any_answer(server: DeliveryServer, follow: Follow, raw: bytes, path: str) -> None:
    pauses, Remote.pauses = Remote.pauses, ()
    try:
        server.odd.clear()
        server.publish(1, server.document())
        followed = follow()
        server.publish(2, server.document(variant="v2"))

        def answer(request: Any) -> None:
            request.close_connection = True
            request.wfile.write(raw)

        server.odd[path] = answer
        followed.store.refresh()
        assert followed.variant() in {"v1", None}
        server.odd.clear()
        server.publish(9, server.document(variant="v9"))
        assert followed.store.refresh()
        assert followed.variant() == "v9"
        assert followed.store.status.errors == ()
    finally:
        Remote.pauses = pauses
