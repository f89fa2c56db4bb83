"""Sinks and forks, and interpreters that end: each hit is sent by the process that it belongs to, or its heirs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sending.conftest import HitServer, Senders

START = """
import os, signal, sys, threading, time
from datetime import datetime, timezone
from usersplit_sdk import Hit, HttpHits, outbox

outbox.BACKOFF_SECONDS, outbox.BACKOFF_LIMIT, outbox.ADOPT_SECONDS = 0.005, 0.02, 0.05
url, spool = sys.argv[1:]

def hit(user):
    return Hit("green_button", 3, "green", user, None, 7, "production",
               datetime(2026, 11, 22, 12, tzinfo=timezone.utc), False, False)

sink = HttpHits(url, "ust_very_secret", spool=spool, batch_seconds=0.01)
"""
FORKS = (
    START
    + """
for number in range(20):
    sink.record(hit(f"before-{number}"))
# A fork in the middle of everything: locks are held by threads that no child has.
sink._flushing.acquire()
sink._outbox._lock.acquire()
children = []
for name in range(3):
    pid = os.fork()
    if pid == 0:
        for number in range(20):
            sink.record(hit(f"child-{name}-{number}"))
        if name == 2:
            sink.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        sink.close()
        os._exit(0)
    children.append(pid)
sink._outbox._lock.release()
sink._flushing.release()
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
assert codes == [0, 0, -signal.SIGKILL], codes
sink.record(hit("after"))
limit = time.monotonic() + 20
while any(place.endswith(".hits") for _, _, places in os.walk(spool) for place in places):
    assert time.monotonic() < limit
    threading.Event().wait(0.01)
sink.close()
"""
)
KILLED_PARENT = (
    START
    + """
sink.record(hit("parent"))
sink.flush()
pid = os.fork()
if pid == 0:
    os.setsid()
    print(os.getpid(), flush=True)
    sys.stdin.read()  # lives on, with a copy of all that its parent had open
    os._exit(0)
os.kill(os.getpid(), signal.SIGKILL)
"""
)
ENDS = START + 'sink.record(hit("last words"))\n'


def run(
    program: str, server: HitServer, senders: Senders, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, server.url, str(senders.spool)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )


def test_each_process_sends_its_own_and_what_a_killed_one_left(
    server: HitServer, senders: Senders, child_environment: dict[str, str]
) -> None:
    done = run(FORKS, server, senders, child_environment)
    assert done.returncode == 0, done.stderr
    names = ["before", "child-0", "child-1", "child-2"]
    assert server.users() == sorted(
        [f"{name}-{number}" for name in names for number in range(20)] + ["after"]
    )
    assert done.stderr == ""


def test_a_child_does_not_hold_what_its_killed_parent_left(
    server: HitServer, senders: Senders, child_environment: dict[str, str]
) -> None:
    server.mood = server.says(503)
    parent = subprocess.Popen(
        [sys.executable, "-c", KILLED_PARENT, server.url, str(senders.spool)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    try:
        assert int(parent.stdout.readline())
        assert parent.wait(60) < 0
        server.mood = type(server).take
        senders()
        assert senders.eventually(lambda: server.users() == ["parent"])
    finally:
        parent.stdin.close()
        parent.stdout.close()


@pytest.mark.parametrize("is_up", [True, False])
def test_an_interpreter_that_ends_sends_what_is_left_or_leaves_it(
    server: HitServer, senders: Senders, child_environment: dict[str, str], is_up: bool
) -> None:
    if not is_up:
        server.stop()
    done = run(ENDS, server, senders, child_environment)
    assert done.returncode == 0, done.stderr
    if not is_up:
        assert senders.lines() == ["last words"]
        server.start_again()
        senders()
    assert senders.eventually(lambda: server.users() == ["last words"])
