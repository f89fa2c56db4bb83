"""A store that follows a server, made before a fork: every process has a thread and connections of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer

PROGRAM = """
import os, sys, threading, time
from usersplit_sdk.remote import RemoteStore
from usersplit_sdk.reporting import Reporter

store = RemoteStore(sys.argv[1], "ust_very_secret", Reporter(), cache_dir=sys.argv[2], poll_seconds=0.05)
assert store.snapshot.version == 1, store.status
# A fork in the middle of a refresh: its connection is open, and its lock held by a thread that no child has.
store._refreshing.acquire()
session = store._remote.session()
session.__enter__()
store._remote.read_manifest()
children = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        limit = time.monotonic() + 20
        while store.snapshot.version != 2:
            if time.monotonic() > limit:
                os._exit(1)
            threading.Event().wait(0.01)
        os._exit(0 if store.status.errors == () else 2)
    children.append(pid)
store._remote.read_manifest()
session.__exit__(None, None, None)
store._refreshing.release()
print("forked", flush=True)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
store.close()
sys.exit(max(codes))
"""


def test_children_follow_the_server(server: DeliveryServer, tmp_path: Path) -> None:
    server.publish(1, server.document())
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, server.url, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "forked\n"
    server.publish(2, server.document(variant="v2"))
    _, problems = process.communicate(timeout=60)
    assert process.returncode == 0, problems
