"""A client made before a server forks its workers: all of them follow the folder, and each hit is stored once."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.usersplit.product import free_port
from tests.waiting import wait_until

WORKERS = 3
SERVER = """
import json, os, sys
from usersplit_sdk import Client, FileHits, User

folder, hits, port, workers = sys.argv[1:]
client = Client.from_directory(folder, hits=FileHits(hits), refresh_seconds=0.02)
parent = os.getpid()
client.get_active_variant("green_button", User("parent", 1))

def application(environ, start_response):
    user = User(environ["PATH_INFO"].strip("/"), 1)
    start_response("200 OK", [("Content-Type", "application/json")])
    answer = {"variant": client.get_active_variant("green_button", user), "all": client.active_variants(user),
              "process": os.getpid(), "parent": parent, "errors": client.status.errors}
    return [json.dumps(answer).encode()]

sys.modules["shop"] = sys.modules["__main__"]
from granian import Granian
Granian("shop:application", address="127.0.0.1", port=int(port), interface="wsgi", workers=int(workers),
        log_enabled=False).serve()
"""


def publish(folder: Path, version: int) -> None:
    """Files first, the manifest last, each by renaming."""
    body = {
        "format": 1,
        "kind": "test",
        "key": "green_button",
        "status": "running",
        "side": "server",
        "settings_group": version,
        "conditions": [],
        "variants": [{"name": f"v{version}", "split_groups": [[1, 2400]]}],
    }
    content = json.dumps(body).encode()
    files = {"tests/green_button.json": hashlib.sha256(content).hexdigest()}
    manifest = json.dumps({"format": 1, "version": version, "files": files}).encode()
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    for name, written in (("tests/green_button.json", content), ("manifest.json", manifest)):
        aside = (folder / name).with_suffix(".part")
        aside.write_bytes(written)
        aside.replace(folder / name)


class Server:
    """Asks the running server; whoever asks is another user each time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []
        self._numbers = count()

    def ask(self) -> dict[str, Any] | None:
        """One answer; None while nobody listens."""
        user = f"user-{next(self._numbers)}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", f"/{user}")
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        except ConnectionError:
            return None
        finally:
            connection.close()
        self.asked.append(user)
        return answer

    def answers_of_all(self, version: int) -> set[int]:
        """The workers that answered, if all did and with this version."""
        newest = {}
        for _ in range(20 * WORKERS):
            answer = self.ask()
            if answer is not None:
                assert set(answer["all"]) == {"green_button"}
                assert answer["errors"] == []
                assert answer["process"] != answer["parent"], "the client was made in the parent"
                newest[answer["process"]] = answer["variant"]
        return set(newest) if len(newest) == WORKERS and set(newest.values()) == {f"v{version}"} else set()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    publish(tmp_path / "delivery", 1)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, *map(str, (tmp_path / "delivery", tmp_path / "hits", port, WORKERS))],
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    try:
        yield Server(port)
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()


def stored(hits: Path) -> Counter[str]:
    lines = hits.read_text().splitlines() if hits.exists() else []
    return Counter(json.loads(line)["user_id"] for line in lines)


def test_workers_forked_after_the_client_was_made_follow_and_store_each_hit_once(
    server: Server, tmp_path: Path
) -> None:
    workers = wait_until(lambda: server.answers_of_all(1), "three workers answer")
    for version in range(2, 30):
        publish(tmp_path / "delivery", version)
        server.ask()
    assert wait_until(lambda: server.answers_of_all(29), "all follow") == workers
    expected = Counter(["parent", *server.asked])
    wait_until(lambda: stored(tmp_path / "hits").total() >= expected.total(), "all hits are stored")
    assert stored(tmp_path / "hits") == expected
