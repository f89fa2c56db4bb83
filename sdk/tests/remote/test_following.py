"""Following a server: what is fetched, what is not, and when."""

from __future__ import annotations

import gc
import gzip
import json
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer, Followed

    Follow = Callable[..., Followed]


def test_first_load_fetches_all_and_says_where_it_comes_from(server: DeliveryServer, follow: Follow) -> None:
    server.publish(7, *(server.document(f"test_{n}") for n in range(30)), tests_off={"user_ids": ["9"]})
    followed = follow()
    status = followed.store.status
    assert (status.version, status.tests, status.errors) == (7, 30, ())
    assert status.source == server.url
    assert status.age is not None
    assert followed.store.snapshot.tests_off.user_ids == {"9"}
    # The manifest a second time, to tell the server what runs here now.
    assert sorted(server.paths()) == sorted([*server.files, "manifest"])


def test_without_news_only_a_304_is_asked_for(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())
    followed = follow()
    server.asked.clear()
    before = followed.store.snapshot
    followed.store.poll()
    assert followed.store.refresh()
    assert [(path, status) for path, _, status in server.asked] == [("manifest", 304)] * 2
    assert followed.store.snapshot is before


def test_only_changed_files_are_fetched(server: DeliveryServer, follow: Follow) -> None:
    tests = [server.document(f"test_{n}") for n in range(30)]
    server.publish(1, *tests)
    followed = follow()
    server.asked.clear()
    server.publish(2, *tests[1:], server.document("test_0", "v2"), server.document("new"))
    assert followed.store.refresh()
    assert sorted(server.paths()) == ["manifest", "manifest", "tests/new.json", "tests/test_0.json"]
    assert (followed.variant("test_0"), followed.variant("new")) == ("v2", "v1")
    server.publish(3, *tests[1:])
    assert followed.store.refresh()
    assert followed.variant("test_0") is None
    assert followed.store.status.tests == 29


def test_server_without_etags_or_gzip_does_as_well(server: DeliveryServer, follow: Follow) -> None:
    server.gzip = False
    server.publish(1, server.document())
    server.odd["manifest"] = lambda request: server.reply(request, 200, server.files["manifest"])
    followed = follow()
    before = followed.store.snapshot
    assert followed.store.refresh()
    assert followed.store.snapshot is before
    server.publish(2, server.document(variant="v2"))
    assert followed.store.refresh()
    assert followed.variant() == "v2"


def test_bodies_are_asked_for_in_gzip(server: DeliveryServer, follow: Follow) -> None:
    packed: list[bool] = []
    server.publish(1, server.document())

    def answer(request: Any) -> None:
        body = server.files["tests/green_button.json"]
        packed.append(len(gzip.compress(body)) < len(body))
        server.reply(request, 200, body, packed=True)

    server.odd["tests/green_button.json"] = answer
    assert follow().variant() == "v1"
    assert packed == [True]


def test_answers_that_come_in_chunks_are_read(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())

    def in_chunks(request: Any) -> None:
        body = gzip.compress(server.files["tests/green_button.json"])
        server.reply(
            request,
            200,
            b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in body) + b"0\r\n\r\n",
            {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip", "Content-Length": "3"},
        )

    server.odd["tests/green_button.json"] = in_chunks
    followed = follow()
    assert followed.variant() == "v1"
    assert followed.store.status.errors == ()


def test_background_thread_picks_changes_up(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())
    followed = follow(poll_seconds=0.02)
    for version in (2, 3):
        server.publish(version, server.document(variant=f"v{version}"))
        assert followed.eventually(lambda: followed.store.status.version == version)  # noqa: B023 - called at once
        assert followed.variant() == f"v{version}"


def test_forgotten_store_ends_its_thread(server: DeliveryServer) -> None:
    from usersplit_sdk.remote import RemoteStore  # noqa: PLC0415 - the fixture would keep it
    from usersplit_sdk.reporting import Reporter  # noqa: PLC0415

    server.publish(1, server.document())
    store = RemoteStore(server.url, "ust_very_secret", Reporter(), cache_dir=False, poll_seconds=0.01)
    thread = next(t for t in reversed(threading.enumerate()) if t.name == "usersplit-poll")
    gone = weakref.ref(store)
    del store
    thread.join(20)
    gc.collect()
    assert not thread.is_alive()
    assert gone() is None


def test_next_look_is_jittered_and_backs_off_while_the_server_fails(
    server: DeliveryServer, follow: Follow
) -> None:
    server.publish(1, server.document())
    followed = follow(poll_seconds=5)
    store = followed.store
    delays = {store.next_delay() for _ in range(50)}
    assert len(delays) > 10
    assert min(delays) >= 5 * 0.75
    assert max(delays) <= 5 * 1.25
    server.stop()
    assert not store.refresh()
    assert 10 * 0.75 <= store.next_delay() <= 10 * 1.25
    for _ in range(40):
        store.poll()
    assert 60 * 0.75 <= store.next_delay() <= 60 * 1.25
    server.start_again()
    store.poll()
    assert store.next_delay() <= 5 * 1.25
    assert followed.store.status.errors == ()


def test_status_is_told_on_each_change_of_version_or_health(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())
    followed = follow()
    followed.store.refresh()
    assert [(status.version, status.errors) for status in followed.statuses] == [(1, ())]
    server.publish(2, server.document(variant="v2"))
    followed.store.refresh()
    server.publish(3, server.document(status="odd"))
    followed.store.refresh()
    followed.store.refresh()
    assert [status.version for status in followed.statuses] == [1, 2, 3]
    assert "status" in followed.statuses[-1].errors[0]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_times_that_are_none_are_refused(server: DeliveryServer, follow: Follow, seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        follow(poll_seconds=seconds)
    with pytest.raises(ValueError, match="seconds"):
        follow(timeout=seconds)


def test_files_are_compared_by_their_bytes(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())
    server.files["tests/green_button.json"] = json.dumps(server.document(), indent=1).encode()
    followed = follow()
    assert followed.variant() is None
    assert "checksum" in followed.errors()
