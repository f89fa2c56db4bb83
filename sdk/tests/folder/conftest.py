"""A delivery folder that is written as servers write it: files first, the manifest last, each by renaming."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk import Client


class Delivery:
    """The folder at ``path``, which is there once something is published."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def publish(self, version: int, *documents: dict[str, Any], **manifest: Any) -> None:
        files = {}
        for item in documents:
            name = f"{item['kind']}s/{item['key']}.json"
            files[name] = self.write(name, item)
        content = {"format": 1, "version": version, "published_at": "2026-11-22T12:00:00Z", "files": files}
        self.write("manifest.json", {**content, **manifest})

    def write(self, name: str, content: object) -> str:
        """Replace one file; answers its checksum."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_suffix(".part")
        aside.write_bytes(body)
        aside.replace(place)
        return hashlib.sha256(body).hexdigest()

    def list_also(self, **files: str) -> None:
        """Add files (key → checksum) to the manifest."""
        manifest = json.loads((self.path / "manifest.json").read_bytes())
        manifest["files"].update({f"tests/{key}.json": checksum for key, checksum in files.items()})
        self.write("manifest.json", manifest)

    @staticmethod
    def document(key: str = "green_button", variant: str = "v1", **changes: Any) -> dict[str, Any]:
        return {
            "format": 1,
            "kind": "test",
            "key": key,
            "status": "running",
            "side": "server",
            "settings_group": 1,
            "conditions": [],
            "variants": [{"name": variant, "split_groups": [[1, 2400]]}],
            **changes,
        }

    @staticmethod
    def eventually(condition: Callable[[], bool]) -> bool:
        """Poll until the condition holds; the limit is for a machine that is very busy."""
        limit = time.monotonic() + 20
        pause = threading.Event()
        while not condition():
            if time.monotonic() > limit:
                return False
            pause.wait(0.005)
        return True


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    return Delivery(tmp_path / "delivery")


@pytest.fixture
def client(delivery: Delivery) -> Iterator[Client]:
    """A client, refreshed by hand, of a folder with the tests green_button and other."""
    delivery.publish(1, delivery.document(), delivery.document("other"))
    with Client.from_directory(delivery.path, refresh_seconds=None) as made:
        yield made
