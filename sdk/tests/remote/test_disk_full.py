"""A disk that is full, and processes that share one copy: separate processes, as limits and races are theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer

FOLLOW = """
import json, resource, sys
from usersplit_sdk.remote import RemoteStore
from usersplit_sdk.reporting import Reporter

url, cache, limit = sys.argv[1:]
if limit:
    # What the kernel says beyond this limit is what it says of a disk that is full: the write fails half-way.
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
store = RemoteStore(url, "ust_very_secret", Reporter(), cache_dir=cache, poll_seconds=None)
for _ in sys.stdin:
    store.refresh()
    variants = {key: entry.test.names[1] for key, entry in store.snapshot.tests.items() if entry.test}
    print(json.dumps({"variants": variants, "errors": store.status.errors}), flush=True)
store.close()
"""


def start(server: DeliveryServer, cache: Path, limit: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FOLLOW, server.url, str(cache), limit],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def ask(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("refresh\n")
    process.stdin.flush()
    answer: dict[str, object] = json.loads(process.stdout.readline())
    return answer


def end(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_full_disk_is_told_and_decisions_follow_the_server(server: DeliveryServer, tmp_path: Path) -> None:
    server.publish(1, server.document())
    process = start(server, tmp_path / "cache", limit="100")
    first = ask(process)
    assert first["variants"] == {"green_button": "v1"}
    assert "disk copy: it cannot be written: [Errno 27] File too large" in str(first["errors"])
    server.publish(2, server.document(variant="v2"))
    assert ask(process)["variants"] == {"green_button": "v2"}
    end(process)
    assert [place for place in tmp_path.rglob("*") if place.is_file()] == [], (
        "nothing half-written is left behind"
    )
    roomy = start(server, tmp_path / "cache")
    assert ask(roomy)["errors"] == []
    end(roomy)


def test_processes_that_share_a_copy_never_make_a_mix(server: DeliveryServer, tmp_path: Path) -> None:
    keys = [f"test_{n}" for n in range(6)]
    server.publish(1, *(server.document(key) for key in keys))
    processes = [start(server, tmp_path) for _ in range(3)]
    for version in range(2, 6):
        server.publish(version, *(server.document(key, f"v{version}") for key in keys))
        for process in processes:  # all of them at once
            assert process.stdin is not None
            process.stdin.write("refresh\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout is not None
            answer = json.loads(process.stdout.readline())
            assert set(answer["variants"].values()) == {f"v{version}"}
            assert answer["errors"] == []
    for process in processes:
        end(process)
    server.stop()
    late = start(server, tmp_path)
    assert ask(late)["variants"] == dict.fromkeys(keys, "v5")
    end(late)
    server.start_again()
