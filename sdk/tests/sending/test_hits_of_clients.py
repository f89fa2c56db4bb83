"""Clients of a server send it their hits unless told otherwise, and a token that may not is told once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from usersplit_sdk import AsyncClient, Client, NullHits, RecordingHits, User
from usersplit_sdk.bound import Split
from usersplit_sdk.store import poll_seconds_for

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from tests.sending.conftest import HitServer, Senders

TOKEN = "ust_very_secret"
BODY = json.dumps(
    {
        "format": 1,
        "kind": "test",
        "key": "green_button",
        "status": "running",
        "side": "server",
        "settings_group": 3,
        "conditions": [],
        "variants": [{"name": "green", "split_groups": [[1, 2400]]}],
    }
).encode()
MANIFEST = json.dumps(
    {"format": 1, "version": 1, "files": {"tests/green_button.json": hashlib.sha256(BODY).hexdigest()}}
).encode()
USER = User("1", 1)


@pytest.fixture(autouse=True)
def _delivering(server: HitServer) -> None:
    def get(server: HitServer, request: BaseHTTPRequestHandler) -> None:
        server.reply(request, 200, MANIFEST if request.path.endswith("manifest") else BODY)

    server.get = get


def test_hits_go_to_the_server_that_delivers(server: HitServer, tmp_path: Path) -> None:
    with Client.from_url(server.url, TOKEN, cache_dir=tmp_path, poll_seconds=None) as client:
        assert client.get_active_variant("green_button", USER) == "green"
        assert client.log_hit("green_button", "green", User("2", 2))
        assert Split(client, User("3", 3)).log_hit("green_button", "green")
        assert not client.log_hit("green_button", "unknown", User("4", 4))
    assert server.users() == ["1", "2", "3"]
    ((hit, *_),) = server.stored.values()
    assert (hit["test"], hit["settings_group"], hit["variant"]) == ("green_button", 3, "green")
    assert client.dropped_hits == 0


def test_so_do_those_of_an_asynchronous_client(server: HitServer, tmp_path: Path) -> None:
    async def run() -> None:
        async with AsyncClient.from_url(server.url, TOKEN, cache_dir=tmp_path, poll_seconds=None) as client:
            assert await client.get_active_variant("green_button", USER) == "green"
            assert await client.log_hit("green_button", "green", User("2", 2))

    asyncio.run(run())
    assert server.users() == ["1", "2"]


def test_a_token_that_may_not_send_hits_is_told_once_and_they_wait(
    server: HitServer, senders: Senders, tmp_path: Path
) -> None:
    server.mood = server.says(403)
    with Client.from_url(
        server.url, TOKEN, cache_dir=tmp_path, poll_seconds=None, on_error=senders.tell
    ) as client:
        for number in range(5):
            assert client.get_active_variant("green_button", User(str(number), 1)) == "green"
        assert senders.eventually(lambda: bool(senders.told))
    assert senders.told == [
        f"hits: {server.url} refuses the token: it needs the scope ingest (403); hits wait"
    ]
    assert client.status.errors == ()
    server.mood = type(server).take
    with Client.from_url(server.url, "ust_better", cache_dir=tmp_path, poll_seconds=None):
        assert senders.eventually(lambda: len(server.users()) == 5)


def test_environments_do_not_share_a_spool(server: HitServer, senders: Senders, tmp_path: Path) -> None:
    server.mood = server.says(403)
    options: dict[str, Any] = {"cache_dir": tmp_path, "poll_seconds": None}
    with Client.from_url(server.url, TOKEN, "devel", **options) as client:
        client.get_active_variant("green_button", USER)
    server.mood = type(server).take
    with Client.from_url(server.url, TOKEN, "production", **options) as client:
        client.get_active_variant("green_button", User("2", 2))
    assert server.users() == ["2"]
    with Client.from_url(server.url, TOKEN, "devel", **options):
        assert senders.eventually(lambda: server.users() == ["1", "2"])


@pytest.mark.parametrize("sink", [NullHits, RecordingHits])
def test_another_sink_takes_its_place(server: HitServer, tmp_path: Path, sink: Any) -> None:
    before = {*threading.enumerate()}
    with Client.from_url(server.url, TOKEN, cache_dir=tmp_path, poll_seconds=None, hits=sink()) as client:
        client.get_active_variant("green_button", USER)
        assert not [thread for thread in {*threading.enumerate()} - before if "usersplit" in thread.name]
    assert server.asked == []
    assert not list(tmp_path.glob("hits-*"))


def test_without_a_cache_nothing_is_written(
    server: HitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Client.from_url(server.url, TOKEN, cache_dir=False, poll_seconds=None) as client:
        client.get_active_variant("green_button", USER)
    assert server.users() == ["1"]
    assert list(tmp_path.iterdir()) == []
    with Client.from_url(server.url, TOKEN, poll_seconds=None) as client:
        client.get_active_variant("green_button", USER)
    assert len(list(tmp_path.glob("usersplit/hits-*"))) == 1


def test_in_devel_a_server_is_asked_more_often() -> None:
    assert poll_seconds_for("production", "auto") == 5
    assert poll_seconds_for("devel", "auto") == 1
    assert poll_seconds_for("devel", 30.0) == 30
    assert poll_seconds_for("devel", None) is None
