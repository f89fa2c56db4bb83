"""Clients of a server, as an application makes them."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from usersplit_sdk import Client, Reason, Status, User

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer, Followed

    Follow = Callable[..., Followed]

USER = User("1", 1)
TOKEN = "ust_very_secret"


def test_client_decides_while_the_server_is_up_down_and_up_again(
    server: DeliveryServer, tmp_path: Path
) -> None:
    told: list[Status] = []
    server.publish(1, server.document())
    with Client.from_url(
        server.url, TOKEN, cache_dir=tmp_path, poll_seconds=0.02, on_status=told.append
    ) as client:
        assert client.get_active_variant("green_button", USER) == "v1"
        server.stop()
        assert eventually(lambda: bool(client.status.errors))
        assert client.get_active_variant("green_button", USER) == "v1"
    with Client.from_url(server.url, TOKEN, cache_dir=tmp_path, poll_seconds=0.02) as late:
        assert late.status.source == f"disk copy of {server.url}"
        assert late.get_active_variant("green_button", USER) == "v1"
        server.publish(2, server.document(variant="v2"))
        server.start_again()
        assert eventually(lambda: late.get_active_variant("green_button", USER) == "v2")
        assert late.status.source == server.url
    assert [(status.version, bool(status.errors)) for status in told] == [(1, False), (1, True)]


def test_forgotten_client_ends_its_thread(server: DeliveryServer) -> None:
    server.publish(1, server.document())
    client = Client.from_url(server.url, TOKEN, cache_dir=False, poll_seconds=0.01)
    thread = next(t for t in reversed(threading.enumerate()) if t.name == "usersplit-poll")
    gc.disable()
    try:
        del client
        thread.join(20)
    finally:
        gc.enable()
    assert not thread.is_alive()


def test_closed_client_goes_on_answering(server: DeliveryServer) -> None:
    server.publish(1, server.document())
    client = Client.from_url(server.url, TOKEN, cache_dir=False, poll_seconds=0.01)
    client.close()
    client.close()
    server.asked.clear()
    assert client.get_active_variant("green_button", USER) == "v1"
    assert server.asked == []


def test_closing_does_not_wait_for_a_load_of_many_files(server: DeliveryServer) -> None:
    enough = threading.Event()
    server.publish(1, server.document())
    client = Client.from_url(server.url, TOKEN, cache_dir=False, poll_seconds=0.01)
    server.publish(2, *(server.document(f"test_{n}") for n in range(200)))
    loading = threading.Event()
    asked = 0

    def slowly(path: str) -> None:
        def answer(request: object) -> None:
            nonlocal asked
            asked += 1
            loading.set()
            enough.wait(20)
            server.reply(request, 200, server.files[path])  # type: ignore[arg-type]

        server.odd[path] = answer

    for path in server.files.keys() - {"manifest"}:
        slowly(path)
    assert loading.wait(20)
    closing = threading.Thread(target=client.close)
    closing.start()
    assert eventually(lambda: client._store._remote.given_up)  # type: ignore[attr-defined]
    enough.set()
    closing.join(20)
    assert not closing.is_alive()
    assert asked < 20
    assert (client.status.version, client.status.errors) == (1, ())


def test_event_loop_polls_in_a_worker_thread(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())

    async def main() -> str | None:
        followed = await asyncio.to_thread(follow)
        store = followed.store
        server.publish(2, server.document(variant="v2"))
        assert 0 < store.next_delay() < 10
        await asyncio.to_thread(store.poll)
        return followed.variant()

    assert asyncio.run(main()) == "v2"


def test_unknown_tests_are_unknown_while_nothing_was_ever_loaded(server: DeliveryServer) -> None:
    server.stop()
    with Client.from_url(server.url, TOKEN, cache_dir=False, poll_seconds=None) as client:
        assert client.explain("green_button", USER).reason is Reason.UNKNOWN_TEST
        assert client.active_variants(USER) == {}
    server.start_again()


def eventually(condition: Callable[[], bool]) -> bool:
    """Poll until the condition holds; the limit is for a machine that is very busy."""
    pause = threading.Event()
    for _ in range(4000):
        if condition():
            return True
        pause.wait(0.005)
    return False
