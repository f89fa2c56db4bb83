"""A client made before a fork works in the children: its thread is theirs too, its locks are not held."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


MIDDLE = """
import hashlib, json, os, sys, threading
from pathlib import Path
from usersplit_sdk import Client, FileHits, User

folder, step, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]) or None

def publish(version):
    body = json.dumps({"format": 1, "kind": "test", "key": "green_button", "status": "running", "side": "server",
                       "settings_group": version, "conditions": [],
                       "variants": [{"name": f"v{version}", "split_groups": [[1, 2400]]}]}).encode()
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    for path, content in ((folder / "tests/green_button.json", body), (folder / "manifest.json", json.dumps(
            {"format": 1, "version": version,
             "files": {"tests/green_button.json": hashlib.sha256(body).hexdigest()}}).encode())):
        path.with_suffix(".part").write_bytes(content)
        path.with_suffix(".part").replace(path)

publish(1)
client = Client.from_directory(folder, refresh_seconds=seconds, hits=FileHits(folder / "hits"))
user = User("1", 1)
client.get_active_variant("green_button", user)
client.active_variants(user)
there, go_on = threading.Event(), threading.Event()
holder = {"read": client._store._source, "_take": client._store, "_publish": client._store}[step]
really = getattr(holder, step)

def waiting(*arguments):
    there.set()
    go_on.wait()
    return really(*arguments)

setattr(holder, step, waiting)
publish(2)
refreshing = threading.Thread(target=client.refresh)
refreshing.start()
there.wait()
pid = os.fork()
if pid == 0:
    try:
        go_on.set()
        assert client.refresh()
        assert client.get_active_variant("green_button", user) == "v2", client.status
        assert client.active_variants(user) == {"green_button": "v2"}
        client.additional_conditions("green_button")(lambda user, request: False)
        assert client.active_variants(user) == {}
        client.report("green_button", "is told")
        client.close()
    except BaseException as problem:
        print(repr(problem), file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
go_on.set()
refreshing.join()
assert client.get_active_variant("green_button", user) == "v2"
sys.exit(code)
"""


@pytest.mark.parametrize("seconds", ["0", "0.02"], ids=["by hand", "followed"])
@pytest.mark.parametrize("step", ["read", "_take", "_publish"])
def test_child_of_a_fork_in_the_middle_of_a_refresh_has_the_new_version(
    tmp_path: Path, step: str, seconds: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MIDDLE, str(tmp_path / "delivery"), step, seconds],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
