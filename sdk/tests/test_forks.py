"""A client made before a fork works in the children: its thread is theirs too, its locks are not held."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import hashlib, json, os, sys, threading, time
from pathlib import Path
from usersplit_sdk import Client, FileHits, User

folder, hits = Path(sys.argv[1]), Path(sys.argv[2])

def publish(version):
    body = json.dumps({"format": 1, "kind": "test", "key": "green_button", "status": "running", "side": "server",
                       "settings_group": 1, "conditions": [],
                       "variants": [{"name": f"v{version}", "split_groups": [[1, 2400]]}]}).encode()
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    for path, content in ((folder / "tests/green_button.json", body), (folder / "manifest.json", json.dumps(
            {"format": 1, "version": version,
             "files": {"tests/green_button.json": hashlib.sha256(body).hexdigest()}}).encode())):
        path.with_suffix(".part").write_bytes(content)
        path.with_suffix(".part").replace(path)

publish(1)
client = Client.from_directory(folder, hits=FileHits(hits), refresh_seconds=0.02)
client.get_active_variant("green_button", User("parent", 1))
# A fork in the middle of a refresh: the lock is held by a thread that the child does not have.
client._store._refreshing.acquire()
children = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        limit = time.monotonic() + 20
        while client.get_active_variant("green_button", User("x", 1), log_hit=False) != "v2":
            if time.monotonic() > limit:
                os._exit(1)
            threading.Event().wait(0.01)
        client.get_active_variant("green_button", User(f"child-{number}", 1))
        client.close()
        os._exit(0)
    children.append(pid)
client._store._refreshing.release()
publish(2)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
client.close()
sys.exit(max(codes))
"""


def test_children_follow_the_folder_and_every_hit_is_stored_once(tmp_path: Path) -> None:
    hits = tmp_path / "hits.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "delivery"), str(hits)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    users = [json.loads(line)["user_id"] for line in hits.read_text().splitlines()]
    assert sorted(users) == ["child-0", "child-1", "child-2", "parent"]


BY_HAND = """
import os, sys, threading
from usersplit_sdk import Client

client = Client.from_directory(sys.argv[1], refresh_seconds=None)
client._store._refreshing.acquire()  # a thread that the child does not have is refreshing
pid = os.fork()
if pid == 0:
    client.refresh()
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_lock_of_a_client_that_is_refreshed_by_hand_is_free_in_a_child(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BY_HAND, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
