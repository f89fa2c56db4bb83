"""An asynchronous client of a server: read, followed, and closed while the server keeps it waiting."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from usersplit_sdk import AsyncClient, User

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer

USER = User("1", 1)
TOKEN = "ust_very_secret"


async def variant_becomes(client: AsyncClient, variant: str) -> None:
    limit = asyncio.get_running_loop().time() + 20
    while await client.get_active_variant("green_button", USER) != variant:
        assert asyncio.get_running_loop().time() < limit
        await asyncio.sleep(0.002)


def test_it_follows_the_server_and_starts_from_the_copy(server: DeliveryServer, tmp_path: Path) -> None:
    server.publish(1, server.document())

    async def run(poll_seconds: float) -> None:
        client = AsyncClient.from_url(server.url, TOKEN, cache_dir=tmp_path, poll_seconds=poll_seconds)
        assert client.status.version is None
        async with client:
            await variant_becomes(client, "v1")
            server.publish(2, server.document(variant="v2"))
            await variant_becomes(client, "v2")
        server.stop()
        async with AsyncClient.from_url(
            server.url, TOKEN, cache_dir=tmp_path, poll_seconds=poll_seconds
        ) as late:
            assert late.status.source == f"disk copy of {server.url}"
            assert await late.get_active_variant("green_button", USER) == "v2"
            server.publish(3, server.document(variant="v3"))
            server.start_again()
            await variant_becomes(late, "v3")

    asyncio.run(run(0.01))


def test_closing_does_not_wait_for_an_answer(server: DeliveryServer) -> None:
    server.publish(1, server.document())
    asked, go = threading.Event(), threading.Event()

    def dawdle(request: BaseHTTPRequestHandler) -> None:
        asked.set()
        go.wait(20)
        request.close_connection = True

    async def run() -> None:
        async with AsyncClient.from_url(server.url, TOKEN, cache_dir=False, poll_seconds=0.01) as client:
            server.odd["manifest"] = dawdle
            await asyncio.to_thread(asked.wait, 20)
            assert await client.get_active_variant("green_button", USER) == "v1"

    asyncio.run(run())
    (asking,) = [thread for thread in threading.enumerate() if thread.name == "usersplit-async"]
    go.set()
    asking.join(20)
    assert not asking.is_alive()


def test_what_cannot_be_an_address_is_refused_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="the url must be"):
        AsyncClient.from_url("ftp://example.org", TOKEN)
