"""An asynchronous client reads and follows its source without the loop ever doing it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from usersplit_sdk import AsyncClient, Reason, following
from usersplit_sdk.folder import Folder

if TYPE_CHECKING:
    from tests.asynchronous.conftest import Shop

KEY = "green_button"


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The threads that have looked into a folder."""
    threads: set[int] = set()
    read_manifest = Folder.read_manifest

    def watched(self: Folder) -> Any:
        threads.add(threading.get_ident())
        return read_manifest(self)

    monkeypatch.setattr(Folder, "read_manifest", watched)
    return threads


def publish(folder: Path, version: int) -> None:
    """One test, whose variant is named for the version and everybody's."""
    document = {
        "format": 1,
        "kind": "test",
        "key": KEY,
        "status": "running",
        "side": "server",
        "settings_group": 1,
    }
    variants = [{"name": f"v{version}", "split_groups": [[1, 2400]]}]
    body = json.dumps({**document, "conditions": [], "variants": variants}).encode()
    manifest = {
        "format": 1,
        "version": version,
        "files": {f"tests/{KEY}.json": hashlib.sha256(body).hexdigest()},
    }
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    for name, content in ((f"tests/{KEY}.json", body), ("manifest.json", json.dumps(manifest).encode())):
        aside = folder / "aside"
        aside.write_bytes(content)
        aside.replace(folder / name)


def test_a_folder_is_read_and_followed_in_other_threads(
    shop: Shop, tmp_path: Path, readers: set[int]
) -> None:
    publish(tmp_path, 1)
    client = AsyncClient.from_directory(tmp_path, refresh_seconds=0.005)
    assert readers == set()
    assert client.explain(KEY).reason is Reason.UNKNOWN_TEST

    async def run() -> None:
        async with client:
            assert await client.get_active_variant(KEY, shop.user(1)) == "v1"
            publish(tmp_path, 2)
            await shop.eventually(lambda: client.status.version == 2)
            assert await client.get_active_variant(KEY, shop.user(1)) == "v2"
        publish(tmp_path, 3)
        assert await client.get_active_variant(KEY, shop.user(1)) == "v2"

    asyncio.run(run())
    assert readers
    assert threading.get_ident() not in readers
    for thread in threading.enumerate():
        if thread.name.startswith("usersplit"):
            thread.join(20)
            assert not thread.is_alive()


def test_refreshing_by_hand_is_no_work_of_the_loop_either(
    shop: Shop, tmp_path: Path, readers: set[int]
) -> None:
    async def run() -> None:
        async with AsyncClient.from_directory(tmp_path, refresh_seconds=None) as client:
            assert not await client.refresh()
            publish(tmp_path, 1)
            assert client.status.tests == 0
            assert await client.refresh()
            assert await client.get_active_variant(KEY, shop.user(1)) == "v1"
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())
    assert threading.get_ident() not in readers


def test_a_start_that_was_cancelled_can_be_made_again(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, 1)
    loading, go = threading.Event(), threading.Event()
    load = following.FollowingStore.load

    def held(self: following.FollowingStore) -> None:
        loading.set()
        go.wait(20)
        load(self)

    monkeypatch.setattr(following.FollowingStore, "load", held)

    async def run() -> None:
        client = AsyncClient.from_directory(tmp_path)
        starting = asyncio.create_task(client.start())
        await shop.eventually(loading.is_set)
        # The loop goes on while the folder is being read.
        assert await client.get_active_variant(KEY, shop.user(1)) is None
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        go.set()
        async with client:
            assert await client.get_active_variant(KEY, shop.user(1)) == "v1"

    asyncio.run(run())


def test_a_client_that_is_closed_while_it_starts_stays_closed(shop: Shop, tmp_path: Path) -> None:
    async def run() -> None:
        client = AsyncClient.from_directory(tmp_path)
        starting = asyncio.create_task(client.start())
        await asyncio.sleep(0)
        await client.close()
        await starting
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_conditions_in_code_are_those_of_the_client(shop: Shop) -> None:
    client = shop.client()

    @client.additional_conditions(KEY)
    def is_even(user: Any, environment: Any) -> bool:
        return int(user.id[1:]) % 2 == 0

    async def run() -> list[str | None]:
        async with client:
            return await shop.check(client, range(4))

    assert asyncio.run(run()) == ["control", None, "control", None]


FORKED = """
import asyncio, os, sys
from usersplit_sdk import AsyncClient, AsyncRecordingHits, User

sink = AsyncRecordingHits()
client = AsyncClient.from_directory(sys.argv[1], refresh_seconds=0.01, hits=sink)

async def run():
    async with client:
        assert await client.get_active_variant("green_button", User(str(os.getpid()), 1)) == "v1"
    assert [hit.user_id for hit in sink.hits] == [str(os.getpid())]

children = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        asyncio.run(run())
        os._exit(0)
    children.append(pid)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children))
"""


def test_made_before_a_fork_it_is_started_in_each_child(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    done = subprocess.run(
        [sys.executable, "-c", FORKED, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
    )
    assert done.returncode == 0, done.stderr
