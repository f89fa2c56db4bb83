"""Whoever reads the folder while it is written, and while writers are killed, never gets a mix of two versions."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from delivery.models import Manifest
from delivery.services import deliver
from tests.delivery.rows import insert_document
from tests.waiting import wait_until
from tests.workers import ROOT, process_environment

TESTS = [f"test_{number}" for number in range(5)]
VERSIONS = 200
KILLS = 25


def document(key: str) -> dict[str, Any]:
    return {
        "kind": "test",
        "key": key,
        "status": "running",
        "settings_group": 1,
        "starts_at": None,
        "ends_at": None,
        "conditions": [],
        "control": None,
        "variants": [{"name": "a", "split_groups": [[1, 2400]]}],
        "forced": [{"variant": "a", "user_id": "0", "environment": "production"}],
    }


class Writers:
    """The process of `tests.delivery.writers`."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.delivery.writers"],
            cwd=ROOT,
            env=process_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.answer() == "ready"

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, command: str, argument: object) -> str:
        assert self.process.stdin is not None
        print(command, argument, file=self.process.stdin, flush=True)
        return self.answer()


@pytest.fixture
def writers(transactional_db: None) -> Iterator[Writers]:
    for key in TESTS:
        insert_document(document(key))
    deliver()
    started = Writers()
    yield started
    assert started.process.stdin is not None
    started.process.stdin.close()
    started.process.wait(30)
    assert started.process.stdout is not None
    started.process.stdout.close()


@dataclass
class Reader:
    """Reads in a loop, as careful as the contract asks and no more: a snapshot counts if every checksum is right."""

    folder: Path
    whole: int = 0
    version: int = 0
    faults: list[str] = field(default_factory=list)
    over: bool = False

    def loop(self) -> None:
        while not self.over and not self.faults:
            try:
                self.read()
            except Exception as error:  # noqa: BLE001 - the thread's faults are the test's
                self.faults.append(repr(error))

    def wait_for(self, version: int, more: int) -> None:
        """Until that version, and so many whole reads after it; a fault ends the waiting."""
        wait_until(lambda: self.version >= version or self.faults, f"version {version}")
        enough = self.whole + more
        wait_until(lambda: self.whole >= enough or self.faults, "further reads")

    def read(self) -> None:
        manifest = json.loads((self.folder / "manifest.json").read_bytes())
        if manifest["version"] < self.version:
            self.faults.append(f"version {manifest['version']} after {self.version}")
        self.version = manifest["version"]
        bodies = {path: (self.folder / path).read_bytes() for path in manifest["files"]}
        # A file is whole at any time, whatever its manifest says.
        rounds = {json.loads(body)["forced"][0]["user_id"] for body in bodies.values()}
        if all(hashlib.sha256(body).hexdigest() == manifest["files"][path] for path, body in bodies.items()):
            self.whole += 1
            if len(rounds) != 1 or len(bodies) != len(TESTS):
                self.faults.append(f"a mix of {rounds} in version {self.version}")


@pytest.fixture
def reader(writers: Writers) -> Iterator[Reader]:
    found = Reader(Path(settings.DELIVERY_DIR))
    thread = threading.Thread(target=found.loop)
    thread.start()
    yield found
    found.over = True
    thread.join()


def folder_is_the_newest_manifest() -> bool:
    newest = Manifest.objects.order_by("-version")[0]
    folder = Path(settings.DELIVERY_DIR)
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return (folder / "manifest.json").read_bytes() == newest.body() and names == {
        "manifest.json",
        *newest.files,
    }


def test_no_reader_sees_a_mix_while_writers_are_killed(writers: Writers, reader: Reader) -> None:
    pauses = random.Random(7)
    for kill in range(1, KILLS + 1):
        writer = writers.tell("start", 0)
        # Some reads more or less after it got so far: the kill falls anywhere in a delivery.
        reader.wait_for(version=VERSIONS * kill // KILLS, more=pauses.randrange(8))
        writers.tell("kill", writer)
        assert reader.faults == []
    deliver()
    assert folder_is_the_newest_manifest()
    reader.wait_for(version=Manifest.objects.order_by("-version")[0].version, more=1)
    assert reader.faults == []
    assert reader.version >= VERSIONS


def test_writers_at_once_wait_for_each_other(writers: Writers, reader: Reader) -> None:
    started = [writers.tell("start", 15) for _ in range(3)]
    assert [writers.tell("wait", writer) for writer in started] == ["0", "0", "0"]
    assert reader.faults == []
    assert folder_is_the_newest_manifest()
    versions = list(Manifest.objects.order_by("version").values_list("version", flat=True))
    assert versions == list(range(1, len(versions) + 1))
