"""What the SDK costs before it has decided anything: import, cold start with 1,000 test files, refresh.

Every import and every cold start is a fresh process of the interpreter that runs this; CPU is the whole process's,
interpreter included, memory is its peak (Linux: from /proc).
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measuring import Figure, figures
from bench.workload import Plan, plans, visitor
from usersplit_sdk import Client, Environment, User

TESTS = 1000
PROCESSES = 11
REFRESHES = 21
MEBI = 1024

BARE = "pass"
PACKAGE = "import usersplit_sdk"
NAMES = "from usersplit_sdk import Client, Environment, User"
FIRST = """
from usersplit_sdk import Client, Environment, User
client = Client.from_directory({folder!r})
user = User(id="1", split_group=7, attributes={{"country_id": 50, "is_test_user": True}})
client.get_active_variant("test_7", user, Environment(attributes={{"platform": "web"}}), log_hit=False)
assert client.status.tests == {tests} and not client.status.errors
"""
EVERY = (
    FIRST
    + """
request = Environment(attributes={{"platform": "web"}})
client.active_variants(user, request)
for key in client.test_keys():
    client.get_active_variant(key, user, request, log_hit=False)
"""
)
# Prints CPU seconds from `started` on, CPU seconds of the process, and its peak memory in KiB.
FRAME = """
import time
started = time.process_time()
{code}
taken = time.process_time()
print(taken - started, taken, *(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def run(tests: int = TESTS, processes: int = PROCESSES, refreshes: int = REFRESHES) -> str:
    """The table and the figures, as text."""
    with tempfile.TemporaryDirectory() as folder:
        delivery = Delivery(Path(folder), plans(tests))
        whole, bare = imports(processes)
        first = measured(FIRST.format(folder=folder, tests=tests), processes)
        every = measured(EVERY.format(folder=folder, tests=tests), processes)
        refreshed = refreshing(delivery, refreshes)
    rows = [
        _row("a bare interpreter", bare[1], bare[2] / MEBI),
        *(_row(name, seconds) for name, seconds in whole.items()),
        _row(f"{tests:,} test files, to the first decision", first[1], (first[2] - bare[2]) / MEBI),
        _row(f"{tests:,} test files, every test decided once", every[1], (every[2] - bare[2]) / MEBI),
        *(_row(name, seconds) for name, seconds in refreshed.items()),
    ]
    summary = [
        Figure(PACKAGE, whole[PACKAGE] * 1e3, 30, "ms"),
        Figure(NAMES, whole[NAMES] * 1e3, 30, "ms"),
        Figure(f"{tests:,} files: the process to its first decision", first[1] * 1e3, 600, "ms"),
        Figure(f"{tests:,} files: memory over a bare interpreter", (first[2] - bare[2]) / MEBI, 60, "MiB"),
        Figure(REFRESH, refreshed[REFRESH] * 1e3, 5, "ms"),
        Figure(AND_CHECK, refreshed[AND_CHECK] * 1e3, 5, "ms"),
    ]
    title = f"Before the first decision (CPU; medians of {processes} fresh processes, {refreshes} refreshes)"
    return "\n".join([title, *rows]) + "\n\nAsked, of starts\n" + figures(summary)


def _row(name: str, seconds: float, mebibytes: float | None = None) -> str:
    memory = "" if mebibytes is None else f" {mebibytes:>8.1f} MiB"
    return f"  {name:<62} {seconds * 1e3:>10.2f} ms{memory}"


def imports(processes: int) -> tuple[dict[str, float], list[float]]:
    """CPU seconds of imports, byte code at hand and not; and what the bare interpreter takes."""
    rows = {code: measured(code, processes)[0] for code in (PACKAGE, NAMES)}
    with tempfile.TemporaryDirectory() as nothing:
        nowhere = {"PYTHONPYCACHEPREFIX": nothing, "PYTHONDONTWRITEBYTECODE": "1"}
        rows[f"{NAMES}, not compiled yet"] = measured(NAMES, processes, nowhere)[0]
    return rows, measured(BARE, processes)


def measured(code: str, processes: int, more: Mapping[str, str] | None = None) -> list[float]:
    """Medians of what ``FRAME`` prints for the code, a first process that fills caches not counted."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", FRAME.format(code=code)]
    runs = []
    for _ in range(processes + 1):
        done = subprocess.run(
            command, env={**environment, **(more or {})}, check=True, capture_output=True, text=True
        )
        runs.append([float(number) for number in done.stdout.split()])
    return [statistics.median(column) for column in zip(*runs[1:], strict=True)]


REFRESH = "refresh with one changed file"
AND_CHECK = "refresh with one changed file, and a check of that test"
AND_REQUEST = "refresh with one changed file, and active_variants"
UNCHANGED = "refresh with nothing changed"


def refreshing(delivery: Delivery, refreshes: int) -> dict[str, float]:
    """Median CPU seconds of a refresh after each of so many changes, and of what the next decision adds."""
    client = Client.from_directory(delivery.folder, refresh_seconds=None)
    person = visitor("1", 7, 50, "web", is_test_user=True)
    user, request = User(person.id, 7, person.profile), Environment(attributes=person.request)
    client.active_variants(user, request)
    taken: dict[str, list[float]] = {name: [] for name in (REFRESH, AND_CHECK, AND_REQUEST, UNCHANGED)}
    for number in range(refreshes):
        key = delivery.change(number)
        started = time.thread_time()
        assert client.refresh()
        refreshed = time.thread_time()
        client.get_active_variant(key, user, request, log_hit=False)
        checked = time.thread_time()
        client.active_variants(user, request)
        requested = time.thread_time()
        assert client.refresh()
        taken[UNCHANGED].append(time.thread_time() - requested)
        taken[REFRESH].append(refreshed - started)
        taken[AND_CHECK].append(checked - started)
        taken[AND_REQUEST].append(requested - started)
        assert client.status.version == delivery.version
    client.close()
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


class Delivery:
    """A folder of test files, and changes to it as the publisher makes them."""

    def __init__(self, folder: Path, tests: Sequence[Plan]) -> None:
        self.folder, self.version = folder, 0
        self._files: dict[str, str] = {}
        for name in ("tests", "groups"):
            (folder / name).mkdir()
        for plan in tests:
            self._write_test(plan)
        self._write_manifest()

    def change(self, number: int) -> str:
        """Other split groups for one test; returns its key."""
        plan = plans(number % TESTS + 1, seed=number + 100)[-1]
        self._write_test(plan)
        self._write_manifest()
        return plan.key

    def _write_test(self, plan: Plan) -> None:
        content = json.dumps(plan.document(), separators=(",", ":")).encode()
        self._files[f"tests/{plan.key}.json"] = hashlib.sha256(content).hexdigest()
        self._write(f"tests/{plan.key}.json", content)

    def _write_manifest(self) -> None:
        self.version += 1
        manifest = {
            "format": 1,
            "version": self.version,
            "published_at": "2026-11-01T00:00:00Z",
            "files": self._files,
            "tests_off": {"user_ids": [], "device_ids": []},
        }
        self._write("manifest.json", json.dumps(manifest).encode())

    def _write(self, name: str, content: bytes) -> None:
        aside = self.folder / f"{name}.new"
        aside.write_bytes(content)
        aside.replace(self.folder / name)
